"""The row cache: rows that a write to PostgreSQL uses without reading them again.

Reading a row costs a round trip, and most writes read the same rows: a client that logs 1,000 metrics to a
run needs that run's row 1,000 times.

Invariant: a write may rely on a cached row only together with a ``must_exist`` statement. This statement
travels in the same round trip as the rest of the write. If the row is gone or has changed, the statement
fails, and with it the transaction; ``Database.run`` then clears the cache and runs the transaction again
without it.
"""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

# A row takes some 400 bytes. The row that was added first is removed first.
_MAX_ROWS = 1000
# SQLSTATE of the error that ``must_exist`` causes. No other statement here divides.
_DIVISION_BY_ZERO = "22012"


class RowCache:
    """Rows by the key under which they are looked up. Threads may share it."""

    def __init__(self, limit: int = _MAX_ROWS) -> None:
        self._limit = limit
        self._rows: dict[Hashable, Any] = {}
        self._lock = Lock()

    def get(self, key: Hashable) -> Any:
        """Return the cached row, or None."""
        return self._rows.get(key)

    def put(self, key: Hashable, row: Any) -> None:
        with self._lock:
            if len(self._rows) >= self._limit and key not in self._rows:
                del self._rows[next(iter(self._rows))]
            self._rows[key] = row

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()


def must_exist(rows: sa.CTE | sa.Subquery) -> sa.Select[Any]:
    """Return a statement that fails if ``rows`` is empty.

    It divides by the number of rows: plain SQL has no statement that raises an error on purpose.
    """
    return sa.select(sa.literal_column("1 / count(*)").label("is_so")).select_from(rows)


def is_missing_row(fault: exc.SQLAlchemyError) -> bool:
    """Return whether the error comes from a ``must_exist`` statement."""
    return getattr(getattr(fault, "orig", None), "sqlstate", None) == _DIVISION_BY_ZERO
