"""``trackway workspace`` and ``trackway gc --all-workspaces``, beside a running server."""

from __future__ import annotations

import pytest

from tests.access import ADMIN, authorization, closed_server
from trackway.server.cli import main

from .test_workspaces import M2, assign, make_experiment_as, refresh


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts", enable_workspaces=True) as server:
        yield server


def trackway(capsys, server, *words, code=0):
    """Run a command on the server's stores. Return what it prints."""
    config = server.backend.config
    options = ["--backend-store-uri", config.backend_store_uri]
    if words[0] == "gc":
        options += ["--artifacts-destination", config.artifacts_destination]
    with pytest.raises(SystemExit) as exit_:
        main([*words, *options])
    printed = capsys.readouterr()
    assert exit_.value.code == code, printed.err
    refresh(server)
    return printed.out if code == 0 else printed.err


def test_experiments_and_models_are_moved_with_their_permissions(server, capsys):
    trackway(capsys, server, "workspace", "create", "team-a", "--description", "A")
    assign(server, "alice", "user", "team-a")
    ids = {name: make_experiment_as(server, name, "alice", "/t/team-a") for name in ("one", "two")}
    server.ok("POST", f"/t/team-a{M2}/registered-models/create", who="alice", name="iris")
    move = ("workspace", "move", "experiments", "--from", "team-a", "--to", "default", "--name", "one")
    printed = trackway(capsys, server, *move, "--dry-run")
    assert printed == "one would be moved to default.\n1 experiments would be moved.\n"
    rename = {"experiment_id": ids["one"], "new_name": "one"}
    assert server.call("POST", f"{M2}/experiments/update", who="alice", **rename).status_code == 403
    assert trackway(capsys, server, *move) == "one was moved to default.\n1 experiments were moved.\n"
    server.ok("POST", f"{M2}/experiments/update", who="alice", **rename)
    assert server.call("POST", f"{M2}/experiments/update", who="bob", **rename).status_code == 403
    left = server.ok("POST", f"/t/team-a{M2}/experiments/search", who="alice", max_results=9)["experiments"]
    assert [found["name"] for found in left] == ["two"]
    move = ("workspace", "move", "models", "--from", "team-a", "--to", "default")
    assert trackway(capsys, server, *move).startswith("iris was moved to default.")
    server.ok("PATCH", f"{M2}/registered-models/update", who="alice", name="iris", description="hers")
    assert "name 'three'" not in trackway(capsys, server, "workspace", "list")


def test_a_move_onto_a_name_that_is_taken_moves_nothing(server, capsys):
    trackway(capsys, server, "workspace", "create", "team-a")
    for root in ("", "/t/team-a"):
        make_experiment_as(server, "same", root=root)
    moved = make_experiment_as(server, "other", root="/t/team-a")
    move = ("workspace", "move", "experiments", "--from", "team-a", "--to", "default")
    assert "'same'" in trackway(capsys, server, *move, code=1)
    server.ok("GET", f"/t/team-a{M2}/experiments/get", experiment_id=moved)
    assert "There is no experiment 'none'" in trackway(capsys, server, *move, "--name", "none", code=1)
    assert "'nope' not found" in trackway(capsys, server, *move[:-1], "nope", code=1)


def test_gc_empties_the_trash_of_a_deleted_workspace(server, capsys, tmp_path):
    trackway(capsys, server, "workspace", "create", "team-a")
    experiment_id = make_experiment_as(server, "theirs", root="/t/team-a")
    run = server.ok("POST", f"/t/team-a{M2}/runs/create", experiment_id=experiment_id)["run"]["info"]
    path = run["artifact_uri"].removeprefix("mlflow-artifacts:/") + "/a.txt"
    headers = authorization(ADMIN)
    assert (
        server.client.put(
            f"/t/team-a/api/2.0/mlflow-artifacts/artifacts/{path}", data=b"x", headers=headers
        ).status_code
        == 200
    )
    trackway(capsys, server, "workspace", "delete", "team-a", "--mode", "CASCADE")
    assert "nothing to delete" in trackway(capsys, server, "gc")
    assert (tmp_path / "artifacts" / path).exists()
    assert f"Run {run['run_id']} was permanently" in trackway(capsys, server, "gc", "--all-workspaces")
    assert not (tmp_path / "artifacts" / path).exists()


def test_a_project_is_mapped_and_unmapped(server, capsys):
    trackway(capsys, server, "workspace", "create", "team-a")
    trackway(capsys, server, "workspace", "map", "Group/Project", "team-a")
    assert "gitlab:group/project" in trackway(capsys, server, "workspace", "list")
    path = "/api/v4/projects/group%2Fproject/ml/mlflow/api/2.0/mlflow/experiments/search?max_results=5"
    headers = authorization(ADMIN)
    assert server.client.get(path, headers=headers).status_code == 200
    trackway(capsys, server, "workspace", "map", "group/project", "--remove")
    assert server.client.get(path, headers=headers).status_code == 404
    assert "no workspace for gitlab" in trackway(
        capsys, server, "workspace", "map", "group/project", "--remove", code=1
    )
