"""A database, SQLite or PostgreSQL: its connection pool, and transactions that are repeated if necessary.

Invariants: one request is one transaction, in which the handler's writes and the audit row commit together.
``Database.run`` repeats the whole transaction if it lost a race with another one (deadlock, serialization
failure, locked database), if its connection was lost before the commit, or if a cached row turned out to be
missing. So the function that it runs must not change its request, and must do nothing outside the database
that cannot be repeated.

No transaction is open while a client sends or receives, or while an artifact store works.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url

from trackway.client_compat.errors import Unavailable

from . import errors, postgres, sqlite
from .connection import PooledConnection
from .row_cache import RowCache, is_missing_row
from .sqlite import WAIT_S
from .sqlite_write_lock import WriteLock
from .text_cache import TextCache
from .transaction import Tx

T = TypeVar("T")

log = logging.getLogger("trackway.storage")

DEFAULT_WORKSPACE = 1
_ATTEMPTS = 6
# Entries take some 250 bytes.
_MAX_CONTAINERS = 10_000
_POSTGRES_NAMES = {"postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"}
_PASSWORD = re.compile("(://[^:/@]*:).*@")


# Stores nothing. Transactions that write use it: they may change a run after they have read its version.
_NO_TEXT_CACHE = TextCache(0)


class Database:
    """A connection pool for one database, shared by the threads of a process, and the caches of its rows.

    A process that forks closes its connections first (``dispose``); the children open their own.
    """

    def __init__(
        self,
        uri: str,
        *,
        synchronous: str = "NORMAL",
        pool_size: int = 8,
        statement_timeout_s: float | None = None,
        connect_parameters: Mapping[str, int] | None = None,
    ) -> None:
        """Prepare the pool. Raise ``ValueError``, with a message for the operator, if a setting is wrong.

        ``synchronous`` is SQLite's setting. ``statement_timeout_s`` limits the time of a statement, on SQLite
        of all statements of a transaction. ``connect_parameters`` are libpq's, for PostgreSQL; those in the
        URI have priority.
        """
        url = parse_uri(uri)
        self.dialect = url.get_backend_name()
        self._is_sqlite = self.dialect == "sqlite"
        self._text_cache = TextCache()
        self._row_cache: RowCache | None = None
        self._containers = RowCache(_MAX_CONTAINERS)
        self._prepare_policy: postgres.PreparePolicy | None = None
        self._write_lock: WriteLock | None = None
        self._begin_write: Callable[[Any], None] | None = None
        if self._is_sqlite:
            self._write_lock = WriteLock()
            self._engine = sqlite.make_engine(
                url, synchronous=synchronous, pool_size=pool_size, statement_timeout_s=statement_timeout_s
            )
            self._begin_write = partial(sqlite.begin_writing, self._write_lock)
            self._read_engine = self._engine
        else:
            self._engine, self._prepare_policy = postgres.make_engine(
                url,
                pool_size=pool_size,
                pool_timeout_s=WAIT_S,
                statement_timeout_s=statement_timeout_s,
                connect_parameters=connect_parameters or {},
            )
            self._row_cache = RowCache()
            # Requests that read need no common snapshot for their statements; BEGIN and ROLLBACK would cost
            # two round trips.
            self._read_engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine, for migrations and tests. Requests use ``run``."""
        return self._engine

    @contextmanager
    def begin(
        self,
        *,
        write: bool,
        workspace: int = DEFAULT_WORKSPACE,
        user: str | None = None,
        request_id: str = "",
    ) -> Iterator[Tx]:
        """Open a transaction. Commit it at the end of the block; roll it back if the block raises.

        It is not repeated, and errors are SQLAlchemy's. Requests use ``run``.
        """
        tx = self._open(write, workspace, user, request_id)
        try:
            yield tx
            tx.commit()
        finally:
            self._close(tx)
        tx.notify_committed()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open a transaction that writes, for Alembic, and yield SQLAlchemy's connection."""
        with self.begin(write=True) as tx:
            connection = tx.connection
            connection.begin()  # otherwise Alembic would begin and commit a transaction for each of its steps
            yield connection

    def run(
        self,
        work: Callable[[Tx], T],
        *,
        write: bool,
        workspace: int = DEFAULT_WORKSPACE,
        user: str | None = None,
        request_id: str = "",
    ) -> T:
        """Run ``work(tx)`` in a transaction, commit it, and return the result.

        If the transaction lost a race with another, or its connection was lost before the commit, it is run
        again as a whole, up to 6 times in all. If a cached row was missing, it is run again without the row
        cache. Raise ``Unavailable`` if the database cannot be reached, stays locked, or is full.
        """
        row_cache = self._row_cache
        attempt = 1
        while True:
            try:
                tx = self._open(write, workspace, user, request_id, row_cache)
                try:
                    result = work(tx)
                    tx.commit()
                finally:
                    self._close(tx)
                tx.notify_committed()
                return result
            except (exc.DBAPIError, exc.TimeoutError) as fault:
                if row_cache and is_missing_row(fault):
                    row_cache.clear()
                    row_cache = None
                    continue
                if (
                    not (errors.is_retryable(fault, write) or self.lost_prepared_statement(fault))
                    or attempt == _ATTEMPTS
                ):
                    raise errors.as_api_error(fault) from fault
                log.info("transaction of request %s is repeated: %s", request_id, errors.first_line(fault))
                time.sleep(random.uniform(0, 0.01 * 2**attempt))
                attempt += 1

    def lost_prepared_statement(self, fault: exc.SQLAlchemyError) -> bool:
        """Return whether the error means that a connection pooler has lost a prepared statement.

        If so, close the unused connections; new ones prepare no statements.
        """
        if not isinstance(fault, exc.DBAPIError) or not self._prepare_policy:
            return False
        is_lost = self._prepare_policy.disable_after(fault)
        if is_lost:
            self._close_idle()
        return is_lost

    def forget_experiments(self) -> None:
        """Forget which experiments are in which workspace: some may have moved."""
        self._text_cache.forget_experiments()

    def _open(
        self,
        write: bool,
        workspace: int,
        user: str | None,
        request_id: str,
        row_cache: RowCache | None = None,
    ) -> Tx:
        """Begin a transaction. It uses the row cache only if the caller passes it.

        A caller that passes it must repeat the work without it after an error that ``is_missing_row``.
        """
        if write:
            self._acquire_write_lock()
        try:
            return Tx(
                PooledConnection(self._engine, self._begin_write)
                if write
                else PooledConnection(self._read_engine),
                _NO_TEXT_CACHE if write else self._text_cache,
                containers=self._containers,
                row_cache=row_cache,
                writes=write,
                workspace=workspace,
                user=user,
                request_id=request_id,
            )
        except BaseException:
            if write:
                self._release_write_lock()
            raise

    def _close(self, tx: Tx) -> None:
        try:
            tx.close()
        finally:
            if tx.writes:
                self._release_write_lock()

    def _acquire_write_lock(self) -> None:
        """Acquire the write lock, on SQLite. Raise ``Unavailable`` after the time-out."""
        if self._write_lock is None or self._write_lock.acquire(WAIT_S):
            return
        raise Unavailable(f"The database was busy with other writes for {WAIT_S:.0f} seconds.")

    def _release_write_lock(self) -> None:
        if self._write_lock is not None:
            self._write_lock.release()

    def ping(self) -> None:
        """Raise ``Unavailable`` if the database does not answer."""
        try:
            with self._read_engine.connect() as connection:
                connection.execute(sa.select(1))
        except (exc.DBAPIError, exc.TimeoutError) as fault:
            raise errors.as_api_error(fault) from fault

    def _close_idle(self) -> None:
        """Close unused connections at once, and those in use when they are returned to the pool."""
        self._engine.dispose()

    def dispose(self) -> None:
        """Close the connections. The next use of the database opens new ones."""
        self._close_idle()


