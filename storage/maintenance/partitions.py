"""The table ``points`` in parts, by hash of the series, for large installations on PostgreSQL.

The parts are invisible to everything else: queries and later migrations name ``points`` as before.
One transaction copies the rows into new tables and puts these in the place of the old: whatever
stops it, the database is as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from ..database import Database
from ..schema.tracking import points
from .migrate import UPGRADE_LOCK

MOST = 1024
_KEY = ", ".join(column.name for column in points.primary_key)
_COLUMNS = ", ".join(column.name for column in points.columns)
# 16 MiB at a time, a quarter of a million points: some three steps of progress a second.
_BLOCKS = 2048
_PATIENCE_S = 30
_LOCK_NOT_AVAILABLE = "55P03"

# What is being done, and how much of it: 0 to 1.
Progress = Callable[[str, float], None]


class PartitionError(Exception):
    """``points`` cannot be divided as asked; the text says why. Nothing was changed."""


def names(connection: sa.Connection) -> list[str]:
    """The tables that ``points`` consists of; none where it is one ordinary table."""
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
    """How many points there are, about, and their bytes on disk with the index."""
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
    """Raise ``PartitionError`` where ``points`` can never be divided in ``count``."""
    if database.dialect != "postgresql":
        raise PartitionError(
            "SQLite keeps a table in one place; only a PostgreSQL database can have its points divided."
        )
    if not 1 <= count <= MOST:
        raise PartitionError(f"The number of partitions is 1, an ordinary table, to {MOST}; not {count}.")


def divide(
    database: Database, count: int, told: Progress = lambda doing, share: None, *, blocks: int = _BLOCKS
) -> bool:
    """Make ``points`` consist of ``count`` tables, of one ordinary table for 1; False if it does already.

    Meanwhile histories can be read, and whoever writes points waits. Raises ``PartitionError``.
    """
    check(database, count)
    try:
        with database.writing() as connection:
            is_changed = _divide(connection, count, told, blocks)
    except exc.DBAPIError as fault:
        if getattr(fault.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise PartitionError(
                f"The table of points was in use by others for {_PATIENCE_S} seconds. Nothing was changed; "
                "try again when no backup or long query runs."
            ) from fault
        reason = str(fault.orig).strip().split("\n", 1)[0].rstrip(".")
        # COMMIT is what comes without a statement.
        end = "Nothing was changed." if fault.statement else "Run the command again: it may have been done."
        raise PartitionError(f"PostgreSQL says: {reason}. {end}") from fault
    if is_changed:
        told("Gathering statistics", 0)
        with database.begin(write=False) as tx:  # which is no transaction on PostgreSQL
            tx.execute(sa.text("ANALYZE points"))
        told("Gathering statistics", 1)
    return is_changed


def _divide(connection: sa.Connection, count: int, told: Progress, blocks: int) -> bool:
    run = connection.exec_driver_sql
    # It takes its time, and is to wait for another only at the start.
    run("SET LOCAL statement_timeout = 0")
    run("SET LOCAL idle_in_transaction_session_timeout = 0")
    run(f"SET LOCAL lock_timeout = '{_PATIENCE_S}s'")
    run(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})")
    # DROP will wait for whoever reads then: a backup that is under way now is better waited for now.
    with connection.begin_nested() as attempt:
        run("LOCK TABLE points IN ACCESS EXCLUSIVE MODE")
        attempt.rollback()
    # Readers go on. Nobody reads points and then writes some in one transaction, which would be a deadlock
    # with the exclusive lock that DROP takes.
    run("LOCK TABLE points IN SHARE ROW EXCLUSIVE MODE")
    run("SET LOCAL lock_timeout = 0")
    old = names(connection)
    if len(old) == (count if count > 1 else 0):
        return False
    before = _number(connection, "SELECT count(*) FROM points")
    new = _make(connection, count)
    after = _copy(connection, old or ["points"], told, blocks)
    if after != before:
        raise PartitionError(f"{after} points were copied of {before}. Nothing was changed.")
    for done, name in enumerate(new):
        told("Building indexes", done / len(new))
        run(f"ALTER TABLE {name} ADD CONSTRAINT pk_{name} PRIMARY KEY ({_KEY})")
    told("Building indexes", 1)
    run("DROP TABLE points")
    run("ALTER TABLE points_new RENAME TO points")
    if new == ["points_new"]:
        run("ALTER INDEX pk_points_new RENAME TO pk_points")
    else:  # which finds the indexes of the parts and takes them in
        run(f"ALTER TABLE points ADD CONSTRAINT pk_points PRIMARY KEY ({_KEY})")
    return True


def _make(connection: sa.Connection, count: int) -> list[str]:
    """The empty table ``points_new``, and the names of the tables that will hold its rows."""
    run = connection.exec_driver_sql
    if count == 1:
        run("CREATE TABLE points_new (LIKE points)")
        return ["points_new"]
    run("CREATE TABLE points_new (LIKE points) PARTITION BY HASH (series_id)")
    # The count is in the name: dividing anew makes the new parts beside the old.
    parts = [f"points_{number}_of_{count}" for number in range(count)]
    for number, name in enumerate(parts):
        run(
            f"CREATE TABLE {name} PARTITION OF points_new "
            f"FOR VALUES WITH (MODULUS {count}, REMAINDER {number})"
        )
    return parts


def _copy(connection: sa.Connection, sources: list[str], told: Progress, blocks: int) -> int:
    """The number of rows copied from the tables to ``points_new``, in the order in which they lie."""
    sizes = {
        name: _number(connection, f"SELECT pg_relation_size('{name}') / current_setting('block_size')::int")
        for name in sources
    }
    total, done, copied = sum(sizes.values()) or 1, 0, 0
    for name, size_in_blocks in sizes.items():
        for start in range(0, size_in_blocks, blocks):
            told("Copying points", done / total)
            copied += connection.exec_driver_sql(
                f"INSERT INTO points_new ({_COLUMNS}) SELECT {_COLUMNS} FROM {name} "
                f"WHERE ctid >= '({start},0)'::tid AND ctid < '({start + blocks},0)'::tid"
            ).rowcount
            done += min(blocks, size_in_blocks - start)
    told("Copying points", 1)
    return copied


def _number(connection: sa.Connection, query: str) -> int:
    found: Any = connection.exec_driver_sql(query).scalar_one()
    return int(found)
