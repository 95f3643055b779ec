"""How a search for a value is best read: by how many have it.

``params.seed = '17'`` could be asked of each run in the order of the search, until a page is full. Where
many runs pass, that reads little; where few do, it reads them all: 600 ms for a million. An index from key
and value to the owners tells which it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat.filters import And, Comparison, Node

from ..database import Prepared, Tx
from ..schema.tracking import SHORT_VALUE

# So few owners are read whole and sorted, whatever the order.
_FEW = 300
# So many are made a set, which takes some milliseconds. They are counted over all experiments: 10,000 runs
# with a value, 9,000 of them in one of 100,000 runs, cost 10.8 ms one by one, and 3.6 as a set.
_MANY = 20_000
# Each is a statement of its own.
_MOST = 4


class ReadPlan(NamedTuple):
    """A filter taken apart: all ids that can pass, or comparisons to ask of sets, and what is left."""

    ids: Sequence[int] | None
    sets: tuple[Comparison, ...]
    rest: Sequence[Node]


def plan(
    tx: Tx,
    node: Node | None,
    owners: Mapping[str, sa.ColumnElement[Any]],
    is_worth_a_set: Callable[[int], bool],
) -> ReadPlan:
    """How to read what passes the filter.

    ``owners`` are, by kind, the owner's id in tables with an index by key and value; ``is_worth_a_set(n)``
    says whether so many of them are sooner made a set than looked for one by one.
    """
    parts = list(node.parts if isinstance(node, And) else [node] if node else [])
    sets: list[Comparison] = []
    for part in [part for part in parts if isinstance(part, Comparison) and _has_index(part, owners)][:_MOST]:
        owner = owners[part.kind]
        number = tx.first(_counting(owner), part.key, part.value, _MANY + 1).number
        if number <= _FEW:
            few = [row[0] for row in tx.rows(_finding(owner), part.key, part.value)]
            return ReadPlan(few, (), [other for other in parts if other != part])
        if number <= _MANY and is_worth_a_set(number):
            sets.append(part)
    return ReadPlan(None, tuple(sets), [part for part in parts if part not in sets])


def owners_with(owner: sa.ColumnElement[Any], comparison: Comparison) -> sa.Select[Any]:
    """The ids of those whose key has the value."""
    return _holders(owner, comparison.key, comparison.value)


def _has_index(part: Comparison, owners: Mapping[str, Any]) -> bool:
    return part.op == "=" and part.kind in owners and len(str(part.value)) <= SHORT_VALUE


def _holders(owner: Any, key: Any, value: Any) -> sa.Select[Any]:
    c = owner.table.c
    # As the index has it, or it would not be used.
    is_short = sa.func.length(c.value) <= sa.literal_column(str(SHORT_VALUE))
    return sa.select(owner).where(c.key == key, c.value == value, is_short)


def _asked(owner: Any) -> sa.Select[Any]:
    c = owner.table.c
    return _holders(
        owner, sa.bindparam("of_key", type_=c.key.type), sa.bindparam("of_value", type_=c.value.type)
    )


@functools.cache
def _counting(owner: Any) -> Prepared:
    bounded = _asked(owner).limit(sa.bindparam("most")).subquery()
    counted = sa.select(sa.func.count().label("number")).select_from(bounded)
    return Prepared(counted, "of_key", "of_value", "most")


@functools.cache
def _finding(owner: Any) -> Prepared:
    return Prepared(_asked(owner), "of_key", "of_value")
