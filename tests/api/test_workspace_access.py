"""What a token, the audit, a quota and the artifact proxy do on a server with several workspaces."""

from __future__ import annotations

import pytest

from tests.access import ADMIN, PASSWORD, authorization, closed_server, error_code

from .test_workspaces import M2, M3, assign, make_experiment_as

AUDIT = "/api/3.0/trackway/audit"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
A, B = "/t/team-a", "/t/team-b"


@pytest.fixture
def server(store_uri, tmp_path):
    """A closed server with two workspaces. alice is in both, bob administrates team-b."""
    with closed_server(store_uri, tmp_path / "artifacts", enable_workspaces=True) as server:
        for name in ("team-a", "team-b"):
            assert server.call("POST", f"{M3}/workspaces", name=name).status_code == 201
            assign(server, "alice", "user", name)
        assign(server, "bob", "admin", "team-b")
        yield server


def make_run(server, experiment_id, root, who=ADMIN):
    made = server.ok("POST", f"{root}{M2}/runs/create", who=who, experiment_id=experiment_id)
    return made["run"]["info"]


def path_of(run):
    return run["artifact_uri"].removeprefix("mlflow-artifacts:/") + "/a.txt"


def put(server, root, path, who, data=b"x"):
    return server.client.put(f"{root}{FILES}/{path}", data=data, headers=authorization(who))


def get(server, root, path, who):
    return server.client.get(f"{root}{FILES}/{path}", headers=authorization(who))


def move(server, kind, source, target):
    from trackway.storage.access import moves

    find, carry = {
        "experiments": (moves.find_experiments, moves.move_experiments),
        "models": (moves.find_models, moves.move_models),
    }[kind]
    server.backend.database.run(lambda tx: carry(tx, source, target, find(tx, source)), write=True)


def test_a_token_for_a_model_opens_none_of_this_name_in_another_workspace(server):
    for root in (A, B):
        server.ok("POST", f"{root}{M2}/registered-models/create", who="alice", name="iris")
    made = server.ok(
        "POST", f"{A}/api/3.0/trackway/tokens/create", who="alice", name="t", models=["iris"], expires_in="1d"
    )
    token = made["secret"]
    read = f"{M2}/registered-models/get"
    server.ok("GET", f"{A}{read}", who=token, name="iris")
    assert error_code(server.call("GET", f"{B}{read}", who=token, name="iris"))[0] == 403
    assert server.ok("GET", f"{B}{M2}/registered-models/search", who=token) == {}
    again = server.ok(
        "POST", f"{B}/api/3.0/trackway/tokens/rotate", who="alice", token_id=made["token"]["token_id"]
    )["secret"]
    server.ok("GET", f"{A}{read}", who=again, name="iris")
    assert error_code(server.call("GET", f"{B}{read}", who=again, name="iris"))[0] == 403


def test_a_token_for_an_experiment_follows_it_to_another_workspace(server):
    experiment_id = make_experiment_as(server, "hers", "alice", A)
    other = make_experiment_as(server, "other", "alice", B)
    token = server.token(who="alice", experiments=[experiment_id], scopes=["log"])
    run_id = make_run(server, experiment_id, A, token)["run_id"]
    move(server, "experiments", "team-a", "team-b")
    tag = {"run_id": run_id, "key": "k", "value": "v"}
    server.ok("POST", f"{B}{M2}/runs/set-tag", who=token, **tag)
    # Also a process that remembers its experiment finds the run no more.
    assert server.call("POST", f"{A}{M2}/runs/set-tag", who=token, **tag).status_code in (403, 404)
    assert error_code(server.call("POST", f"{B}{M2}/runs/create", who=token, experiment_id=other))[0] == 403


