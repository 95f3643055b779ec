"""Traces on the wire: spans as clients send, store and read them. No I/O.

``spans``             the stored form of a span: its shape, its ids, and what it says
``attributes``        names of attributes, and the JSON text of their values
``batches``           what a request of OpenTelemetry's protocol brings, whatever its encoding
``otlp``              reads requests of that protocol, and protobuf
``otlp_json``         reads its JSON
``translation``       gives a span the attributes that MLflow knows
``dialects``          the conventions of other libraries, as data
``dialect_readers``   what that data cannot say
``prices``            what tokens cost
``_generate_prices``  writes the file of the prices
``patterns``          LIKE and regular expressions of users
``previews``          the beginning of a request and a response
``ingest_rules``      which traces an experiment takes in, and what is masked in them
``json_form``         a span as the calls for whole traces return it
``archive_file``      archived spans
``trace_files``       spans in a file ``traces.json``
"""
