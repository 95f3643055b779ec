"""SQLite: its settings, and how the writers of several processes wait for each other."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from .sqlite_write_lock import WriteLock
from .time_limit import StatementTimer

log = logging.getLogger("trackway.storage")

# Seconds that a writer waits for the write lock before its request fails with status 503.
WAIT_S = 30.0
# Sleep between two attempts to get SQLite's lock.
_MIN_SLEEP_S, _MAX_SLEEP_S = 0.001, 0.005
_SOFT_HEAP_LIMIT_BYTES = 6 * 2**20
# The first release without the bug in WAL mode that the warning below is about.
_WAL_FIX_VERSION = (3, 51, 3)


def make_engine(
    url: URL, *, synchronous: str, pool_size: int, statement_timeout_s: float | None
) -> sa.Engine:
    """Return an engine with a pool.

    Raise ``ValueError``, with a message for the operator, if ``synchronous`` is not a valid setting, if the
    file cannot be created, or if its folder cannot be written.
    """
    if synchronous not in {"NORMAL", "FULL", "EXTRA"}:
        raise ValueError(f"SQLite's synchronous setting must be NORMAL, FULL or EXTRA, not {synchronous!r}.")
    assert url.database is not None
    if os.path.isdir(url.database):
        raise ValueError(
            f"The store URI names the folder {os.path.abspath(url.database)}; name a file, as in "
            f"sqlite:///{url.database.rstrip('/')}/trackway.db."
        )
    _create_private(Path(url.database))
    engine = sa.create_engine(
        url,
        module=driver(),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=WAIT_S,
        pool_use_lifo=True,  # prefer the connection with the warmest page cache
        connect_args={"timeout": WAIT_S},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        if statement_timeout_s is not None:
            record.info["timer"] = StatementTimer(connection, statement_timeout_s)
        connection.isolation_level = None  # the driver sends no BEGIN by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA case_sensitive_like = ON")  # as in PostgreSQL; ILIKE stays insensitive
        # 2 MB of pages for each of up to nine connections. With 4 MB a server takes 10 MB more after a load,
        # and no benchmark is faster: other pages come from the system's cache.
        cursor.execute("PRAGMA cache_size = -2000")
        # The limit of all connections together. Beyond it, a connection reuses one of its own pages before it
        # allocates another. Without it a server's memory grew with each new peak of its load.
        cursor.execute(f"PRAGMA soft_heap_limit = {_SOFT_HEAP_LIMIT_BYTES}")
        # A transaction may hold up to 8 MB of changed pages until its end. By default SQLite would write some
        # out early, since the caches of the other connections soon fill the heap limit, and write them again
        # when they change once more: 1.3 times the CPU for a batch of 1,000 new metrics.
        cursor.execute("PRAGMA cache_spill = 2000")
        # A checkpoint after 4,000 pages (16 MB) of log. A batch of 1,000 new metrics writes 1,000 pages of an
        # index: with the default of 1,000 each such commit copied them all into the file, 12 ms of CPU
        # instead of 6.
        cursor.execute("PRAGMA wal_autocheckpoint = 4000")
        cursor.close()

    # Not a "begin" event: with one listener on an engine, SQLAlchemy looks for listeners at each statement,
    # which is 10 % of a write.
    engine.dialect.do_begin = _begin  # type: ignore[method-assign, assignment]
    return engine


def _create_private(path: Path) -> None:
    """Create the database file, and its folder, if missing. Only its owner can read it, whatever the umask.

    SQLite gives its log and index files, which are in the same folder, the permissions of the database file.
    """
    file = path.absolute()
    folder = file.resolve().parent
    if file.is_dir():
        raise ValueError(
            f"The store URI names the folder {file}; name a file in it, such as sqlite:///{file}/trackway.db."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        raise ValueError(f"The folder {folder} of the database cannot be created: {reason}.") from None
    try:
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise ValueError(f"The database {file} cannot be created: {error.strerror}.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(
            f"The folder {folder} of the database cannot be written, and SQLite needs files beside the "
            "database. Give this user the right to write it, or move the database to another folder."
        )


def _begin(connection: Any) -> None:
    """SQLAlchemy's BEGIN. A transaction that writes has begun already, see ``begin_writing``."""
    if not connection.in_transaction:
        _set_busy_timeout(connection, WAIT_S)
        connection.execute("BEGIN")


def begin_writing(write_lock: WriteLock, connection: Any) -> None:
    """Begin a transaction that writes, as soon as no other process is writing.

    BEGIN IMMEDIATE takes SQLite's lock at once. A transaction that began as a reader could not wait for it:
    SQLite would refuse its first write.
    """
    _set_busy_timeout(connection, 0)
    _begin_immediate(write_lock, connection)


def _set_busy_timeout(connection: Any, timeout_s: float) -> None:
    """Set how long SQLite itself waits for a lock. In WAL mode a writer needs one only at BEGIN.

    The PRAGMA runs only if the connection's value changes: two per transaction took 10 % of a short one.
    """
    if connection.info.get("busy_timeout_s") != timeout_s:
        connection.execute(f"PRAGMA busy_timeout = {timeout_s * 1000:.0f}")
        connection.info["busy_timeout_s"] = timeout_s


def _begin_immediate(write_lock: WriteLock, connection: Any) -> None:
    """Begin a transaction that holds SQLite's lock. Wait up to ``WAIT_S`` if another process has it.

    Between two attempts it waits for the signal of the write lock, or for a short time. SQLite's own sleeps
    soon are 10 ms and more, while most transactions take 2 ms.
    """
    deadline, sleep_s = time.monotonic() + WAIT_S, _MIN_SLEEP_S
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except connection.OperationalError as fault:
            if "database is locked" not in str(fault) or time.monotonic() > deadline:
                raise
        write_lock.wait_for_other_process(sleep_s)
        sleep_s = min(1.5 * sleep_s, _MAX_SLEEP_S)


@cache
def driver() -> Any:
    """Return the module of SQLite's driver: ``pysqlite3`` if it is installed, else Python's ``sqlite3``."""
    try:
        import pysqlite3

        return pysqlite3
    except ImportError:
        import sqlite3 as stdlib_sqlite3

        if stdlib_sqlite3.sqlite_version_info < _WAL_FIX_VERSION:
            log.warning(
                "SQLite %s has a bug that can damage a database which several processes write "
                "(fixed in 3.51.3). Install pysqlite3, or run with --workers 1.",
                stdlib_sqlite3.sqlite_version,
            )
        return stdlib_sqlite3
