"""Clients that send or read slowly take neither the threads nor the memory from the others."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request

import pytest

from tests.hold import probes

MIB = 2**20
SERVED = "/api/2.0/mlflow-artifacts/artifacts"


def run_path(server):
    run = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    return f"/api/2.0/mlflow/runs/get?run_id={run}"


@pytest.mark.parametrize(
    ("kind", "count"), [("head", 200), ("body", 40), ("body", 500)], ids=lambda value: str(value)
)
def test_health_and_others_are_answered_beside_slow_senders(
    serve, kind, count, figures, is_full, dialect, mlflow
):
    """Clients send a byte of a request every 0.1 s, either of its head or of its body."""
    server = serve("--workers", "1")
    health, rate, usual, result = beside_slow_senders(server, kind, count)
    case = f"clients that send the {kind} slowly"
    figures(
        case, server, count=count, health_s=health.slowest, rate=rate, usual_rate=usual, wrong=health.failed
    )
    assert health.failed == 0
    assert health.p99 < 1
    # Half of it, where no other test takes the processors from the clients that are measured.
    assert rate > usual / (2 if is_full else 10)
    assert result["connected"] == count, "they have not been slow for long"
    if mlflow and dialect == "sqlite":
        health, rate, usual, _ = beside_slow_senders(mlflow, kind, count)
        figures(
            case,
            mlflow,
            count=count,
            health_s=health.slowest,
            rate=rate,
            usual_rate=usual,
            wrong=health.failed,
        )


def beside_slow_senders(server, kind, count):
    path = run_path(server)
    # The clients' own process also needs its share of the machine: it is there, and idle, in the first run.
    with probes.slow_clients(kind, server.port, 1):
        usual = probes.rate(server.port, path, 1)
    with probes.slow_clients(kind, server.port, count, bytes=1, interval=0.1) as result:
        time.sleep(1)
        health = probes.health(server.port, 3)
        rate = probes.rate(server.port, path, 1)
    return health, rate, usual, result


def test_slow_readers_keep_neither_threads_nor_memory(serve, figures):
    """Each of the clients asks for 300 runs, which are 3 MB, and reads 500 bytes a second."""
    server = serve("--workers", "1")
    path = run_path(server)
    large = [{"key": f"k{number}", "value": "x" * 5000} for number in range(2)]
    for _ in range(300):
        server.post("runs/create", experiment_id="0", tags=large)
    search = json.dumps({"experiment_ids": ["0"], "max_results": 1000})
    response = server.post("runs/search", **json.loads(search))
    assert len(json.dumps(response)) > 3_000_000
    before = probes.memory(server.pid)
    with probes.slow_clients(
        "read", server.port, 40, path="/api/2.0/mlflow/runs/search", content=search, bytes=500, interval=1
    ):
        time.sleep(1)
        health = probes.health(server.port, 2)
        rate = probes.rate(server.port, path, 1)
    time.sleep(1)
    after = probes.memory(server.pid)
    figures(
        "slow readers",
        server,
        count=40,
        health_s=health.slowest,
        rate=rate,
        memory_before=before,
        memory_after=after,
    )
    assert health.failed == 0
    assert health.p99 < 1
    assert rate > 10
    assert after < before + 64 * MIB


def test_slow_uploads_leave_places_for_other_addresses(serve, figures):
    """Uploads from one address send a byte every 20 s, while another address uploads and downloads."""
    server = serve("--workers", "1")
    assert server.send("PUT", f"{SERVED}/large", b"x" * 2 * MIB)[0] == 200
    options = {"verb": "PUT", "path": f"{SERVED}/slow", "size": 3 * MIB, "bytes": 1, "interval": 20}
    with probes.slow_clients("body", server.port, 64, source="127.0.0.2", **options):
        time.sleep(0.5)
        statuses = [server.send("PUT", f"{SERVED}/other", b"x" * 2 * MIB)[0] for _ in range(5)]
        for _ in range(5):
            with urllib.request.urlopen(f"{server.url}{SERVED}/large", timeout=30) as answer:
                statuses.append(answer.status)
    wrong = sum(status != 200 for status in statuses)
    figures("slow uploads", server, count=64, wrong=wrong)
    assert wrong == 0
