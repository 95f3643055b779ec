"""Searches: a parsed filter and order as SQL, how they are best read, and pages by keyset."""

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
