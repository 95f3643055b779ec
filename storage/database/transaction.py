"""One transaction, ``Tx``: every storage function takes it as its first argument.

Invariants: one request is one transaction, so storage functions never commit; ``Database.run`` commits after
the handler has returned. A storage function returns no row of another workspace than ``tx.workspace``. The
transaction may run again from its beginning, so a function does nothing outside the database before the
commit; ``Tx.after_commit`` is the place for that.
"""

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

# Stands for the SQL text in an error of deferred statements: one exchange may hold several.
_DEFERRED = "deferred statements"
Rows = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Tx:
    """One transaction: its workspace, its user, and the methods that run statements.

    Prepared statements (``first``, ``rows``, ``run``, ``run_many``) are for hot paths; ``execute`` takes any
    statement of SQLAlchemy's.
    """

    __slots__ = (
        "_after_commit",
        "_now_ms",
        "_pipeline",
        "_pooled",
        "_row_cache",
        "changes",
        "containers",
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
        containers: RowCache,
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
        # What never changes about resources: the experiments of runs and logged models.
        self.containers = containers
        self._now_ms: int | None = None
        self._after_commit: list[Callable[[], None]] | None = None
        # What the transaction has changed, for the detail of its audit row (``storage/access/changes.py``).
        self.changes: list[dict[str, Any]] | None = None
        self.workspace = workspace
        self.user = user
        self.request_id = request_id

    @property
    def now_ms(self) -> int:
        """Milliseconds since the epoch. Every call in one transaction returns the same value."""
        if self._now_ms is None:
            self._now_ms = time.time_ns() // 1_000_000
        return self._now_ms

    def execute(self, statement: sa.Executable, parameters: Rows | None = None) -> sa.CursorResult[Any]:
        """Run a statement, once for each element if ``parameters`` is a list."""
        if self._pipeline is not None:
            try:
                self._pipeline.flush(begin=self.writes)
            except self._pooled.dialect.loaded_dbapi.Error as fault:
                self._pooled.raise_error(fault, _DEFERRED)
        return self._pooled.connection.execute(statement, parameters)

    def first(self, statement: Prepared, *values: Any) -> Any:
        """Return the first row that the statement returns, or None."""
        found = self._run(statement, values)
        return found[0] if found else None

    def rows(self, statement: Prepared, *values: Any) -> list[Any]:
        """Return all rows that the statement returns, in its order."""
        return self._run(statement, values)

    def run(self, statement: Prepared, *values: Any) -> None:
        """Run a statement and ignore its result.

        In a transaction that writes to PostgreSQL it may be sent later: with the next statement that returns
        rows, or with the commit. Its errors are then raised there.
        """
        plan = statement.plan(self._pooled.dialect)
        self._run_on_driver(plan.sql, plan.driver_values(values), False)

    def cached_row(self, key: Hashable) -> Any:
        """Return the cached row, or None.

        A caller that uses a cached row must write with ``must_exist``, which fails if the row is gone.
        """
        return self._row_cache.get(key) if self._row_cache else None

    def cache_row(self, key: Hashable, row: Any) -> None:
        """Store a row in the row cache, for later transactions of this process."""
        if self._row_cache:
            self._row_cache.put(key, row)

    def run_many(self, statement: Prepared, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Run an INSERT for each row. Return the rows that it returns, in any order.

        Sort the rows by their key, so that two transactions that write the same rows cannot deadlock.
        """
        if not rows:
            return []
        if len(rows) == 1:
            return self._run(statement, rows[0])
        plan = statement.plan(self._pooled.dialect)
        if plan.array_sql:
            arrays = [list(column) for column in zip(*rows, strict=True)]
            found = self._run_on_driver(plan.array_sql, arrays, plan.row is not None)
        else:
            found = self._run_on_driver(
                plan.sql, list(map(plan.driver_values, rows)), plan.row is not None, each=True
            )
        return found if plan.row is None else list(map(plan.row, found))

    def _run(self, statement: Prepared, values: Sequence[Any]) -> list[Any]:
        plan = statement.plan(self._pooled.dialect)
        values = plan.driver_values(values)
        found = self._run_on_driver(plan.sql, values, plan.row is not None, generic_plan=plan.generic_plan)
        return found if plan.row is None else list(map(plan.row, found))

    def _run_on_driver(
        self, sql: str, values: Any, returns: bool, *, each: bool = False, generic_plan: bool = False
    ) -> list[Any]:
        """Run the SQL text on the driver. With ``each``, ``values`` is a list: run it once for each element.

        On PostgreSQL a statement that returns no rows may be deferred, see ``run``.
        """
        pooled = self._pooled
        for listener in pooled.engine.dispatch.before_cursor_execute:
            listener(pooled, None, sql, values, None, each)
        try:
            if self._pipeline is not None:
                if generic_plan and not self.writes:
                    return self._pipeline.run_with_generic_plan(sql, values)
                return self._run_in_pipeline(self._pipeline, sql, values if each else [values], returns)
            if not each:
                cursor = pooled.driver.execute(sql, values)
                return cursor.fetchall() if returns else []
            if not returns:
                pooled.driver.executemany(sql, values)
                return []
            return [row for one in values for row in pooled.driver.execute(sql, one).fetchall()]
        except pooled.dialect.loaded_dbapi.Error as fault:
            pooled.raise_error(fault, sql, values)

    def _run_in_pipeline(self, pipeline: Pipeline, sql: str, each: Sequence[Any], returns: bool) -> list[Any]:
        found: list[Any] = []
        for values in each:
            if returns or not self.writes:
                found += pipeline.run(sql, values, begin=self.writes)
            else:
                pipeline.defer(sql, values)
        return found

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call ``call()`` after the commit; never if the transaction is rolled back."""
        self._after_commit = [*(self._after_commit or ()), call]

    @property
    def connection(self) -> sa.Connection:
        """SQLAlchemy's connection, for migrations."""
        return self._pooled.connection

    def commit(self) -> None:
        """Commit a transaction that writes. One that only reads needs no commit: ``close`` ends it."""
        if not self.writes:
            return
        if self._pipeline is None:
            self._pooled.commit()
            return
        sql: str | None = _DEFERRED
        try:
            self._pipeline.check_alive()
            sql = None  # from here on an error leaves it open whether PostgreSQL has committed
            self._pipeline.commit()
        except self._pooled.dialect.loaded_dbapi.Error as fault:
            self._pooled.raise_error(fault, sql)

    def close(self) -> None:
        """Return the connection to the pool. Roll back what was not committed."""
        self._pooled.close()

    def notify_committed(self) -> None:
        """Make the calls of ``after_commit``."""
        for call in self._after_commit or ():
            call()
