"""Ways to more rights than one was given. Each test is an attack that must fail."""

from __future__ import annotations

import pytest

from tests.access import ADMIN, PASSWORD, authorization, closed_server, error_code

M2, M3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
DENIED = (403, "PERMISSION_DENIED")
INVALID = (400, "INVALID_PARAMETER_VALUE")


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        yield server


def refresh(server):
    """Have the server read the permissions again, which it does twice a second."""
    server.client.application.wsgi_app._gate._checked_at = 0


def grant(server, name, resource_type, resource_id, permission):
    body = {"username": name, "resource_type": resource_type, "resource_id": resource_id}
    server.ok("POST", f"{M3}/users/permissions/grant", **body, permission=permission)
    refresh(server)


def make_experiment(server, name, who=ADMIN, **body):
    made = server.ok("POST", f"{M2}/experiments/create", who=who, name=name, **body)["experiment_id"]
    refresh(server)
    return made


def make_run(server, experiment_id, who=ADMIN):
    answer = server.ok("POST", f"{M2}/runs/create", who=who, experiment_id=experiment_id)
    return answer["run"]["info"]["run_id"]


def put(server, path, who=ADMIN, data=b"secret"):
    return server.client.put(f"{FILES}/{path}", data=data, headers=authorization(who))


def get(server, path, who="alice"):
    return server.client.get(f"{FILES}/{path}", headers=authorization(who))


def listed(server, path, who="alice"):
    return server.client.get(f"{FILES}?path={path}", headers=authorization(who))


