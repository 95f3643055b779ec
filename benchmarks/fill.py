"""Write many runs directly into the tables of each server, with the same rows as its API would write.

Through the API MLflow would take two hours for 100,000 runs. The results of each search are compared with
these runs, so that a mistake here or a changed schema fails the measurement.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from .servers import Contender

START_MS = 1_700_000_000_000
Rows = Iterable[Sequence[Any]]


@dataclass(frozen=True)
class Run:
    id: str
    name: str
    start_time: int
    metrics: tuple[float, ...]
    params: tuple[str, ...]
    tags: tuple[str, ...]


def make(number: int) -> list[Run]:
    """Return runs, oldest first, each with 5 metrics, 5 params and 3 tags. They are the same in each call."""
    dice = random.Random(number)
    return [
        Run(
            f"{dice.getrandbits(128):032x}",
            f"run-{index:06d}",
            START_MS + index * 1000,
            tuple(dice.random() for _ in range(5)),
            tuple(str(dice.randint(0, 10)) for _ in range(5)),
            tuple(dice.choice("abcdefghij") for _ in range(3)),
        )
        for index in range(number)
    ]


def fill(contender: Contender, experiment: str, runs: list[Run]) -> None:
    """Write the runs into the tables of the server. The server is idle meanwhile."""
    tables = _Postgres(contender.uri) if contender.postgres else _Sqlite(contender.database_file)
    kind = contender.kind.name.split("-")[0]
    try:
        _FILLS[kind](tables, int(experiment), runs)
        tables.commit()
    finally:
        tables.close()


class _Sqlite:
    def __init__(self, path: object) -> None:
        self._connection = sqlite3.connect(str(path), timeout=60)

    def add(self, table: str, columns: str, rows: Rows) -> None:
        marks = ", ".join("?" * len(columns.split(",")))
        self._connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)

    def ask(self, query: str) -> list[Any]:
        return self._connection.execute(query).fetchall()

    def commit(self) -> None:
        self._connection.commit()
        # A server checkpoints while it writes. Without this the WAL would be as large as the database.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._connection.close()


class _Postgres:
    def __init__(self, uri: str) -> None:
        self._connection = psycopg.connect(uri)

    def add(self, table: str, columns: str, rows: Rows) -> None:
        with self._connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def ask(self, query: str) -> list[Any]:
        return self._connection.execute(query.encode()).fetchall()

    def commit(self) -> None:
        self._connection.commit()
        # Otherwise autovacuum would start within a minute, during the measurement.
        self._connection.autocommit = True
        self._connection.execute("VACUUM ANALYZE")

    def close(self) -> None:
        self._connection.close()


Tables = _Sqlite | _Postgres


def _trackway(tables: Tables, experiment: int, runs: list[Run]) -> None:
    tables.add(
        "runs",
        "run_uuid, experiment_id, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri",
        (
            (
                *(run.id, experiment, run.name, "bench", "FINISHED", run.start_time, run.start_time + 500),
                *("active", f"mlflow-artifacts:/{experiment}/{run.id}"),
            )
            for run in runs
        ),
    )
    ids = dict(tables.ask(f"SELECT run_uuid, id FROM runs WHERE experiment_id = {experiment}"))
    tables.add(
        "series",
        "run_id, experiment_id, key, step, timestamp, value, is_nan",
        (
            (ids[run.id], experiment, f"m{i}", 1, run.start_time, value, False)
            for run in runs
            for i, value in enumerate(run.metrics)
        ),
    )
    query = f"SELECT id, timestamp, value FROM series WHERE experiment_id = {experiment} ORDER BY id"
    tables.add(
        "points",
        "series_id, timestamp, step, value",
        [(series, timestamp, 1, value) for series, timestamp, value in tables.ask(query)],
    )
    for table, values in (("params", _params), ("run_tags", _tags)):
        rows = ((ids[run.id], key, value) for run in runs for key, value in values(run))
        tables.add(table, "run_id, key, value", rows)


def _mlflow(tables: Tables, experiment: int, runs: list[Run]) -> None:
    _runs(tables, experiment, runs, "", lambda index: ())
    for table in ("metrics", "latest_metrics"):
        _metrics(tables, table, runs, "", ())
    _params_and_tags(tables, runs, "value")


def _fasttrackml(tables: Tables, experiment: int, runs: list[Run]) -> None:
    first = (tables.ask("SELECT max(row_num) FROM runs")[0][0] or 0) + 1
    _runs(tables, experiment, runs, ", row_num", lambda index: (first + index,))
    context = tables.ask("SELECT min(id) FROM contexts")[0][0]
    _metrics(tables, "metrics", runs, ", iter, context_id", (1, context))
    _metrics(tables, "latest_metrics", runs, ", last_iter, context_id", (1, context))
    _params_and_tags(tables, runs, "value_str")


def _runs(
    tables: Tables, experiment: int, runs: list[Run], columns: str, more: Callable[[int], tuple[int, ...]]
) -> None:
    tables.add(
        "runs",
        "run_uuid, experiment_id, name, user_id, status, start_time, end_time, lifecycle_stage, "
        "artifact_uri, source_type, source_name, entry_point_name, source_version" + columns,
        (
            (
                *(run.id, experiment, run.name, "bench", "FINISHED", run.start_time, run.start_time + 500),
                *("active", f"mlflow-artifacts:/{experiment}/{run.id}"),
                *("UNKNOWN", "", "", "", *more(index)),
            )
            for index, run in enumerate(runs)
        ),
    )


def _metrics(tables: Tables, table: str, runs: list[Run], columns: str, more: tuple[int, ...]) -> None:
    tables.add(
        table,
        "run_uuid, key, value, timestamp, step, is_nan" + columns,
        (
            (run.id, f"m{i}", value, run.start_time, 1, False, *more)
            for run in runs
            for i, value in enumerate(run.metrics)
        ),
    )


def _params_and_tags(tables: Tables, runs: list[Run], param_column: str) -> None:
    for table, column, values in (("params", param_column, _params), ("tags", "value", _tags)):
        rows = ((run.id, key, value) for run in runs for key, value in values(run))
        tables.add(table, f"run_uuid, key, {column}", rows)


def _params(run: Run) -> Iterable[tuple[str, str]]:
    return ((f"p{i}", value) for i, value in enumerate(run.params))


def _tags(run: Run) -> Iterable[tuple[str, str]]:
    yield from ((f"t{i}", value) for i, value in enumerate(run.tags))
    # MLflow and Trackway store the name of a run as this tag too. FastTrackML searches names only here.
    yield "mlflow.runName", run.name


_FILLS = {"trackway": _trackway, "mlflow": _mlflow, "fasttrackml": _fasttrackml}
