"""One database, SQLite or PostgreSQL, and transactions on it."""

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
_POSTGRES_NAMES = {"postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"}
_PASSWORD = re.compile("(://[^:/@]*:).*@")


# A transaction may write between one reading and the next.
_NO_CACHE = TextCache(0)


class Database:
    """Connections to one database; made after the fork, shared by a process's threads."""

    def __init__(
        self,
        uri: str,
        *,
        synchronous: str = "NORMAL",
        pool_size: int = 8,
        connect: Mapping[str, int] | None = None,
    ) -> None:
        """``connect`` are parameters of libpq's for PostgreSQL, where the URI does not say them."""
        url = parse_uri(uri)
        self.dialect = url.get_backend_name()
        self._is_sqlite = self.dialect == "sqlite"
        self._text_cache = TextCache()
        self._row_cache: RowCache | None = None
        self._prepare_policy: postgres.PreparePolicy | None = None
        self._write_lock: WriteLock | None = None
        self._begin: Callable[[Any], None] | None = None
        if self._is_sqlite:
            self._write_lock = WriteLock()
            self._engine = sqlite.make_engine(url, synchronous=synchronous, pool_size=pool_size)
            self._begin = partial(sqlite.begin_writing, self._write_lock)
            self._reads = self._engine
        else:
            self._engine, self._prepare_policy = postgres.make_engine(
                url, pool_size=pool_size, patience_s=WAIT_S, connect=connect or {}
            )
            self._row_cache = RowCache()
            # A read of several statements needs no snapshot, and BEGIN and ROLLBACK are two round trips.
            self._reads = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def engine(self) -> sa.Engine:
        """For migrations and tests; requests go through ``begin`` and ``run``."""
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
        """A transaction: committed at the end of the block, rolled back when it raises."""
        tx = self._open(write, workspace, user, request_id)
        try:
            yield tx
            tx.commit()
        finally:
            self._close(tx)
        tx.notify_committed()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """SQLAlchemy's connection in a transaction that writes."""
        with self.begin(write=True) as tx:
            connection = tx.connection
            connection.begin()  # else Alembic would begin and commit each of its steps
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
        """``work(tx)`` in a transaction, run again whole when it lost a race with another.

        Raises ``Unavailable`` when the database cannot be reached, stays locked, or is full.
        """
        rows = self._row_cache
        attempt = 1
        while True:
            try:
                tx = self._open(write, workspace, user, request_id, rows)
                try:
                    result = work(tx)
                    tx.commit()
                finally:
                    self._close(tx)
                tx.notify_committed()
                return result
            except (exc.DBAPIError, exc.TimeoutError) as fault:
                if rows and is_missing_row(fault):
                    rows.clear()
                    rows = None
                    continue
                if (
                    not (errors.is_retryable(fault, write) or self.lost_prepared_statement(fault))
                    or attempt == _ATTEMPTS
                ):
                    raise errors.as_api_error(fault) from fault
                log.info("transaction %s runs again: %s", request_id, errors.first_line(fault))
                time.sleep(random.uniform(0, 0.01 * 2**attempt))
                attempt += 1

    def lost_prepared_statement(self, fault: exc.SQLAlchemyError) -> bool:
        """Whether a pooler took away a prepared statement; from now on connections have none."""
        if not isinstance(fault, exc.DBAPIError) or not self._prepare_policy:
            return False
        is_lost = self._prepare_policy.disable_after(fault)
        if is_lost:
            self._close_idle()
        return is_lost

    def _open(
        self,
        write: bool,
        workspace: int,
        user: str | None,
        request_id: str,
        row_cache: RowCache | None = None,
    ) -> Tx:
        """A transaction. Who gives what was ``seen`` does the work again where it ``is_missing_row``."""
        if write:
            self._acquire_write_lock()
        try:
            return Tx(
                PooledConnection(self._engine, self._begin) if write else PooledConnection(self._reads),
                _NO_CACHE if write else self._text_cache,
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
        """Wait for this process's turn to write, on a database that has one writer at a time."""
        if self._write_lock is None or self._write_lock.acquire(WAIT_S):
            return
        raise Unavailable(f"The database was busy with other writes for {WAIT_S:.0f} seconds.")

    def _release_write_lock(self) -> None:
        if self._write_lock is not None:
            self._write_lock.release()

    def ping(self) -> None:
        """Raise ``Unavailable`` when the database does not answer."""
        try:
            with self._reads.connect() as connection:
                connection.execute(sa.select(1))
        except (exc.DBAPIError, exc.TimeoutError) as fault:
            raise errors.as_api_error(fault) from fault

    def _close_idle(self) -> None:
        """Close the connections that nobody uses; those in use when they come back."""
        self._engine.dispose()

    def dispose(self) -> None:
        self._close_idle()


def parse_uri(uri: str) -> URL:
    """The store URI as MLflow users write it, with the driver that we use.

    Raises ValueError with a sentence for the person who typed it.
    """
    shown = _PASSWORD.sub(r"\1***@", uri)
    if "://" not in uri:
        raise ValueError(
            f"The store URI {shown!r} is a folder; Trackway keeps its data in a database: "
            "use sqlite:///path/to/file.db or postgresql://user:password@host/name."
        )
    try:
        url = make_url(uri)
    except (exc.ArgumentError, ValueError):
        raise ValueError(f"The store URI {shown!r} cannot be read as a database URL.") from None
    if url.drivername in _POSTGRES_NAMES:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername in {"sqlite", "sqlite+pysqlite"}:
        if not url.database or url.database == ":memory:":
            raise ValueError(
                "SQLite in memory would forget everything; name a file: sqlite:///path/to/file.db"
            )
        return url.set(drivername="sqlite+pysqlite")
    raise ValueError(f"The store URI names {url.drivername!r}; Trackway runs on sqlite and postgresql.")


def file_of(uri: str) -> Path | None:
    """The file of a SQLite database, which opening it would make; None for PostgreSQL."""
    url = parse_uri(uri)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


__all__ = [
    "DEFAULT_WORKSPACE",
    "Database",
    "Tx",
    "file_of",
    "parse_uri",
]
