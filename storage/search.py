"""From a parsed filter and order to SQL, and pages that stay right while rows are being added.

One translation serves every kind of thing that can be searched. A page is found by the last
row of the page before (keyset), never by counting rows, so the last page costs what the first
one does and rows that arrive meanwhile shift nothing.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import paging
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.filters import And, Comparison, Node, Not, Or, parse_filter
from trackway.client_compat.scalars import UNSTORABLE
from trackway.client_compat.searchable import OrderBy, Searchable

from .database import Tx

Column = sa.ColumnElement[Any]
Row = sa.Row[Any]

# MLflow's language has no escape character, PostgreSQL's LIKE takes the backslash for one unless told.
_NO_ESCAPE = "\x01"
# Each is a join; SQLite takes 64 tables in a statement, and PostgreSQL's planner grows slow before that.
_MAX_JOINED = 32


@dataclass(frozen=True)
class Child:
    """A table of an entity's keys and values; with ``is_nan`` the values are metrics.

    Where an owner may have several rows of one key, ``narrow(table, by)`` leaves the one to order by.
    ``repeats`` names a column of the table and the owner's column that it repeats, where an index
    of the table goes on from it with key, is_nan and value: an order by metric is read off it.
    """

    table: sa.Table
    owner: Column
    is_nan: Column | None = None
    narrow: Callable[[sa.FromClause, OrderBy], Column] | None = None
    repeats: tuple[Column, Column] | None = None


@dataclass(frozen=True)
class Entity:
    """Where the fields of something searchable are kept."""

    searchable: Searchable
    owner: Column
    attributes: Mapping[str, Column]
    children: Mapping[str, Child] = field(default_factory=dict)
    # Kinds that are more than a key and a value, such as a run's datasets.
    special: Mapping[str, Callable[[Comparison], Column]] = field(default_factory=dict)
    nullable: Collection[str] = ()
    # What stands for an attribute in an order, where it sorts otherwise than its text.
    sorts: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True)
class _Key:
    """One column of the order; ``None`` never compares as greater, it only equals itself."""

    column: Column
    ascending: bool


class Page:
    """A search: what to select, within which scope, filtered and ordered as the client asked.

    ``query`` names the search in page tokens, which other searches refuse. The order is total:
    ``parse_order_by`` ends it with the entity's tie-breakers.
    """

    def __init__(
        self,
        entity: Entity,
        select: sa.Select[Any],
        *,
        scope: Iterable[Column],
        query: tuple[object, ...],
        filter: str | None,
        order: Sequence[OrderBy],
    ) -> None:
        self._query = (*query, filter or "", *map(str, order))
        self._entity = entity
        node = parse_filter(filter, entity.searchable)
        self._select = select.where(*scope)
        if node is not None:
            self._select = self._select.where(condition(entity, node))
        if sum(by.kind != "attribute" for by in order) > _MAX_JOINED:
            raise InvalidParameter(f"order_by may name at most {_MAX_JOINED} metrics, parameters and tags.")
        self._keys: list[_Key] = []
        # Conditions for each value of the first key, when it only says that the rest is of a kind.
        self._ranks: list[Column] = []
        for by in order:
            if by.kind == "attribute":
                self._order_by_attribute(by)
            else:
                self._order_by_child(entity.children[by.kind], by)

    def fetch(self, tx: Tx, size: int, token: str | None) -> tuple[Sequence[Row], str | None]:
        """The rows of the page that the token names (the first without one), and the next token."""
        position = None
        if token:
            position = position_in(token, self._query, *(key.column for key in self._keys), outer=True)
        if self._ranks:
            rows = self._fetch_by_rank(tx, size + 1, position)
        else:
            rows = self._read(tx, self._select, self._keys, position, size + 1)
        return paging.cut(rows, size, self._query, lambda last: list(last[-len(self._keys) :]))

    def _fetch_by_rank(self, tx: Tx, limit: int, position: paging.Position | None) -> list[Row]:
        """One statement for each rank that is needed: no index has the order of all ranks together.

        The best 100 of 50,000 runs take 25 ms on SQLite, 159 ms where all of them are sorted.
        """
        rows: list[Row] = []
        for rank, is_of_rank in enumerate(self._ranks):
            if position is None or rank == position[0]:
                after = position and position[1:]
                select = self._select.where(is_of_rank)
                rows += self._read(tx, select, self._keys[1:], after, limit - len(rows))
                position = None
            if len(rows) == limit:
                break
        return rows

    def _read(
        self,
        tx: Tx,
        statement: sa.Select[Any],
        keys: Sequence[_Key],
        position: paging.Position | None,
        limit: int,
    ) -> list[Row]:
        if position is not None:
            statement = statement.where(_after(keys, position))
        positions = [key.column.label(f"_order_{i}") for i, key in enumerate(self._keys)]
        statement = statement.add_columns(*positions).limit(limit)
        return list(tx.execute(statement.order_by(*(_direction(key) for key in keys))).all())

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


def _direction(key: _Key) -> Column:
    return key.column if key.ascending else key.column.desc()


def condition(entity: Entity, node: Node) -> Column:
    """The filter as a SQL condition on the entity's rows."""
    match node:
        case And(parts):
            return sa.and_(*(condition(entity, part) for part in parts))
        case Or(parts):
            return sa.or_(*(condition(entity, part) for part in parts))
        case Not(part):
            # SQL's NOT of an unknown is unknown; here a comparison with what is missing is false.
            return sa.not_(sa.func.coalesce(condition(entity, part), sa.false()))
        case Comparison():
            return _comparison(entity, node)
    raise AssertionError(node)


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "LIKE": lambda column, value: column.like(value, escape=_NO_ESCAPE),
    "ILIKE": lambda column, value: column.ilike(value, escape=_NO_ESCAPE),
    "IN": lambda column, value: column.in_(value),
    "NOT IN": lambda column, value: column.not_in(value),
    "BETWEEN": lambda column, value: column.between(*value),
}


