"""Sums over the spans of a trace.

A library may set on a span what all spans below it have used together. So the spans below a span with a value
of its own are not added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# A sum fits into a column of 64 bits, whatever clients send.
_MAX = 1 << 62

Values = Sequence[Any] | None


class Node(NamedTuple):
    """A span: its id, its parent's, and its numbers of tokens and costs, or None."""

    span_id: int
    parent_id: int | None
    usage: Values
    cost: Values


def of_tree(nodes: Iterable[Node]) -> tuple[list[Any] | None, list[Any] | None]:
    """Return the sums of usage and cost, element by element; None where no span has any.

    An element is None if no span has it.
    """
    by_id = {node.span_id: node for node in nodes}
    return _sum(by_id, "usage"), _sum(by_id, "cost")


def _sum(by_id: dict[int, Node], name: str) -> list[Any] | None:
    total: list[Any] | None = None
    # Whether the span or one above it has a value.
    covered: dict[int | None, bool] = {None: False}
    for node in by_id.values():
        values = getattr(node, name)
        parent_id = None if node.parent_id == node.span_id else node.parent_id
        if values is None or _is_covered(by_id, parent_id, name, covered):
            continue
        if total is None:
            total = list(values)
            continue
        for place, value in enumerate(values):
            if value is not None:
                added = value if total[place] is None else total[place] + value
                total[place] = min(added, type(added)(_MAX))
    return total


def _is_covered(
    by_id: dict[int, Node], span_id: int | None, name: str, covered: dict[int | None, bool]
) -> bool:
    """Return whether the span or one above it has a value. Parents that form a ring are no error."""
    way = []
    while span_id not in covered:
        assert span_id is not None
        covered[span_id] = False
        way.append(span_id)
        node = by_id.get(span_id)
        if node is None:
            span_id = None
        elif getattr(node, name) is not None:
            covered[span_id] = True
        else:
            span_id = node.parent_id
    found = covered[span_id]
    for passed in way:
        covered[passed] = found
    return found
