"""Pages of a bounded number of bytes: a page may end before it has as many results as were asked for.

The rows of a page are short and are read at once. Their children, such as metrics, are read for some rows at
a time, until the JSON texts of the results have ``MAX_PAGE_BYTES``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from trackway.client_compat import codec

from .conditions import TooManyRows

T = TypeVar("T")

MAX_PAGE_BYTES = 32 * 2**20
# Rows whose children are read at a time.
_STEP = 1000


def fill(
    rows: Sequence[Any], make: Callable[[Sequence[Any]], list[T]], size_of: Callable[[T], int] | None = None
) -> list[T]:
    """Return the results of the first rows: of all rows, or of as many as fit in a page, at least one.

    ``make`` returns the results of some rows. It may raise ``TooManyRows`` if it gets more than one row.
    Without ``size_of``, results are messages. Measuring these takes as long as encoding them, so it is not
    done for a page of up to 1,000.
    """
    if size_of is None and len(rows) <= _STEP:
        return make(rows)
    items: list[T] = []
    free = MAX_PAGE_BYTES
    step = _STEP
    while len(items) < len(rows):
        part = rows[len(items) : len(items) + step]
        try:
            made = make(part)
        except TooManyRows:
            step = max(1, len(part) // 8)
            continue
        for item in made:
            free -= size_of(item) if size_of else _encoded_size(item)
            if free < 0 and items:
                return items
            items.append(item)
    return items


def _encoded_size(item: Any) -> int:
    return len(codec.dumps(item))
