"""A connection of the pool's for one transaction: the driver's own, and SQLAlchemy's where it is needed.

Most transactions are of prepared statements, which go to the driver. SQLAlchemy's Connection and Transaction
would take 12 us of each, where all of SQLite's part in a short one takes 40.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import sqlalchemy as sa


class AtHand:
    """Some of the pool's connections, as the last transactions left them: the next ones ask the pool no more.

    To take one from the pool and give it back is 6 us of a transaction that has the processor for itself, and
    a tenth of the server's part in a metric for PostgreSQL with eight connections.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pooled: list[Any] = []
        # Threads that wait for one of the pool's: it wakes them only for what it is given back.
        self._asking = 0
        self._lock = threading.Lock()

    def take(self) -> Any:
        """The one that was left last, None where there is none."""
        try:
            return self._pooled.pop()
        except IndexError:
            return None

    def take_or(self, ask: Callable[[], Any]) -> Any:
        """The one that was left last; where there is none, what ``ask()`` has of the pool."""
        pooled = self.take()
        if pooled is None:
            with self.asking():
                # Again: who left one just now may not have seen that somebody asks.
                pooled = self.take() or ask()
        return pooled

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While the pool is asked for a connection, and may have none: what comes free goes to it."""
        with self._lock:
            self._asking += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking -= 1

    def leave(self, pooled: Any) -> bool:
        """Have one ready for the next transaction; false where the pool is to have it."""
        if self._asking or len(self._pooled) >= self._most:
            return False
        self._pooled.append(pooled)
        if self._asking:  # only since then, perhaps after the look at those at hand
            self.give_back()
        return True

    def give_back(self) -> None:
        """Give all to the pool, which knows which of them are of no more use."""
        while pooled := self.take():
            pooled.close()


class Link:
    """Faults are SQLAlchemy's, as those of its own statements: a connection that died leaves the pool."""

    __slots__ = ("_at_hand", "_connection", "_pool", "_pooled", "dialect", "driver", "engine")

    def __init__(
        self, engine: sa.Engine, at_hand: AtHand, begin: Callable[[Any], None] | None = None
    ) -> None:
        """``begin`` has the pool's connection begin a transaction, where the first statement is not to."""
        self.engine = engine
        self.dialect = engine.dialect
        self._at_hand = at_hand
        self._pool = engine.pool
        self._connection: sa.Connection | None = None
        try:
            self._pooled: Any = at_hand.take_or(engine.raw_connection)
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
        try:
            connection._handle_dbapi_exception(fault, sql, values, None, None)
        finally:
            if not self._pooled.is_valid:  # the others died with it
                self._at_hand.give_back()

    def close(self) -> None:
        """Leave it to the next transaction, or to the pool. What was not committed is rolled back."""
        if self._connection is not None:
            self._connection.close()
        elif self._pooled.is_valid:
            is_usual = self._is_at_rest() and self._pool is self.engine.pool  # not one that was disposed of
            if not (is_usual and self._at_hand.leave(self._pooled)):
                self._pooled.close()

    def _is_at_rest(self) -> bool:
        """Whether it is in no transaction."""
        pipe = self.info.get("pipe")
        return pipe.is_at_rest() if pipe else not self.driver.in_transaction


__all__ = ["AtHand", "Link"]
