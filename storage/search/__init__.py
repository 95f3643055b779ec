"""Searches: filters as SQL, read plans, and keyset pages.

``conditions`` a parsed filter as a SQL condition; the description of a searchable entity
``many``       a filter of many comparisons as SQL
``planner``    the read plan of a search
``page_bytes`` pages of a bounded number of bytes
``pages``      ``Search``, which returns a search's pages
``keyset``     where a page begins: the position in a page token, and as SQL
``visible``    what the caller of a search may see
"""

from .conditions import (
    OWNERS,
    Child,
    Column,
    Entity,
    among,
    children_of,
    compare,
    compare_metric,
    condition,
    inline,
)

__all__ = [
    "OWNERS",
    "Child",
    "Column",
    "Entity",
    "among",
    "children_of",
    "compare",
    "compare_metric",
    "condition",
    "inline",
]
