"""Handlers of traces. The import of this package registers them.

- ``infos``: beginning, end, tags, links, deletion
- ``ingest_rules``: what rules for new spans would do
- ``spans``: spans come in and go out
"""

from . import infos, ingest_rules, spans

__all__ = ["infos", "ingest_rules", "spans"]
