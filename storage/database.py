"""One database, SQLite or PostgreSQL, and transactions on it.

What differs between the two lives here: how a transaction begins, which faults pass when
the transaction is run again, and which mean that the database is out of reach.
"""

from __future__ import annotations

import logging
import random
import re
import sqlite3 as stdlib_sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects.sqlite import dml as sqlite_dml
from sqlalchemy.dialects.sqlite import insert as insert  # its ON CONFLICT compiles on PostgreSQL too
from sqlalchemy.engine import URL, make_url

from trackway.client_compat.errors import Unavailable

from . import postgres
from .kept import Kept
from .prepared import Prepared

# PostgreSQL's compiler asks for this, which only its own statements have; to take those would import
# its dialect on SQLite as well: 22 ms and 2 MB.
sqlite_dml.OnConflictClause.constraint_target = None  # type: ignore[attr-defined]

T = TypeVar("T")
Rows = Mapping[str, Any] | Sequence[Mapping[str, Any]]

log = logging.getLogger("trackway.storage")

DEFAULT_WORKSPACE = 1
# Seconds that a writer waits for its turn before the client is asked to come back.
_PATIENCE_S = 30.0
# Seconds that one waits who has no time.
_HURRY_S = 0.02
# Between two looks at whether SQLite's lock is free.
_FIRST_NAP_S, _LONGEST_NAP_S = 0.0002, 0.005
_ATTEMPTS = 6
# PostgreSQL: serialization failure, deadlock: the same transaction may pass when run again.
_PASSING_SQLSTATES = {"40001", "40P01"}
_POSTGRES_NAMES = {"postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"}
_PASSWORD = re.compile("(://[^:/@]*:).*@")
_SQLITE_SAFE_WAL = (3, 51, 3)


# A transaction may write between one reading and the next.
_NOTHING = Kept(0)


class NotNow(Exception):
    """What was asked for would have to wait; nothing was done. Only while ``hurrying``."""


