"""``Search``: a filtered and ordered search, which returns any of its pages.

Invariant: pages are keyset pages and the order is total (see ``keyset``). A page begins after the last row of
the page before, not at an OFFSET. So the last page is as fast as the first one, and rows that arrive between
two pages shift nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

from trackway.client_compat import paging
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.filters import Comparison, Node, parse_filter
from trackway.client_compat.searchable import OrderBy

from ..database import Prepared, Tx
from . import keyset, many, page_bytes, planner
from .conditions import Child, Column, Entity, among, inline
from .keyset import Key

T = TypeVar("T")
Row = sa.Row[Any]

# Each key of the order in a child table is a join. SQLite allows 64 tables in a statement, and PostgreSQL's
# planner becomes slow before that.
_MAX_JOINED = 32
# Seconds for which a read plan is reused. An old plan returns the right rows, but perhaps more slowly.
_PLAN_CACHED_S = 10.0
# Statements that a search keeps. The number needs a limit because clients can make page tokens with None in
# any place, and each combination takes a statement.
_MAX_STATEMENTS = 32
# See _is_worth_a_set.
_MEMBERS_PER_ROW = 10
_MEMBERS_PER_LOOKUP = 5
# Candidates that are counted to decide about a set: 10,000 entries of an index take about a millisecond.
_MAX_COUNTED = 20_000
_ZERO: Column = sa.literal_column("0")


class _StatementKey(NamedTuple):
    """What distinguishes the statements of one search."""

    rank: int | None
    # The comparisons for which the statement uses sets.
    sets: tuple[Comparison, ...]
    shape: keyset.Shape
    # The limit if it is a literal in the statement; None if it is a parameter.
    limit: int | None


class _Statement:
    """A statement of a search, and the names of its parameters.

    It becomes a prepared statement at its second use, since SQLAlchemy spends 100 to 200 microseconds on each
    execution.
    """

    def __init__(self, select: sa.Select[Any], *names: str, generic_plan: bool = False) -> None:
        self._select = select
        self._names = names
        self._generic_plan = generic_plan
        self._was_used = False
        self._prepared: Prepared | None = None

    def rows(self, tx: Tx, *values: Any) -> list[Any]:
        """Return the rows for the values of the parameters, which are given in the order of their names."""
        if not self._was_used:
            self._was_used = True
            return list(tx.execute(self._select, dict(zip(self._names, values, strict=True))).all())
        if self._prepared is None:
            self._prepared = Prepared(self._select, *self._names, generic_plan=self._generic_plan)
        return tx.rows(self._prepared, *values)


class Search:
    """A search: what to select, its scope, and the client's filter and order.

    It holds no transaction, so it can be cached and used by several threads.
    """

    def __init__(
        self,
        entity: Entity,
        select: sa.Select[Any],
        *,
        scope: Iterable[Column],
        within: tuple[Column, Sequence[int]] | None = None,
        query: tuple[object, ...],
        filter: str | None,
        order: Sequence[OrderBy],
        tree: Node | None = None,
    ) -> None:
        """Prepare the search. Raise ``InvalidParameter`` if the filter or the order cannot be used.

        ``scope``   conditions that hold for all rows, such as the workspace
        ``within``  one more condition, a column and its values, with which the indexes begin
        ``query``   values that, with the filter and the order, identify the search in its page tokens; a
                    token of another search is refused
        ``order``   must be total; ``parse_order_by`` appends the entity's tie-breakers
        ``tree``    the condition on the rows, if it is not what ``filter`` says
        """
        scope = list(scope)
        self._within = [among(*within)] if within else []
        # For a search by ids: SQLite does not know how large the index is, and would read it even for a few
        # ids. "column + 0" matches no index.
        self._within_without_index = [among(within[0] + _ZERO, within[1])] if within else []
        self._query = (*query, filter or "", *map(str, order))
        self._entity = entity
        self._filter = parse_filter(filter, entity.searchable) if tree is None else tree
        self._select = select.where(*scope)
        candidates = sa.select(sa.literal(1).label("one")).where(*self._within, *scope)
        self._has_more_than = _Statement(candidates.offset(sa.bindparam("count", 0)).limit(1), "count")
        if sum(by.kind != "attribute" for by in order) > _MAX_JOINED:
            raise InvalidParameter(f"order_by may name at most {_MAX_JOINED} metrics, parameters and tags.")
        self._keys: list[Key] = []
        # If the order begins with a metric that is read from an index: the conditions of its ranks, which are
        # numbers, NaN, and no value. The rank is then the first key of the order.
        self._ranks: list[Column] = []
        # The owner's id in the metric's table, for all ranks but the last, which has no row in this table.
        self._rank_owner = entity.owner
        for by in order:
            if by.kind == "attribute":
                self._order_by_attribute(by)
            else:
                self._order_by_child(entity.children[by.kind], by)
        self._plan: tuple[planner.ReadPlan | None, float] = (None, 0.0)
        self._statements: dict[_StatementKey, _Statement] = {}

    def fetch(self, tx: Tx, size: int, token: str | None) -> tuple[Sequence[Row], str | None]:
        """Return the rows of a page and the token of the next page, or None for the last page.

        ``token`` is that of the page; None is the first page. Each row ends with the columns of the order.
        Raise ``InvalidParameter`` if the token is not one of this search.
        """
        position = None
        if token:
            position = keyset.read(token, self._query, *(key.column for key in self._keys), outer=True)
        plan = self._read_plan(tx, size)
        if plan.ids == []:
            rows = []
        elif self._ranks and plan.ids is None:
            rows = self._fetch_by_rank(tx, plan, position, size + 1)
        else:
            rows = self._query_rows(tx, plan, None, position, size + 1)
        return paging.cut(rows, size, self._query, self._position)

    def fetch_results(
        self,
        tx: Tx,
        size: int,
        token: str | None,
        make: Callable[[Sequence[Row]], list[T]],
        size_of: Callable[[T], int] | None = None,
    ) -> tuple[list[T], str | None]:
        """Return the results of a page and the token of the next page, like ``fetch``.

        ``make`` returns the results of rows. The page ends earlier if it becomes too large; ``make`` and
        ``size_of`` are those of ``page_bytes.fill``.
        """
        rows, next_token = self.fetch(tx, size, token)
        results = page_bytes.fill(rows, make, size_of)
        if len(results) < len(rows):
            next_token = paging.encode(self._query, self._position(rows[len(results) - 1]))
        return results, next_token

    def _position(self, row: Row) -> paging.Position:
        return list(row[-len(self._keys) :])

    def _read_plan(self, tx: Tx, size: int) -> planner.ReadPlan:
        """Return the read plan. It is cached for ``_PLAN_CACHED_S``, unless it has ids, which may change."""
        plan, planned_at = self._plan
        if plan is None or time.monotonic() > planned_at + _PLAN_CACHED_S:
            plan = planner.plan(
                tx,
                self._filter,
                {kind: child.owner for kind, child in self._entity.children.items() if child.by_value},
                lambda members: self._is_worth_a_set(tx, members, size),
            )
            self._plan = (None if plan.ids is not None else plan, time.monotonic())
        return plan

    def _is_worth_a_set(self, tx: Tx, members: int, size: int) -> bool:
        """Return whether a set of so many members is faster than looking up the value for each row.

        It depends on the number of candidates, the rows in the search's scope. In an order by a metric the
        candidates are read from an index that holds all that is needed, so the set nearly always pays: with
        more candidates than a tenth of its members. In other orders a page is full after about
        ``size * candidates / members`` rows. Checking a row against a set takes a fifth of the time of a
        lookup, but the set has to be made first: it pays if 5 times these rows are more than its members.
        """
        if self._ranks:
            candidates = members // _MEMBERS_PER_ROW
        else:
            candidates = members * members // (_MEMBERS_PER_LOOKUP * size)
        return candidates <= _MAX_COUNTED and bool(self._has_more_than.rows(tx, candidates))

    def _fetch_by_rank(
        self, tx: Tx, plan: planner.ReadPlan, position: paging.Position | None, limit: int
    ) -> list[Row]:
        """Return the rows after the position, by one statement for each rank until there are ``limit`` rows.

        No index has the order of all ranks together, but each rank can be read from an index. The best 100 of
        50,000 runs take 25 ms on SQLite; sorting all runs takes 159 ms.
        """
        rows: list[Row] = []
        for rank in range(len(self._ranks)):
            if position is None or rank == position[0]:
                rest = position and position[1:]
                rows += self._query_rows(tx, plan, rank, rest, limit)[: limit - len(rows)]
                position = None
            if len(rows) == limit:
                break
        return rows

    def _query_rows(
        self,
        tx: Tx,
        plan: planner.ReadPlan,
        rank: int | None,
        position: paging.Position | None,
        limit: int,
    ) -> list[Row]:
        """Return up to ``limit`` rows after the position, only those of ``rank`` if it is not None."""
        shape = keyset.shape_of(position)
        key = _StatementKey(rank, plan.sets, shape, None if rank is None else limit)
        cached = self._statements.get(key) if plan.ids is None else None
        statement = cached or self._statement(plan, key)
        values = compress(position or (), shape)
        return statement.rows(tx, limit, *values) if rank is None else statement.rows(tx, *values)

    def _statement(self, plan: planner.ReadPlan, key: _StatementKey) -> _Statement:
        """Build the statement, and cache it unless it contains ids: building takes as long as running it.

        The rows of a rank are read in the order of their index for all values. So PostgreSQL uses a generic
        plan; making a new plan each time takes a quarter of the time for a page. The limit is then a literal:
        with a parameter, PostgreSQL would plan to read a tenth of all rows.
        """
        keys = self._keys if key.rank is None else self._keys[1:]
        select = self._select_by_ids(plan) if plan.ids else self._select_in_order(plan, key.rank)
        if key.shape:
            select = select.where(keyset.after(keys, key.shape))
        order = (by.column if by.ascending else by.column.desc() for by in keys)
        labelled = (by.column.label(f"order_{i}") for i, by in enumerate(self._keys))
        select = select.add_columns(*labelled).order_by(*order)
        names = keyset.names(key.shape)
        if key.limit is None:
            statement = _Statement(select.limit(sa.bindparam("limit", 0)), "limit", *names)
        else:
            select = select.limit(sa.literal_column(str(key.limit)))
            statement = _Statement(select, *names, generic_plan=True)
        if not plan.ids and len(self._statements) < _MAX_STATEMENTS:
            self._statements[key] = statement
        return statement

    def _select_by_ids(self, plan: planner.ReadPlan) -> sa.Select[Any]:
        has_id = self._entity.owner.in_(inline(plan.ids or ()))
        return self._filtered(plan).where(has_id, *self._within_without_index)

    def _select_in_order(self, plan: planner.ReadPlan, rank: int | None) -> sa.Select[Any]:
        select = self._filtered(plan).where(*self._within)
        owner = self._entity.owner
        if rank is not None:
            select = select.where(self._ranks[rank])
            if rank + 1 < len(self._ranks):
                owner = self._rank_owner
        for comparison in plan.sets:
            members = self._members(comparison)
            # IS TRUE makes the database check each row in the order of the search. Without it, the database
            # may begin with the set and then has to sort.
            select = select.where(owner.in_(members).is_(sa.true()))
        return select

    def _members(self, comparison: Comparison) -> sa.Select[Any]:
        """Return a query for the ids of a set."""
        return planner.owners_with(self._entity.children[comparison.kind].owner, comparison)

    def _filtered(self, plan: planner.ReadPlan) -> sa.Select[Any]:
        """Select the rows that meet the parts of the filter that the plan leaves as conditions."""
        return self._select.where(*many.conditions(self._entity, plan.rest))

    def _order_by_attribute(self, by: OrderBy) -> None:
        column = self._entity.sorts.get(by.key, self._entity.attributes[by.key])
        if by.key in self._entity.nullable:
            self._keys.append(Key(sa.case((column.is_(None), 1), else_=0), True))
        self._keys.append(Key(column, by.ascending))

    def _order_by_child(self, child: Child, by: OrderBy) -> None:
        """Order by a metric, param or tag: numbers first, then NaN, then rows without the key.

        These ranks are the same in ascending and descending order, as in MLflow.
        """
        table = child.table.alias(f"order_{len(self._keys)}")
        joined = sa.and_(table.c[child.owner.name] == self._entity.owner, table.c.key == by.key)
        if child.narrow is not None:
            joined = sa.and_(joined, child.narrow(table, by))
        if child.repeats is not None:
            column, repeated = child.repeats
            joined = sa.and_(joined, table.c[column.name] == repeated)
        self._select = self._select.outerjoin(table, joined)
        ranks = [(table.c.key.is_(None), 2)]
        if child.is_nan is not None:
            is_nan = table.c[child.is_nan.name]
            ranks.append((is_nan, 1))
            if child.repeats is not None and not self._keys:
                self._ranks = [is_nan == sa.false(), is_nan == sa.true(), table.c.key.is_(None)]
                self._rank_owner = table.c[child.owner.name]
        self._keys += [Key(sa.case(*ranks, else_=0), True), Key(table.c.value, by.ascending)]
