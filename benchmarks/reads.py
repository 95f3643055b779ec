"""Rows for reading a run: its data, and the whole history of a metric."""

from __future__ import annotations

import json
from functools import partial

from .bench import Bench, Failed
from .load import Load
from .servers import Contender
from .wire import RUN, Connection, for_run, get
from .writes import at_once, make_runs

_RUNS = 16
_POINTS = 100_000


def measure_get_run(bench: Bench, row: str) -> None:
    """Measure the rate of reading runs with 20 metrics, 20 params and 10 tags."""
    places = {contender: _filled(contender) for contender in bench.contenders}

    def run(contender: Contender, connections: int, seconds: float) -> Load:
        # Not URL-encoded, because the marker must stay as it is. Run ids need no encoding.
        request = get("runs/get", {}, contender.port).replace(b"?", f"?run_uuid={RUN}&run_id={RUN}".encode())
        request = contender.authorized(request)
        return contender.numbers.run(request, contender.port, connections, seconds, places[contender])

    bench.loaded(row, run)


def measure_history(bench: Bench, row: str) -> None:
    """Measure the time to read 100,000 points in pages of the size that MLflow's client requests."""
    runs = {contender: _logged(contender) for contender in bench.contenders}
    for contender in bench.in_turn():
        pages: list[bytes] = []
        bench.timed(contender, row, partial(_read, contender, runs[contender], pages))
        points = [point for page in pages for point in json.loads(page)["metrics"]]
        if sorted(int(point["step"]) for point in points) != list(range(_POINTS)):
            bench.fail(contender, row, f"a history of {_POINTS} points came as {len(points)}")


def _filled(contender: Contender) -> list[str]:
    _, runs = make_runs(contender, _RUNS)
    body = {
        "metrics": [
            {"key": f"metric-{i}", "value": i / 7, "timestamp": 1_700_000_000_000 + i, "step": i}
            for i in range(20)
        ],
        "params": [{"key": f"param-{i}", "value": f"value-{i}"} for i in range(20)],
        "tags": [{"key": f"tag-{i}", "value": f"value-{i}"} for i in range(10)],
    }

    def fill(connection: Connection, run: str) -> None:
        connection.post("runs/log-batch", {"run_id": run, **body})
        data = connection.get("runs/get", **for_run(run))["run"]["data"]
        sizes = [len(data[kind]) for kind in ("metrics", "params")]
        if sizes != [20, 20] or sum(tag["key"].startswith("tag-") for tag in data["tags"]) != 10:
            raise Failed(f"{contender}: the run has {sizes}, {len(data['tags'])} tags")

    at_once(contender, fill, runs)
    return runs


def _logged(contender: Contender) -> str:
    _, runs = make_runs(contender, 1)

    def log(connection: Connection, first: int) -> None:
        metrics = [
            {"key": "loss", "value": 1 / (step + 1), "timestamp": 1_700_000_000_000 + step, "step": step}
            for step in range(first, first + 1000)
        ]
        connection.post("runs/log-batch", {"run_id": runs[0], "metrics": metrics, "params": [], "tags": []})

    for first in range(0, _POINTS, 1000):
        log(contender.connection, first)
    return runs[0]


def _read(contender: Contender, run: str, pages: list[bytes]) -> None:
    """Append the bodies of all pages. Only page tokens are parsed, so that Python's JSON is not measured."""
    query = {**for_run(run, metric_key="loss"), "max_results": 25000}
    while True:
        body = contender.connection.send(get("metrics/get-history", query, contender.port))
        pages.append(body)
        at = body.rfind(b'"next_page_token"')
        if at < 0:
            return
        token = body[at:].split(b'"')[3].decode()
        if not token:
            return
        query["page_token"] = token
