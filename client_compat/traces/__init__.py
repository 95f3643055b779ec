"""Traces on the wire: spans as clients send, store and read them. No I/O.

``archive_file`` archived spans
``spans``        the stored form of a span
``otlp``         spans from a request of OpenTelemetry's protocol
``json_form``    a span as the calls for whole traces return it
``dialects``     what other libraries than MLflow's call inputs, tokens, models
``ingest_rules`` which traces an experiment takes in, and what is masked in them
``previews``     the beginning of a request and a response
``trace_files``  spans in a file ``traces.json``
"""
