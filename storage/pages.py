"""Pages of a search that stay right while rows are being added.

A page is found by the last row of the page before (keyset), never by counting rows, so the last page
costs what the first one does and rows that arrive meanwhile shift nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import paging
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.filters import Comparison, parse_filter
from trackway.client_compat.scalars import UNSTORABLE
from trackway.client_compat.searchable import OrderBy

from . import search_values
from .database import Tx
from .prepared import Prepared
from .search import Child, Column, Entity, among, condition, inline

Row = sa.Row[Any]

# Each is a join; SQLite takes 64 tables in a statement, and PostgreSQL's planner grows slow before that.
_MAX_JOINED = 32
# Seconds for which a search is read as its filter's values had it. Right in any case, if not as fast.
_REMEMBERED_S = 10.0
# Statements that a search keeps: page tokens come from clients, and so does which of their values are None.
_MOST_BUILT = 32
_MEMBERS_A_ROW = 10
_ROWS_A_LOOK_UP = 5
# So many candidates are counted to decide that; the entries of an index take a millisecond by ten thousands.
_MOST_COUNTED = 20_000
_NOTHING: Column = sa.literal_column("0")
# For each key of the order, whether a position has a value; empty without one.
_Shape = tuple[bool, ...]


@dataclass(frozen=True)
class _Key:
    """One column of the order; ``None`` never compares as greater, it only equals itself."""

    column: Column
    ascending: bool


class _Statement:
    """A statement of a search, with the names of the values that it is given.

    At its second use it is compiled for good: a search that is kept is asked again and again, and
    SQLAlchemy spends 100 to 200 microseconds on each execution.
    """

    def __init__(self, select: sa.Select[Any], *names: str) -> None:
        self._select = select
        self._names = names
        self._was_used = False
        self._prepared: Prepared | None = None

    def rows(self, tx: Tx, *values: Any) -> list[Any]:
        if not self._was_used:
            self._was_used = True
            return list(tx.execute(self._select, dict(zip(self._names, values, strict=True))).all())
        if self._prepared is None:
            self._prepared = Prepared(self._select, *self._names)
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
        self._keys: list[_Key] = []
        # Conditions for each value of the first key, when it only says that the rest is of a kind.
        self._ranks: list[Column] = []
        # The owner's id in the table that the ranks are read off; the last rank has no row there.
        self._ranked = entity.owner
        for by in order:
            if by.kind == "attribute":
                self._order_by_attribute(by)
            else:
                self._order_by_child(entity.children[by.kind], by)
        self._reading: tuple[search_values.Reading | None, float] = (None, 0.0)
        # By rank, the comparisons that are asked of sets, and which values the position has.
        self._built: dict[tuple[int | None, tuple[Comparison, ...], _Shape], _Statement] = {}

    def fetch(self, tx: Tx, size: int, token: str | None) -> tuple[Sequence[Row], str | None]:
        """The rows of the page that the token names (the first without one), and the next token."""
        position = None
        if token:
            position = position_in(token, self._query, *(key.column for key in self._keys), outer=True)
        reading = self._how_to_read(tx, size)
        if reading.few == []:
            rows = []
        elif self._ranks and reading.few is None:
            rows = self._fetch_by_rank(tx, reading, position, size + 1)
        else:
            rows = self._read(tx, reading, None, position, size + 1)
        return paging.cut(rows, size, self._query, lambda last: list(last[-len(self._keys) :]))

    def _how_to_read(self, tx: Tx, size: int) -> search_values.Reading:
        """Found out with the values' numbers, which may be some seconds old; the ids of few never are."""
        reading, found_at = self._reading
        if reading is None or time.monotonic() > found_at + _REMEMBERED_S:
            reading = search_values.read(
                tx,
                self._filter,
                {kind: child.owner for kind, child in self._entity.children.items() if child.by_value},
                lambda members: self._is_worth_a_set(tx, members, size),
            )
            self._reading = (None if reading.few is not None else reading, time.monotonic())
        return reading

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
        self, tx: Tx, reading: search_values.Reading, position: paging.Position | None, limit: int
    ) -> list[Row]:
        """One statement for each rank that is needed: no index has the order of all ranks together.

        The best 100 of 50,000 runs take 25 ms on SQLite, 159 ms where all of them are sorted.
        """
        rows: list[Row] = []
        for rank in range(len(self._ranks)):
            if position is None or rank == position[0]:
                rest = position and position[1:]
                rows += self._read(tx, reading, rank, rest, limit - len(rows))
                position = None
            if len(rows) == limit:
                break
        return rows

    def _read(
        self,
        tx: Tx,
        reading: search_values.Reading,
        rank: int | None,
        position: paging.Position | None,
        limit: int,
    ) -> list[Row]:
        """Rows after the position, all of one rank where one is given."""
        shape = tuple(value is not None for value in position) if position else ()
        known = self._built.get((rank, reading.sets, shape)) if reading.few is None else None
        statement = known or self._statement(reading, rank, shape)
        return statement.rows(tx, limit, *compress(position or (), shape))

    def _statement(self, reading: search_values.Reading, rank: int | None, shape: _Shape) -> _Statement:
        """Built once: that takes as long as the database needs for a page."""
        keys = self._keys if rank is None else self._keys[1:]
        select = self._select_few(reading) if reading.few else self._select_all(reading, rank)
        if shape:
            select = select.where(_after(keys, shape))
        order = (key.column if key.ascending else key.column.desc() for key in keys)
        positions = (key.column.label(f"order_{i}") for i, key in enumerate(self._keys))
        select = select.add_columns(*positions).order_by(*order).limit(sa.bindparam("most", 0))
        statement = _Statement(select, "most", *compress(map(_after_name, range(len(shape))), shape))
        if not reading.few and len(self._built) < _MOST_BUILT:
            self._built[rank, reading.sets, shape] = statement
        return statement

    def _select_few(self, reading: search_values.Reading) -> sa.Select[Any]:
        is_one = self._entity.owner.in_(inline(reading.few or ()))
        return self._filtered(reading).where(is_one, *self._within_by_no_index)

    def _select_all(self, reading: search_values.Reading, rank: int | None) -> sa.Select[Any]:
        select = self._filtered(reading).where(*self._within)
        owner = self._entity.owner
        if rank is not None:
            select = select.where(self._ranks[rank])
            if rank + 1 < len(self._ranks):
                owner = self._ranked
        for comparison in reading.sets:
            holders = search_values.holders(self._entity.children[comparison.kind].owner, comparison)
            # IS TRUE, so that the database asks it of each row in the order of the search, and does not
            # begin with the set.
            select = select.where(owner.in_(holders).is_(sa.true()))
        return select

    def _filtered(self, reading: search_values.Reading) -> sa.Select[Any]:
        return self._select.where(*(condition(self._entity, part) for part in reading.rest))

    def _order_by_attribute(self, by: OrderBy) -> None:
        column = self._entity.sorts.get(by.key, self._entity.attributes[by.key])
        if by.key in self._entity.nullable:
            self._keys.append(_Key(sa.case((column.is_(None), 1), else_=0), True))
        self._keys.append(_Key(column, by.ascending))

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
        self._keys += [_Key(sa.case(*ranks, else_=0), True), _Key(table.c.value, by.ascending)]


