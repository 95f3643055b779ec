"""``create_app()`` under WSGI servers that know nothing of Trackway does everything, webhooks included."""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.receiver import ALLOW_LOOPBACK, receiver
from tests.services import HttpServer

_APP = "trackway.server.app:create_app"
_SERVERS = {
    "gthread": "gunicorn --worker-class gthread --threads 4 --workers 2 --bind 127.0.0.1:{port} {app}()",
    "granian": "granian --interface wsgi --factory --blocking-threads 4 --host 127.0.0.1 --port {port} {app}",
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def dialect(request):
    return request.param


@pytest.fixture(params=_SERVERS)
def server(request, store_uri, tmp_path) -> Iterator[HttpServer]:
    class Foreign(HttpServer):
        name = request.param

        def command(self) -> list[str]:
            words = _SERVERS[request.param].format(port=self.port, app=_APP).split()
            return [sys.executable, "-m", *words]

    settings = {
        **ALLOW_LOOPBACK,
        "MLFLOW_BACKEND_STORE_URI": store_uri,
        "MLFLOW_ARTIFACTS_DESTINATION": str(tmp_path / "artifacts"),
        "TRACKWAY_JOB_POLL_SECONDS": "0.5",
    }
    server = Foreign(tmp_path / "server", store_uri, environment=settings)
    server.start()
    yield server
    server.kill()


def call(server, verb, path, body=None):
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    kind = "application/json" if isinstance(body, dict) else "application/octet-stream"
    request = urllib.request.Request(server.url + path, data, {"Content-Type": kind}, method=verb)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def chunked(server, path, pieces):
    """The beginning of the answer to an upload whose length is not announced."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(
            f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        for piece in [*pieces, b""]:
            client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        return client.recv(12)


def rpc(server, path, body=None):
    return json.loads(call(server, "GET" if body is None else "POST", f"/api/2.0/mlflow/{path}", body))


def test_it_does_everything_under_a_server_of_another_kind(server):
    experiment = rpc(server, "experiments/create", {"name": "here"})["experiment_id"]
    run = rpc(server, "runs/create", {"experiment_id": experiment, "run_name": "r"})["run"]["info"]["run_id"]
    metrics = [{"key": "loss", "value": 1 / (step + 1), "timestamp": 1, "step": step} for step in range(1000)]
    rpc(server, "runs/log-batch", {"run_id": run, "metrics": metrics})
    found = rpc(server, "runs/search", {"experiment_ids": [experiment], "filter": "metrics.loss < 0.01"})
    assert [one["info"]["run_id"] for one in found["runs"]] == [run]
    history = rpc(server, f"metrics/get-history?run_id={run}&metric_key=loss")["metrics"]
    assert len(history) == 1000

    data = bytes(range(256)) * 8192
    path = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/a%20b/file.bin"
    assert call(server, "PUT", path, data) == b"{}"
    assert call(server, "GET", path) == data
    listed = rpc(server, f"artifacts/list?run_id={run}&path=a%20b")["files"]
    assert listed == [{"path": "a b/file.bin", "is_dir": False, "file_size": len(data)}]

    assert chunked(server, f"{path}.2", [data[:1000], data[1000:]]) in (b"HTTP/1.1 200", b"HTTP/1.1 411")

    with receiver() as hook:
        events = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
        call(server, "POST", "/api/2.0/mlflow/webhooks", {"name": "h", "url": hook.url, "events": events})
        rpc(server, "registered-models/create", {"name": "iris"})
        deadline = time.monotonic() + 20
        while not hook.received and time.monotonic() < deadline:
            time.sleep(0.05)
        [delivery] = hook.received
        assert json.loads(delivery.body)["data"]["name"] == "iris"

    assert json.loads(call(server, "GET", "/ready"))["status"] == "ready"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        call(server, "GET", "/nothing/here")
