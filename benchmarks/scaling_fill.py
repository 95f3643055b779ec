"""Fill a database with many runs or points by SQL. Through the server this would take hours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import sqlalchemy as sa

from trackway.storage.database import Database

METRICS = PARAMS = 5
START_MS = 1_700_000_000_000
_CHUNK = 50_000
# Points are stored as servers receive them: step after step for a hundred series, then for the next hundred.
_SERIES_AT_ONCE = 100
_STEPS = 1000

Say = Callable[[str], None]

# The numbers :first to :last - 1. Values computed from them look random, but are the same in each run.
_NUMBERS = {
    "sqlite": "WITH RECURSIVE g(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM g WHERE n + 1 < :last)",
    "postgresql": "WITH g(n) AS (SELECT generate_series(CAST(:first AS bigint), CAST(:last AS bigint) - 1))",
}
_UUID = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "md5(n::text || random()::text)"}
_VALUE = "((n * 7919 + {k} * 104729) % 1000003) / 1000003.0"


def runs(database: Database, experiment: int, first: int, last: int, say: Say) -> None:
    """Insert runs ``first`` to ``last`` - 1, oldest first, each with 5 metrics, 5 params and 3 tags."""
    for low, high in _chunks(first, last):
        with database.writing() as connection:
            values = {"first": low, "last": high, "experiment": experiment}
            for statement in _of_runs(database.dialect):
                connection.execute(sa.text(statement), values)
        say(f"{database.dialect}: {high:,} runs")
    settle(database)


def points(database: Database, first: int, last: int, say: Say) -> None:
    """Insert points ``first`` to ``last`` - 1, of series that belong to no run."""
    numbers = _NUMBERS[database.dialect]
    together = _SERIES_AT_ONCE * _STEPS
    series = f"1000000 + n / {together} * {_SERIES_AT_ONCE} + n % {_SERIES_AT_ONCE}"
    step = f"n % {together} / {_SERIES_AT_ONCE}"
    statement = sa.text(
        "INSERT INTO points (series_id, timestamp, step, value) "
        f"{numbers} SELECT {series}, {START_MS} + n, {step}, {_VALUE.format(k=1)} FROM g"
    )
    for low, high in _chunks(first, last):
        with database.writing() as connection:
            connection.execute(statement, {"first": low, "last": high})
        if high % 500_000 == 0 or high == last:
            say(f"{database.dialect}: {high:,} points")
    settle(database)


def settle(database: Database) -> None:
    """Run VACUUM ANALYZE, as autovacuum would later, and a checkpoint; for SQLite a WAL checkpoint."""
    if database.dialect == "sqlite":
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    with database.begin(write=False) as tx:
        tx.execute(sa.text("VACUUM ANALYZE"))
        tx.execute(sa.text("CHECKPOINT"))


def bytes_of(database: Database) -> int:
    """Return the size of the database in bytes."""
    query = {
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        "postgresql": "SELECT pg_database_size(current_database())",
    }
    with database.begin(write=False) as tx:
        return int(tx.execute(sa.text(query[database.dialect])).scalar_one())


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _chunks(first: int, last: int) -> Iterator[tuple[int, int]]:
    for low in range(first, last, _CHUNK):
        yield low, min(low + _CHUNK, last)


def _of_runs(dialect: str) -> list[str]:
    numbers = _NUMBERS[dialect]

    def insert(into: str, *columns: str) -> str:
        return f"INSERT INTO {into} {numbers} SELECT {', '.join(columns)} FROM g"

    text = "CAST(n % {} AS TEXT)"
    made = [
        insert(
            "runs (id, run_uuid, experiment_id, name, user_id, status, start_time, end_time, lifecycle_stage,"
            " artifact_uri)",
            "n + 1",
            _UUID[dialect],
            "CAST(:experiment AS bigint)",
            f"'run-' || {text.format(1000)}",
            f"'user-' || {text.format(50)}",
            "CASE n % 10 WHEN 0 THEN 'FAILED' ELSE 'FINISHED' END",
            f"{START_MS} + n * 1000",
            f"{START_MS} + n * 1000 + 900",
            "'active'",
            "'mlflow-artifacts:/1/' || CAST(n AS TEXT) || '/artifacts'",
        )
    ]
    for k in range(METRICS):
        made.append(
            insert(
                "series (run_id, experiment_id, key, step, timestamp, value, is_nan)",
                "n + 1",
                "CAST(:experiment AS bigint)",
                f"'metric-{k}'",
                "100",
                f"{START_MS} + n * 1000",
                _VALUE.format(k=k),
                "false",
            )
        )
    for k in range(PARAMS):
        made.append(
            insert("params (run_id, key, value)", "n + 1", f"'param-{k}'", text.format(10 ** (k + 1)))
        )
    tags = {
        "mlflow.runName": "'run-' || " + text.format(1000),
        "mlflow.user": "'user-' || " + text.format(50),
    }
    tags["team"] = "'team-' || " + text.format(8)
    for key, value in tags.items():
        made.append(insert("run_tags (run_id, key, value)", "n + 1", f"'{key}'", value))
    return made
