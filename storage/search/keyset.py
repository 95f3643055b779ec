"""Where in an order a page begins: behind the last row of the page before, as a token and as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import sqlalchemy as sa

from trackway.client_compat import paging
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.scalars import UNSTORABLE

from .conditions import Column

# For each key of the order, whether a position has a value; empty without one.
Shape = tuple[bool, ...]


@dataclass(frozen=True)
class Key:
    """One column of the order; ``None`` never compares as greater, it only equals itself."""

    column: Column
    ascending: bool


def shape_of(position: paging.Position | None) -> Shape:
    return tuple(value is not None for value in position) if position else ()


def names(shape: Shape) -> list[str]:
    """The parameters of ``after``, one for each value that the position has."""
    return list(compress(map(_name, range(len(shape))), shape))


def read(token: str, query: Sequence[object], *columns: Column, outer: bool = False) -> paging.Position:
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


def after(keys: Sequence[Key], shape: Shape) -> Column:
    """Rows that come after a position, which has a value for some of the keys, in their order."""
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
            # The OR alone would not be read off an index; this bound, which it implies, is.
            bound = key.column >= value if key.ascending else key.column <= value
    after = sa.or_(*choices)
    return after if bound is None else sa.and_(bound, after)


def _name(index: int) -> str:
    return f"after_{index}"