class Tx:
    """One transaction: what it may see, who is behind it, and ``execute``."""

    __slots__ = (
        "_after_commit",
        "_connection",
        "_driver",
        "_now_ms",
        "dialect",
        "kept",
        "request_id",
        "user",
        "workspace",
    )

    def __init__(
        self, connection: sa.Connection, kept: Kept, *, workspace: int, user: str | None, request_id: str
    ) -> None:
        self._connection = connection
        self.kept = kept
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
        return self._connection.execute(statement, parameters)

    def first(self, statement: Prepared, *values: Any) -> Any:
        """The first row, or None."""
        found = self._run(statement, values)
        return found[0] if found else None

    def rows(self, statement: Prepared, *values: Any) -> list[Any]:
        return self._run(statement, values)

    def do(self, statement: Prepared, *values: Any) -> None:
        self._run(statement, values)

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
        found = self._drive(plan.sql, values, plan.row is not None)
        return found if plan.row is None else list(map(plan.row, found))

    def _drive(self, sql: str, values: Any, returns: bool, *, each: bool = False) -> list[Any]:
        """Have the driver run the text, for ``each`` of a list of values where it is one."""
        connection = self._connection
        for listener in connection.engine.dispatch.before_cursor_execute:
            listener(connection, None, sql, values, None, each)
        try:
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

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have ``call()`` made once the transaction is committed, and never if it is not."""
        self._after_commit = [*(self._after_commit or ()), call]

    def committed(self) -> None:
        for call in self._after_commit or ():
            call()


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
        self._pool_size = pool_size
        self._kept = Kept()
        self._preparing: postgres.Preparing | None = None
        # SQLite has one writer; waiting in line here is fairer and cheaper than sleeping on its lock.
        self._writer = threading.Lock() if self._is_sqlite else None
        if self._is_sqlite:
            self._engine = _sqlite_engine(url, synchronous, pool_size)
            self._reads = self._engine
        else:
            self._engine, self._preparing = postgres.make_engine(
                url, pool_size=pool_size, patience_s=_PATIENCE_S, connect=connect or {}
            )
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
        if not write:
            with self._reads.connect() as connection:
                yield Tx(connection, self._kept, workspace=workspace, user=user, request_id=request_id)
            return
        with self.writing() as connection:
            tx = Tx(connection, _NOTHING, workspace=workspace, user=user, request_id=request_id)
            yield tx
        tx.committed()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection in a transaction that writes."""
        with self._turn(), self._engine.connect() as connection:
            _here.writes = True
            try:
                transaction = connection.begin()
            finally:
                _here.writes = False
            with transaction:
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
        if _here.hurries and self._is_busy():
            raise NotNow
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self.begin(write=write, workspace=workspace, user=user, request_id=request_id) as tx:
                    return work(tx)
            except (exc.DBAPIError, exc.TimeoutError) as fault:
                if not (_may_pass(fault, write) or self.lost_a_statement(fault)) or attempt == _ATTEMPTS:
                    raise _as_api_error(fault) from fault
                if _here.hurries:
                    raise NotNow from fault
                log.info("transaction %s runs again: %s", request_id, _first_line(fault))
                time.sleep(random.uniform(0, 0.01 * 2**attempt))
        raise AssertionError("unreachable")

    def lost_a_statement(self, fault: exc.SQLAlchemyError) -> bool:
        """Whether a pooler took away a prepared statement; from now on connections have none."""
        if not isinstance(fault, exc.DBAPIError) or not self._preparing:
            return False
        is_lost = self._preparing.give_up_after(fault)
        if is_lost:
            self._engine.dispose()
        return is_lost

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """This process's turn to write, on a database that has one writer at a time."""
        if not self._writer:
            yield
            return
        if not self._writer.acquire(timeout=_HURRY_S if _here.hurries else _PATIENCE_S):
            if _here.hurries:
                raise NotNow
            raise Unavailable(f"The database was busy with other writes for {_PATIENCE_S:.0f} seconds.")
        try:
            yield
        finally:
            self._writer.release()

    def _is_busy(self) -> bool:
        """Whether every connection is in use."""
        return self._engine.pool.checkedout() >= self._pool_size  # type: ignore[attr-defined, no-any-return]

    def ping(self) -> None:
        """Raise ``Unavailable`` when the database does not answer."""
        try:
            with self._reads.connect() as connection:
                connection.execute(sa.select(1))
        except (exc.DBAPIError, exc.TimeoutError) as fault:
            raise _as_api_error(fault) from fault

    def dispose(self) -> None:
        self._engine.dispose()


def upsert(table: sa.Table, *columns: str) -> sa.Insert:
    """INSERT of rows; where one with the same primary key is there, its ``columns`` are set anew."""
    statement = insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in columns},
    )


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


def _sqlite_engine(url: URL, synchronous: str, pool_size: int) -> sa.Engine:
    if synchronous not in {"NORMAL", "FULL", "EXTRA"}:
        raise ValueError(f"SQLite's synchronous setting is NORMAL, FULL or EXTRA, not {synchronous!r}.")
    assert url.database is not None
    Path(url.database).resolve().parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        module=_sqlite_module(),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_PATIENCE_S,
        pool_use_lifo=True,  # the connection whose page cache is warm; in turn, each would fill its own
        connect_args={"timeout": _PATIENCE_S},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours to say, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA case_sensitive_like = ON")  # LIKE, as against ILIKE, minds case
        cursor.execute("PRAGMA cache_size = -8000")
        # 16 MB of log. A batch of 1,000 new metrics writes 1,000 pages of an index, and at the usual 1,000
        # each such commit copied them all into the file: 12 ms of CPU, now 6.
        cursor.execute("PRAGMA wal_autocheckpoint = 4000")
        cursor.close()

    # Not a "begin" event: one listener on an engine makes each statement look for listeners, 10 % of a write.
    engine.dialect.do_begin = _begin_sqlite  # type: ignore[method-assign, assignment]
    return engine


class _Here(threading.local):
    """What a thread is about to do, and whether it can wait."""

    writes = False
    hurries = False


_here = _Here()


@contextmanager
def hurrying() -> Iterator[None]:
    """For a thread that others wait for: what would take long to begin raises ``NotNow``."""
    _here.hurries = True
    try:
        yield
    finally:
        _here.hurries = False


