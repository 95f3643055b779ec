"""Clients in one workspace: old ones name it in their tracking URI, new ones by ``mlflow.set_workspace``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.services import TrackwayServer

from .clients import CLIENTS, Client, install
from .play import client_environment

OLDEST, NEWEST = CLIENTS[0], CLIENTS[-1]

_LOG = """
import json, sys, tempfile, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("shared")
with mlflow.start_run() as run:
    mlflow.log_metric("m", 0.5)
    mlflow.log_text("hello", "note.txt")
client = mlflow.tracking.MlflowClient()
client.create_registered_model("iris")
client.create_model_version("iris", run.info.artifact_uri, run.info.run_id)
json.dump(run.info.run_id, sys.stdout)
"""
_READ = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_workspace("team-a")
client = mlflow.MlflowClient()
run = client.get_run(sys.argv[2])
[found] = mlflow.search_runs(experiment_names=["shared"], output_format="list")
json.dump({
    "metrics": run.data.metrics,
    "found": found.info.run_id,
    "uri": run.info.artifact_uri,
    "text": mlflow.artifacts.load_text(run.info.artifact_uri + "/note.txt"),
    "files": [file.path for file in client.list_artifacts(run.info.run_id)],
    "versions": [version.run_id for version in client.search_model_versions("name = 'iris'")],
}, sys.stdout)
mlflow.set_workspace("default")
assert client.get_experiment_by_name("shared") is None
assert list(client.search_registered_models()) == []
"""
_CREATE = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.create_workspace("team-a", description="Team A")
json.dump(sorted(workspace.name for workspace in mlflow.list_workspaces()), sys.stdout)
"""


def run(client: Client, script: str, *arguments: str) -> Any:
    done = subprocess.run(
        [str(client.python), "-c", script, *arguments],
        env=client_environment(),
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


# An environment is made first, once; with pip and an empty cache that may take minutes.
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", [OLDEST, CLIENTS[2], NEWEST], ids=lambda client: client.version)
def test_a_run_that_was_logged_by_address_is_read_by_the_workspaces_name(
    client: Client, tmp_path: Path
) -> None:
    for needed in {client, NEWEST}:
        install(needed, print)
    uri = f"sqlite:///{tmp_path}/trackway.db"
    server = TrackwayServer(tmp_path, uri, ("--enable-workspaces",))
    server.start()
    try:
        assert run(NEWEST, _CREATE, server.url) == ["default", "team-a"]
        run_id = run(client, _LOG, f"{server.url}/t/team-a")
        read = run(NEWEST, _READ, server.url, run_id)
    finally:
        server.kill()
    assert read["uri"].startswith("mlflow-artifacts:/workspaces/team-a/")
    assert read | {"uri": ""} == {
        "metrics": {"m": 0.5},
        "found": run_id,
        "uri": "",
        "text": "hello",
        "files": ["note.txt"],
        "versions": [run_id],
    }
