"""``trackway trash`` and ``trackway gc`` as their user sees them, beside a running server."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.services import BIN

SERVED = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(params=["folder", "s3"])
def store(request, serve, dialect):
    """A server and a function that runs a command on its stores."""
    environment = {}
    destination = ""
    if request.param == "s3":
        if dialect != "sqlite":
            pytest.skip("The bucket is tested with SQLite.")
        object_store = request.getfixturevalue("object_store")
        environment = object_store.environment
        destination = f"s3://{object_store.bucket()}/prefix"
    options = ("--artifacts-destination", destination) if destination else ()
    server = serve(*options, **environment)

    def run(*words):
        words = [str(BIN / "trackway"), *words, "--backend-store-uri", server.store_uri]
        words += ["--artifacts-destination", destination or str(server.folder / "artifacts")]
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **environment},
            check=False,
        )
        return done.returncode, _without_times(done.stdout), _without_times(done.stderr)

    return server, run


def _without_times(text):
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "<time>", text)


def put(server, path, data=b"x"):
    assert server.send("PUT", f"{SERVED}/{path}", data)[0] == 200


def delete(server, path):
    assert server.send("DELETE", f"{SERVED}/{path}")[0] == 200


def test_an_operator_lists_restores_and_purges_what_clients_deleted(store):
    server, trackway = store
    for path in ("0/r/artifacts/m/a", "0/r/artifacts/m/b", "0/r/artifacts/f", "0/s/artifacts/f"):
        put(server, path, path.encode())
    for path in ("0/s/artifacts/f", "0/r/artifacts/f", "0/r/artifacts/m"):
        delete(server, path)
    listed = trackway("trash", "list")
    assert listed[0] == 0, listed
    assert listed[1].splitlines() == [
        "<time>  0/r/artifacts/m",
        "<time>  0/r/artifacts/f",
        "<time>  0/s/artifacts/f",
    ]
    assert trackway("trash", "list", "0/s")[1] == "<time>  0/s/artifacts/f\n"
    assert trackway("trash", "restore", "0/r/artifacts/m/a") == (
        0,
        "Artifact 0/r/artifacts/m, deleted at <time>, was restored.\n",
        "",
    )
    assert server.send("GET", f"{SERVED}/0/r/artifacts/m/a") == (200, b"0/r/artifacts/m/a")
    assert server.send("GET", f"{SERVED}/0/r/artifacts/m/b")[0] == 404
    put(server, "0/r/artifacts/f", b"newer")
    code, _, complaint = trackway("trash", "restore", "0/r/artifacts")
    assert (code, complaint) == (
        1,
        "Error: These artifacts stay in the trash, because others are in their places:\n  0/r/artifacts/f\n",
    )
    assert server.send("GET", f"{SERVED}/0/r/artifacts/m/b")[0] == 200
    assert server.send("GET", f"{SERVED}/0/r/artifacts/f") == (200, b"newer")
    nothing = "Error: There is nothing at or below '0/none' in the trash.\n"
    assert trackway("trash", "restore", "0/none") == (1, "", nothing)
    code, _, complaint = trackway("trash", "restore", "../x")
    assert (code, complaint) == (1, "Error: Invalid path\n")

    nothing = "There is nothing to delete in the trash that is old enough.\n"
    assert trackway("gc", "--older-than", "1d") == (0, nothing, "")
    would = "Artifact {}, deleted at <time>, would be permanently deleted."
    said = trackway("gc", "--dry-run")[1].splitlines()
    assert said[:2] == [would.format("0/r/artifacts/f"), would.format("0/s/artifacts/f")]
    code, printed, complaint = trackway("gc")
    assert (code, complaint) == (0, "")
    was = "Artifact {}, deleted at <time>, was permanently deleted."
    assert printed.splitlines()[:2] == [was.format("0/r/artifacts/f"), was.format("0/s/artifacts/f")]
    assert trackway("trash", "list") == (0, "", "")
    assert trackway("gc") == (0, "There is nothing to delete in the trash.\n", "")


def test_a_purged_run_takes_its_deleted_files_with_it(store):
    server, trackway = store
    run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    put(server, f"0/{run_id}/artifacts/f")
    put(server, "0/other/artifacts/f")
    delete(server, f"0/{run_id}/artifacts/f")
    delete(server, "0/other")
    server.post("runs/delete", run_id=run_id)
    assert trackway("gc", "--run-ids", run_id)[0] == 0
    assert trackway("trash", "list")[1] == "<time>  0/other\n"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_without_serving_there_is_no_trash(store_uri):
    words = ["trash", "list", "--backend-store-uri", store_uri, "--no-serve-artifacts"]
    words += ["--default-artifact-root", "/tmp/none"]
    done = subprocess.run([BIN / "trackway", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "has no trash of artifacts" in done.stderr
