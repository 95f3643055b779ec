"""SQLite as the store has it: its settings, and how writers of several processes wait for each other."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from .sqlite_write_lock import WriteLock

log = logging.getLogger("trackway.storage")

# Seconds that a writer waits for its turn before the client is asked to come back.
WAIT_S = 30.0
# Between two looks at whether the lock is free.
_FIRST_NAP_S, _LONGEST_NAP_S = 0.001, 0.005
_HEAP_BYTES = 6 * 2**20
_SAFE_WAL = (3, 51, 3)


def make_engine(url: URL, *, synchronous: str, pool_size: int) -> sa.Engine:
    """An engine with its pool. Raises ValueError where the setting is none of SQLite's."""
    if synchronous not in {"NORMAL", "FULL", "EXTRA"}:
        raise ValueError(f"SQLite's synchronous setting is NORMAL, FULL or EXTRA, not {synchronous!r}.")
    assert url.database is not None
    Path(url.database).resolve().parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        module=_module(),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=WAIT_S,
        pool_use_lifo=True,  # the connection whose page cache is warm; in turn, each would fill its own
        connect_args={"timeout": WAIT_S},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours to say, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA case_sensitive_like = ON")  # LIKE, as against ILIKE, minds case
        # 2 MB of pages for each of up to nine connections: with 4 a server takes 10 MB more after a load,
        # and does nothing of the benchmark faster; what is missing lies in the system's cache.
        cursor.execute("PRAGMA cache_size = -2000")
        # Of all together: beyond it, a connection takes a page of its own anew before it asks for more.
        # Without it the memory of a server under load grew for as long as its busiest moment was yet to come.
        cursor.execute(f"PRAGMA soft_heap_limit = {_HEAP_BYTES}")
        # Up to 8 MB of what a transaction has changed wait for its end. The others' caches are full for good,
        # so it would have to write pages out, and again when they change once more: 1.3 times the CPU of a
        # batch of 1,000 new metrics.
        cursor.execute("PRAGMA cache_spill = 2000")
        # 16 MB of log. A batch of 1,000 new metrics writes 1,000 pages of an index, and at the usual 1,000
        # each such commit copied them all into the file: 12 ms of CPU, now 6.
        cursor.execute("PRAGMA wal_autocheckpoint = 4000")
        cursor.close()

    # Not a "begin" event: one listener on an engine makes each statement look for listeners, 10 % of a write.
    engine.dialect.do_begin = _begin  # type: ignore[method-assign, assignment]
    return engine


def _begin(connection: Any) -> None:
    """SQLAlchemy's BEGIN: of those who read, and of writers, who have begun."""
    if not connection.in_transaction:
        _let_wait(connection, WAIT_S)
        connection.execute("BEGIN")


def begin_writing(write_lock: WriteLock, connection: Any) -> None:
    """Begin a transaction on one of the pool's connections, when no other process is in one that writes.

    A writer that began as a reader could not be made to wait: SQLite would refuse its first write.
    """
    _let_wait(connection, 0)
    _take_lock(write_lock, connection)


def _let_wait(connection: Any, patience_s: float) -> None:
    """How long SQLite itself naps where a lock is taken; a writer asks for one only at BEGIN, in WAL mode.

    Said where the connection's transaction before had it otherwise: twice in each was 10 % of a short one.
    """
    if connection.info.get("patience_s") != patience_s:
        connection.execute(f"PRAGMA busy_timeout = {patience_s * 1000:.0f}")
        connection.info["patience_s"] = patience_s


def _take_lock(write_lock: WriteLock, connection: Any) -> None:
    """Wait for another process's writes. Where their end is not told, in shorter naps than SQLite's, which
    soon are 10 ms and more: most transactions take a fifth of one."""
    deadline, nap_s = time.monotonic() + WAIT_S, _FIRST_NAP_S
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except connection.OperationalError as fault:
            if "database is locked" not in str(fault) or time.monotonic() > deadline:
                raise
        write_lock.wait_for_other_process(nap_s)
        nap_s = min(1.5 * nap_s, _LONGEST_NAP_S)


def _module() -> Any:
    try:
        import pysqlite3

        return pysqlite3
    except ImportError:
        import sqlite3 as stdlib_sqlite3

        if stdlib_sqlite3.sqlite_version_info < _SAFE_WAL:
            log.warning(
                "SQLite %s has a bug that can damage a database which several processes write "
                "(fixed in 3.51.3). Install pysqlite3, or run with --workers 1.",
                stdlib_sqlite3.sqlite_version,
            )
        return stdlib_sqlite3