def _begin_sqlite(connection: Any) -> None:
    # A writer that began as a reader could not be made to wait: SQLite would refuse its first write.
    if _here.writes:
        _let_sqlite_wait(connection, 0)
        _begin_writing(connection, _HURRY_S if _here.hurries else _PATIENCE_S)
    else:
        _let_sqlite_wait(connection, _PATIENCE_S)
        connection.execute("BEGIN")


def _let_sqlite_wait(connection: Any, patience_s: float) -> None:
    """How long SQLite itself naps where a lock is taken; a writer asks for one only at BEGIN, in WAL mode.

    Said where the connection's transaction before had it otherwise: twice in each was 10 % of a short one.
    """
    if connection.info.get("patience_s") != patience_s:
        connection.execute(f"PRAGMA busy_timeout = {patience_s * 1000:.0f}")
        connection.info["patience_s"] = patience_s


def _begin_writing(connection: Any, patience_s: float) -> None:
    """Wait for another process's writes in shorter naps than SQLite, which begins with 1, 2, 5, 10 ms:
    most transactions take a fifth of one."""
    deadline, nap_s = time.monotonic() + patience_s, _FIRST_NAP_S
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except connection.OperationalError as fault:
            if "database is locked" not in str(fault) or time.monotonic() > deadline:
                raise
        time.sleep(nap_s)
        nap_s = min(1.5 * nap_s, _LONGEST_NAP_S)


def _sqlite_module() -> Any:
    try:
        import pysqlite3

        return pysqlite3
    except ImportError:
        if stdlib_sqlite3.sqlite_version_info < _SQLITE_SAFE_WAL:
            log.warning(
                "SQLite %s has a bug that can damage a database which several processes write "
                "(fixed in 3.51.3). Install pysqlite3, or run with --workers 1.",
                stdlib_sqlite3.sqlite_version,
            )
        return stdlib_sqlite3


def _may_pass(fault: exc.SQLAlchemyError, write: bool) -> bool:
    if not isinstance(fault, exc.DBAPIError):
        return False
    if getattr(fault.orig, "sqlstate", None) in _PASSING_SQLSTATES:
        return True
    if isinstance(fault, exc.OperationalError) and "database is locked" in str(fault.orig):
        return True
    # A connection that died (the server restarted): when it was a statement that met it, nothing was
    # committed. When it was COMMIT, which SQLAlchemy reports without one, nobody knows.
    return fault.connection_invalidated and (not write or fault.statement is not None)


def _as_api_error(fault: exc.SQLAlchemyError) -> Exception:
    text = _first_line(fault)
    if "file is not a database" in text:
        return Unavailable("The file that the store URI names is not a database of SQLite's.")
    origin = getattr(fault, "orig", None)
    state = getattr(origin, "sqlstate", None) or ""
    if getattr(origin, "sqlite_errorcode", None) == stdlib_sqlite3.SQLITE_ERROR:
        return fault  # a statement that cannot be, which SQLite calls operational as it does a full disk
    if "disk is full" in text or state == "53100":
        return Unavailable("The database's disk is full: nothing of this request was stored.")
    if isinstance(fault, exc.TimeoutError) or "database is locked" in text or state.startswith("53"):
        return Unavailable("The database has no free connection or stays locked; try again in a moment.")
    unreachable = isinstance(fault, exc.OperationalError | exc.InterfaceError)
    if unreachable and isinstance(fault, exc.DBAPIError) and (fault.connection_invalidated or not state):
        told = Unavailable("The database cannot be reached or written; try again in a moment.")
        told.add_note(text)  # where it should be and under which name: for the operator, not for clients
        return told
    return fault


def _first_line(fault: BaseException) -> str:
    return str(getattr(fault, "orig", None) or fault).strip().split("\n", 1)[0]


__all__ = [
    "DEFAULT_WORKSPACE",
    "Database",
    "NotNow",
    "Tx",
    "file_of",
    "hurrying",
    "insert",
    "parse_uri",
    "upsert",
]