def test_administrators_of_a_workspace_read_its_audit(server):
    make_experiment_as(server, "theirs", ADMIN, A)
    experiment_id = make_experiment_as(server, "ours", ADMIN, B)
    refused = server.call("POST", f"{B}{M2}/experiments/delete", who="alice", experiment_id=experiment_id)
    assert refused.status_code == 403
    server.backend.refusals.write()
    found = server.ok("GET", f"{B}{AUDIT}", who="bob", max_results=100)["entries"]
    assert {entry["workspace"] for entry in found} == {"team-b"}
    assert ("DeleteExperiment", "denied") in {(entry["action"], entry["outcome"]) for entry in found}
    for root, who in ((A, "bob"), ("", "bob"), (A, "alice"), (B, "alice")):
        response = server.call("GET", f"{root}{AUDIT}", who=who)
        assert response.status_code in (403, 404), (root, who)


def test_an_experiment_counts_for_the_quota_of_its_workspace(server):
    from trackway.storage import usage

    def used(name):
        states = server.backend.database.run(usage.states, write=False)
        return {state.kind: state.used for state in states if state.workspace == name and state.used}

    experiment_id = make_experiment_as(server, "hers", "alice", A)
    run_id = make_run(server, experiment_id, A)["run_id"]
    for step in range(3):
        metric = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1, "step": step}
        server.ok("POST", f"{A}{M2}/runs/log-metric", **metric)
    server.backend.usage.flush()
    counted = {"experiments": 1, "runs": 1, "points": 3}
    assert used("team-a") == counted
    assert used("team-b") == {}
    move(server, "experiments", "team-a", "team-b")
    assert used("team-a") == {}
    assert used("team-b") == counted


def test_a_role_that_was_just_given_opens_the_workspace(server):
    gate = server.client.application.wsgi_app._gate
    path = f"{A}{M2}/experiments/search"
    assert error_code(server.call("POST", path, who="bob", max_results=5))[0] == 404
    found = server.ok("GET", f"{M3}/roles/list", workspace="team-a")["roles"]
    role_id = next(role["id"] for role in found if role["name"] == "user")
    server.ok("POST", f"{M3}/roles/assign", username="bob", role_id=role_id)
    # As in a process that read the permissions just before, and did not change them itself.
    gate._raised_here += 1
    server.ok("POST", path, who="bob", max_results=5)


def test_files_of_an_experiment_are_found_in_its_workspace_before_and_after_a_move(server):
    experiment_id = make_experiment_as(server, "hers", "alice", A)
    path = path_of(make_run(server, experiment_id, A))
    assert put(server, A, path, "alice", b"theirs").status_code == 200
    short = path.removeprefix("workspaces/team-a/")
    assert get(server, A, short, "alice").data == b"theirs"
    for who in (ADMIN, "alice", "bob"):
        for spelled in (path, short):
            assert get(server, B, spelled, who).status_code in (400, 403, 404)
    move(server, "experiments", "team-a", "team-b")
    assert get(server, B, path, "alice").data == b"theirs"
    assert put(server, B, path.replace("a.txt", "b.txt"), "alice").status_code == 200
    for who in (ADMIN, "alice"):
        assert get(server, A, path, who).status_code in (400, 403, 404)
        assert put(server, A, path, who).status_code in (400, 403)
        folder = f"{A}{FILES}/workspaces/team-a/{experiment_id}?recursive=experiment"
        assert server.client.delete(folder, headers=authorization(who)).status_code == 403
    assert get(server, B, path, "alice").data == b"theirs"


def test_the_folder_of_a_workspace_is_not_deleted(server, tmp_path):
    experiment_id = make_experiment_as(server, "hers", "alice", A)
    path = path_of(make_run(server, experiment_id, A))
    assert put(server, A, path, ADMIN).status_code == 200
    for spelled in ("workspaces/team-a", "workspaces/team-a/", "workspaces"):
        url = f"{A}{FILES}/{spelled}?recursive=experiment"
        assert server.client.delete(url, headers=authorization(ADMIN)).status_code == 400
    assert (tmp_path / "artifacts" / path).exists()


