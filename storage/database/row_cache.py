"""Rows that this process has seen, on which a write to PostgreSQL relies without asking for them again.

To wait for such a row is a round trip, and most writes ask for nothing else: who logs 1,000 metrics asks
1,000 times for the same run. A write that relies on what was seen has the database look, in the same trip
as all the rest, whether it is still so (``must_exist``). Where it is not, the statement fails, and the
transaction with it; ``Database.run`` then forgets what was seen and does the work again, asking.
"""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

# Some 400 bytes each; they go in the order in which they came.
_MOST = 1000
# SQL has no other way to fail where there is no row; nothing else here divides.
_DIVISION_BY_ZERO = "22012"


class RowCache:
    """Rows by the key under which they are looked up."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, Any] = {}
        self._lock = Lock()

    def get(self, key: Hashable) -> Any:
        """The row, None where it was not seen."""
        return self._rows.get(key)

    def put(self, key: Hashable, row: Any) -> None:
        with self._lock:
            if len(self._rows) >= _MOST and key not in self._rows:
                del self._rows[next(iter(self._rows))]
            self._rows[key] = row

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()


def must_exist(rows: sa.CTE | sa.Subquery) -> sa.Select[Any]:
    """A statement that fails where ``rows`` are none."""
    return sa.select(sa.literal_column("1 / count(*)").label("is_so")).select_from(rows)


def is_missing_row(fault: exc.SQLAlchemyError) -> bool:
    """Whether an ``must_exist`` statement has failed."""
    return getattr(getattr(fault, "orig", None), "sqlstate", None) == _DIVISION_BY_ZERO
