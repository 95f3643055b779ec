"""Measure the response times of the UI's runs page, for 10,000 runs with 50 metrics each.

    python benchmarks/ui_runs.py [--runs 10000] [--metrics 50]

It fills a SQLite database in a temporary folder (about a minute), and sends the first requests of the page
to a server in the same process. The exit code is 1 if a request takes a second or more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from trackway.client_compat import messages as m
from trackway.server.app import create_app
from trackway.server.config import Config
from trackway.storage.database import Database
from trackway.storage.tracking import experiments, metrics, run_creation, run_locks

LIMIT_S = 1.0
_START_MS = 1_700_000_000_000
_BATCH = 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--metrics", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/trackway.db"
        files = str(Path(folder, "files"))
        app = create_app(
            Config(backend_store_uri=uri, artifacts_destination=files, access_log=False), start_jobs=False
        )
        started = time.perf_counter()
        experiment_id = _fill(uri, options.runs, options.metrics)
        took = time.perf_counter() - started
        print(f"{options.runs} runs with {options.metrics} metrics: created in {took:.0f} s")
        slowest = _measure(app.test_client(), experiment_id)
    print(f"slowest: {slowest:.3f} s, the limit is {LIMIT_S:.0f} s")
    raise SystemExit(slowest >= LIMIT_S)


def _fill(uri: str, number: int, keys: int) -> str:
    database = Database(uri)
    with database.begin(write=True) as tx:
        experiment_id = experiments.create(tx, "large", None, [], "mlflow-artifacts:/")
    for first in range(0, number, _BATCH):
        with database.begin(write=True) as tx:
            for index in range(first, min(first + _BATCH, number)):
                _make_run(tx, experiment_id, index, keys)
    database.dispose()
    return experiment_id


def _make_run(tx: Any, experiment_id: str, index: int, keys: int) -> None:
    run = run_creation.create(
        tx,
        m.CreateRun(
            experiment_id=experiment_id,
            run_name=f"run-{index}",
            user_id="alice",
            start_time=_START_MS + index,
            tags=[m.RunTag(key="mlflow.source.name", value="train.py")],
        ),
    )
    points = [
        m.Metric(key=f"metric_{key}", value=(index * 31 + key) % 997, timestamp=_START_MS, step=0)
        for key in range(keys)
    ]
    assert run.info
    metrics.log(tx, run_locks.lock_active(tx, run.info.run_id or ""), points)


def _measure(client: Any, experiment_id: str) -> float:
    first_rows = {"experiment_ids": [experiment_id], "max_results": 100, "run_view_type": "ACTIVE_ONLY"}
    by_time = {**first_rows, "order_by": ["attributes.start_time DESC"]}
    asked = {
        "newest first": ("runs/search", by_time),
        "sorted by a metric": ("runs/search", {**first_rows, "order_by": ["metrics.`metric_7` DESC"]}),
        "filtered by a metric": ("runs/search", {**by_time, "filter": "metrics.`metric_7` > 900"}),
        "datasets": ("experiments/search-datasets", {"experiment_ids": [experiment_id]}),
    }
    slowest = 0.0
    for name, (path, body) in asked.items():
        times = []
        for _ in range(7):
            started = time.perf_counter()
            answer = client.post(f"/ajax-api/2.0/mlflow/{path}", json=body)
            times.append(time.perf_counter() - started)
            assert answer.status_code == 200, json.loads(answer.data)
        rows = len(answer.get_json().get("runs", []))
        print(f"{name:22} {rows:4} rows  first {times[0]:.3f} s, median {statistics.median(times):.3f} s")
        slowest = max(slowest, *times)
    return slowest


if __name__ == "__main__":
    main()