def parse_uri(uri: str) -> URL:
    """Parse the store URI as MLflow users write it, and set the driver that Trackway uses.

    Raise ``ValueError``, with a message for the operator, if it is no URI of SQLite or PostgreSQL.
    """
    redacted = _PASSWORD.sub(r"\1***@", uri)
    if "://" not in uri:
        raise ValueError(
            f"The store URI {redacted!r} is a folder; Trackway keeps its data in a database: "
            "use sqlite:///path/to/file.db or postgresql://user:password@host/name."
        )
    try:
        url = make_url(uri)
    except (exc.ArgumentError, ValueError):
        raise ValueError(f"The store URI {redacted!r} cannot be read as a database URL.") from None
    if url.drivername in _POSTGRES_NAMES:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername in {"sqlite", "sqlite+pysqlite"}:
        if not url.database or url.database == ":memory:":
            raise ValueError(
                "The store URI names a SQLite database in memory, which would be lost when the server stops: "
                "use sqlite:///path/to/file.db."
            )
        return url.set(drivername="sqlite+pysqlite")
    raise ValueError(f"The store URI names {url.drivername!r}; Trackway supports sqlite and postgresql.")


def file_of(uri: str) -> Path | None:
    """Return the file of a SQLite database, which may not exist yet; None for PostgreSQL."""
    url = parse_uri(uri)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


__all__ = [
    "DEFAULT_WORKSPACE",
    "Database",
    "Tx",
    "file_of",
    "parse_uri",
]