def test_in_a_workspace_a_location_of_a_later_experiment_is_not_free(server):
    for location, status in (
        ("mlflow-artifacts:/workspaces/team-b/99", 403),
        ("mlflow-artifacts:/workspaces/team-b", 403),
        ("mlflow-artifacts:/workspaces/team-b/mine", 200),
    ):
        body = {"name": location, "artifact_location": location}
        response = server.call("POST", f"{B}{M2}/experiments/create", who="alice", **body)
        assert response.status_code == status, (location, response.text)


LEVELS = f"{M3}/workspaces/team-a/permissions"


@pytest.mark.parametrize(
    ("level", "may_read", "may_log", "may_create"),
    [
        ("READ", 200, 403, 403),
        ("USE", 200, 403, 200),
        ("EDIT", 200, 200, 200),
        ("NO_PERMISSIONS", 403, 403, 403),
    ],
)
def test_the_levels_of_old_clients_in_a_workspace_allow_what_they_said(
    server, level, may_read, may_log, may_create
):
    experiment_id = make_experiment_as(server, "hers", ADMIN, A)
    server.ok("POST", LEVELS, username="bob", permission="MANAGE")
    made = server.ok("POST", LEVELS, username="bob", permission=level)["permission"]
    assert (made["workspace"], made["permission"]) == ("team-a", level)
    bob = {"who": "bob"}
    read = server.call("GET", f"{A}{M2}/experiments/get", **bob, experiment_id=experiment_id)
    log = server.call("POST", f"{A}{M2}/runs/create", **bob, experiment_id=experiment_id)
    create = server.call("POST", f"{A}{M2}/registered-models/create", **bob, name="iris")
    assert (read.status_code, log.status_code, create.status_code) == (may_read, may_log, may_create)


def test_levels_in_a_workspace_are_for_its_administrators(server):
    body = {"username": "alice", "permission": "EDIT"}
    assert error_code(server.call("POST", LEVELS, who="bob", **body))[0] == 403
    assert error_code(server.call("GET", LEVELS, who="bob"))[0] == 403
    assert error_code(server.call("DELETE", f"{LEVELS}?username=alice", who="bob"))[0] == 403
    of_b = LEVELS.replace("team-a", "team-b")
    server.ok("POST", of_b, who="bob", **body)
    assert [one["permission"] for one in server.ok("GET", of_b, who="bob")["permissions"]] == ["EDIT"]
    assert server.call("DELETE", f"{of_b}?username=alice", who="bob").status_code == 204
    assert server.ok("GET", of_b, who="bob") == {"permissions": []}


@pytest.mark.parametrize("permission", ["DENY", "OWNER"])
def test_an_unknown_level_in_a_workspace_changes_nothing(server, permission):
    server.ok("POST", LEVELS, username="bob", permission="EDIT")
    refused = server.call("POST", LEVELS, username="bob", permission=permission)
    assert error_code(refused) == (400, "INVALID_PARAMETER_VALUE")
    assert permission in refused.json["message"]
    assert [one["permission"] for one in server.ok("GET", LEVELS)["permissions"]] == ["EDIT"]


def test_levels_in_a_workspace_that_does_not_exist_are_not_given(server):
    path = LEVELS.replace("team-a", "team-z")
    assert error_code(server.call("POST", path, username="bob", permission="EDIT"))[0] == 404
    assert server.ok("GET", f"{M3}/workspace-permissions", who="bob", username="bob") == {"permissions": []}


def test_the_log_in_of_a_workspace_by_address_is_that_of_the_server_and_leads_back(server):
    found = server.client.get(f"{A}/?x=1", headers={"Accept": "text/html"})
    assert (found.status_code, found.headers["Location"]) == (302, "/auth/login?next=t%2Fteam-a%2F%3Fx%3D1")
    form = {"name": "alice", "password": PASSWORD}
    assert server.client.post(found.headers["Location"], data=form).headers["Location"] == "/t/team-a/?x=1"
