"""Pages of a search that stay right while rows are being added.

A page is found by the last row of the page before (keyset), never by counting rows, so the last page
costs what the first one does and rows that arrive meanwhile shift nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import paging
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.filters import Comparison, parse_filter
from trackway.client_compat.searchable import OrderBy

from ..database import Prepared, Tx
from . import keyset, planner
from .conditions import Child, Column, Entity, among, condition, inline
from .keyset import Key

Row = sa.Row[Any]

# Each is a join; SQLite takes 64 tables in a statement, and PostgreSQL's planner grows slow before that.
_MAX_JOINED = 32
# Seconds for which a search is read as its filter's values had it. Right in any case, if not as fast.
_PLAN_CACHED_S = 10.0
# Statements that a search keeps: page tokens come from clients, and so does which of their values are None.
_MAX_STATEMENTS = 32
_MEMBERS_A_ROW = 10
_ROWS_A_LOOK_UP = 5
# So many candidates are counted to decide that; the entries of an index take a millisecond by ten thousands.
_MOST_COUNTED = 20_000
_NOTHING: Column = sa.literal_column("0")


class _StatementKey(NamedTuple):
    """By what a search's statements differ."""

    rank: int | None
    # The comparisons that are asked of sets.
    sets: tuple[Comparison, ...]
    shape: keyset.Shape
    # Where it is part of the text.
    limit: int | None


class _Statement:
    """A statement of a search, with the names of the values that it is given.

    At its second use it is compiled for good: a search that is kept is asked again and again, and
    SQLAlchemy spends 100 to 200 microseconds on each execution.
    """

    def __init__(self, select: sa.Select[Any], *names: str, generic_plan: bool = False) -> None:
        self._select = select
        self._names = names
        self._is_for_any_values = generic_plan
        self._was_used = False
        self._prepared: Prepared | None = None

    def rows(self, tx: Tx, *values: Any) -> list[Any]:
        if not self._was_used:
            self._was_used = True
            return list(tx.execute(self._select, dict(zip(self._names, values, strict=True))).all())
        if self._prepared is None:
            self._prepared = Prepared(self._select, *self._names, generic_plan=self._is_for_any_values)
        return tx.rows(self._prepared, *values)


