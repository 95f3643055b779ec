"""A connection of the pool for the time of one transaction: the driver's, and SQLAlchemy's on demand.

Most transactions consist of prepared statements, which go directly to the driver. SQLAlchemy's Connection and
Transaction would cost 12 microseconds for each transaction; a short one on SQLite takes 40 in all.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, NoReturn

import sqlalchemy as sa

from .time_limit import StatementTimer

# PostgreSQL's refusals of a new connection; psycopg gives no SQLSTATE for them.
_TOO_MANY = re.compile("too many (?:clients|connections)|remaining connection slots")
_FULL_TIMEOUT_S = 10.0
_FULL_PAUSE_S = 0.02


class PooledConnection:
    """One connection of the pool.

    Errors of the driver are raised as SQLAlchemy raises them (``sqlalchemy.exc``), and a lost connection is
    removed from the pool.
    """

    __slots__ = ("_connection", "_pooled", "_timer", "dialect", "driver", "engine")

    def __init__(self, engine: sa.Engine, begin: Callable[[Any], None] | None = None) -> None:
        """Take a connection from the pool.

        ``begin``, if given, begins the transaction on it at once; else the first statement does.
        """
        self.engine = engine
        self.dialect = engine.dialect
        self._connection: sa.Connection | None = None
        deadline = time.monotonic() + _FULL_TIMEOUT_S
        while True:
            try:
                self._pooled: Any = engine.raw_connection()
                break
            except self.dialect.loaded_dbapi.Error as fault:
                if _is_full(fault) and _others_in_use(engine) and time.monotonic() < deadline:
                    time.sleep(_FULL_PAUSE_S)  # one of the pool's own connections will become free
                    continue
                sa.Connection._handle_dbapi_exception_noconnection(fault, self.dialect, engine)
        self.driver: Any = self._pooled.dbapi_connection
        self._timer: StatementTimer | None = None
        if begin:
            try:
                begin(self._pooled)
            except self.dialect.loaded_dbapi.Error as fault:
                try:
                    self.raise_error(fault)
                finally:
                    self.close()
        self._timer = self._pooled.info.get("timer")
        if self._timer is not None:
            self._timer.start()

    @property
    def info(self) -> dict[Any, Any]:
        """Values that are kept with the driver's connection for its lifetime."""
        info: dict[Any, Any] = self._pooled.info
        return info

    @property
    def connection(self) -> sa.Connection:
        """SQLAlchemy's connection. It joins the driver's transaction if one is open."""
        if self._connection is None:
            self._connection = sa.Connection(self.engine, self._pooled)
        return self._connection

    def commit(self) -> None:
        try:
            self.driver.commit()
        except self.dialect.loaded_dbapi.Error as fault:
            self.raise_error(fault)

    def raise_error(self, fault: BaseException, sql: str | None = None, values: Any = None) -> NoReturn:
        """Raise the driver's error as SQLAlchemy's.

        Without ``sql`` the error counts as one of COMMIT: if the connection was lost, the transaction may
        have been committed, so ``errors.is_retryable`` refuses to repeat it.
        """
        # Without events: they would set up a connection that may be dead.
        connection = self._connection or sa.Connection(self.engine, self._pooled, _has_events=False)
        connection._handle_dbapi_exception(fault, sql, values, None, None)

    def close(self) -> None:
        """Return the connection to the pool, which rolls back what was not committed."""
        if self._timer is not None:
            self._timer.stop()
        if self._connection is not None:
            self._connection.close()
        elif self._pooled.is_valid:
            self._pooled.close()


def _is_full(fault: Exception) -> bool:
    """Return whether PostgreSQL refused a new connection because it has as many as it may have."""
    return bool(_TOO_MANY.search(str(fault)))


def _others_in_use(engine: sa.Engine) -> bool:
    return int(getattr(engine.pool, "checkedout", int)()) > 0