def position_in(
    token: str, query: Sequence[object], *columns: Column, outer: bool = False
) -> paging.Position:
    """The position in a page token, whose values are such as the columns can be compared with.

    With ``outer`` any may be None, as columns of a joined table are where it has no row.

    The hash in a token has no secret, so anybody can make one; a database would answer a value of
    another type, or one that its column cannot hold, with a fault.
    """
    position = paging.decode(token, query)
    if len(position) != len(columns) or not all(
        (outer and value is None) or _can_hold(column, value)
        for column, value in zip(columns, position, strict=True)
    ):
        raise InvalidParameter("Invalid page token, its position is of another kind")
    return position


def _can_hold(column: Column, value: object) -> bool:
    kind = column.type.python_type
    if type(value) is not kind:
        return False
    if isinstance(value, str):
        return not UNSTORABLE.search(value)
    bits = 63 if isinstance(column.type, sa.BigInteger) else 31
    return not isinstance(value, int) or -(2**bits) <= value < 2**bits


def _after(keys: Sequence[_Key], shape: _Shape) -> Column:
    """Rows that come after a position, which has a value for some of the keys, in their order."""
    choices: list[Column] = []
    equal: list[Column] = []
    bound: Column | None = None
    for index, (key, has_value) in enumerate(zip(keys, shape, strict=True)):
        if not has_value:
            equal.append(key.column.is_(None))
            continue
        value = sa.bindparam(_after_name(index), None, type_=key.column.type)
        choices.append(sa.and_(*equal, key.column > value if key.ascending else key.column < value))
        equal.append(key.column == value)
        if index == 0 and len(keys) > 1:
            # The OR alone would not be read off an index; this bound, which it implies, is.
            bound = key.column >= value if key.ascending else key.column <= value
    after = sa.or_(*choices)
    return after if bound is None else sa.and_(bound, after)


def _after_name(index: int) -> str:
    return f"after_{index}"
