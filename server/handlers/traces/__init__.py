"""Handlers of traces. The import of this package registers them.

- ``infos``: beginning, end, tags, links, deletion
- ``assessments``: feedback, expectations, references to issues
- ``ingest_rules``: what rules for new spans would do
- ``metrics``: statistics, correlation of filters
- ``search``: searches for traces
- ``spans``: spans come in and go out
"""

from . import assessments, infos, ingest_rules, metrics, search, spans

__all__ = ["assessments", "infos", "ingest_rules", "metrics", "search", "spans"]