class Search:
    """What to select, within which scope, filtered and ordered as the client asked; gives any of its pages.

    ``within`` is the part of the scope that an index begins with: a column and its values. ``query``
    names the search in page tokens, which other searches refuse. The order is total: ``parse_order_by``
    ends it with the entity's tie-breakers. It holds no transaction, so it may be kept and used by
    several threads.
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
    ) -> None:
        scope = list(scope)
        self._within = [among(*within)] if within else []
        # Left to itself, SQLite would read a few rows off this index, too, as it does not know its size.
        self._within_by_no_index = [among(within[0] + _NOTHING, within[1])] if within else []
        self._query = (*query, filter or "", *map(str, order))
        self._entity = entity
        self._filter = parse_filter(filter, entity.searchable)
        self._select = select.where(*scope)
        candidates = sa.select(sa.literal(1).label("one")).where(*self._within, *scope)
        self._is_larger = _Statement(candidates.offset(sa.bindparam("than", 0)).limit(1), "than")
        if sum(by.kind != "attribute" for by in order) > _MAX_JOINED:
            raise InvalidParameter(f"order_by may name at most {_MAX_JOINED} metrics, parameters and tags.")
        self._keys: list[Key] = []
        # Conditions for each value of the first key, when it only says that the rest is of a kind.
        self._ranks: list[Column] = []
        # The owner's id in the table that the ranks are read off; the last rank has no row there.
        self._ranked = entity.owner
        for by in order:
            if by.kind == "attribute":
                self._order_by_attribute(by)
            else:
                self._order_by_child(entity.children[by.kind], by)
        self._plan: tuple[planner.ReadPlan | None, float] = (None, 0.0)
        self._built: dict[_StatementKey, _Statement] = {}

    def fetch(self, tx: Tx, size: int, token: str | None) -> tuple[Sequence[Row], str | None]:
        """The rows of the page that the token names (the first without one), and the next token."""
        position = None
        if token:
            position = keyset.read(token, self._query, *(key.column for key in self._keys), outer=True)
        plan = self._make_plan(tx, size)
        if plan.ids == []:
            rows = []
        elif self._ranks and plan.ids is None:
            rows = self._fetch_by_rank(tx, plan, position, size + 1)
        else:
            rows = self._read(tx, plan, None, position, size + 1)
        return paging.cut(rows, size, self._query, lambda last: list(last[-len(self._keys) :]))

    def _make_plan(self, tx: Tx, size: int) -> planner.ReadPlan:
        """Found out with the values' numbers, which may be some seconds old; the ids of few never are."""
        plan, found_at = self._plan
        if plan is None or time.monotonic() > found_at + _PLAN_CACHED_S:
            plan = planner.plan(
                tx,
                self._filter,
                {kind: child.owner for kind, child in self._entity.children.items() if child.by_value},
                lambda members: self._is_worth_a_set(tx, members, size),
            )
            self._plan = (None if plan.ids is not None else plan, time.monotonic())
        return plan

    def _is_worth_a_set(self, tx: Tx, members: int, size: int) -> bool:
        """Whether to make a set of so many of the candidates and ask it of each, or to look each one up.

        Looking up in a set takes a fifth of the time that finding a row does. An order by a metric is read
        off an index that leads to no other row, so there a set is worth its making nearly always; else where
        a page is full only after as many rows as the set has members, by fives.
        """
        by_metric, by_attribute = members // _MEMBERS_A_ROW, members * members // (_ROWS_A_LOOK_UP * size)
        rows = by_metric if self._ranks else by_attribute
        return rows <= _MOST_COUNTED and bool(self._is_larger.rows(tx, rows))

    def _fetch_by_rank(
        self, tx: Tx, plan: planner.ReadPlan, position: paging.Position | None, limit: int
    ) -> list[Row]:
        """One statement for each rank that is needed: no index has the order of all ranks together.

        The best 100 of 50,000 runs take 25 ms on SQLite, 159 ms where all of them are sorted.
        """
        rows: list[Row] = []
        for rank in range(len(self._ranks)):
            if position is None or rank == position[0]:
                rest = position and position[1:]
                rows += self._read(tx, plan, rank, rest, limit)[: limit - len(rows)]
                position = None
            if len(rows) == limit:
                break
        return rows

    def _read(
        self,
        tx: Tx,
        plan: planner.ReadPlan,
        rank: int | None,
        position: paging.Position | None,
        limit: int,
    ) -> list[Row]:
        """Rows after the position, all of one rank where one is given."""
        shape = keyset.shape_of(position)
        form = _StatementKey(rank, plan.sets, shape, None if rank is None else limit)
        known = self._built.get(form) if plan.ids is None else None
        statement = known or self._statement(plan, form)
        values = compress(position or (), shape)
        return statement.rows(tx, limit, *values) if rank is None else statement.rows(tx, *values)

    def _statement(self, plan: planner.ReadPlan, form: _StatementKey) -> _Statement:
        """Built once: that takes as long as the database needs for a page.

        Rows of a rank are read in the order of their index, whatever the values: to plan that anew each
        time is a quarter of what PostgreSQL needs for a page. It has to see the limit then, or it plans
        for a tenth of all rows.
        """
        keys = self._keys if form.rank is None else self._keys[1:]
        select = self._select_few(plan) if plan.ids else self._select_all(plan, form.rank)
        if form.shape:
            select = select.where(keyset.after(keys, form.shape))
        order = (key.column if key.ascending else key.column.desc() for key in keys)
        labelled = (key.column.label(f"order_{i}") for i, key in enumerate(self._keys))
        select = select.add_columns(*labelled).order_by(*order)
        names = keyset.names(form.shape)
        if form.limit is None:
            statement = _Statement(select.limit(sa.bindparam("most", 0)), "most", *names)
        else:
            select = select.limit(sa.literal_column(str(form.limit)))
            statement = _Statement(select, *names, generic_plan=True)
        if not plan.ids and len(self._built) < _MAX_STATEMENTS:
            self._built[form] = statement
        return statement

    def _select_few(self, plan: planner.ReadPlan) -> sa.Select[Any]:
        is_one = self._entity.owner.in_(inline(plan.ids or ()))
        return self._filtered(plan).where(is_one, *self._within_by_no_index)

    def _select_all(self, plan: planner.ReadPlan, rank: int | None) -> sa.Select[Any]:
        select = self._filtered(plan).where(*self._within)
        owner = self._entity.owner
        if rank is not None:
            select = select.where(self._ranks[rank])
            if rank + 1 < len(self._ranks):
                owner = self._ranked
        for comparison in plan.sets:
            holders = planner.owners_with(self._entity.children[comparison.kind].owner, comparison)
            # IS TRUE, so that the database asks it of each row in the order of the search, and does not
            # begin with the set.
            select = select.where(owner.in_(holders).is_(sa.true()))
        return select

    def _filtered(self, plan: planner.ReadPlan) -> sa.Select[Any]:
        return self._select.where(*(condition(self._entity, part) for part in plan.rest))

    def _order_by_attribute(self, by: OrderBy) -> None:
        column = self._entity.sorts.get(by.key, self._entity.attributes[by.key])
        if by.key in self._entity.nullable:
            self._keys.append(Key(sa.case((column.is_(None), 1), else_=0), True))
        self._keys.append(Key(column, by.ascending))

    def _order_by_child(self, child: Child, by: OrderBy) -> None:
        """Numbers first, then NaN, then those without the key: the same both ways, as in MLflow."""
        table = child.table.alias(f"order_{len(self._keys)}")
        joined = sa.and_(table.c[child.owner.name] == self._entity.owner, table.c.key == by.key)
        if child.narrow is not None:
            joined = sa.and_(joined, child.narrow(table, by))
        if child.repeats is not None:
            mine, owners = child.repeats
            joined = sa.and_(joined, table.c[mine.name] == owners)
        self._select = self._select.outerjoin(table, joined)
        ranks = [(table.c.key.is_(None), 2)]
        if child.is_nan is not None:
            is_nan = table.c[child.is_nan.name]
            ranks.append((is_nan, 1))
            if child.repeats is not None and not self._keys:
                self._ranks = [is_nan == sa.false(), is_nan == sa.true(), table.c.key.is_(None)]
                self._ranked = table.c[child.owner.name]
        self._keys += [Key(sa.case(*ranks, else_=0), True), Key(table.c.value, by.ascending)]
