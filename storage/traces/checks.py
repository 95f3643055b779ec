"""What of a filter of traces Python checks: the texts of spans, and regular expressions (RLIKE).

A filter becomes two: a SQL condition that leaves out no trace, and a check of the traces that it finds. Parts
that SQL compares exactly are only in the condition, unless OR or NOT joins them with others: then the
statement returns whether they are true, as a column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.filters import And, Comparison, Node, Not, Or, comparisons
from trackway.client_compat.traces import patterns

from .. import search
from ..search import Column
from .comparisons import ASSESSED, ENTITY, SEPARATOR, constant, texts_of
from .span_filters import SpanFilter
from .span_texts import SpanText

# Takes the values of the columns, and a function that returns the trace's spans.
Check = Callable[[Sequence[Any], Callable[[], list[SpanText]]], bool]
_OF_ONE_TEXT = ("attribute", "tag", "metadata", "derived")


class Checked:
    """A filter: the condition, and the check with the columns that it needs.

    ``condition``  a tree for SQL, true for each trace for which the filter is true
    ``columns``    what the check needs of a row
    ``check``      None if the condition is the filter
    ``reads_spans`` whether the check needs the spans
    """

    def __init__(self, tree: Node) -> None:
        self.columns: list[Column] = []
        self.reads_spans = False
        parts = tree.parts if isinstance(tree, And) else (tree,)
        self.condition = And(tuple(_bound(part, True) for part in parts))
        checked = [self._check(part) for part in parts if _needs_check(part)]
        self.check: Check | None = None
        if checked:
            self.check = checked[0] if len(checked) == 1 else _all(checked)

    def _check(self, node: Node) -> Check:
        if not _needs_check(node):
            index = self._add(sa.case((search.condition(ENTITY, _bound(node, True)), 1), else_=0))
            return lambda values, spans: bool(values[index])
        match node:
            case And(parts):
                return _all([self._check(part) for part in _cheap_first(parts)])
            case Or(parts):
                return _any([self._check(part) for part in _cheap_first(parts)])
            case Not(part):
                inner = self._check(part)
                return lambda values, spans: not inner(values, spans)
            case Comparison(kind="spans"):
                self.reads_spans = True
                wanted: Any = node.value
                if not wanted.kinds:
                    return lambda values, spans: any(map(wanted.is_true, spans()))
                # Kinds for which the filter is true: archived traces have them, and no spans to read.
                has_kind = search.condition(ENTITY, _of_kinds(tuple(wanted.kinds)))
                index = self._add(sa.case((has_kind, 1), else_=0))
                return lambda values, spans: bool(values[index]) or any(map(wanted.is_true, spans()))
            case Comparison():
                return self._matches(node)
        raise AssertionError(node)

    def _matches(self, node: Comparison) -> Check:
        index = self._add(texts_of(node))
        matches = patterns.regex(str(node.value)).matches
        if node.kind in _OF_ONE_TEXT:
            return lambda values, spans: values[index] is not None and matches(values[index])

        def one_matches(values: Sequence[Any], spans: object) -> bool:
            return any(map(matches, filter(None, (values[index] or "").split(SEPARATOR))))

        return one_matches

    def _add(self, column: Column) -> int:
        self.columns.append(column)
        return len(self.columns) - 1


def _all(checks: list[Check]) -> Check:
    return lambda values, spans: all(check(values, spans) for check in checks)


def _any(checks: list[Check]) -> Check:
    return lambda values, spans: any(check(values, spans) for check in checks)


def _cheap_first(parts: Sequence[Node]) -> list[Node]:
    """Return the parts with those last that read spans."""
    return sorted(parts, key=lambda part: any(each.kind == "spans" for each in comparisons(part)))


def _needs_check(node: Node) -> bool:
    return any(each.op == "RLIKE" or _reads_spans(each) for each in comparisons(node))


def _reads_spans(node: Comparison) -> bool:
    wanted: Any = node.value
    return node.kind == "spans" and not wanted.is_exact


def _bound(node: Node, is_upper: bool) -> Node:
    """Return a tree for SQL that is true wherever the filter is; if not ``is_upper``, only where it is."""
    match node:
        case And(parts):
            return And(tuple(_bound(part, is_upper) for part in parts))
        case Or(parts):
            return Or(tuple(_bound(part, is_upper) for part in parts))
        case Not(part):
            return Not(_bound(part, not is_upper))
        case Comparison(kind="spans"):
            return _bound_of_spans(node, is_upper)
        case Comparison(op="RLIKE"):
            if is_upper and node.kind in (*ENTITY.children, *ASSESSED):
                return Comparison(node.kind, node.key, "IS NOT NULL", None)
            return constant(is_upper)
    return node


def _bound_of_spans(node: Comparison, is_upper: bool) -> Node:
    wanted: Any = node.value
    assert isinstance(wanted, SpanFilter)
    exact: Any = wanted.kinds or ()
    is_open: Any = (wanted.open_kinds or ()) if is_upper else ()
    grams: Any = wanted.grams() if is_upper and not wanted.is_exact else None
    if wanted.kinds is None:
        of_kinds: Node = constant(is_upper)
    elif grams and exact:
        # Of the traces with other kinds the index tells some, but not of archived traces.
        of_open = And((_of_kinds(is_open), Comparison("texts", "", "=", grams)))
        return Or((_of_kinds(exact), of_open))
    else:
        of_kinds = _of_kinds((*exact, *is_open))
    return And((of_kinds, Comparison("texts", "", "=", grams))) if grams else of_kinds


def _of_kinds(kind_ids: Any) -> Node:
    return Comparison("kinds", "", "=", kind_ids)
