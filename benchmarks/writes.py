"""Rows for writes: requests per second with new values. Acknowledged writes are read back and counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from .bench import Bench
from .load import Load
from .servers import Contender
from .wire import KEY, KEYS, NUMBER, RUN, Connection, Refused, bare, for_run, post

_TIMESTAMP = bare(f"170{NUMBER}")
_VALUE = bare(f"0.{NUMBER}")
_STEP = bare(NUMBER)
_ATTEMPTS = 5


@dataclass(frozen=True)
class Write:
    """A row: the request, the number of runs that it writes to in turn, and how to count stored writes."""

    path: str
    body: Callable[[str], dict[str, Any]]  # of the experiment's id
    runs: int
    count: Callable[[Contender, str, list[str]], int]


def measure(bench: Bench, row: str) -> None:
    write = WRITES[row]
    places = {contender: make_runs(contender, write.runs) for contender in bench.contenders}

    def run(contender: Contender, connections: int, seconds: float) -> Load:
        experiment, runs = places[contender]
        request = contender.authorized(post(write.path, write.body(experiment), contender.port))
        return contender.numbers.run(request, contender.port, connections, seconds, runs)

    acknowledged = bench.loaded(row, run)
    for contender in bench.contenders:
        load = acknowledged[contender.kind.name]
        try:
            stored = write.count(contender, *places[contender])
        except (Refused, OSError) as error:
            bench.fail(contender, row, f"{load.ok} writes acknowledged, reading them back fails: {error}")
            continue
        if stored < load.ok or not load.ok:
            bench.fail(contender, row, f"{load.ok} writes acknowledged, {stored} read back")
        bench.say(f"{bench.store:<10} {row:<22} {contender!s:<15} {load.ok} acknowledged, {stored} read back")


def make_runs(contender: Contender, number: int) -> tuple[str, list[str]]:
    """Create an experiment with runs. Return its id and the ids of the runs."""
    name = f"bench-{contender.numbers.next}"
    contender.numbers.next += 1
    experiment = contender.connection.post("experiments/create", {"name": name})["experiment_id"]
    return experiment, at_once(contender, partial(make_run, experiment), range(number))


def make_run(experiment: str, connection: Connection, number: int) -> str:
    body = {
        "experiment_id": experiment,
        "user_id": "bench",
        "run_name": f"run-{number}",
        "start_time": 1_700_000_000_000 + number,
    }
    run_id: str = connection.post("runs/create", body)["run"]["info"]["run_id"]
    return run_id


def at_once(contender: Contender, act: Callable[[Connection, Any], Any], items: Iterable[Any]) -> list[Any]:
    """Call ``act`` for each item over eight connections. Return the results in the order of the items.

    Refused requests are repeated, as clients do. This is used for preparations and checks only.
    """
    here = threading.local()

    def one(item: Any) -> Any:
        if not hasattr(here, "connection"):
            here.connection = contender.connect()
        for _ in range(_ATTEMPTS - 1):
            with suppress(Refused):
                return act(here.connection, item)
        return act(here.connection, item)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, items))


def _create_run(experiment: str) -> dict[str, Any]:
    return {
        "experiment_id": experiment,
        "user_id": "bench",
        "run_name": f"run-{NUMBER}",
        "start_time": _TIMESTAMP,
        "tags": [
            {"key": "mlflow.user", "value": "bench"},
            {"key": "mlflow.source.name", "value": "train.py"},
            {"key": "mlflow.source.type", "value": "LOCAL"},
        ],
    }


def _log_metric(experiment: str) -> dict[str, Any]:
    return for_run(RUN, key=f"metric-{KEY}", value=_VALUE, timestamp=_TIMESTAMP, step=_STEP)


def _set_tag(experiment: str) -> dict[str, Any]:
    return for_run(RUN, key=f"tag-{NUMBER}", value="some words")


def _small_batch(experiment: str) -> dict[str, Any]:
    return {
        "run_id": RUN,
        "metrics": [_metric(f"metric-{i}", _STEP) for i in range(10)],
        "params": [{"key": f"param-{i}-{NUMBER}", "value": f"{i}"} for i in range(5)],
        "tags": [{"key": f"tag-{i}-{NUMBER}", "value": f"{i}"} for i in range(2)],
    }


def _batch_1000_keys(experiment: str) -> dict[str, Any]:
    metrics = [_metric(f"metric-{i}", _STEP) for i in range(1000)]
    return {"run_id": RUN, "metrics": metrics, "params": [], "tags": []}


def _batch_5_keys(experiment: str) -> dict[str, Any]:
    steps = [bare(f"{NUMBER}{step:03d}") for step in range(200)]
    metrics = [_metric(f"metric-{i}", step) for step in steps for i in range(5)]
    return {"run_id": RUN, "metrics": metrics, "params": [], "tags": []}


def _metric(key: str, step: str) -> dict[str, Any]:
    return {"key": key, "value": _VALUE, "timestamp": _TIMESTAMP, "step": step}


def _count_runs(contender: Contender, experiment: str, runs: list[str]) -> int:
    body = {"experiment_ids": [experiment], "run_view_type": "ACTIVE_ONLY", "max_results": 1000}
    found: set[str] = set()
    for page in contender.connection.pages("runs/search", "runs", body):
        found.update(run["info"]["run_id"] for run in page)
    return len(found - set(runs))


def _count_tags(contender: Contender, experiment: str, runs: list[str]) -> int:
    def of(connection: Connection, run: str) -> int:
        tags = connection.get("runs/get", **for_run(run))["run"]["data"].get("tags", [])
        return len({tag["key"] for tag in tags if tag["key"].startswith("tag-")})

    return sum(at_once(contender, of, runs))


def _count_batches(contender: Contender, experiment: str, runs: list[str]) -> int:
    """Return the number of complete batches: the least of the counts of params, tags and metrics."""

    def of(connection: Connection, run: str) -> tuple[int, int]:
        data = connection.get("runs/get", **for_run(run))["run"]["data"]
        tags = [tag for tag in data.get("tags", []) if tag["key"].startswith("tag-")]
        return len(data.get("params", [])), len(tags)

    params, tags = map(sum, zip(*at_once(contender, of, runs), strict=True))
    points = min(_count_points(contender, runs, [key]) for key in ("metric-0", "metric-9"))
    return min(params // 5, tags // 2, points)


def _count_points(contender: Contender, runs: list[str], keys: Iterable[str]) -> int:
    """Return the number of different steps of the metrics."""

    def of(connection: Connection, series: tuple[str, str]) -> int:
        steps: set[int] = set()
        for page in connection.history(*series):
            steps.update(int(point["step"]) for point in page)
        return len(steps)

    return sum(at_once(contender, of, [(run, key) for run in runs for key in keys]))


WRITES = {
    "create-run": Write("runs/create", _create_run, 0, _count_runs),
    "log-metric": Write(
        "runs/log-metric",
        _log_metric,
        50,
        lambda contender, _, runs: _count_points(
            contender, runs, [f"metric-{key:02d}" for key in range(KEYS)]
        ),
    ),
    "set-tag": Write("runs/set-tag", _set_tag, 50, _count_tags),
    "small-batch": Write("runs/log-batch", _small_batch, 50, _count_batches),
    # Only some keys are counted: reading hundreds of thousands of points from the other servers would take
    # longer than the measurement.
    "batch-1000-keys": Write(
        "runs/log-batch",
        _batch_1000_keys,
        8,
        lambda contender, _, runs: min(_count_points(contender, runs, [f"metric-{key}"]) for key in (0, 999)),
    ),
    "batch-5-keys": Write(
        "runs/log-batch",
        _batch_5_keys,
        8,
        lambda contender, _, runs: _count_points(contender, runs, ["metric-4"]) // 200,
    ),
}
