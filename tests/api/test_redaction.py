"""What is denied as a type, such as all runs, does not show in answers about something else."""

from __future__ import annotations

import json

import pytest

from tests.access import closed_server, error_code

M2, M3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
DENIED = (403, "PERMISSION_DENIED")


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        yield server


@pytest.fixture
def made(server):
    """A run with a logged model as input and output, and a version that is from both."""
    experiment_id = server.ok("POST", f"{M2}/experiments/create", name="e")["experiment_id"]
    run = server.ok("POST", f"{M2}/runs/create", experiment_id=experiment_id)["run"]["info"]
    new_model = {"experiment_id": experiment_id, "name": "m", "source_run_id": run["run_id"]}
    model = server.ok("POST", f"{M2}/logged-models", **new_model)["model"]["info"]
    run_id, model_id = run["run_id"], model["model_id"]
    server.ok("POST", f"{M2}/runs/log-inputs", run_id=run_id, models=[{"model_id": model_id}])
    server.ok("POST", f"{M2}/runs/outputs", run_id=run_id, models=[{"model_id": model_id, "step": 0}])
    metric = {"key": "m", "value": 1, "timestamp": 1, "step": 0, "model_id": model_id}
    server.ok("POST", f"{M2}/runs/log-batch", run_id=run_id, metrics=[metric])
    server.ok("POST", f"{M2}/registered-models/create", name="iris")
    version = {"name": "iris", "source": f"models:/{model_id}", "run_id": run_id, "model_id": model_id}
    server.ok("POST", f"{M2}/model-versions/create", **version)
    server.ok("POST", f"{M2}/registered-models/alias", name="iris", alias="best", version="1")
    return {"experiment_id": experiment_id, "run_id": run_id, "model_id": model_id}


def deny(server, resource_type):
    body = {"username": "alice", "resource_type": resource_type, "resource_id": "*", "permission": "DENY"}
    server.ok("POST", f"{M3}/users/permissions/grant", **body)
    server.client.application.wsgi_app._gate._checked_at = 0


def answers_about_versions(server):
    named = {"name": "iris", "version": "1"}
    return {
        "get": server.ok("GET", f"{M2}/model-versions/get", who="alice", **named),
        "search": server.ok("GET", f"{M2}/model-versions/search", who="alice"),
        "alias": server.ok("GET", f"{M2}/registered-models/alias", who="alice", name="iris", alias="best"),
        "latest": server.ok("POST", f"{M2}/registered-models/get-latest-versions", who="alice", name="iris"),
        "model": server.ok("GET", f"{M2}/registered-models/get", who="alice", name="iris"),
        "models": server.ok("GET", f"{M2}/registered-models/search", who="alice"),
    }


def answers_about_runs(server, made):
    fields = "run { outputs { modelOutputs { modelId } } }"
    query = f'query {{ mlflowGetRun(input: {{runId: "{made["run_id"]}"}}) {{ {fields} }} }}'
    return {
        "get": server.ok("GET", f"{M2}/runs/get", who="alice", run_id=made["run_id"]),
        "search": server.ok("POST", f"{M2}/runs/search", who="alice", experiment_ids=[made["experiment_id"]]),
        "graphql": server.ok("POST", "/graphql", who="alice", query=query),
    }


def answers_about_logged_models(server, made):
    ids = [made["experiment_id"]]
    return {
        "get": server.ok("GET", f"{M2}/logged-models/{made['model_id']}", who="alice"),
        "search": server.ok("POST", f"{M2}/logged-models/search", who="alice", experiment_ids=ids),
    }


def fields_in(answer):
    """Return the names of all fields in an answer."""
    if isinstance(answer, dict):
        return {*answer, *(name for value in answer.values() for name in fields_in(value))}
    return {name for item in answer for name in fields_in(item)} if isinstance(answer, list) else set()


def test_denied_runs_do_not_show_in_versions_and_logged_models(server, made):
    before = answers_about_versions(server) | answers_about_logged_models(server, made)
    assert all(made["run_id"] in json.dumps(answer) for answer in before.values())
    deny(server, "run")
    for name, answer in (answers_about_versions(server) | answers_about_logged_models(server, made)).items():
        assert not fields_in(answer) & {"run_id", "source_run_id", "run_link"}, name


def test_denied_logged_models_do_not_show_in_runs_and_versions(server, made):
    before = [*answers_about_runs(server, made).values(), *answers_about_versions(server).values()]
    assert all(made["model_id"] in json.dumps(answer) for answer in before)
    deny(server, "logged_model")
    for name, answer in answers_about_runs(server, made).items():
        assert made["model_id"] not in json.dumps(answer), name
    for name, answer in answers_about_versions(server).items():
        assert "model_id" not in fields_in(answer), name
    # Others still see them.
    assert made["model_id"] in json.dumps(
        server.ok("GET", f"{M2}/runs/get", who="bob", run_id=made["run_id"])
    )


def test_denied_versions_do_not_show_in_their_model(server, made):
    deny(server, "registered_model_version")
    model = server.ok("GET", f"{M2}/registered-models/get", who="alice", name="iris")["registered_model"]
    assert "latest_versions" not in model
    (found,) = server.ok("GET", f"{M2}/registered-models/search", who="alice")["registered_models"]
    assert "latest_versions" not in found


@pytest.mark.parametrize("text", ["run_id = '{}'", "name = 'iris' AND run_id = '{}'", "run_id IN ('{}')"])
def test_a_search_of_versions_does_not_tell_whether_a_denied_run_has_one(server, made, text):
    search, filter = f"{M2}/model-versions/search", text.format(made["run_id"])
    assert server.ok("GET", search, who="alice", filter=filter)["model_versions"]
    deny(server, "run")
    for asked in (filter, text.format("0" * 32)):
        assert error_code(server.call("GET", search, who="alice", filter=asked)) == DENIED
    assert server.ok("GET", search, who="alice", filter="name = 'iris'")["model_versions"]


def test_a_search_of_logged_models_does_not_select_or_sort_by_denied_runs(server, made):
    search, ids = f"{M2}/logged-models/search", [made["experiment_id"]]
    deny(server, "run")
    for body in (
        {"filter": f"source_run_id = '{made['run_id']}'"},
        {"filter": "source_run_id LIKE '0%'"},
        {"order_by": [{"field_name": "source_run_id"}]},
    ):
        response = server.call("POST", search, who="alice", experiment_ids=ids, **body)
        assert error_code(response) == DENIED, body
    assert server.ok("POST", search, who="alice", experiment_ids=ids, filter="name = 'm'")["models"]
