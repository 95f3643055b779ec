"""Keyset pagination: a page begins after the last row of the page before.

That row's values in the columns of the order are the position. A page token carries the position, and
``after`` turns it into a SQL condition.

Invariant: the order is total, that is, no two rows have the same position. So rows that are inserted or
deleted between two pages neither repeat nor hide another row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import sqlalchemy as sa

from trackway.client_compat import paging
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.scalars import UNSTORABLE

from .conditions import Column

# For each column of the order, whether the position has a value there (not NULL); () without a position.
Shape = tuple[bool, ...]


@dataclass(frozen=True)
class Key:
    """A column of the order. In a position, None equals only None and is not greater than any value."""

    column: Column
    ascending: bool


def shape_of(position: paging.Position | None) -> Shape:
    """Return the shape of a position. Positions of one shape share a statement."""
    return tuple(value is not None for value in position) if position else ()


def names(shape: Shape) -> list[str]:
    """Return the names of the parameters of ``after``: one for each value that is not None."""
    return list(compress(map(_name, range(len(shape))), shape))


def read(token: str, query: Sequence[object], *columns: Column, outer: bool = False) -> paging.Position:
    """Return the position in a page token, one value for each column.

    With ``outer`` a value may be None, since the columns of an outer join are NULL if there is no row.

    Raise ``InvalidParameter`` if the token is damaged, belongs to another query, or has a value that its
    column cannot hold. The last check is needed because the token's hash uses no secret: a client can make a
    token with any values, and the database would raise an error for them.
    """
    position = paging.decode(token, query)
    if len(position) != len(columns) or not all(
        (outer and value is None) or _can_hold(column, value)
        for column, value in zip(columns, position, strict=True)
    ):
        raise InvalidParameter("Invalid page token, its position does not fit the order of the search")
    return position


def _can_hold(column: Column, value: object) -> bool:
    kind = column.type.python_type
    if type(value) is not kind:
        return False
    if isinstance(value, str):
        return not UNSTORABLE.search(value)
    bits = 63 if isinstance(column.type, sa.BigInteger) else 31
    return not isinstance(value, int) or -(2**bits) <= value < 2**bits


def after(keys: Sequence[Key], shape: Shape) -> Column:
    """Return the condition for the rows that come after a position of the shape, in the order of ``keys``."""
    choices: list[Column] = []
    equal: list[Column] = []
    bound: Column | None = None
    for index, (key, has_value) in enumerate(zip(keys, shape, strict=True)):
        if not has_value:
            equal.append(key.column.is_(None))
            continue
        value = sa.bindparam(_name(index), None, type_=key.column.type)
        choices.append(sa.and_(*equal, key.column > value if key.ascending else key.column < value))
        equal.append(key.column == value)
        if index == 0 and len(keys) > 1:
            # Redundant, but the databases use an index for this bound, and not for the OR.
            bound = key.column >= value if key.ascending else key.column <= value
    is_after = sa.or_(*choices)
    return is_after if bound is None else sa.and_(bound, is_after)


def _name(index: int) -> str:
    return f"after_{index}"
