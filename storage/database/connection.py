"""A connection of the pool's for one transaction: the driver's own, and SQLAlchemy's where it is needed.

Most transactions are of prepared statements, which go to the driver. SQLAlchemy's Connection and Transaction
would take 12 us of each, where all of SQLite's part in a short one takes 40.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import sqlalchemy as sa


class PooledConnection:
    """Faults are SQLAlchemy's, as those of its own statements: a connection that died leaves the pool."""

    __slots__ = ("_connection", "_pooled", "dialect", "driver", "engine")

    def __init__(self, engine: sa.Engine, begin: Callable[[Any], None] | None = None) -> None:
        """``begin`` has the pool's connection begin a transaction, where the first statement is not to."""
        self.engine = engine
        self.dialect = engine.dialect
        self._connection: sa.Connection | None = None
        try:
            self._pooled: Any = engine.raw_connection()
        except self.dialect.loaded_dbapi.Error as fault:
            sa.Connection._handle_dbapi_exception_noconnection(fault, self.dialect, engine)
        self.driver: Any = self._pooled.dbapi_connection
        if begin:
            try:
                begin(self._pooled)
            except self.dialect.loaded_dbapi.Error as fault:
                try:
                    self.fail(fault)
                finally:
                    self.close()

    @property
    def info(self) -> dict[Any, Any]:
        """What is kept with the connection for as long as it lives."""
        info: dict[Any, Any] = self._pooled.info
        return info

    @property
    def connection(self) -> sa.Connection:
        """SQLAlchemy's. Where it begins a transaction, that is for the driver the one that there is."""
        if self._connection is None:
            self._connection = sa.Connection(self.engine, self._pooled)
        return self._connection

    def commit(self) -> None:
        try:
            self.driver.commit()
        except self.dialect.loaded_dbapi.Error as fault:
            self.fail(fault)

    def fail(self, fault: BaseException, sql: str | None = None, values: Any = None) -> NoReturn:
        """Raise the driver's fault; without ``sql`` as that of a COMMIT, which may be done where the
        connection died."""
        # Without events: they would set up a connection that may be dead.
        connection = self._connection or sa.Connection(self.engine, self._pooled, _has_events=False)
        connection._handle_dbapi_exception(fault, sql, values, None, None)

    def close(self) -> None:
        """Give it back to the pool, which rolls back what was not committed."""
        if self._connection is not None:
            self._connection.close()
        elif self._pooled.is_valid:
            self._pooled.close()
