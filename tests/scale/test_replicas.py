"""Three servers behind a load balancer: one is killed, one is restarted, and no client notices.

The servers share one PostgreSQL and one bucket, the balancer runs on the configuration from
``docs/examples``, and the load comes from the unchanged client in several processes.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import mlflow
import pytest

from tests.commands import ROOT
from tests.services import TrackwayServer

from .load import THREADS
from .programs import HAProxy, Nginx, needs

pytestmark = pytest.mark.slow

PROCESSES = 2
USERS = PROCESSES * THREADS
# Most requests that a killed and a stopping server may do without the client hearing of it.
INTERRUPTED = 2 * USERS


class Load:
    """Client processes, and what they were told is stored."""

    def __init__(self, url: str, folder: Path) -> None:
        self._folder = folder
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.scale.load", url, str(folder), f"user-{number}"],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
            )
            for number in range(PROCESSES)
        ]

    def end(self) -> dict[str, list]:
        (self._folder / "stop").touch()
        for process in self._processes:
            assert process.wait(timeout=120) == 0
        parts = [json.loads(path.read_text()) for path in sorted(self._folder.glob("user-*.json"))]
        return {name: [item for part in parts for item in part[name]] for name in parts[0]}

    def close(self):
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture
def servers(object_store, databases, tmp_path):
    bucket = object_store.bucket()
    with databases.fresh("postgresql") as uri:
        options = ["--artifacts-destination", f"s3://{bucket}", "--workers", "1", "--log-format", "json"]
        servers = [
            TrackwayServer(tmp_path / f"server-{number}", uri, options, object_store.environment)
            for number in range(3)
        ]
        for server in servers:
            server.start()
        yield servers
        for server in servers:
            server.kill()


@pytest.fixture(
    params=[pytest.param(HAProxy, marks=needs("haproxy")), pytest.param(Nginx, marks=needs("nginx"))],
    ids=["haproxy", "nginx"],
)
def balancer(request, servers, tmp_path):
    balancer = request.param(tmp_path / "balancer", servers)
    balancer.start()
    yield balancer
    balancer.kill()


@pytest.fixture
def load(balancer, tmp_path):
    load = Load(balancer.url, tmp_path)
    yield load
    load.close()


def test_a_killed_and_a_restarted_server_lose_nothing_and_no_client_sees_an_error(
    servers, balancer, load, tmp_path
):
    client = mlflow.MlflowClient(balancer.url)
    one, other, _third = servers
    wait_for_runs(client, USERS)
    one.kill()
    wait_for_runs(client, 2 * USERS)
    other.restart()
    one.start()
    wait_for_runs(client, 2 * USERS)
    told = load.end()

    assert told["faults"] == []
    assert_all_is_there(client, told, tmp_path)
    # Each of them had its part, the restarted ones also after it.
    assert all(server.log.count('"path"') > 20 for server in servers), balancer.log


def wait_for_runs(client, count):
    """Until the users have begun so many more runs than there are now."""
    deadline = time.monotonic() + 150
    first = None
    while first is None or number_of_runs(client) < first + count:
        first = number_of_runs(client) if first is None else first
        assert time.monotonic() < deadline, "the load does not get on"
        time.sleep(0.3)


def number_of_runs(client):
    return len(client.search_runs(["0"], "attributes.run_name LIKE 'user-%'", max_results=50_000))


def assert_all_is_there(client, told, folder):
    for noted in told["runs"]:
        run = client.get_run(noted["run"])
        assert noted["params"].items() <= run.data.params.items()
        assert noted["tags"].items() <= run.data.tags.items()
        if "status" in noted:
            assert run.info.status == noted["status"]
        history = client.get_metric_history(noted["run"], "loss")
        found = [[metric.step, metric.value] for metric in history]
        assert found == noted["steps"]  # each once, also those that were sent twice
        if "batch" in noted["tags"]:
            assert len(client.get_metric_history(noted["run"], "batch")) == 10
        if noted["text"]:
            path = client.download_artifacts(noted["run"], "notes/text.txt", str(folder))
            assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == noted["text"]
    newest: dict[str, int] = {}
    for noted in told["versions"]:
        version = client.get_model_version(noted["name"], str(noted["version"]))
        assert version.run_id == noted["run"]
        if "number" in noted:
            assert version.tags == {"number": noted["number"]}
        newest[noted["name"]] = max(newest.get(noted["name"], 0), noted["version"])
    for name, version in newest.items():
        assert int(client.get_model_version_by_alias(name, "champion").version) == version
    # What a client sent again because the first answer was lost may be there twice, and nothing else.
    runs = Counter(run.info.run_name for run in client.search_runs(["0"], max_results=50_000))
    users = {name: count for name, count in runs.items() if name.startswith("user-")}
    assert len(told["runs"]) <= sum(users.values()) <= len(told["runs"]) + INTERRUPTED
    versions = sum(len(client.search_model_versions(f"name = '{name}'", 10_000)) for name in newest)
    assert len(told["versions"]) <= versions <= len(told["versions"]) + INTERRUPTED
