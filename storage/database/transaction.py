"""One transaction, which storage functions are given."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from .connection import Link
from .prepared import Prepared
from .text_cache import Kept

if TYPE_CHECKING:
    from .postgres_pipeline import Pipe
    from .row_cache import Seen

Rows = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Tx:
    """One transaction: what it may see, who is behind it, and ``execute``."""

    __slots__ = (
        "_after_commit",
        "_link",
        "_now_ms",
        "_pipe",
        "_seen",
        "dialect",
        "kept",
        "request_id",
        "user",
        "workspace",
        "writes",
    )

    def __init__(
        self,
        link: Link,
        kept: Kept,
        *,
        seen: Seen | None = None,
        writes: bool,
        workspace: int,
        user: str | None,
        request_id: str,
    ) -> None:
        self._link = link
        self.writes = writes
        self._pipe: Pipe | None = None
        self.dialect: str = link.dialect.name
        if self.dialect == "postgresql":
            self._pipe = link.info["pipe"]
            self._pipe.start()
        self.kept = kept
        self._seen = seen
        self._now_ms: int | None = None
        self._after_commit: list[Callable[[], None]] | None = None
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
            try:
                self._pipe.flush(begin=self.writes)
            except self._link.dialect.loaded_dbapi.Error as fault:
                self._link.fail(fault, "what waited")
        return self._link.connection.execute(statement, parameters)

    def first(self, statement: Prepared, *values: Any) -> Any:
        """The first row, or None."""
        found = self._run(statement, values)
        return found[0] if found else None

    def rows(self, statement: Prepared, *values: Any) -> list[Any]:
        return self._run(statement, values)

    def do(self, statement: Prepared, *values: Any) -> None:
        """Run a statement of which nobody reads what it returns."""
        plan = statement.plan(self._link.dialect)
        self._drive(plan.sql, plan.arranged(values), False)

    def recall(self, key: Hashable) -> Any:
        """A row that was seen, for who then has an ``insisting`` statement done; else None: ask for it."""
        return self._seen.get(key) if self._seen else None

    def note(self, key: Hashable, row: Any) -> None:
        """Remember a row for the writes to come."""
        if self._seen:
            self._seen.note(key, row)

    def do_all(self, statement: Prepared, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Run an INSERT for each of many rows; what it returns for them, in any order."""
        if not rows:
            return []
        if len(rows) == 1:
            return self._run(statement, rows[0])
        plan = statement.plan(self._link.dialect)
        if plan.of_arrays:
            arrays = [list(column) for column in zip(*rows, strict=True)]
            found = self._drive(plan.of_arrays, arrays, plan.row is not None)
        else:
            found = self._drive(plan.sql, list(map(plan.arranged, rows)), plan.row is not None, each=True)
        return found if plan.row is None else list(map(plan.row, found))

    def _run(self, statement: Prepared, values: Sequence[Any]) -> list[Any]:
        plan = statement.plan(self._link.dialect)
        arranged = plan.arranged(values)
        found = self._drive(plan.sql, arranged, plan.row is not None, any_values=plan.is_for_any_values)
        return found if plan.row is None else list(map(plan.row, found))

    def _drive(
        self, sql: str, values: Any, returns: bool, *, each: bool = False, any_values: bool = False
    ) -> list[Any]:
        """Have the driver run the text, for ``each`` of a list of values where it is one.

        On PostgreSQL one that returns nothing may wait for the next that does, or for the commit.
        """
        link = self._link
        for listener in link.engine.dispatch.before_cursor_execute:
            listener(link, None, sql, values, None, each)
        try:
            if self._pipe is not None:
                if any_values and not self.writes:
                    return self._pipe.run_as_planned(sql, values)
                return self._send(self._pipe, sql, values if each else [values], returns)
            if not each:
                cursor = link.driver.execute(sql, values)
                return cursor.fetchall() if returns else []
            if not returns:
                link.driver.executemany(sql, values)
                return []
            return [row for one in values for row in link.driver.execute(sql, one).fetchall()]
        except link.dialect.loaded_dbapi.Error as fault:
            link.fail(fault, sql, values)

    def _send(self, pipe: Pipe, sql: str, each: Sequence[Any], returns: bool) -> list[Any]:
        found: list[Any] = []
        for values in each:
            if returns or not self.writes:
                found += pipe.run(sql, values, begin=self.writes)
            else:
                pipe.defer(sql, values)
        return found

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have ``call()`` made once the transaction is committed, and never if it is not."""
        self._after_commit = [*(self._after_commit or ()), call]

    @property
    def connection(self) -> sa.Connection:
        """SQLAlchemy's own, for migrations."""
        return self._link.connection

    def commit(self) -> None:
        """End the transaction; one that only reads has nothing to end."""
        if not self.writes:
            return
        if self._pipe is None:
            self._link.commit()
            return
        sql: str | None = "what waited"
        try:
            self._pipe.look()
            sql = None  # from here on nobody knows whether it was received
            self._pipe.commit()
        except self._link.dialect.loaded_dbapi.Error as fault:
            self._link.fail(fault, sql)

    def close(self) -> None:
        """Roll back what was not committed."""
        self._link.close()

    def committed(self) -> None:
        for call in self._after_commit or ():
            call()
