"""Read plans: how the database reads the rows of a search, chosen by how many owners have a filter's values.

For ``params.seed = '17'`` the database could read the runs in the order of the search and check each one,
until a page is full. That is fast if many runs have the value, but reads all runs if few have it: 600 ms for
a million. So the planner first counts the owners that have the value, in an index on key, value and owner,
and then chooses one of these ways:

    ids     few owners have the value: read these rows only, and sort them
    set     a subquery returns the ids of the owners; the database runs it once and checks each row against it
    row     look up the value for each row that is read
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat.filters import And, Comparison, Node

from ..database import Prepared, Tx
from ..schema.tracking import SHORT_VALUE

# Up to this number of owners, their rows are read by id and sorted.
_MAX_IDS = 300
# Up to this number of owners, their ids may become a set, which takes some milliseconds. Owners of all
# experiments count. Example: of 10,000 runs with a value, 9,000 are in an experiment of 100,000 runs; a page
# takes 10.8 ms with lookups and 3.6 ms with a set.
_MAX_SET_MEMBERS = 20_000
# Comparisons of a filter that are counted: each takes a statement.
_MAX_COUNTED = 4


class ReadPlan(NamedTuple):
    """The parts of a filter.

    ``ids``   all ids that can meet the filter, or None if there are too many
    ``sets``  comparisons for which the database should use a set
    ``rest``  the other parts: conditions on each row
    """

    ids: Sequence[int] | None
    sets: tuple[Comparison, ...]
    rest: Sequence[Node]


def plan(
    tx: Tx,
    node: Node | None,
    owners: Mapping[str, sa.ColumnElement[Any]],
    is_worth_a_set: Callable[[int], bool],
) -> ReadPlan:
    """Return the read plan for a filter.

    ``owners`` has, for each kind of field whose table has an index on key and value, the table's column with
    the owner's id. ``is_worth_a_set(n)`` returns whether a set of n ids is faster than looking up each row.
    """
    parts = list(node.parts if isinstance(node, And) else [node] if node else [])
    sets: list[Comparison] = []
    indexed = [part for part in parts if isinstance(part, Comparison) and _has_index(part, owners)]
    for part in indexed[:_MAX_COUNTED]:
        owner = owners[part.kind]
        count = tx.first(_count(owner), part.key, part.value, _MAX_SET_MEMBERS + 1).number
        if count <= _MAX_IDS:
            ids = [row[0] for row in tx.rows(_ids(owner), part.key, part.value)]
            return ReadPlan(ids, (), [other for other in parts if other != part])
        if count <= _MAX_SET_MEMBERS and is_worth_a_set(count):
            sets.append(part)
    return ReadPlan(None, tuple(sets), [part for part in parts if part not in sets])


def owners_with(owner: sa.ColumnElement[Any], comparison: Comparison) -> sa.Select[Any]:
    """Return a query for the ids of the owners that have the comparison's value under its key."""
    return _owners(owner, comparison.key, comparison.value)


def _has_index(part: Comparison, owners: Mapping[str, Any]) -> bool:
    """Return whether an index on key and value contains all rows with the comparison's value."""
    return part.op == "=" and part.kind in owners and len(str(part.value)) <= SHORT_VALUE


def _owners(owner: Any, key: Any, value: Any) -> sa.Select[Any]:
    c = owner.table.c
    # The condition of the partial index: without it, the databases would not use the index.
    is_short = sa.func.length(c.value) <= sa.literal_column(str(SHORT_VALUE))
    return sa.select(owner).where(c.key == key, c.value == value, is_short)


def _owners_by_parameters(owner: Any) -> sa.Select[Any]:
    c = owner.table.c
    return _owners(
        owner, sa.bindparam("of_key", type_=c.key.type), sa.bindparam("of_value", type_=c.value.type)
    )


@functools.cache
def _count(owner: Any) -> Prepared:
    limited = _owners_by_parameters(owner).limit(sa.bindparam("max_count")).subquery()
    counted = sa.select(sa.func.count().label("number")).select_from(limited)
    return Prepared(counted, "of_key", "of_value", "max_count")


@functools.cache
def _ids(owner: Any) -> Prepared:
    return Prepared(_owners_by_parameters(owner), "of_key", "of_value")
