"""Traces: spans and infos come in, pages of traces and whole traces go out.

``rows``          finding and locking traces; what of a trace its client has said itself
``infos``         traces as clients read them, without their spans
``start``         what clients say about a trace: its beginning, its end, its values
``arrivals``      decoded spans in the form in which they are stored
``spans``         storing spans of any number of traces
``moves``         a trace moves to the experiment that its client says
``kinds``         the kinds of spans
``bodies``        the spans as clients read them
``sums``          sums over the spans of a trace
``reading``       whole traces
``files``         the file ``traces.json``, which exists only in answers
``tags``          tags of a trace
``links``         to runs and prompts
``assessments``   feedback, expectations, references to issues
``metrics``       statistics of traces, spans and assessments
``correlation``   how often two filters are true of the same trace
``search``        pages of traces, by any filter and order
``comparisons``   comparisons of traces as SQL
``span_filters``  filters on spans, by their kinds and texts
``span_texts``    the texts of spans that filters compare
``checks``        what of a filter Python checks
``text_index``    which traces may contain a text
``deletion``      by id, by time, by number
``ingest_rules``  sampling and masking
``archival``      old spans in the artifact store
"""
