"""Searches for traces: pages of rows, by any filter and order.

A filter is compared by SQL as far as possible (``comparisons``), by the kinds of spans (``span_filters``) and
with the texts of spans (``checks``). How a page is read depends on how many traces a comparison leaves:

    few       these rows are read by their numbers, and sorted
    more      the rows are read in the order of the search, and each is looked up in the set of these numbers
    most      the comparison is made for each row

A request that would have to read very many spans or texts ends with a shorter page, perhaps an empty one,
and a token with which the client goes on.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import genai_messages as g
from trackway.client_compat import paging
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.filters import And, Comparison, Node, comparisons, parse_filter, parse_order_by
from trackway.client_compat.searchable_traces import RESERVED_METADATA, TRACES

from ..database import Tx
from ..schema.traces import traces
from ..search import keyset, pages, planner
from ..search.conditions import Child
from ..search.keyset import Key
from ..tracking import experiments
from . import bodies
from .checks import Checked
from .comparisons import ASSESSED, DERIVED, ENTITY, assessed_ids, members, rewritten
from .span_filters import SpanFilter, find_kinds, grouped
from .span_texts import reader_of

# Up to this number of traces, their rows are read by number; up to the next one, there may be a set of them.
_MAX_IDS = 2000
_MAX_SET = 50_000
# Comparisons of a filter whose traces are counted: each takes a statement.
_MAX_COUNTED = 4
# Traces whose texts, or whose spans, one request reads, and those that it reads at a time.
_MAX_READ, _MAX_SPANS_READ = 20_000, 2000
_READ_AT_A_TIME, _SPANS_AT_A_TIME = 1000, 100
# Kinds with an index of the traces for which a comparison is true.
_WITH_MEMBERS = ("kinds", "texts", "run", "prompt", "issue")


def find_page(
    tx: Tx, req: g.SearchTracesV3, experiment_ids: Sequence[str] | None = None
) -> tuple[Sequence[Any], str | None]:
    """Return a page of rows of ``traces`` and the token of the next page, or None for the last page.

    ``experiment_ids`` are those of the request whose traces the caller may read, by default all of them.
    Raise ``InvalidParameter`` for a filter, an order or a token that is not valid.
    """
    named = experiments_of(req) if experiment_ids is None else experiment_ids
    ids = tuple(experiments.existing_ids(tx, named))
    found = _search(tx, ids, req.filter or "", *req.order_by)
    return found.fetch(tx, req.max_results, req.page_token)


def experiments_of(req: g.SearchTracesV3) -> list[str]:
    """Return the ids of the experiments that a request names."""
    places = (location.mlflow_experiment for location in req.locations)
    return list(dict.fromkeys(place.experiment_id or "" for place in places if place))


def _search(tx: Tx, ids: tuple[int, ...], filter: str, *order_by: str) -> TraceSearch:
    # The UI and scripts repeat the same search. One that depends on the kinds of spans is made each time:
    # there may be new ones.
    is_short = len(filter) + sum(map(len, order_by)) + len(ids) <= 1000
    tree = _parsed(filter) if is_short else _parsed.__wrapped__(filter)
    if tree is not None and any(each.kind == "spans" for each in comparisons(tree)):
        return _search_spans(tx, ids, filter, order_by)
    make = _cached_search if is_short else _cached_search.__wrapped__
    return make(tx.workspace, ids, filter, *order_by)


@functools.lru_cache(maxsize=64)
def _parsed(filter: str) -> Node | None:
    tree = parse_filter(filter, TRACES)
    return None if tree is None else grouped(rewritten(tree))


@functools.lru_cache(maxsize=32)
def _cached_search(workspace: int, ids: tuple[int, ...], filter: str, *order_by: str) -> TraceSearch:
    tree = _parsed(filter)
    return TraceSearch(workspace, ids, filter, order_by, None if tree is None else Checked(tree))


def _search_spans(tx: Tx, ids: tuple[int, ...], filter: str, order_by: Sequence[str]) -> TraceSearch:
    return TraceSearch(tx.workspace, ids, filter, order_by, checked(tx, ids, filter))


def checked(tx: Tx, ids: Sequence[int], filter: str) -> Checked | None:
    """Return a filter for traces of these experiments; None if it is empty.

    Raise ``InvalidParameter`` if it is not valid.
    """
    tree = _parsed.__wrapped__(filter)  # the kinds that are found are stored in it
    if tree is None:
        return None
    found: list[Any] = [each.value for each in comparisons(tree) if each.kind == "spans"]
    find_kinds(tx, [each for each in found if isinstance(each, SpanFilter)], tuple(ids))
    return Checked(tree)


class TraceSearch(pages.Search):
    """A search for traces, with the check of its filter."""

    def __init__(
        self,
        workspace: int,
        experiment_ids: tuple[int, ...],
        filter: str,
        order_by: Sequence[str],
        checked: Checked | None,
    ) -> None:
        self._experiment_ids = experiment_ids
        self._checked = checked if checked and checked.check else None
        self._members_of: dict[Comparison, sa.Select[Any]] = {}
        columns = checked.columns if checked else ()
        condition = _flattened(checked.condition) if checked else None
        super().__init__(
            ENTITY,
            sa.select(traces, *(column.label(f"checked_{n}") for n, column in enumerate(columns))),
            within=(traces.c.experiment_id, experiment_ids or (-1,)),
            scope=[],
            query=("traces", workspace, *experiment_ids),
            filter=filter,
            order=parse_order_by(order_by, TRACES),
            tree=condition,
        )

    def fetch(self, tx: Tx, size: int, token: str | None) -> tuple[Sequence[Any], str | None]:
        if self._checked is None:
            return super().fetch(tx, size, token)
        position = None
        if token:
            position = keyset.read(token, self._query, *(key.column for key in self._keys), outer=True)
        plan = self._read_plan(tx, size)
        reads_spans = self._checked.reads_spans
        budget = _MAX_SPANS_READ if reads_spans else _MAX_READ
        at_a_time = _SPANS_AT_A_TIME if reads_spans else _READ_AT_A_TIME
        found: list[Any] = []
        while budget > 0:
            if plan.ids == []:
                return found, None
            count = min(budget, at_a_time)
            rows = self._query_rows(tx, plan, None, position, count)
            found += self._passing(tx, rows)
            if len(found) > size:
                return paging.cut(found, size, self._query, self._position)
            if len(rows) < count:
                return found, None
            position = self._position(rows[-1])
            budget -= count
        assert position is not None
        return found, paging.encode(self._query, position)

    def _passing(self, tx: Tx, rows: Sequence[Any]) -> list[Any]:
        """Return the rows for which the filter is true."""
        assert self._checked
        assert self._checked.check
        check, start = self._checked.check, len(traces.columns)
        chunks: dict[int, list[bytes]] = {}
        if self._checked.reads_spans:
            chunks = bodies.chunks_of(tx, [row.id for row in rows])
        return [row for row in rows if check(row[start:], reader_of(chunks.get(row.id, ())))]

    def _read_plan(self, tx: Tx, size: int) -> planner.ReadPlan:
        plan = super()._read_plan(tx, size)
        if plan.ids is not None:
            return plan
        parts = [part for part in plan.rest if isinstance(part, Comparison)]
        counted = []
        for part in [part for part in parts if part.kind in _WITH_MEMBERS][:_MAX_COUNTED]:
            query = members(tx, part, self._experiment_ids)
            if query is not None:
                counted.append((_count(tx, query), part, query))
        for count, part, query in sorted(counted, key=itemgetter(0)):
            rest = [other for other in plan.rest if other is not part]
            if count <= _MAX_IDS:
                ids = sorted(set(tx.execute(query).scalars()))
                return planner.ReadPlan(ids, (), rest)
            if count <= _MAX_SET:
                self._members_of[part] = query
                plan = planner.ReadPlan(None, (*plan.sets, part), rest)
        for part in [part for part in parts if part.kind in ASSESSED][:_MAX_COUNTED]:
            found = assessed_ids(tx, part, self._experiment_ids, _MAX_IDS)
            if found is not None:
                # The comparison stays: where one is checked by Python, these traces are too many.
                return planner.ReadPlan(found, (), plan.rest)
        return plan

    def _members(self, comparison: Comparison) -> sa.Select[Any]:
        found = self._members_of.get(comparison)
        return super()._members(comparison) if found is None else found

    def _order_by_child(self, child: Child, by: Any) -> None:
        if by.kind == "metadata" and by.key in RESERVED_METADATA:
            raise InvalidParameter(
                f"Ordering by reserved metadata '{by.key}' is not supported because it is "
                "represented by multiple columns."
            )
        if by.kind == "tag" and (column := DERIVED.get(by.key)) is not None:
            self._keys.append(Key(sa.case((column.is_(None), 1), else_=0), True))
            self._keys.append(Key(column, by.ascending))
            return
        super()._order_by_child(child, by)


def _flattened(node: Node) -> Node:
    """Return an AND without ANDs in it: the planner looks at its parts."""
    if not isinstance(node, And):
        return node
    parts: list[Node] = []
    for part in map(_flattened, node.parts):
        parts += part.parts if isinstance(part, And) else (part,)
    return And(tuple(parts))


def _count(tx: Tx, query: sa.Select[Any]) -> int:
    limited = query.limit(sa.literal_column(str(_MAX_SET + 1))).subquery()
    return int(tx.execute(sa.select(sa.func.count()).select_from(limited)).scalar_one())
