"""Partitions of the table ``points``, by hash of the series, for large installations on PostgreSQL.

Queries and later migrations use ``points`` as before. One transaction copies the rows into new tables, drops
the old table and renames the new ones: if it is stopped, the database is unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from ..database import Database
from ..schema.tracking import points
from .migrate import UPGRADE_LOCK

MAX_PARTITIONS = 1024
_KEY = ", ".join(column.name for column in points.primary_key)
_COLUMNS = ", ".join(column.name for column in points.columns)
# Blocks copied by one statement: 16 MiB, 250,000 points, about a third of a second.
_BLOCKS = 2048
_LOCK_TIMEOUT_S = 30
_LOCK_NOT_AVAILABLE = "55P03"

# Called with the name of the step and the part of it that is done, from 0 to 1.
Progress = Callable[[str, float], None]


class PartitionError(Exception):
    """``points`` was not divided. The message says why, and whether anything may have been changed."""


def names(connection: sa.Connection) -> list[str]:
    """Return the names of the partitions of ``points``; none if it is one ordinary table."""
    if connection.dialect.name != "postgresql":
        return []
    rows = connection.execute(
        sa.text(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = to_regclass('points') ORDER BY inhrelid"
        )
    )
    return list(rows.scalars())


def size(database: Database) -> tuple[int, int]:
    """Return the approximate number of points, and their size on disk with the index in bytes."""
    query = (
        "SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint, "
        "coalesce(sum(pg_total_relation_size(oid)), 0)::bigint "
        "FROM pg_class WHERE relkind = 'r' AND (oid = to_regclass('points') OR oid IN "
        "(SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass('points')))"
    )
    with database.begin(write=False) as tx:
        found: Any = tx.execute(sa.text(query)).one()
    return int(found[0]), int(found[1])


def check(database: Database, count: int) -> None:
    """Raise ``PartitionError`` if the database is not PostgreSQL or ``count`` is out of range."""
    if database.dialect != "postgresql":
        raise PartitionError(
            "SQLite has no partitions; the points can be divided only in a PostgreSQL database."
        )
    if not 1 <= count <= MAX_PARTITIONS:
        raise PartitionError(
            f"The number of partitions must be from 1 (one ordinary table) to {MAX_PARTITIONS}, not {count}."
        )


def divide(
    database: Database, count: int, progress: Progress = lambda step, part: None, *, blocks: int = _BLOCKS
) -> bool:
    """Divide ``points`` into ``count`` partitions; with 1, make it one ordinary table again.

    Return False if it is so already. Meanwhile metric histories can be read, and transactions that write
    points wait. Raise ``PartitionError`` if it cannot be done.
    """
    check(database, count)
    try:
        with database.writing() as connection:
            is_changed = _divide(connection, count, progress, blocks)
    except exc.DBAPIError as fault:
        if getattr(fault.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise PartitionError(
                f"Other transactions used the table of points for {_LOCK_TIMEOUT_S} seconds. Nothing was "
                "changed. Run the command again when no backup or long query is running."
            ) from fault
        reason = str(fault.orig).strip().split("\n", 1)[0].rstrip(".")
        # An error of COMMIT has no statement; whether the transaction was committed is then not known.
        end = (
            "Nothing was changed."
            if fault.statement
            else "The change may have been committed: run the command again to find out."
        )
        raise PartitionError(f"PostgreSQL reports: {reason}. {end}") from fault
    if is_changed:
        progress("Gathering statistics", 0)
        with database.begin(write=False) as tx:  # autocommit on PostgreSQL
            tx.execute(sa.text("ANALYZE points"))
        progress("Gathering statistics", 1)
    return is_changed


def _divide(connection: sa.Connection, count: int, progress: Progress, blocks: int) -> bool:
    run = connection.exec_driver_sql
    # The copy may take long. Only the first locks have a timeout.
    run("SET LOCAL statement_timeout = 0")
    run("SET LOCAL idle_in_transaction_session_timeout = 0")
    run(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S}s'")
    run(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})")
    # DROP, at the end, waits for all readers. Wait now for a backup that is running: then nothing is copied
    # in vain if it takes too long.
    with connection.begin_nested() as attempt:
        run("LOCK TABLE points IN ACCESS EXCLUSIVE MODE")
        attempt.rollback()
    # This lock allows reads. DROP later needs an exclusive lock, which would be a deadlock with a transaction
    # that has read points and then waits to write some; no transaction of the server does that.
    run("LOCK TABLE points IN SHARE ROW EXCLUSIVE MODE")
    run("SET LOCAL lock_timeout = 0")
    old = names(connection)
    if len(old) == (count if count > 1 else 0):
        return False
    before = _number(connection, "SELECT count(*) FROM points")
    new = _make(connection, count)
    after = _copy(connection, old or ["points"], progress, blocks)
    if after != before:
        raise PartitionError(f"{after} of {before} points were copied. Nothing was changed.")
    for done, name in enumerate(new):
        progress("Building indexes", done / len(new))
        run(f"ALTER TABLE {name} ADD CONSTRAINT pk_{name} PRIMARY KEY ({_KEY})")
    progress("Building indexes", 1)
    run("DROP TABLE points")
    run("ALTER TABLE points_new RENAME TO points")
    if new == ["points_new"]:
        run("ALTER INDEX pk_points_new RENAME TO pk_points")
    else:  # PostgreSQL attaches the indexes of the partitions instead of building new ones
        run(f"ALTER TABLE points ADD CONSTRAINT pk_points PRIMARY KEY ({_KEY})")
    return True


def _make(connection: sa.Connection, count: int) -> list[str]:
    """Create the empty table ``points_new``; return the names of the tables that will contain its rows."""
    run = connection.exec_driver_sql
    if count == 1:
        run("CREATE TABLE points_new (LIKE points)")
        return ["points_new"]
    run("CREATE TABLE points_new (LIKE points) PARTITION BY HASH (series_id)")
    # The names contain the count, because the old partitions exist while the new ones are filled.
    partitions = [f"points_{number}_of_{count}" for number in range(count)]
    for number, name in enumerate(partitions):
        run(
            f"CREATE TABLE {name} PARTITION OF points_new "
            f"FOR VALUES WITH (MODULUS {count}, REMAINDER {number})"
        )
    return partitions


def _copy(connection: sa.Connection, sources: list[str], progress: Progress, blocks: int) -> int:
    """Copy the rows of the tables to ``points_new``, in their order on disk; return the number of rows."""
    sizes = {
        name: _number(connection, f"SELECT pg_relation_size('{name}') / current_setting('block_size')::int")
        for name in sources
    }
    total, done, copied = sum(sizes.values()) or 1, 0, 0
    for name, size_in_blocks in sizes.items():
        for start in range(0, size_in_blocks, blocks):
            progress("Copying points", done / total)
            copied += connection.exec_driver_sql(
                f"INSERT INTO points_new ({_COLUMNS}) SELECT {_COLUMNS} FROM {name} "
                f"WHERE ctid >= '({start},0)'::tid AND ctid < '({start + blocks},0)'::tid"
            ).rowcount
            done += min(blocks, size_in_blocks - start)
    progress("Copying points", 1)
    return copied


def _number(connection: sa.Connection, query: str) -> int:
    value: Any = connection.exec_driver_sql(query).scalar_one()
    return int(value)
