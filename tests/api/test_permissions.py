"""What callers may do: levels, DENY, tiers, searches that find only what may be read, rights of creators."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy

import pytest

from tests.access import ADMIN, closed_server, error_code
from tests.databases import statements_of
from trackway.server.app import create_app

M2, M3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
DENIED = (403, "PERMISSION_DENIED")


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        yield server


def grant(server, name, resource_type, resource_id, permission):
    body = {"username": name, "resource_type": resource_type, "resource_id": resource_id}
    server.ok("POST", f"{M3}/users/permissions/grant", **body, permission=permission)


@contextmanager
def another_server(server, store_uri, tmp_path):
    """A second process on the same database, as far as its caches are concerned."""
    app = create_app(server.client.application.extensions["trackway"].config, start_jobs=False)
    with app.test_client(use_cookies=False) as client:
        other = copy(server)
        other.client = client
        yield other
        app.wsgi_app._gate._uses.write()


def make_experiment(server, name, who=ADMIN):
    return server.ok("POST", f"{M2}/experiments/create", who=who, name=name)["experiment_id"]


def make_run(server, experiment_id, who=ADMIN):
    answer = server.ok("POST", f"{M2}/runs/create", who=who, experiment_id=experiment_id)
    return answer["run"]["info"]["run_id"]


def calls_on_a_run(run_id, experiment_id):
    """Calls with the least level that they need."""
    return {
        "get": ("READ", "GET", "runs/get", {"run_id": run_id}),
        "history": ("READ", "GET", "metrics/get-history", {"run_id": run_id, "metric_key": "m"}),
        "artifacts": ("READ", "GET", "artifacts/list", {"run_id": run_id}),
        "log": (
            "EDIT",
            "POST",
            "runs/log-metric",
            {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1},
        ),
        "tag": ("EDIT", "POST", "runs/set-tag", {"run_id": run_id, "key": "k", "value": "v"}),
        "new": ("EDIT", "POST", "runs/create", {"experiment_id": experiment_id}),
        "delete": ("MANAGE", "POST", "runs/delete", {"run_id": run_id}),
        "restore": ("MANAGE", "POST", "runs/restore", {"run_id": run_id}),
    }


def allowed_calls(server, who, calls):
    found = set()
    for name, (_, verb, path, body) in calls.items():
        response = server.call(verb, f"{M2}/{path}", who=who, **body)
        if response.status_code == 200:
            found.add(name)
        else:
            assert error_code(response) == DENIED, response.text
    return found


LEVELS = ["DENY", "READ", "USE", "EDIT", "MANAGE"]


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_on_an_experiment_decides_what_is_done_to_its_runs(server, level):
    experiment_id = make_experiment(server, "theirs")
    run_id = make_run(server, experiment_id)
    grant(server, "alice", "experiment", experiment_id, level)
    calls = calls_on_a_run(run_id, experiment_id)
    expected = {name for name, call in calls.items() if LEVELS.index(level) >= LEVELS.index(call[0])}
    assert allowed_calls(server, "alice", calls) == expected
    # Without a permission: MLflow's default, READ.
    assert allowed_calls(server, "bob", calls) == {"get", "history", "artifacts"}


def test_what_one_server_gives_counts_at_once_on_another(server, store_uri, tmp_path):
    """A load balancer may send the next request of a client anywhere."""
    with another_server(server, store_uri, tmp_path) as other:
        for caller in ("alice", server.token(who="alice")):
            assert (
                other.call("GET", f"{M2}/experiments/get", who=caller, experiment_id="0").status_code == 200
            )
            mine = make_experiment(server, f"of {caller}", who=caller)
            make_run(other, mine, who=caller)
            shared = {"username": "bob", "resource_type": "experiment", "resource_id": mine}
            other.ok("POST", f"{M3}/users/permissions/grant", who=caller, **shared, permission="EDIT")
            make_run(server, mine, who="bob")
            make_run(other, mine, who="bob")
            server.ok("POST", f"{M3}/users/permissions/revoke", who=caller, **shared)
            refused = server.call("POST", f"{M2}/runs/create", who="bob", experiment_id=mine)
            assert error_code(refused) == DENIED


def test_a_permission_on_runs_decides_before_that_on_the_experiment(server):
    experiment_id = make_experiment(server, "theirs")
    run_id = make_run(server, experiment_id)
    grant(server, "alice", "experiment", experiment_id, "MANAGE")
    grant(server, "alice", "run", "*", "READ")
    calls = calls_on_a_run(run_id, experiment_id)
    assert allowed_calls(server, "alice", calls) == {"get", "history", "artifacts", "new"}
    grant(server, "bob", "run", "*", "EDIT")
    assert {"log", "tag"} <= allowed_calls(server, "bob", calls)


def test_a_run_that_is_not_there_looks_like_one_that_may_not_be_read(server):
    experiment_id = make_experiment(server, "hers")
    run_id = make_run(server, experiment_id)
    grant(server, "alice", "experiment", experiment_id, "DENY")
    texts = {
        server.call("GET", f"{M2}/runs/get", who="alice", run_id=asked).json["message"].replace(asked, "RUN")
        for asked in (run_id, "0" * 32)
    }
    assert texts == {"alice may not read the run RUN."}


def test_a_refusal_to_create_names_where(server):
    experiment_id = make_experiment(server, "theirs")
    response = server.call("POST", f"{M2}/runs/create", who="alice", experiment_id=experiment_id)
    assert response.json["message"] == f"alice may not create a run (experiment_id: {experiment_id})."


def test_creators_manage_what_they_create_and_others_only_read_it(server):
    experiment_id = make_experiment(server, "hers", who="alice")
    server.ok("POST", f"{M2}/registered-models/create", who="alice", name="iris")
    for who, expected in (("alice", 200), ("bob", 403)):
        rename = {"experiment_id": experiment_id, "new_name": f"renamed by {who}"}
        assert server.call("POST", f"{M2}/experiments/update", who=who, **rename).status_code == expected
        describe = {"name": "iris", "description": who}
        response = server.call("PATCH", f"{M2}/registered-models/update", who=who, **describe)
        assert response.status_code == expected
        assert server.call("GET", f"{M2}/registered-models/get", who=who, name="iris").status_code == 200


def test_permissions_go_with_a_renamed_model_and_end_with_a_deleted_one(server):
    server.ok("POST", f"{M2}/registered-models/create", who="alice", name="iris")
    grant(server, "bob", "registered_model", "iris", "EDIT")
    server.ok("POST", f"{M2}/registered-models/rename", who="alice", name="iris", new_name="lily")
    server.ok("PATCH", f"{M2}/registered-models/update", who="bob", name="lily", description="x")
    server.ok("DELETE", f"{M2}/registered-models/delete", who="alice", name="lily")
    server.ok("POST", f"{M2}/registered-models/create", name="lily")
    for who in ("alice", "bob"):
        response = server.call(
            "PATCH", f"{M2}/registered-models/update", who=who, name="lily", description=""
        )
        assert error_code(response) == DENIED


def test_searches_find_only_what_may_be_read_with_full_pages(server):
    ids = [make_experiment(server, f"e{number}") for number in range(12)]
    run_ids = [make_run(server, experiment_id) for experiment_id in ids]
    source = server.ok("GET", f"{M2}/runs/get", run_id=run_ids[0])["run"]["info"]["artifact_uri"]
    for name in ("a1", "a2", "a3"):
        server.ok("POST", f"{M2}/registered-models/create", name=name)
        version = {"name": name, "source": source, "run_id": run_ids[0]}
        server.ok("POST", f"{M2}/model-versions/create", **version)
    for experiment_id in ids[::2]:
        grant(server, "alice", "experiment", experiment_id, "DENY")
    grant(server, "alice", "registered_model", "a2", "DENY")
    found, token = [], None
    while True:
        page = server.ok("POST", f"{M2}/experiments/search", who="alice", max_results=3, page_token=token)
        found += [experiment["name"] for experiment in page["experiments"]]
        token = page.get("next_page_token")
        if not token:
            break
        assert len(page["experiments"]) == 3
    assert found == [*(f"e{number}" for number in range(11, 0, -2)), "Default"]
    runs = server.ok("POST", f"{M2}/runs/search", who="alice", experiment_ids=ids)["runs"]
    assert {run["info"]["run_id"] for run in runs} == set(run_ids[1::2])
    models = server.ok("GET", f"{M2}/registered-models/search", who="alice")["registered_models"]
    assert [model["name"] for model in models] == ["a1", "a3"]
    versions = server.ok("GET", f"{M2}/model-versions/search", who="alice")["model_versions"]
    assert sorted(version["name"] for version in versions) == ["a1", "a3"]


def test_a_restricted_search_is_one_statement_as_before(server):
    grant(server, "alice", "experiment", make_experiment(server, "e"), "DENY")
    found = statements_of(server.backend.database)
    counts = []
    for who in (ADMIN, "alice"):
        server.ok("POST", f"{M2}/experiments/search", who=who, max_results=5)
        server.client.application.wsgi_app._gate._checked_at = float("inf")
        found.clear()
        server.ok("POST", f"{M2}/experiments/search", who=who, max_results=5)
        counts.append(len(found))
    assert counts[0] == counts[1]


def test_a_warm_request_within_single_permissions_adds_no_statement(server):
    run_id = make_run(server, make_experiment(server, "hers", who="alice"), who="alice")
    found = statements_of(server.backend.database)
    calls = (
        ("GET", f"{M2}/runs/get", {"run_id": run_id}),
        ("POST", f"{M2}/runs/log-metric", {"run_id": run_id, "key": "a", "value": 1, "timestamp": 1}),
    )
    for verb, path, body in calls:
        counts = []
        for who in (ADMIN, "alice"):
            server.ok(verb, path, who=who, **body)
            server.client.application.wsgi_app._gate._checked_at = float("inf")
            found.clear()
            server.ok(verb, path, who=who, **body)
            counts.append(len(found))
        assert counts[0] == counts[1], path


def test_prompts_and_models_have_permissions_of_their_own(server):
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    server.ok("POST", f"{M2}/registered-models/create", name="model")
    server.ok("POST", f"{M2}/registered-models/create", name="prompt", tags=tags)
    grant(server, "alice", "prompt", "*", "DENY")
    assert server.call("GET", f"{M2}/registered-models/get", who="alice", name="model").status_code == 200
    assert error_code(server.call("GET", f"{M2}/registered-models/get", who="alice", name="prompt")) == DENIED
    new = server.call("POST", f"{M2}/registered-models/create", who="alice", name="p2", tags=tags)
    assert error_code(new) == DENIED
    asks = "tags.`mlflow.prompt.is_prompt` = 'true'"
    assert server.ok("GET", f"{M2}/registered-models/search", who="alice", filter=asks) == {}


def test_artifacts_of_a_denied_experiment_are_closed_by_every_path(server):
    experiment_id = make_experiment(server, "hers")
    run_id = make_run(server, experiment_id)
    files = "/api/2.0/mlflow-artifacts/artifacts"
    path = f"{experiment_id}/{run_id}/artifacts/a.txt"
    put = {"data": b"x", "headers": _basic("bob")}
    assert server.client.put(f"{files}/{path}", **put).status_code == 403
    assert server.client.put(f"{files}/{path}", data=b"x", headers=_basic(ADMIN)).status_code == 200
    grant(server, "alice", "experiment", experiment_id, "DENY")
    for spelled in (path, path.replace("/", "//"), f"./{path}", path.replace("a.txt", "%61.txt")):
        response = server.client.get(f"{files}/{spelled}", headers=_basic("alice"))
        assert response.status_code in (400, 403, 404), spelled
    for query in ({"path": experiment_id}, {"path": f"{experiment_id}/{run_id}"}):
        response = server.client.get(files, query_string=query, headers=_basic("alice"))
        assert error_code(response) == DENIED
    assert server.client.get(f"{files}/{path}", headers=_basic("bob")).data == b"x"
    assert error_code(server.client.delete(f"{files}/{path}", headers=_basic("bob"))) == DENIED
    grant(server, "bob", "experiment", experiment_id, "MANAGE")
    assert server.client.delete(f"{files}/{path}", headers=_basic("bob")).status_code == 200


@pytest.mark.parametrize("below", ["", "/sub", "/../{id}", "/%2e%2e/{id}"])
@pytest.mark.parametrize("base", ["mlflow-artifacts:/{id}", "mlflow-artifacts:///{id}", "{store}/{id}"])
def test_an_experiment_cannot_be_put_over_the_files_of_another_one(server, tmp_path, base, below):
    experiment_id = make_experiment(server, "hers")
    grant(server, "alice", "experiment", experiment_id, "DENY")
    location = (base + below).format(id=experiment_id, store=tmp_path / "artifacts")
    body = {"name": "over", "artifact_location": location}
    response = server.call("POST", f"{M2}/experiments/create", who="alice", **body)
    assert response.status_code in (400, 403), response.text
    own = {"name": "own", "artifact_location": "mlflow-artifacts:/own"}
    server.ok("POST", f"{M2}/experiments/create", who="alice", **own)


def test_a_folder_is_found_by_its_decoded_name(server):
    experiment_id = make_experiment(server, "hers")
    run_id = make_run(server, experiment_id)
    grant(server, "alice", "experiment", experiment_id, "DENY")
    encoded = f"%25{ord(experiment_id[0]):x}{experiment_id[1:]}"
    path = f"/api/2.0/mlflow-artifacts/artifacts/{encoded}/{run_id}/artifacts/a.txt"
    for verb in ("PUT", "GET", "DELETE"):
        data = b"x" if verb == "PUT" else None
        response = server.client.open(path, method=verb, data=data, headers=_basic("alice"))
        assert error_code(response) == DENIED


def test_a_logged_model_of_another_experiment_cannot_be_named_in_a_batch(server):
    theirs, hers = make_experiment(server, "theirs"), make_experiment(server, "hers", who="alice")
    body = {"experiment_id": theirs, "name": "m"}
    model_id = server.ok("POST", f"{M2}/logged-models", **body)["model"]["info"]["model_id"]
    run_id = make_run(server, hers, who="alice")
    metric = {"key": "m", "value": 1, "timestamp": 1, "step": 0, "model_id": model_id}
    response = server.call("POST", f"{M2}/runs/log-batch", who="alice", run_id=run_id, metrics=[metric])
    assert error_code(response) == DENIED
    grant(server, "alice", "experiment", theirs, "EDIT")
    server.ok("POST", f"{M2}/runs/log-batch", who="alice", run_id=run_id, metrics=[metric])


@pytest.mark.parametrize("spelled", ["0{}", " {}", "{} "])
def test_another_spelling_of_an_id_opens_nothing(server, spelled):
    experiment_id = make_experiment(server, "hers")
    grant(server, "alice", "experiment", experiment_id, "DENY")
    asked = spelled.format(experiment_id)
    response = server.call("GET", f"{M2}/experiments/get", who="alice", experiment_id=asked)
    assert response.status_code in (400, 403, 404)


def test_a_role_gives_its_permissions_to_its_members_until_it_is_taken(server):
    experiment_id = make_experiment(server, "team")
    role = server.ok("POST", f"{M3}/roles/create", name="team", workspace="default")["role"]
    permission = {"resource_type": "experiment", "resource_pattern": experiment_id, "permission": "EDIT"}
    server.ok("POST", f"{M3}/roles/permissions/add", role_id=role["id"], **permission)
    server.ok("POST", f"{M3}/roles/assign", username="alice", role_id=role["id"])
    make_run(server, experiment_id, who="alice")
    server.ok("DELETE", f"{M3}/roles/unassign", username="alice", role_id=role["id"])
    assert (
        error_code(server.call("POST", f"{M2}/runs/create", who="alice", experiment_id=experiment_id))
        == DENIED
    )


def test_a_workspace_administrator_manages_everything_but_the_server(server):
    role = server.ok("POST", f"{M3}/roles/create", name="admins", workspace="default")["role"]
    permission = {"resource_type": "workspace", "resource_pattern": "*", "permission": "MANAGE"}
    server.ok("POST", f"{M3}/roles/permissions/add", role_id=role["id"], **permission)
    server.ok("POST", f"{M3}/roles/assign", username="alice", role_id=role["id"])
    grant(server, "alice", "experiment", "*", "DENY")
    experiment_id = make_experiment(server, "theirs")
    server.ok("POST", f"{M2}/experiments/delete", who="alice", experiment_id=experiment_id)
    server.ok("POST", f"{M3}/roles/create", who="alice", name="more", workspace="default")
    other = server.call("POST", f"{M3}/roles/create", who="alice", name="more", workspace="other")
    assert error_code(other) == DENIED
    assert error_code(server.call("GET", f"{M2}/webhooks", who="alice")) == DENIED


def test_users_cannot_give_themselves_permissions(server):
    experiment_id = make_experiment(server, "theirs")
    body = {"username": "alice", "resource_type": "experiment", "resource_id": experiment_id}
    path = f"{M3}/users/permissions/grant"
    assert error_code(server.call("POST", path, who="alice", **body, permission="EDIT")) == DENIED
    body["resource_id"] = "*"
    assert error_code(server.call("POST", path, who="alice", **body, permission="EDIT")) == DENIED
    hers = make_experiment(server, "hers", who="alice")
    body = {"username": "bob", "resource_type": "experiment", "resource_id": hers, "permission": "EDIT"}
    server.ok("POST", path, who="alice", **body)
    make_run(server, hers, who="bob")


def _basic(name):
    from tests.access import authorization

    return authorization(name)


def test_old_clients_give_permissions_for_prompts_by_the_calls_for_models(server):
    tag = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    server.ok("POST", f"{M2}/registered-models/create", name="greeting", tags=[tag])
    denied = {"name": "greeting", "username": "bob", "permission": "NO_PERMISSIONS"}
    server.ok("POST", f"{M2}/registered-models/permissions/create", **denied)
    refused = server.call("GET", f"{M2}/registered-models/get", who="bob", name="greeting")
    assert refused.status_code == 403
    user = server.ok("GET", f"{M2}/users/get", username="bob")["user"]
    [shown] = user["registered_model_permissions"]
    assert (shown["name"], shown["permission"]) == ("greeting", "NO_PERMISSIONS")


def test_a_user_shows_its_permissions_for_scorers(server):
    key = {"experiment_id": "0", "scorer_name": "is it/short?"}
    server.ok("POST", f"{M3}/scorers/permissions/create", username="bob", permission="EDIT", **key)
    user = server.ok("GET", f"{M2}/users/get", username="bob")["user"]
    assert user["scorer_permissions"] == [key | {"user_id": user["id"], "permission": "EDIT"}]
