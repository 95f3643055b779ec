"""Rows for the time to start, memory, and disk space."""

from __future__ import annotations

import math
import sqlite3
import time
from contextlib import closing
from functools import partial

import psycopg

from . import processes
from .bench import Bench, Failed
from .servers import Contender
from .wire import Connection, Refused
from .writes import at_once, make_runs

_SETTLED_S = 2.0
_RUNS = 8
_KEYS = 5
_BATCH = 1000
_ATTEMPTS = 20


def measure_start(bench: Bench, row: str) -> None:
    """Measure the seconds from the start of the process to the first 200, with an existing database."""
    for contender in bench.in_turn(bench.options.starts):
        contender.stop()
        bench.record(contender, row, contender.start(), "s")


def measure_memory(bench: Bench, row: str) -> None:
    for contender in bench.contenders:
        contender.settle()
    time.sleep(_SETTLED_S)
    for contender in bench.contenders:
        tree = processes.tree(contender.server.pid)
        held = processes.pss(contender.server.pid) / processes.MIB
        bench.record(contender, row, held, "MiB", processes=len(tree))


def measure_bytes(bench: Bench, row: str) -> None:
    """Measure the bytes on disk for each metric point, logged in batches of 5 keys and 200 steps."""
    for contender in bench.contenders:
        _, runs = make_runs(contender, _RUNS)
        before = size_of(contender)
        batches = math.ceil(bench.options.points / _BATCH / _RUNS)
        refused = sum(at_once(contender, partial(_log, batches), runs))
        contender.settle()
        took = size_of(contender) - before
        points = batches * _BATCH * _RUNS
        _check(bench, contender, row, runs, batches)
        bench.record(contender, row, took / points, "bytes", points=points, errors=refused)


def size_of(contender: Contender) -> int:
    """Return the size of the database in bytes after a checkpoint."""
    if contender.postgres:
        with psycopg.connect(contender.uri, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            assert found
            return int(found[0])
    with closing(sqlite3.connect(contender.database_file, timeout=60)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return contender.database_file.stat().st_size


def _log(batches: int, connection: Connection, run: str) -> int:
    """Log batches one after another. Return the number of requests that were refused and repeated."""
    refused = 0
    for batch in range(batches):
        steps = range(batch * _BATCH // _KEYS, (batch + 1) * _BATCH // _KEYS)
        metrics = [
            {
                "key": f"metric-{key}",
                "value": math.exp(-step / 1e4) + key / 7,
                "timestamp": 1_700_000_000_000 + step * 1000 + key,
                "step": step,
            }
            for step in steps
            for key in range(_KEYS)
        ]
        body = {"run_id": run, "metrics": metrics, "params": [], "tags": []}
        for _ in range(_ATTEMPTS):
            try:
                connection.post("runs/log-batch", body)
                break
            except Refused:
                refused += 1
        else:
            raise Failed(f"port {connection.port} refused a batch {_ATTEMPTS} times")
    return refused


def _check(bench: Bench, contender: Contender, row: str, runs: list[str], batches: int) -> None:
    wanted = batches * _BATCH // _KEYS
    for run in runs[:: len(runs) - 1]:
        steps = {int(p["step"]) for page in contender.connection.history(run, "metric-4") for p in page}
        if len(steps) != wanted:
            bench.fail(contender, row, f"{wanted} points of a metric acknowledged, {len(steps)} read back")