SPELLINGS = ["0{}", "00{}", " {}", "{} ", "+{}", "\t{}", "{}\n", "0_{}"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_an_experiment_id_passes_a_denial(server, spelling):
    experiment_id = make_experiment(server, "hers")
    make_run(server, experiment_id)
    grant(server, "alice", "experiment", experiment_id, "DENY")
    asked = spelling.format(experiment_id)
    for verb, call, body in (
        ("GET", "experiments/get", {"experiment_id": asked}),
        ("POST", "runs/create", {"experiment_id": asked}),
        ("POST", "experiments/search-datasets", {"experiment_ids": [asked]}),
        ("POST", "experiments/set-experiment-tag", {"experiment_id": asked, "key": "k", "value": "v"}),
    ):
        assert error_code(server.call(verb, f"{M2}/{call}", who="alice", **body)) == DENIED, call
    for call in ("runs/search", "logged-models/search"):
        assert server.ok("POST", f"{M2}/{call}", who="alice", experiment_ids=[asked]) in ({}, {"models": []})


@pytest.mark.parametrize("spelled", ["01", " 1", "+1", "1_0", "iris"])
def test_a_permission_names_an_experiment_by_the_id_that_requests_are_checked_for(server, spelled):
    body = {"username": "alice", "resource_type": "experiment", "resource_id": spelled, "permission": "DENY"}
    assert error_code(server.call("POST", f"{M3}/users/permissions/grant", **body)) == INVALID


def test_the_creator_of_a_model_named_like_all_models_does_not_manage_all_models(server):
    create = server.call("POST", f"{M2}/registered-models/create", who="alice", name="*")
    assert error_code(create) == INVALID
    server.ok("POST", f"{M2}/registered-models/create", who="alice", name="mine")
    refresh(server)
    body = {"name": "mine", "new_name": "*"}
    assert error_code(server.call("POST", f"{M2}/registered-models/rename", who="alice", **body)) == INVALID


def test_a_model_is_not_renamed_to_a_name_that_has_permissions(server):
    server.ok("POST", f"{M2}/registered-models/create", who="alice", name="mine")
    grant(server, "bob", "registered_model", "mine", "DENY")
    grant(server, "bob", "registered_model", "prepared", "MANAGE")
    body = {"name": "mine", "new_name": "prepared"}
    assert error_code(server.call("POST", f"{M2}/registered-models/rename", who="alice", **body)) == INVALID
    assert error_code(server.call("GET", f"{M2}/registered-models/get", who="bob", name="mine")) == DENIED


TAKEN_LOCATIONS = [
    "mlflow-artifacts:/{experiment}",
    "mlflow-artifacts:/{experiment}/{run}/artifacts",
    "mlflow-artifacts:/{experiment}/models",
    "mlflow-artifacts://elsewhere/{experiment}",
    "mlflow-artifacts:/%3{experiment}",
    "mlflow-artifacts:/%253{experiment}/{run}",
    "http://elsewhere/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}",
    "{folder}/{experiment}/{run}",
    "file://{folder}/{experiment}",
    "{folder}",
    "mlflow-artifacts:/",
    "mlflow-artifacts:/custom/hers/below",
    "mlflow-artifacts:/custom",
    # An experiment that is created later will have this one.
    "mlflow-artifacts:/9999",
]


@pytest.mark.parametrize("location", TAKEN_LOCATIONS)
def test_nobody_gets_files_by_an_experiment_at_their_location(server, tmp_path, location):
    experiment_id = make_experiment(server, "hers")
    make_experiment(server, "hers too", artifact_location="mlflow-artifacts:/custom/hers")
    run_id = make_run(server, experiment_id)
    path = f"{experiment_id}/{run_id}/artifacts/a.txt"
    assert put(server, path).status_code == 200
    where = location.format(experiment=experiment_id, run=run_id, folder=tmp_path / "artifacts")
    body = {"name": "mine", "artifact_location": where}
    response = server.call("POST", f"{M2}/experiments/create", who="alice", **body)
    assert response.status_code in (400, 403), response.text
    refresh(server)
    assert put(server, path, "alice").status_code == 403
    assert get(server, path, ADMIN).data == b"secret"


def test_experiments_may_have_locations_of_their_own(server):
    body = {"artifact_location": "mlflow-artifacts:/team/alice"}
    experiment_id = make_experiment(server, "mine", who="alice", **body)
    run_id = make_run(server, experiment_id, who="alice")
    assert put(server, f"team/alice/{run_id}/artifacts/a", "alice").status_code == 200
    assert put(server, f"team/alice/{run_id}/artifacts/a", "bob").status_code == 403
    make_experiment(server, "below", who="alice", artifact_location="mlflow-artifacts:/team/alice/below")


@pytest.mark.parametrize(
    "location",
    ["mlflow-artifacts:/a/b", "mlflow-artifacts:/a/b/", "mlflow-artifacts:/a/%62", "{folder}/a/b"],
)
def test_a_denial_holds_for_files_wherever_the_experiment_has_them(server, tmp_path, location):
    where = location.format(folder=tmp_path / "artifacts")
    experiment_id = make_experiment(server, "hers", artifact_location=where)
    run_id = make_run(server, experiment_id)
    path = f"a/b/{run_id}/artifacts/f.txt"
    assert put(server, path).status_code == 200
    assert get(server, path, "alice").data == b"secret"
    grant(server, "alice", "experiment", experiment_id, "DENY")
    assert error_code(get(server, path, "alice")) == DENIED
    assert error_code(listed(server, "a/b")) == DENIED


def test_experiments_with_one_location_have_their_own_runs(server):
    where = "mlflow-artifacts:/shared"
    hers = make_experiment(server, "hers", artifact_location=where)
    theirs = make_experiment(server, "theirs", artifact_location=where)
    grant(server, "alice", "experiment", hers, "DENY")
    for experiment_id, status in ((hers, 403), (theirs, 200)):
        path = f"shared/{make_run(server, experiment_id)}/artifacts/f.txt"
        assert put(server, path).status_code == 200
        assert get(server, path, "alice").status_code == status


SPELLED_PATHS = [
    "%25{hex}",
    "%2525{hex}",
    "%25{hex}/{run}",
    "%25{hex}/{run}/artifacts",
    "%25{hex}/{run}/artifacts/f.txt",
    "%25{hex}/readme.txt",
    "%20{id}/readme.txt",
    "%09{id}/readme.txt",
    ".//{id}/readme.txt",
    "./{id}",
    "{id}%3F/readme.txt",
    "{id}%252Freadme.txt",
    "%252e/{id}/readme.txt",
]


@pytest.mark.parametrize("spelled", SPELLED_PATHS)
def test_no_spelling_of_a_path_leads_to_denied_files(server, spelled):
    experiment_id = make_experiment(server, "hers")
    run_id = make_run(server, experiment_id)
    for name in ("readme.txt", f"{run_id}/artifacts/f.txt"):
        assert put(server, f"{experiment_id}/{name}").status_code == 200
    grant(server, "alice", "experiment", experiment_id, "DENY")
    first, rest = f"{ord(experiment_id[0]):x}", experiment_id[1:]
    path = spelled.format(hex=first + rest, run=run_id, id=experiment_id)
    response = get(server, path)
    assert response.status_code in (400, 403, 404), response.text
    listing = listed(server, path)
    assert listing.status_code in (400, 403, 404) or listing.json in ({}, {"files": []}), listing.text
    for verb in ("PUT", "DELETE"):
        response = server.client.open(
            f"{FILES}/{path}", method=verb, data=b"x", headers=authorization("alice")
        )
        assert response.status_code in (400, 403, 404, 405), (verb, response.text)
    for call in ("create", "complete", "abort"):
        response = server.client.post(
            f"/api/2.0/mlflow-artifacts/mpu/{call}/{path}",
            json={"path": "f.txt", "upload_id": "u", "parts": []},
            headers=authorization("alice"),
        )
        assert response.status_code in (400, 403, 404, 405), (call, response.text)
    assert get(server, f"{experiment_id}/readme.txt", ADMIN).data == b"secret"


def test_who_edits_by_default_does_not_write_into_a_denied_experiment(store_uri, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(tmp_path / "auth.ini"))
    (tmp_path / "auth.ini").write_text("[mlflow]\ndefault_permission = MANAGE\n")
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        hers = make_experiment(server, "hers")
        below = make_experiment(server, "below", artifact_location="mlflow-artifacts:/team/below")
        for experiment_id in (hers, below):
            grant(server, "alice", "experiment", experiment_id, "DENY")
        run_id = make_run(server, below)
        assert put(server, f"team/below/{run_id}/artifacts/f.txt").status_code == 200
        spelled = "".join(f"%25{ord(digit):x}" for digit in hers)
        assert put(server, f"{spelled}/{run_id}/artifacts/f.txt", "alice").status_code == 403
        response = server.client.delete(f"{FILES}/team?recursive=experiment", headers=authorization("alice"))
        assert error_code(response) == DENIED
        assert put(server, "notes/f.txt", "alice").status_code == 200


def test_a_version_is_no_way_to_a_model_that_may_not_be_read(server):
    run_id = make_run(server, make_experiment(server, "e"))
    source = server.ok("GET", f"{M2}/runs/get", run_id=run_id)["run"]["info"]["artifact_uri"]
    server.ok("POST", f"{M2}/registered-models/create", name="secret")
    server.ok("POST", f"{M2}/model-versions/create", name="secret", source=source, run_id=run_id)
    server.ok("POST", f"{M2}/registered-models/create", who="alice", name="mine")
    grant(server, "alice", "registered_model", "secret", "DENY")
    texts = set()
    for name in ("secret", "absent"):
        if name == "absent":
            grant(server, "alice", "registered_model", "absent", "DENY")
        body = {"name": "mine", "source": f"models:/{name}/1"}
        response = server.call("POST", f"{M2}/model-versions/create", who="alice", **body)
        assert error_code(response) == DENIED
        texts.add(response.json["message"].replace(name, "NAME"))
    assert len(texts) == 1


def test_a_version_is_no_way_to_files_of_a_denied_run(server, tmp_path):
    experiment_id = make_experiment(server, "hers")
    run_id = make_run(server, experiment_id)
    assert put(server, f"{experiment_id}/{run_id}/artifacts/f.txt").status_code == 200
    server.ok("POST", f"{M2}/registered-models/create", who="alice", name="mine")
    hers = make_run(server, make_experiment(server, "mine", who="alice"), who="alice")
    grant(server, "alice", "experiment", experiment_id, "DENY")
    inside = f"{experiment_id}/{run_id}/artifacts"
    for source in (
        f"mlflow-artifacts:/{inside}",
        f"mlflow-artifacts://host/{inside}",
        f"{tmp_path}/artifacts/{inside}",
        f"file://{tmp_path}/artifacts/{inside}",
        f"runs:/{run_id}/x",
    ):
        for named in ({}, {"run_id": hers}, {"run_id": run_id}):
            body = {"name": "mine", "source": source, **named}
            response = server.call("POST", f"{M2}/model-versions/create", who="alice", **body)
            assert response.status_code in (400, 403), response.text


def test_denied_versions_are_not_found_by_a_search_or_in_the_history(server):
    run_id = make_run(server, make_experiment(server, "e"))
    source = server.ok("GET", f"{M2}/runs/get", run_id=run_id)["run"]["info"]["artifact_uri"]
    server.ok("POST", f"{M2}/registered-models/create", name="m")
    server.ok("POST", f"{M2}/model-versions/create", name="m", source=source, run_id=run_id)
    assert server.ok("GET", f"{M2}/model-versions/search", who="alice")["model_versions"]
    grant(server, "alice", "registered_model_version", "*", "DENY")
    assert server.ok("GET", f"{M2}/model-versions/search", who="alice") == {}
    history = server.call("GET", "/api/3.0/trackway/registered-models/history", who="alice", name="m")
    assert error_code(history) == DENIED


def workspace_admin(server, name, workspace="default"):
    role = server.ok("POST", f"{M3}/roles/create", name=f"admins of {workspace}", workspace=workspace)["role"]
    permission = {"resource_type": "workspace", "resource_pattern": "*", "permission": "MANAGE"}
    server.ok("POST", f"{M3}/roles/permissions/add", role_id=role["id"], **permission)
    server.ok("POST", f"{M3}/roles/assign", username=name, role_id=role["id"])
    refresh(server)
    return role["id"]


def test_a_workspace_administrator_does_not_become_one_of_the_server(server):
    role_id = workspace_admin(server, "alice")
    other = server.ok("POST", f"{M3}/roles/create", name="r", workspace="other")["role"]["id"]
    workspace = {"resource_type": "workspace", "resource_pattern": "*", "permission": "MANAGE"}
    for verb, path, body in (
        ("PATCH", f"{M2}/users/update-admin", {"username": "alice", "is_admin": True}),
        ("POST", f"{M2}/users/create", {"username": "eve", "password": PASSWORD}),
        ("DELETE", f"{M2}/users/delete", {"username": ADMIN}),
        ("PATCH", f"{M2}/users/update-password", {"username": ADMIN, "password": "another long one"}),
        ("POST", f"{M3}/roles/create", {"name": "x", "workspace": "other"}),
        ("POST", f"{M3}/roles/create", {"name": "x", "workspace": " default"}),
        ("POST", f"{M3}/roles/permissions/add", {"role_id": other, **workspace}),
        ("POST", f"{M3}/roles/assign", {"username": "alice", "role_id": other}),
        ("POST", "/api/3.0/trackway/tokens/create", {"name": "t", "owner": ADMIN}),
        ("POST", "/api/3.0/trackway/service-accounts/create", {"name": "robot"}),
        ("GET", f"{M2}/webhooks", {}),
        ("GET", "/metrics", {}),
    ):
        assert error_code(server.call(verb, path, who="alice", **body)) == DENIED, path
    assert server.ok("GET", f"{M3}/roles/get", who="alice", role_id=role_id)["role"]["id"] == role_id


def test_a_role_that_may_not_be_seen_looks_like_one_that_is_not_there(server):
    workspace_admin(server, "alice")
    role = server.ok("POST", f"{M3}/roles/create", name="r", workspace="other")["role"]["id"]
    permission = {"resource_type": "run", "resource_pattern": "*", "permission": "READ"}
    added = server.ok("POST", f"{M3}/roles/permissions/add", role_id=role, **permission)
    grant_id = added["role_permission"]["id"]
    calls = (
        ("GET", "roles/get", "role_id", role, {}),
        ("GET", "roles/permissions/list", "role_id", role, {}),
        ("GET", "roles/users/list", "role_id", role, {}),
        ("PATCH", "roles/update", "role_id", role, {"name": "x"}),
        ("DELETE", "roles/delete", "role_id", role, {}),
        ("POST", "roles/assign", "role_id", role, {"username": "bob"}),
        ("DELETE", "roles/unassign", "role_id", role, {"username": "bob"}),
        ("POST", "roles/permissions/add", "role_id", role, permission),
        ("PATCH", "roles/permissions/update", "role_permission_id", grant_id, {"permission": "EDIT"}),
        ("DELETE", "roles/permissions/remove", "role_permission_id", grant_id, {}),
    )
    for who in ("alice", "bob"):
        for verb, path, field, known, body in calls:
            texts = set()
            for asked in (known, 987654):
                response = server.call(verb, f"{M3}/{path}", who=who, **{field: asked}, **body)
                assert error_code(response) == DENIED, (who, path)
                texts.add(response.json["message"].replace(str(asked), "ID"))
            assert len(texts) == 1, (who, path)


def test_the_role_of_a_single_user_keeps_its_member(server):
    make_experiment(server, "hers", who="alice")
    workspace_admin(server, "bob")
    found = server.ok("GET", f"{M3}/users/roles/list", username="alice")["roles"]
    (own,) = [role["id"] for role in found if role["name"].startswith("__user_")]
    for verb, path, body in (
        ("POST", "assign", {"username": "bob"}),
        ("DELETE", "unassign", {"username": "alice"}),
        ("PATCH", "update", {"name": "mine"}),
    ):
        for who in (ADMIN, "bob"):
            response = server.call(verb, f"{M3}/roles/{path}", who=who, role_id=own, **body)
            assert error_code(response) == INVALID, path
    later = make_experiment(server, "later", who="alice")
    make_run(server, later, who="alice")


def test_the_last_administrator_stays(server):
    server.ok("PATCH", f"{M2}/users/update-admin", username="alice", is_admin=True)
    refresh(server)
    server.ok("PATCH", f"{M2}/users/update-admin", who="alice", username=ADMIN, is_admin=False)
    refresh(server)
    demote = server.call("PATCH", f"{M2}/users/update-admin", who="alice", username="alice", is_admin=False)
    assert demote.status_code == 400
    assert error_code(server.call("DELETE", f"{M2}/users/delete", who=ADMIN, username="alice")) == DENIED
    assert server.call("DELETE", f"{M2}/users/delete", who="alice", username="alice").status_code == 400


def test_a_user_of_a_deleted_users_name_has_nothing_of_it(server):
    experiment_id = make_experiment(server, "hers", who="alice")
    token = server.token(who="alice")
    server.ok("DELETE", f"{M2}/users/delete", username="alice")
    server.ok("POST", f"{M2}/users/create", username="alice", password=PASSWORD)
    refresh(server)
    response = server.call("POST", f"{M2}/runs/create", who="alice", experiment_id=experiment_id)
    assert error_code(response) == DENIED
    assert server.call("GET", f"{M2}/users/current", who=token).status_code == 401
    assert server.ok("GET", f"{M3}/users/current/permissions", who="alice").get("permissions", []) == []


@pytest.mark.parametrize("scopes", [["read"], ["log"], ["registry"], ["read", "log", "registry"]])
def test_a_token_without_the_admin_scope_changes_no_rights(server, scopes):
    token = server.token(scopes=scopes)
    server.token(who="alice", name="hers")
    role = server.ok("POST", f"{M3}/roles/create", name="r", workspace="default")["role"]["id"]
    for verb, path, body in (
        ("POST", f"{M3}/roles/create", {"name": "x", "workspace": "default"}),
        ("POST", f"{M3}/roles/assign", {"username": "alice", "role_id": role}),
        ("DELETE", f"{M3}/roles/delete", {"role_id": role}),
        (
            "POST",
            f"{M3}/users/permissions/grant",
            {"username": "alice", "resource_type": "run", "resource_id": "*", "permission": "EDIT"},
        ),
        (
            "POST",
            f"{M2}/experiments/permissions/create",
            {"username": "alice", "experiment_id": "0", "permission": "EDIT"},
        ),
        ("PATCH", f"{M2}/users/update-password", {"username": "alice", "password": "another long one"}),
        ("PATCH", f"{M2}/users/update-admin", {"username": "alice", "is_admin": True}),
        ("POST", "/api/3.0/trackway/tokens/create", {"name": "t", "scopes": ["admin"]}),
        ("GET", "/api/3.0/trackway/tokens/list", {"owner": "*"}),
        ("GET", "/metrics", {}),
    ):
        assert error_code(server.call(verb, path, who=token, **body)) == DENIED, path


@pytest.mark.parametrize(
    "target",
    [
        "\t//evil.example",
        "\t/evil.example",
        "\n//evil.example",
        "/\t/evil.example",
        "\x00//evil",
        "\r\\\\evil",
    ],
)
def test_the_login_leads_to_this_server_however_the_page_is_spelled(server, target):
    response = server.client.post(
        "/auth/login", query_string={"next": target}, data={"name": "alice", "password": PASSWORD}
    )
    assert response.status_code == 303
    location = response.headers["Location"]
    # Browsers leave out tabs and line breaks.
    seen = "".join(character for character in location if ord(character) >= 32)
    assert seen.startswith("/")
    assert not seen.startswith(("//", "/\\"))
