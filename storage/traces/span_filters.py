"""Filters on spans: what must be true of one span of a trace.

``span.name = 'search' AND span.status = 'ERROR'`` finds traces in which one span has both. This holds for the
comparisons of spans that AND joins, including those in an OR that has only comparisons of spans. NOT is about
the trace: ``NOT span.name = 'search'`` finds traces without such a span, and ``span.name != 'search'`` those
with a span of another name.

Name, type and status are those of a span's kind, and an experiment has some hundred kinds. So the filter is
first applied to the kinds. It is true for a kind, false, or depends on the texts of the span: then the spans
themselves are read, but only in traces that have spans of such kinds, and may contain the texts. A kind that
stands for many names (``kinds.OTHER``) has none: a comparison of names depends on the span.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.filters import And, Comparison, Node, Not, Or, comparisons
from trackway.client_compat.traces import patterns

from .. import search
from ..database import Tx
from ..schema.traces import span_kinds
from .comparisons import MAX_KINDS
from .kinds import OTHER
from .span_texts import SpanText
from .text_index import Grams, grams_of

_OF_KIND = ("name", "type", "status")
_FOLDED = ("name", "type")
_CONTENT = "content"
_WILDCARDS = re.compile("[%_]")
_ESCAPES = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
# Values of a list that are looked up in the index of texts.
_MAX_LISTED = 20
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda found, value: bool(found == value),
    "!=": lambda found, value: bool(found != value),
    "<": lambda found, value: bool(found < value),
    "<=": lambda found, value: bool(found <= value),
    ">": lambda found, value: bool(found > value),
    ">=": lambda found, value: bool(found >= value),
    "BETWEEN": lambda found, value: bool(value[0] <= found <= value[1]),
    "IN": lambda found, value: found in value,
    "NOT IN": lambda found, value: found not in value,
    "LIKE": lambda found, value: patterns.like(value)(found),
    "ILIKE": lambda found, value: patterns.like(value, ignore_case=True)(found),
    "RLIKE": lambda found, value: patterns.regex(value).matches(found),
}
# A kind as its columns are compared; texts are the same as those of a span.
_KINDS = search.Entity(
    searchable=None,  # type: ignore[arg-type]
    owner=span_kinds.c.id,
    attributes={name: span_kinds.c[name] for name in _OF_KIND},
)


class SpanFilter:
    """What must be true of one span."""

    def __init__(self, tree: Node) -> None:
        self.tree = tree
        for each in comparisons(tree):
            if each.op == "RLIKE":
                patterns.regex(str(each.value))
        self.names_kinds = any(each.key in _OF_KIND for each in comparisons(tree))
        # After ``find_kinds``: the kinds for which the filter is true, and those for which it depends. None:
        # any kind, so that it depends.
        self.kinds: list[int] | None = None
        self.open_kinds: list[int] | None = None
        # Whether names of spans of these kinds are only in the spans.
        self.reads_names = False

    @property
    def is_exact(self) -> bool:
        """Return whether the kinds of a trace's spans decide."""
        return self.kinds is not None and not self.open_kinds

    def is_true(self, span: SpanText) -> bool:
        return _is_true(self.tree, span)

    def grams(self) -> Grams | None:
        """Return what the texts of a trace must contain, or None if that is not known."""
        return _grams(self.tree, self.reads_names)


def grouped(node: Node) -> Node:
    """Return the filter with the comparisons of spans joined: Comparison("spans", value=SpanFilter)."""
    if _is_of_spans(node):
        return _joined(node)
    match node:
        case And(parts):
            flat = list(_flat(parts))
            of_spans = tuple(part for part in flat if _is_of_spans(part))
            others = tuple(grouped(part) for part in flat if not _is_of_spans(part))
            return And((*others, _joined(And(of_spans)))) if of_spans else And(others)
        case Or(parts):
            return Or(tuple(map(grouped, parts)))
        case Not(part):
            return Not(grouped(part))
    return node


def _flat(parts: Sequence[Node]) -> Iterator[Node]:
    for part in parts:
        if isinstance(part, And):
            yield from _flat(part.parts)
        else:
            yield part


def _joined(node: Node) -> Comparison:
    found: Any = SpanFilter(node)
    return Comparison("spans", "", "=", found)


def _is_of_spans(node: Node) -> bool:
    match node:
        case And(parts) | Or(parts):
            return all(map(_is_of_spans, parts))
        case Comparison():
            return node.kind == "span"
    return False