def compare(column: Column, op: str, value: Any) -> Column:
    """One comparison; LIKE minds case on both databases and knows no escape character."""
    compared: Column = _OPERATORS[op](column, value)
    return compared


def compare_metric(column: Column, is_nan: Column, op: str, value: Any) -> Column:
    """One comparison of a metric, whose NaN is kept as 0 with a mark: it differs from every number."""
    compared = compare(column, op, value)
    return sa.or_(compared, is_nan) if op == "!=" else sa.and_(compared, ~is_nan)


def inline(values: Collection[int | str]) -> sa.BindParameter[Any]:
    """Values for IN, written into the statement: 50,000 of them pass the limit on parameters."""
    return sa.bindparam(None, list(values), expanding=True, literal_execute=True, unique=True)


# For statements that are built once and given the numbers as "owners".
OWNERS: sa.BindParameter[Any] = sa.bindparam("owners", expanding=True, literal_execute=True)


def among(column: Column, values: Sequence[int] | Sequence[str]) -> Column:
    """``=`` for one value: the order of an index continues behind it, behind IN it does not."""
    return column == values[0] if len(values) == 1 else column.in_(inline(values))


def children_of(
    tx: Tx, table: sa.Table, owner: Column, owner_ids: Sequence[int], *order: Column
) -> dict[int, list[Any]]:
    """All rows of a child table that belong to any of the owners, by owner: one statement."""
    if not owner_ids:
        return {}
    one = len(owner_ids) == 1
    query = _children(table, owner, order or (table.c.key,), one)
    rows = tx.execute(query, {"owner": owner_ids[0]} if one else {"owners": owner_ids}).all()
    whose = operator.attrgetter(owner.name)
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(whose(row), []).append(row)
    return found


@functools.cache
def _children(table: sa.Table, owner: Column, order: tuple[Column, ...], one: bool) -> sa.Select[Any]:
    """Built once: building a statement takes longer than running it on a page's worth of rows."""
    return (
        sa.select(table)
        .where(owner == sa.bindparam("owner") if one else owner.in_(OWNERS))
        .order_by(owner, *order)
    )


def _comparison(entity: Entity, node: Comparison) -> Column:
    if node.kind == "attribute":
        return compare(entity.attributes[node.key], node.op, node.value)
    if node.kind in entity.special:
        return entity.special[node.kind](node)
    child = entity.children[node.kind]
    exists = sa.exists().where(child.owner == entity.owner, child.table.c.key == node.key)
    if node.op == "IS NULL":
        return ~exists
    if node.op == "IS NOT NULL":
        return exists
    if child.is_nan is not None:
        return exists.where(compare_metric(child.table.c.value, child.is_nan, node.op, node.value))
    return exists.where(compare(child.table.c.value, node.op, node.value))


def _after(keys: Sequence[_Key], position: Sequence[Any]) -> Column:
    """Rows that come after the position in the order of the keys."""
    choices: list[Column] = []
    equal: list[Column] = []
    for key, value in zip(keys, position, strict=True):
        if value is not None:
            beyond = key.column > value if key.ascending else key.column < value
            choices.append(sa.and_(*equal, beyond))
        equal.append(key.column.is_(None) if value is None else key.column == value)
    after = sa.or_(*choices)
    first, value = keys[0], position[0]
    if len(keys) > 1 and value is not None:
        # The OR alone would not be read off an index; this bound, which it implies, is.
        bound = first.column >= value if first.ascending else first.column <= value
        return sa.and_(bound, after)
    return after
