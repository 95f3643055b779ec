"""Measure how writes scale with workers and replicas, searches with runs, and disk space with points.

    make bench-scaling                              # everything: about 20 minutes and 15 GB of disk
    python -m benchmarks.scaling --parts search --runs 1000,10000 --stores sqlite

It writes benchmarks/results/scaling.json and the tables of docs/scaling.md. Parts that are not measured keep
their earlier figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from tests.services import PostgreSQL, TrackwayServer
from trackway.client_compat import paging, searchable
from trackway.client_compat.filters import parse_order_by
from trackway.storage.database import Database
from trackway.storage.maintenance import migrate, partitions

from . import processes, scaling_fill, scaling_tables
from .load import GENERATOR, Load, Numbers
from .servers import STORES
from .wire import Connection, post
from .writes import WRITES, make_run

RESULTS = Path(__file__).parent / "results" / "scaling.json"
_CONNECTIONS = 16
_REPETITIONS = 15
_BEGAN = time.monotonic()

Row = dict[str, Any]


def main() -> None:
    options = _arguments()
    found: dict[str, Any] = {}
    for part in options.parts:
        say(f"== {part}")
        place = machine()
        rows = PARTS[part](options)
        # Read the file again: another process may have measured another part meanwhile.
        found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        found[part] = {"machine": place, "date": time.strftime("%Y-%m-%d"), "rows": rows}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    scaling_tables.write(found)


def say(text: str) -> None:
    print(f"{time.monotonic() - _BEGAN:6.0f} s  {text}", file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    memory = psutil.virtual_memory().total / 2**30
    return {
        "processors": os.cpu_count(),
        "memory_gib": round(memory),
        "load_generator": GENERATOR,
        "python": platform.python_version(),
        # The load by other processes: rates on a busy machine are too low.
        "load_before": round(os.getloadavg()[0], 1),
    }


class Store:
    """A new database with the current schema. PostgreSQL has its default settings, so commits are durable."""

    def __init__(self, name: str, *settings: str) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix="trackway-scaling-"))
        words = [word for setting in ("max_connections=300", *settings) for word in ("-c", setting)]
        self.postgres = PostgreSQL(words) if name == "postgresql" else None
        self.uri = self.postgres.url() if self.postgres else f"sqlite:///{self.folder}/store.db"
        self.database = Database(self.uri)
        migrate.prepare(self.database, "mlflow-artifacts:/")

    @contextmanager
    def served(self, *, replicas: int = 1, workers: int = 2) -> Iterator[list[TrackwayServer]]:
        with ExitStack() as stack:
            servers = []
            for number in range(replicas):
                server = TrackwayServer(
                    self.folder / f"replica-{number}", self.uri, ["--workers", str(workers)]
                )
                server.start()
                stack.callback(server.kill)
                servers.append(server)
            yield servers

    def close(self) -> None:
        self.database.dispose()
        if self.postgres:
            self.postgres.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def store_of(name: str, *settings: str) -> Iterator[Store]:
    store = Store(name, *settings)
    try:
        yield store
    finally:
        store.close()


def rates(
    store: Store, servers: list[TrackwayServer], numbers: Numbers, row: str, seconds: float, runs: list[str]
) -> Row:
    """Measure the total requests per second of all servers, and the processor time of a request."""
    pids = [server.pid for server in servers]
    database = [store.postgres.pid] if store.postgres else []
    processes.settle(*pids, *database)
    before = [sum(map(processes.cpu_s, some)) for some in (pids, database)]
    counters = [Numbers() for _ in servers]
    for place, counter in enumerate(counters):
        counter.next = numbers.next + place * 100_000_000
    write, each = WRITES[row], _CONNECTIONS // len(servers)

    def drive(server: TrackwayServer, counter: Numbers) -> Load:
        request = post(write.path, write.body(""), server.port)
        return counter.run(request, server.port, each, seconds, runs)

    with ThreadPoolExecutor(len(servers)) as pool:
        loads = list(pool.map(drive, servers, counters))
    numbers.next += 1_000_000
    after = [sum(map(processes.cpu_s, some)) for some in (pids, database)]
    done = max(1, sum(load.ok for load in loads))
    if bad := sum(load.refused + load.broken for load in loads):
        raise SystemExit(f"{row} on {store.name}: {bad} requests failed or had a status other than 200")
    figures = {
        "request": row,
        "rate": round(sum(load.rate for load in loads)),
        "median_ms": round(statistics.median(load.median_ms for load in loads), 2),
        "p99_ms": round(max(load.p99_ms for load in loads), 1),
        "cpu_ms": round((after[0] - before[0]) * 1000 / done, 3),
        "database_cpu_ms": round((after[1] - before[1]) * 1000 / done, 3),
    }
    say(f"{store.name:<10} {figures}")
    return figures


def new_runs(server: TrackwayServer, count: int = 50) -> list[str]:
    connection = Connection(server.port)
    return [make_run("0", connection, number) for number in range(count)]


def measure_writes(options: argparse.Namespace) -> list[Row]:
    """Measure rates of writes: one server with 1, 2 and 4 workers; 2 and 3 servers with two workers each."""
    shapes = [(1, workers) for workers in (1, 2, 4)] + [(replicas, 2) for replicas in (2, 3)]
    rows = []
    for name in options.stores:
        with store_of(name) as store:
            numbers = Numbers()
            for replicas, workers in shapes:
                with store.served(replicas=replicas, workers=workers) as servers:
                    runs = new_runs(servers[0])
                    for row in ("log-metric", "small-batch"):
                        figures = rates(store, servers, numbers, row, options.seconds, runs)
                        rows.append({"store": name, "replicas": replicas, "workers": workers, **figures})
                    memory = sum(processes.pss(server.pid) for server in servers) / processes.MIB
                    rows[-1]["memory_mib"] = rows[-2]["memory_mib"] = round(memory)
    return rows


def measure_search(options: argparse.Namespace) -> list[Row]:
    """Measure the time of a page of 100 runs for each number of runs in the experiment."""
    rows = []
    for name in options.stores:
        with store_of(name, *options.settings) as store, store.served() as [server]:
            connection = Connection(server.port)
            experiment = connection.post("experiments/create", {"name": "large"})["experiment_id"]
            pids = [server.pid] + ([store.postgres.pid] if store.postgres else [])
            done = 0
            for count in options.runs:
                began = time.perf_counter()
                scaling_fill.runs(store.database, int(experiment), done, count, say)
                took, done = time.perf_counter() - began, count
                size = scaling_fill.bytes_of(store.database)
                connection.close()  # the server has closed it as well if filling took long
                say(f"{name}: {count:,} runs, {size / 2**20:,.0f} MiB, filled in {took:.0f} s")
                for search, body in searches(store, experiment).items():
                    ask = partial(connection.post, "runs/search", body)
                    row = {"store": name, "runs": count, "search": search, "bytes": size, **timed(ask, pids)}
                    rows.append(row)
                    say(f"{row}")
    return rows


def searches(store: Store, experiment: str) -> dict[str, dict[str, Any]]:
    """Return the request bodies by name. The page token of the last page is computed."""
    base = {"experiment_ids": [experiment], "run_view_type": "ACTIVE_ONLY", "max_results": 100}
    filtered = "metrics.`metric-0` > 0.5 AND params.`param-0` = '3'"
    by_metric = ["metrics.`metric-0` DESC"]
    with store.database.begin(write=False) as tx:
        position = tx.execute(
            sa.text("SELECT start_time, run_uuid FROM runs WHERE id = 101 AND experiment_id = :experiment"),
            {"experiment": int(experiment)},
        ).one()
    order = parse_order_by([], searchable.RUNS)
    query = ("runs", 1, "ACTIVE_ONLY", int(experiment), "", *map(str, order))
    return {
        "newest 100": base,
        "best 100 by a metric": {**base, "order_by": by_metric},
        "filter on metric and param, by metric": {**base, "filter": filtered, "order_by": by_metric},
        "filter that few pass": {**base, "filter": "params.`param-4` = '4242'"},
        "filter on a tag": {**base, "filter": "tags.team = 'team-3'"},
        "name LIKE": {**base, "filter": "attributes.run_name LIKE 'run-77%'"},
        "last page": {**base, "page_token": paging.encode(query, list(position))},
    }


def timed(act: Callable[[], Any], pids: Sequence[int] = (), patience_s: float = 20) -> Row:
    """Return the time of the first call, median and least time of others, and the processor time of one."""
    times = [scaling_fill.seconds(act)]
    before = sum(map(processes.cpu_s, pids))
    deadline = time.monotonic() + patience_s
    while len(times) <= _REPETITIONS and (len(times) < 2 or time.monotonic() < deadline):
        times.append(scaling_fill.seconds(act))
    row: Row = {
        "first_ms": round(times[0] * 1000, 1),
        "median_ms": round(statistics.median(times[1:]) * 1000, 1),
        "least_ms": round(min(times[1:]) * 1000, 1),
    }
    if pids:
        row["cpu_ms"] = round((sum(map(processes.cpu_s, pids)) - before) * 1000 / (len(times) - 1), 1)
    return row


def measure_points(options: argparse.Namespace) -> list[Row]:
    """Measure the bytes on disk, and the time to read 1,000 points of a metric, for each number of points."""
    rows = []
    for name in options.stores:
        with store_of(name) as store:
            empty, done = scaling_fill.bytes_of(store.database), 0
            for count in options.points:
                began = time.perf_counter()
                scaling_fill.points(store.database, done, count, say)
                took = time.perf_counter() - began
                size = scaling_fill.bytes_of(store.database)
                row = {
                    "store": name,
                    "points": count,
                    "bytes": size,
                    "bytes_per_point": round((size - empty) / count, 1),
                    "filled_per_s": round((count - done) / took),
                    "history": timed(partial(history, store.database, 1_000_000)),
                }
                rows.append(row)
                done = count
                say(f"{row}")
    return rows


def history(database: Database, series: int) -> None:
    query = "SELECT * FROM points WHERE series_id = :series ORDER BY timestamp, step, value"
    with database.begin(write=False) as tx:
        found = tx.execute(sa.text(query), {"series": series}).all()
    assert len(found) == 1000, len(found)


def measure_partitions(options: argparse.Namespace) -> list[Row]:
    """Compare one table with sixteen partitions: time to convert, sizes, writes, reads and VACUUM."""
    rows = []
    count = options.points[-1]
    with store_of("postgresql") as store:
        scaling_fill.points(store.database, 0, count, say)
        numbers = Numbers()
        for turn, layout in enumerate((1, 16, 1, 16)):
            took = scaling_fill.seconds(partial(partitions.divide, store.database, layout))
            scaling_fill.settle(store.database)
            row: Row = {"partitions": layout, "points": count, "divide_s": round(took, 1)}
            row |= _sizes(store.database)
            with store.served() as servers:
                runs = new_runs(servers[0])
                for write in ("log-metric", "batch-5-keys"):
                    figures = rates(store, servers, numbers, write, options.seconds, runs)
                    row |= {
                        f"{write} {name}": figures[name] for name in ("rate", "cpu_ms", "database_cpu_ms")
                    }
            row["history_ms"] = timed(partial(history, store.database, 1_000_050))["median_ms"]
            row["vacuum_s"], row["vacuum_largest_s"] = _vacuum(store.database, turn)
            rows.append(row)
            say(f"{row}")
    return rows


def _sizes(database: Database) -> Row:
    query = (
        "SELECT sum(pg_relation_size(c.oid)), sum(pg_indexes_size(c.oid)), max(pg_indexes_size(c.oid)) "
        "FROM pg_class c WHERE relkind = 'r' AND (relname = 'points' OR relname LIKE 'points\\_%\\_of\\_%')"
    )
    with database.begin(write=False) as tx:
        table, index, largest = tx.execute(sa.text(query)).one()
    return {"table_bytes": int(table), "index_bytes": int(index), "largest_index_bytes": int(largest)}


def _vacuum(database: Database, turn: int) -> tuple[float, float]:
    """Delete 5 % of the points. Return the seconds of VACUUM: for all tables, and for the slowest one."""
    some = f"series_id >= 1000000 AND series_id % 20 = {turn + 7}"
    with database.writing() as connection:
        connection.execute(sa.text(f"DELETE FROM points WHERE {some}"))
        parts = partitions.names(connection) or ["points"]
    each = []
    for name in parts:
        with database.begin(write=False) as tx:
            each.append(scaling_fill.seconds(partial(tx.execute, sa.text(f"VACUUM {name}"))))
    return round(sum(each), 2), round(max(each), 2)


def measure_settings(options: argparse.Namespace) -> list[Row]:
    """Measure rates of writes with some settings of PostgreSQL, each alone."""
    rows = []
    for setting in ("synchronous_commit=on", "synchronous_commit=off", "wal_compression=pglz"):
        with store_of("postgresql", setting) as store, store.served() as servers:
            runs, numbers = new_runs(servers[0]), Numbers()
            for row in ("log-metric", "batch-5-keys"):
                rows.append(
                    {"setting": setting, **rates(store, servers, numbers, row, options.seconds, runs)}
                )
    return rows


PARTS: dict[str, Callable[[argparse.Namespace], list[Row]]] = {
    "writes": measure_writes,
    "settings": measure_settings,
    "search": measure_search,
    "points": measure_points,
    "partitions": measure_partitions,
}


def _arguments() -> argparse.Namespace:
    def words(text: str) -> list[str]:
        return text.split(",")

    def counts(text: str) -> list[int]:
        return [int(word) for word in words(text)]

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", type=words, default=list(PARTS), help=",".join(PARTS))
    parser.add_argument("--stores", type=words, default=list(STORES))
    parser.add_argument("--runs", type=counts, default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--points", type=counts, default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--seconds", type=float, default=5, help="duration of each measurement of writes")
    parser.add_argument("--settings", type=words, default=[], help="of PostgreSQL, for the part search")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown parts {', '.join(unknown)}; known are {', '.join(PARTS)}")
    return options


if __name__ == "__main__":
    main()
