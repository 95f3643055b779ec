"""Handlers of traces. The import of this package registers them.

- ``infos``: beginning, end, tags, links, deletion
- ``assessments``: feedback, expectations, references to issues
- ``files``: the file ``traces.json``, and attachments
- ``ingest_rules``: what rules for new spans would do
- ``metrics``: statistics, correlation of filters
- ``search``: searches for traces
- ``spans``: spans come in and go out
"""

from . import assessments, files, infos, ingest_rules, metrics, search, spans

__all__ = ["assessments", "files", "infos", "ingest_rules", "metrics", "search", "spans"]
