"""Filters as SQL: ``condition`` translates a parsed filter for every searchable entity.

An ``Entity`` says in which columns and tables the entity's attributes, tags, params and metrics are stored.
"""

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

# MLflow's search language has no escape character. PostgreSQL's LIKE uses the backslash as one unless the
# statement names another, so it names a control character that no pattern is expected to contain.
_NO_ESCAPE = "\x01"
_MAX_CHILDREN = 200_000


@dataclass(frozen=True)
class Child:
    """A table with an entity's keys and values: its tags, params or metrics.

    ``owner``     the column that refers to the entity
    ``is_nan``    for metrics: the column that marks a value as NaN
    ``narrow``    for tables with several rows for one owner and key: ``narrow(table, by)`` returns the
                  condition that leaves the one row to order by
    ``repeats``   a column of the table and the entity's column whose value it repeats. The table must have
                  an index on this column, key, is_nan and value; an order by a metric is read from it
    ``by_value``  whether the table has an index on key, value and owner, which ``planner`` uses
    ``compared``  a query for the keys and values that filters compare, if these are not the table's. Its
                  columns are those of ``rows_of``
    """

    table: sa.Table
    owner: Column
    is_nan: Column | None = None
    narrow: Callable[[sa.FromClause, OrderBy], Column] | None = None
    repeats: tuple[Column, Column] | None = None
    by_value: bool = False
    compared: sa.Select[Any] | None = None


@dataclass(frozen=True)
class Entity:
    """A searchable entity, such as runs: in which columns and tables its fields are stored."""

    searchable: Searchable
    owner: Column
    attributes: Mapping[str, Column]
    children: Mapping[str, Child] = field(default_factory=dict)
    # Conditions of comparisons that are not one of a key and a value, such as those of a run's datasets. The
    # function returns None for a comparison of the usual kind.
    special: Mapping[str, Callable[[Comparison], Column | None]] = field(default_factory=dict)
    # Attributes that may be NULL; NULL sorts last.
    nullable: Collection[str] = ()
    # Columns that replace an attribute's column in an order, for attributes that do not sort as text.
    sorts: Mapping[str, Column] = field(default_factory=dict)


def condition(entity: Entity, node: Node) -> Column:
    """Return the filter as a SQL condition on the entity's rows."""
    match node:
        case And(parts):
            return sa.and_(*(condition(entity, part) for part in parts))
        case Or(parts):
            return sa.or_(*(condition(entity, part) for part in parts))
        case Not(part):
            # In SQL, NOT of NULL is NULL. In the search language a comparison with a missing value is false,
            # so its NOT is true.
            return sa.not_(sa.func.coalesce(condition(entity, part), sa.false()))
        case Comparison():
            return comparison_of(entity, node)
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
    """Return a comparison. LIKE is case-sensitive on both databases and has no escape character."""
    compared: Column = _OPERATORS[op](column, value)
    return compared


def compare_metric(column: Column, is_nan: Column, op: str, value: Any) -> Column:
    """Return a comparison of a metric. NaN, which is stored as 0 with a mark, differs from every number."""
    compared = compare(column, op, value)
    return sa.or_(compared, is_nan) if op == "!=" else sa.and_(compared, ~is_nan)


def inline(values: Collection[int | str]) -> sa.BindParameter[Any]:
    """Return the values for IN, as literals in the statement.

    50,000 of them would exceed the databases' limit on parameters.
    """
    return sa.bindparam(None, list(values), expanding=True, literal_execute=True, unique=True)


# The same for statements that are built once: the ids are passed as the parameter "owners".
OWNERS: sa.BindParameter[Any] = sa.bindparam("owners", expanding=True, literal_execute=True)


def among(column: Column, values: Sequence[int] | Sequence[str]) -> Column:
    """Return the condition that the column has one of the values: ``=`` for a single value, else IN.

    After ``=`` the database can read the rows in the order of the index's next column; after IN it cannot.
    """
    return column == values[0] if len(values) == 1 else column.in_(inline(values))


class TooManyRows(Exception):
    """Several owners together have more rows than may be read at a time."""


def children_of(
    tx: Tx,
    table: sa.Table,
    owner: Column,
    owner_ids: Sequence[int],
    *order: Column,
    is_limited: bool = False,
) -> dict[int, list[Any]]:
    """Return the rows of a child table, by owner. One statement reads those of all owners.

    The rows of an owner are ordered by ``order``, by default by key. Owners without rows are left out. If
    ``is_limited``, raise ``TooManyRows`` if several owners have more than 200,000 rows.
    """
    if not owner_ids:
        return {}
    one = len(owner_ids) == 1
    is_limited = is_limited and not one
    query = _children(table, owner, order or (table.c.key,), one, is_limited)
    rows = tx.execute(query, {"owner": owner_ids[0]} if one else {"owners": owner_ids}).all()
    if is_limited and len(rows) > _MAX_CHILDREN:
        raise TooManyRows
    owner_of = operator.attrgetter(owner.name)
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(owner_of(row), []).append(row)
    return found


@functools.cache
def _children(
    table: sa.Table, owner: Column, order: tuple[Column, ...], one: bool, is_limited: bool
) -> sa.Select[Any]:
    """Return the statement of ``children_of``.

    It is cached: building it takes longer than running it for the rows of a page.
    """
    select = sa.select(table).where(owner == sa.bindparam("owner") if one else owner.in_(OWNERS))
    select = select.order_by(owner, *order)
    # A literal: with a parameter PostgreSQL would plan for a tenth of the rows.
    return select.limit(sa.literal_column(str(_MAX_CHILDREN + 1))) if is_limited else select


def comparison_of(entity: Entity, node: Comparison) -> Column:
    """Return one comparison as a SQL condition on the entity's rows."""
    if node.kind == "attribute":
        return compare(entity.attributes[node.key], node.op, node.value)
    if node.kind in entity.special:
        special = entity.special[node.kind](node)
        if special is not None:
            return special
    rows = rows_of(entity, node.kind)
    if node.op == "IS NULL":
        return ~compare_rows(rows, rows, "IS NOT NULL", node.key, None).exists()
    return compare_rows(rows, rows, node.op, node.key, node.value).exists()


def rows_of(entity: Entity, kind: str) -> sa.Select[Any]:
    """Return a query for the keys and values of an entity: its tags, params or metrics.

    Metrics also have the column ``is_nan``.
    """
    child = entity.children[kind]
    if child.compared is not None:
        return child.compared
    c = child.table.c
    marks = () if child.is_nan is None else (child.is_nan,)
    return sa.select(c.key, c.value, *marks).where(child.owner == entity.owner)


def compare_rows(
    query: sa.Select[Any], rows: sa.Select[Any], op: str, key: Any, value: Any
) -> sa.Select[Any]:
    """Add to a query of ``rows_of`` the conditions that a row has a key, and a value that fits."""
    c = rows.selected_columns
    query = query.where(c.key == key)
    if op == "IS NOT NULL":
        return query
    if "is_nan" in c:
        return query.where(compare_metric(c.value, c.is_nan, op, value))
    return query.where(compare(c.value, op, value))
