"""One transaction, which storage functions are given."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from .connection import PooledConnection
from .prepared import Prepared
from .text_cache import TextCache

if TYPE_CHECKING:
    from .postgres_pipeline import Pipeline
    from .row_cache import RowCache

Rows = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Tx:
    """One transaction: what it may see, who is behind it, and ``execute``."""

    __slots__ = (
        "_after_commit",
        "_now_ms",
        "_pipeline",
        "_pooled",
        "_row_cache",
        "dialect",
        "request_id",
        "text_cache",
        "user",
        "workspace",
        "writes",
    )

    def __init__(
        self,
        pooled: PooledConnection,
        text_cache: TextCache,
        *,
        row_cache: RowCache | None = None,
        writes: bool,
        workspace: int,
        user: str | None,
        request_id: str,
    ) -> None:
        self._pooled = pooled
        self.writes = writes
        self._pipeline: Pipeline | None = None
        self.dialect: str = pooled.dialect.name
        if self.dialect == "postgresql":
            self._pipeline = pooled.info["pipeline"]
            self._pipeline.start()
        self.text_cache = text_cache
        self._row_cache = row_cache
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
        if self._pipeline is not None:
            try:
                self._pipeline.flush(begin=self.writes)
            except self._pooled.dialect.loaded_dbapi.Error as fault:
                self._pooled.fail(fault, "what waited")
        return self._pooled.connection.execute(statement, parameters)

    def first(self, statement: Prepared, *values: Any) -> Any:
        """The first row, or None."""
        found = self._run(statement, values)
        return found[0] if found else None

    def rows(self, statement: Prepared, *values: Any) -> list[Any]:
        return self._run(statement, values)

    def run(self, statement: Prepared, *values: Any) -> None:
        """Run a statement of which nobody reads what it returns."""
        plan = statement.plan(self._pooled.dialect)
        self._drive(plan.sql, plan.driver_values(values), False)

    def cached_row(self, key: Hashable) -> Any:
        """A row that was seen, for who then has an ``must_exist`` statement done; else None: ask for it."""
        return self._row_cache.get(key) if self._row_cache else None

    def cache_row(self, key: Hashable, row: Any) -> None:
        """Remember a row for the writes to come."""
        if self._row_cache:
            self._row_cache.put(key, row)

    def run_many(self, statement: Prepared, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Run an INSERT for each of many rows; what it returns for them, in any order."""
        if not rows:
            return []
        if len(rows) == 1:
            return self._run(statement, rows[0])
        plan = statement.plan(self._pooled.dialect)
        if plan.of_arrays:
            arrays = [list(column) for column in zip(*rows, strict=True)]
            found = self._drive(plan.of_arrays, arrays, plan.row is not None)
        else:
            found = self._drive(
                plan.sql, list(map(plan.driver_values, rows)), plan.row is not None, each=True
            )
        return found if plan.row is None else list(map(plan.row, found))

    def _run(self, statement: Prepared, values: Sequence[Any]) -> list[Any]:
        plan = statement.plan(self._pooled.dialect)
        values = plan.driver_values(values)
        found = self._drive(plan.sql, values, plan.row is not None, generic_plan=plan.generic_plan)
        return found if plan.row is None else list(map(plan.row, found))

    def _drive(
        self, sql: str, values: Any, returns: bool, *, each: bool = False, generic_plan: bool = False
    ) -> list[Any]:
        """Have the driver run the text, for ``each`` of a list of values where it is one.

        On PostgreSQL one that returns nothing may wait for the next that does, or for the commit.
        """
        pooled = self._pooled
        for listener in pooled.engine.dispatch.before_cursor_execute:
            listener(pooled, None, sql, values, None, each)
        try:
            if self._pipeline is not None:
                if generic_plan and not self.writes:
                    return self._pipeline.run_with_generic_plan(sql, values)
                return self._send(self._pipeline, sql, values if each else [values], returns)
            if not each:
                cursor = pooled.driver.execute(sql, values)
                return cursor.fetchall() if returns else []
            if not returns:
                pooled.driver.executemany(sql, values)
                return []
            return [row for one in values for row in pooled.driver.execute(sql, one).fetchall()]
        except pooled.dialect.loaded_dbapi.Error as fault:
            pooled.fail(fault, sql, values)

    def _send(self, pipeline: Pipeline, sql: str, each: Sequence[Any], returns: bool) -> list[Any]:
        found: list[Any] = []
        for values in each:
            if returns or not self.writes:
                found += pipeline.run(sql, values, begin=self.writes)
            else:
                pipeline.defer(sql, values)
        return found

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have ``call()`` made once the transaction is committed, and never if it is not."""
        self._after_commit = [*(self._after_commit or ()), call]

    @property
    def connection(self) -> sa.Connection:
        """SQLAlchemy's own, for migrations."""
        return self._pooled.connection

    def commit(self) -> None:
        """End the transaction; one that only reads has nothing to end."""
        if not self.writes:
            return
        if self._pipeline is None:
            self._pooled.commit()
            return
        sql: str | None = "what waited"
        try:
            self._pipeline.check_alive()
            sql = None  # from here on nobody knows whether it was received
            self._pipeline.commit()
        except self._pooled.dialect.loaded_dbapi.Error as fault:
            self._pooled.fail(fault, sql)

    def close(self) -> None:
        """Roll back what was not committed."""
        self._pooled.close()

    def notify_committed(self) -> None:
        for call in self._after_commit or ():
            call()
