"""From a parsed filter to SQL: one translation for every kind of thing that can be searched."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.filters import And, Comparison, Node, Not, Or
from trackway.client_compat.searchable import OrderBy, Searchable

from ..database import Tx

Column = sa.ColumnElement[Any]

# MLflow's language has no escape character, PostgreSQL's LIKE takes the backslash for one unless told.
_NO_ESCAPE = "\x01"


@dataclass(frozen=True)
class Child:
    """A table of an entity's keys and values; with ``is_nan`` the values are metrics.

    Where an owner may have several rows of one key, ``narrow(table, by)`` leaves the one to order by.
    ``repeats`` names a column of the table and the owner's column that it repeats, where an index
    of the table goes on from it with key, is_nan and value: an order by metric is read off it.
    ``by_value`` says that an index leads from key and value to the owner, see ``search_values``.
    """

    table: sa.Table
    owner: Column
    is_nan: Column | None = None
    narrow: Callable[[sa.FromClause, OrderBy], Column] | None = None
    repeats: tuple[Column, Column] | None = None
    by_value: bool = False


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