def find_kinds(tx: Tx, filters: Sequence[SpanFilter], experiment_ids: Sequence[int]) -> None:
    """Find the kinds of the filters that depend on kinds. One statement reads those of all filters."""
    filters = [each for each in filters if each.names_kinds]
    if not filters:
        return
    c = span_kinds.c
    may_be_true = sa.or_(*(search.condition(_KINDS, _bound(each.tree)) for each in filters))
    query = sa.select(c.id, *(c[name] for name in _OF_KIND)).where(
        search.among(c.experiment_id, experiment_ids), may_be_true
    )
    rows = tx.execute(query.limit(MAX_KINDS + 1)).all()
    if len(rows) > MAX_KINDS:
        return
    for each in filters:
        verdicts = [(row.id, _of_kind(each.tree, row)) for row in rows]
        each.kinds = [kind_id for kind_id, verdict in verdicts if verdict]
        each.open_kinds = [kind_id for kind_id, verdict in verdicts if verdict is None]
        each.reads_names = any(row.name == OTHER for row in rows)


def _bound(node: Node) -> Node:
    """Return a condition on kinds which is true wherever the filter may be."""
    match node:
        case And(parts):
            return And(tuple(map(_bound, parts)))
        case Or(parts):
            return Or(tuple(map(_bound, parts)))
        case Comparison(_, key, op, value) if key in _OF_KIND and op != "RLIKE":
            either = Comparison("attribute", key, op, value), Comparison("attribute", key, "=", OTHER)
            return Or(either) if key in _FOLDED else either[0]
    return Comparison("attribute", "name", "LIKE", "%")


def _of_kind(node: Node, kind: Any) -> bool | None:
    """Return whether a filter is true for all spans of a kind; None: it depends on their texts."""
    if isinstance(node, Comparison):
        if node.key not in _OF_KIND or (node.key in _FOLDED and getattr(kind, node.key) == OTHER):
            return None
        return _COMPARE[node.op](getattr(kind, node.key), node.value)
    assert isinstance(node, And | Or)
    decides = isinstance(node, Or)
    verdicts = {_of_kind(part, kind) for part in node.parts}
    if decides in verdicts:
        return decides
    return None if None in verdicts else not decides


def _is_true(node: Node, span: SpanText) -> bool:
    match node:
        case And(parts):
            return all(_is_true(part, span) for part in parts)
        case Or(parts):
            return any(_is_true(part, span) for part in parts)
    assert isinstance(node, Comparison)
    compare = _COMPARE[node.op]
    if node.key in _OF_KIND:
        return compare(getattr(span, node.key), node.value)
    if node.key == _CONTENT:
        return compare(span.text, node.value)
    key = attribute_key(node)
    if _is_number(node.value):
        number = span.number(key)
        return number is not None and compare(number, node.value)
    text = span.attribute(key)
    if text is None:
        return False
    if node.op in ("=", "IN") and compare(span.written(key), node.value):
        return True
    return compare(text, node.value)


def attribute_key(node: Comparison) -> str:
    """Return the name of the attribute that a comparison names, which may be in backticks."""
    key = node.key.removeprefix("attributes.")
    return key[1:-1] if len(key) > 1 and key[0] == key[-1] and key[0] in '`"' else key


def _is_number(value: Any) -> bool:
    return isinstance(value[0] if isinstance(value, tuple) else value, int | float)


def _grams(node: Node, reads_names: bool) -> Grams | None:
    match node:
        case And(parts):
            found = [grams for part in parts if (grams := _grams(part, reads_names))]
            if not found:
                return None
            every = frozenset[str]().union(*(grams.all for grams in found))
            return Grams(every, tuple(choice for grams in found for choice in grams.choices))
        case Or(parts):
            return _one_of([_grams(part, reads_names) for part in parts])
    assert isinstance(node, Comparison)
    if node.key in _OF_KIND:
        return _of_name(node) if reads_names and node.key == "name" else None
    if node.op in ("LIKE", "ILIKE"):
        return _of_pieces(_WILDCARDS.split(str(node.value))) or _of_key(node)
    if node.op == "=" and isinstance(node.value, str):
        return _of_pieces(_ESCAPES.split(node.value)) or _of_key(node)
    if node.op == "IN" and isinstance(node.value, tuple) and len(node.value) <= _MAX_LISTED:
        return _one_of([_of_pieces(_ESCAPES.split(str(value))) for value in node.value]) or _of_key(node)
    return _of_key(node)


def _of_name(node: Comparison) -> Grams | None:
    """Return what the text of a span contains whose name is so: the index has its JSON without escapes."""
    text = str(node.value)
    if node.op not in ("=", "LIKE", "ILIKE") or "\\" in text:
        return None
    return _of_pieces([text] if node.op == "=" else _WILDCARDS.split(text))


def _one_of(parts: Sequence[Grams | None]) -> Grams | None:
    known = tuple(part for part in parts if part)
    return Grams(choices=(known,)) if len(known) == len(parts) else None


def _of_pieces(pieces: Sequence[str]) -> Grams | None:
    found = frozenset[str]().union(*(grams_of(piece) for piece in pieces))
    return Grams(found) if found else None


def _of_key(node: Comparison) -> Grams | None:
    if node.key == _CONTENT:
        return None
    key = attribute_key(node)
    return None if "\\" in key else _of_pieces([f'"{key}"'])
