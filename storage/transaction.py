"""One transaction, which storage functions are given."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from .kept import Kept
from .prepared import Prepared

if TYPE_CHECKING:
    from .pipe import Pipe
    from .seen import Seen

Rows = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Tx:
    """One transaction: what it may see, who is behind it, and ``execute``."""

    __slots__ = (
        "_after_commit",
        "_connection",
        "_driver",
        "_now_ms",
        "_pipe",
        "_seen",
        "_writes",
        "dialect",
        "kept",
        "request_id",
        "user",
        "workspace",
    )

    def __init__(
        self,
        connection: sa.Connection,
        kept: Kept,
        *,
        seen: Seen | None = None,
        writes: bool,
        workspace: int,
        user: str | None,
        request_id: str,
    ) -> None:
        self._connection = connection
        self._writes = writes
        self._pipe: Pipe | None = None
        if connection.dialect.name == "postgresql":
            self._pipe = connection.info["pipe"]
            self._pipe.start()
        self.kept = kept
        self._seen = seen
        self._driver: Any = None
        self._now_ms: int | None = None
        self._after_commit: list[Callable[[], None]] | None = None
        self.dialect: str = connection.dialect.name
        self.workspace = workspace
        self.user = user
        self.request_id = request_id

    @property
    def now_ms(self) -> int:
        """Milliseconds since the epoch, the same at every call within the transaction."""
        if self._now_ms is None:
            self._now_ms = time.time_ns() // 1_000_000
        return self._now_ms

    def execute(self, statement: sa.Executable, parameters: Rows | None = None) -> sa.CursorResult[Any]:
        """Run one statement, once for each of a list of parameters."""
        if self._pipe is not None:
            with self._faults("what waited"):
                self._pipe.flush(begin=self._writes)
        return self._connection.execute(statement, parameters)

    def first(self, statement: Prepared, *values: Any) -> Any:
        """The first row, or None."""
        found = self._run(statement, values)
        return found[0] if found else None

    def rows(self, statement: Prepared, *values: Any) -> list[Any]:
        return self._run(statement, values)

    def do(self, statement: Prepared, *values: Any) -> None:
        self._run(statement, values)

    def recall(self, key: Hashable) -> Any:
        """A row that was seen, for who then has the database ``insist`` on it; else None: ask for it."""
        return self._seen.get(key) if self._seen else None

    def note(self, key: Hashable, row: Any) -> None:
        """Remember a row for the writes to come."""
        if self._seen:
            self._seen.note(key, row)

    def insist(self, statement: Prepared, *values: Any) -> None:
        """Have an ``insisting`` statement run before what comes next."""
        plan = statement.plan(self._connection.dialect)
        self._drive(plan.sql, values if plan.arrange is None else plan.arrange(values), False)

    def do_all(self, statement: Prepared, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Run an INSERT for each of many rows; what it returns for them, in any order."""
        if not rows:
            return []
        if len(rows) == 1:
            return self._run(statement, rows[0])
        plan = statement.plan(self._connection.dialect)
        if plan.of_arrays:
            arrays = [list(column) for column in zip(*rows, strict=True)]
            found = self._drive(plan.of_arrays, arrays, plan.row is not None)
        else:
            arranged = rows if plan.arrange is None else list(map(plan.arrange, rows))
            found = self._drive(plan.sql, arranged, plan.row is not None, each=True)
        return found if plan.row is None else list(map(plan.row, found))

    def _run(self, statement: Prepared, values: Sequence[Any]) -> list[Any]:
        plan = statement.plan(self._connection.dialect)
        if plan.arrange is not None:
            values = plan.arrange(values)
        found = self._drive(plan.sql, values, plan.row is not None, any_values=plan.is_for_any_values)
        return found if plan.row is None else list(map(plan.row, found))

    def _drive(
        self, sql: str, values: Any, returns: bool, *, each: bool = False, any_values: bool = False
    ) -> list[Any]:
        """Have the driver run the text, for ``each`` of a list of values where it is one.

        On PostgreSQL one that returns nothing may wait for the next that does, or for the commit.
        """
        connection = self._connection
        for listener in connection.engine.dispatch.before_cursor_execute:
            listener(connection, None, sql, values, None, each)
        try:
            if self._pipe is not None:
                if any_values and not self._writes:
                    return self._pipe.run_as_planned(sql, values)
                return self._send(self._pipe, sql, values if each else [values], returns)
            driver = self._driver
            if driver is None:
                driver = self._driver = connection.connection.driver_connection
            if not each:
                cursor = driver.execute(sql, values)
                return cursor.fetchall() if returns else []
            if not returns:
                driver.executemany(sql, values)
                return []
            return [row for one in values for row in driver.execute(sql, one).fetchall()]
        except connection.dialect.loaded_dbapi.Error as fault:
            # As SQLAlchemy treats the faults of its own statements: a connection that died leaves the pool.
            connection._handle_dbapi_exception(fault, sql, values, None, None)

    def _send(self, pipe: Pipe, sql: str, each: Sequence[Any], returns: bool) -> list[Any]:
        found: list[Any] = []
        for values in each:
            if returns or not self._writes:
                found += pipe.run(sql, values, begin=self._writes)
            else:
                pipe.defer(sql, values)
        return found

    @contextmanager
    def _faults(self, sql: str | None) -> Iterator[None]:
        """The pipe's faults as SQLAlchemy's. Without ``sql`` as those of its COMMIT: where the connection
        died there, it may be committed."""
        try:
            yield
        except self._connection.dialect.loaded_dbapi.Error as fault:
            self._connection._handle_dbapi_exception(fault, sql, None, None, None)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have ``call()`` made once the transaction is committed, and never if it is not."""
        self._after_commit = [*(self._after_commit or ()), call]

    def commit(self) -> None:
        """End the transaction here, where that spares a round trip; else its connection does."""
        if self._pipe is not None and self._writes:
            with self._faults("what waited"):
                self._pipe.look()
            with self._faults(None):
                self._pipe.commit()

    def committed(self) -> None:
        for call in self._after_commit or ():
            call()
