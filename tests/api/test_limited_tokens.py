"""API tokens for named experiments and models: they open nothing else, whoever owns them."""

from __future__ import annotations

import pytest

from tests.access import ADMIN, authorization, closed_server, error_code

M2 = "/api/2.0/mlflow"
TOKENS = "/api/3.0/trackway/tokens"
DENIED = (403, "PERMISSION_DENIED")


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        yield server


def make_experiment(server, name):
    return server.ok("POST", f"{M2}/experiments/create", name=name)["experiment_id"]


def make_run(server, experiment_id, who=ADMIN):
    made = server.ok("POST", f"{M2}/runs/create", who=who, experiment_id=experiment_id)
    return made["run"]["info"]["run_id"]


def test_a_token_for_an_experiment_logs_there_and_sees_nothing_else(server):
    iris, other = make_experiment(server, "iris"), make_experiment(server, "other")
    foreign = make_run(server, other)
    server.ok("POST", f"{M2}/registered-models/create", name="model")
    token = server.token(experiments=["iris"], scopes=["log"])
    run_id = make_run(server, iris, who=token)
    server.ok("POST", f"{M2}/runs/set-tag", who=token, run_id=run_id, key="k", value="v")
    files = "/api/2.0/mlflow-artifacts/artifacts"
    for experiment_id, run, status in ((iris, run_id, 200), (other, foreign, 403)):
        path = f"{files}/{experiment_id}/{run}/artifacts/f"
        assert server.client.put(path, data=b"x", headers=authorization(token)).status_code == status
    listing = server.client.get(f"{files}?path={other}", headers=authorization(token))
    assert error_code(listing) == DENIED
    found = server.ok("POST", f"{M2}/experiments/search", who=token, max_results=10)["experiments"]
    assert [experiment["name"] for experiment in found] == ["iris"]
    runs = server.ok("POST", f"{M2}/runs/search", who=token, experiment_ids=[iris, other])["runs"]
    assert [run["info"]["run_id"] for run in runs] == [run_id]
    assert server.ok("GET", f"{M2}/registered-models/search", who=token) == {}
    assert server.ok("GET", f"{M2}/model-versions/search", who=token) == {}
    for verb, path, body in (
        ("GET", f"{M2}/experiments/get", {"experiment_id": other}),
        ("GET", f"{M2}/experiments/get-by-name", {"experiment_name": "other"}),
        ("GET", f"{M2}/runs/get", {"run_id": foreign}),
        ("GET", f"{M2}/runs/get", {"run_id": "0" * 32}),
        ("POST", f"{M2}/runs/set-tag", {"run_id": foreign, "key": "k", "value": "v"}),
        ("POST", f"{M2}/runs/create", {"experiment_id": other}),
        ("POST", f"{M2}/experiments/create", {"name": "new"}),
        ("POST", f"{M2}/registered-models/create", {"name": "new"}),
        ("GET", f"{M2}/registered-models/get", {"name": "model"}),
        ("POST", f"{M2}/runs/delete", {"run_id": run_id}),
        ("GET", files, {}),
        ("POST", f"{TOKENS}/create", {"name": "t"}),
        ("GET", "/api/3.0/mlflow/roles/list", {}),
        ("GET", f"{M2}/webhooks", {}),
        ("GET", f"{M2}/users/list", {}),
        ("GET", "/metrics", {}),
    ):
        assert error_code(server.call(verb, path, who=token, **body)) == DENIED, path


def test_a_token_for_a_model_changes_this_one(server):
    iris = make_experiment(server, "iris")
    run = server.ok("POST", f"{M2}/runs/create", experiment_id=iris)["run"]["info"]
    for name in ("mine", "other"):
        server.ok("POST", f"{M2}/registered-models/create", name=name)
        version = {"name": name, "source": run["artifact_uri"], "run_id": run["run_id"]}
        server.ok("POST", f"{M2}/model-versions/create", **version)
    token = server.token(models=["mine"])
    alias = {"alias": "best", "version": "1"}
    server.ok("POST", f"{M2}/registered-models/alias", who=token, name="mine", **alias)
    response = server.call("POST", f"{M2}/registered-models/alias", who=token, name="other", **alias)
    assert error_code(response) == DENIED
    versions = server.ok("GET", f"{M2}/model-versions/search", who=token)["model_versions"]
    assert [version["name"] for version in versions] == ["mine"]
    assert error_code(server.call("GET", f"{M2}/runs/get", who=token, run_id=run["run_id"])) == DENIED
    copy = {"name": "mine", "source": "models:/other/1"}
    assert error_code(server.call("POST", f"{M2}/model-versions/create", who=token, **copy)) == DENIED


def test_a_limit_gives_no_right_that_the_owner_lacks(server):
    iris = make_experiment(server, "iris")
    run_id = make_run(server, iris)
    token = server.token(who="alice", experiments=[iris])
    server.ok("GET", f"{M2}/runs/get", who=token, run_id=run_id)
    body = {"run_id": run_id, "key": "k", "value": "v"}
    assert error_code(server.call("POST", f"{M2}/runs/set-tag", who=token, **body)) == DENIED


def test_a_limit_is_shown_and_stays_when_the_token_is_rotated(server):
    iris, other = make_experiment(server, "iris"), make_experiment(server, "other")
    made = server.ok("POST", f"{TOKENS}/create", name="t", experiments=["iris"], models=["m"])["token"]
    assert (made["experiments"], made["models"]) == ([iris], ["m"])
    assert made["scopes"] == ["read", "log", "registry"]
    rotated = server.ok("POST", f"{TOKENS}/rotate", token_id=made["token_id"])
    assert (rotated["token"]["experiments"], rotated["token"]["models"]) == ([iris], ["m"])
    me = server.ok("GET", "/api/3.0/trackway/whoami", who=rotated["secret"])
    assert (me["experiments"], me["models"]) == ([iris], ["m"])
    response = server.call("GET", f"{M2}/experiments/get", who=rotated["secret"], experiment_id=other)
    assert error_code(response) == DENIED


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"experiments": ["iris"], "scopes": ["admin"]}, "cannot have the scope 'admin'"),
        ({"experiments": ["nothing"]}, "no experiment named 'nothing'"),
        ({"models": ["*"]}, "Permissions use it for all models"),
        ({"models": ["a/b"]}, "Names cannot contain"),
    ],
)
def test_a_limit_that_means_nothing_makes_no_token(server, body, words):
    make_experiment(server, "iris")
    response = server.call("POST", f"{TOKENS}/create", name="t", **body)
    assert response.status_code == 400
    assert words in response.json["message"]
    assert server.ok("GET", f"{TOKENS}/list") == {}
