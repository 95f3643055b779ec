"""Requests that ask for much are refused or bounded, and leave the server able to answer others."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hold import probes

MIB = 2**20


@pytest.fixture(scope="module")
def dialect():
    return "sqlite"


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("runs/create", b'{"x":[' + b"[]," * 500_000 + b"[]]}", 413),
        ("runs/log-batch", b'{"run_id":"a","metrics":[' + b"{}," * 4_000_000 + b"{}]}", 400),
        ("runs/log-batch", b'{"x":' + b"[" * 500_000 + b"]" * 500_000 + b"}", 400),
        ("runs/log-inputs", b'{"x":[' + b"[]," * 15_000_000 + b"[]]}", 400),
    ],
    ids=["create", "batch", "depth", "inputs"],
)
def test_a_body_of_many_values_is_refused_before_it_is_decoded(shared_server, path, data, status, figures):
    before = probes.memory(shared_server.pid)
    answered, body = shared_server.send("POST", f"/api/2.0/mlflow/{path}", data)
    after = probes.memory(shared_server.pid)
    case = f"{path} with a body of {len(data) / MIB:.0f} MiB of empty values"
    figures(case, count=1, wrong=int(answered != status), memory_before=before, memory_after=after)
    assert answered == status, body
    assert after < before + len(data) + 64 * MIB


def test_health_is_answered_while_all_threads_wait_for_the_database(serve, store_uri, figures):
    server = serve("--workers", "1", "--threads", "2")
    lock = sqlite3.connect(store_uri.removeprefix("sqlite:///"), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        with probes.writers(server.port, 8):
            time.sleep(0.5)
            health = probes.health(server.port, 2)
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    figures("writers that wait for a locked SQLite file", count=8, health_s=health.slowest)
    assert health.failed == 0
    assert health.p99 < 1


def test_health_is_answered_beside_runs_of_many_metrics(serve, figures, is_full):
    server = serve("--workers", "1")
    run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    keys = 60_000 if is_full else 10_000
    for start in range(0, keys, 1000):
        metrics = [{"key": f"m{start + n}", "value": n, "timestamp": 1, "step": 0} for n in range(1000)]
        server.post("runs/log-batch", run_id=run_id, metrics=metrics)
    with ThreadPoolExecutor(1) as others:
        path = f"/api/2.0/mlflow/runs/get?run_id={run_id}"
        asking = others.submit(probes.rate, server.port, path, 4, connections=8)
        time.sleep(0.5)
        health = probes.health(server.port, 3)
        rate = asking.result()
    figures(f"clients that get a run of {keys:,} metrics", count=8, health_s=health.slowest, rate=rate)
    assert health.failed == 0
    assert health.p99 < 1
