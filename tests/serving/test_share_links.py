"""``trackway share-link`` against a running server, whose log does not tell the links."""

from __future__ import annotations

import pytest
import requests
from click.testing import CliRunner

from tests.closed import ADMIN, PASSWORD, ClosedTrackwayServer
from trackway.server.cli import main


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    options = ["--log-level", "debug"]
    server = ClosedTrackwayServer(folder, f"sqlite:///{folder}/trackway.db", options)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def command(server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)

    def run(*words):
        return CliRunner().invoke(main, ["share-link", *words])

    return run


def test_a_link_is_made_listed_and_revoked(server, command):
    auth = (ADMIN, PASSWORD)
    create = f"{server.url}/api/2.0/mlflow/runs/create"
    run_id = requests.post(create, json={"experiment_id": "0"}, auth=auth).json()["run"]["info"]["run_id"]
    url = command("create", run_id, "--label", "review", "--expires", "1d").output.strip()
    assert url.startswith(f"{server.url}/share/tw_")
    page = requests.get(url.removesuffix("/"))
    assert (page.status_code, page.url) == (200, url)
    read = f"{url}ajax-api/2.0/mlflow/runs/get?run_id={run_id}"
    assert requests.get(read).json()["run"]["info"]["run_id"] == run_id
    listed = command("list").output.splitlines()[1].split()
    assert listed[1:4] == [ADMIN, "review", run_id]
    assert listed[0] in url
    assert command("revoke", listed[0]).output == f"Revoked {listed[0]}.\n"
    assert requests.get(read).status_code == 404
    assert requests.get(url).status_code == 404
    assert url.split("/share/")[1].strip("/").split("_")[2] not in server.log


def test_the_command_says_what_the_server_refuses(command):
    found = command("create", "0" * 32)
    assert (found.exit_code, "not found" in found.output) == (1, True)
    assert "give run_ids or experiment_id" in command("create").output
    assert "There is no share link 'absent'" in command("revoke", "absent").output
