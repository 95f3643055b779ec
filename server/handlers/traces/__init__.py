"""Handlers of traces. The import of this package registers them.

- ``infos``: beginning, end, tags, links, deletion
- ``spans``: spans come in and go out
"""

from . import infos, spans

__all__ = ["infos", "spans"]
