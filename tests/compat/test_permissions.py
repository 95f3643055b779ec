"""The same calls by users with different permissions, here and at MLflow's server with its basic-auth app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.access import ADMIN, PASSWORD, closed_server
from tests.services import MlflowServer

M2, M3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
# A call: verb, path, JSON or query string, and who. It returns the status and the answer.
Call = Callable[..., tuple[int, Any]]

# Permissions of each user: (type, id, level); an id that begins with "$" is that of what the test makes.
USERS: dict[str, list[tuple[str, str, str]]] = {
    "none": [],
    **{
        level: [("experiment", "$experiment", level), ("registered_model", "iris", level)]
        for level in ("READ", "USE", "EDIT", "MANAGE", "DENY")
    },
    "no_runs": [("experiment", "$experiment", "MANAGE"), ("run", "*", "DENY")],
    "edits_runs": [("run", "*", "EDIT")],
    "no_versions": [("registered_model", "iris", "MANAGE"), ("registered_model_version", "*", "DENY")],
    "no_logged_models": [("experiment", "$experiment", "EDIT"), ("logged_model", "*", "DENY")],
    "all_denied": [("experiment", "*", "DENY"), ("registered_model", "*", "DENY")],
    "reads_versions": [("registered_model", "iris", "MANAGE"), ("registered_model_version", "*", "READ")],
}


class Server:
    """One of the two servers, with what the calls are about."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.ids: dict[str, str] = {}

    def ok(self, verb: str, path: str, **body: Any) -> Any:
        status, answer = self.call(verb, path, body, ADMIN)
        assert status == 200, (path, answer)
        return answer

    def fill(self) -> None:
        experiment = self.ok("POST", f"{M2}/experiments/create", name="e")["experiment_id"]
        run = self.ok("POST", f"{M2}/runs/create", experiment_id=experiment)["run"]["info"]
        new_model = {"experiment_id": experiment, "name": "m"}
        model = self.ok("POST", f"{M2}/logged-models", **new_model)["model"]["info"]["model_id"]
        self.ids = {"$experiment": experiment, "$run": run["run_id"], "$model": model}
        self.ok("POST", f"{M2}/registered-models/create", name="iris")
        version = {"name": "iris", "source": run["artifact_uri"], "run_id": run["run_id"]}
        self.ok("POST", f"{M2}/model-versions/create", **version)
        self.ids["$source"] = run["artifact_uri"]
        for name, granted in USERS.items():
            self.ok("POST", f"{M2}/users/create", username=name, password=PASSWORD)
            for resource_type, resource_id, permission in granted:
                self.ok(
                    "POST",
                    f"{M3}/users/permissions/grant",
                    username=name,
                    resource_type=resource_type,
                    resource_id=self.ids.get(resource_id, resource_id),
                    permission=permission,
                )

    def status(self, who: str, verb: str, path: str, body: dict[str, Any]) -> int:
        for word, value in self.ids.items():
            path = path.replace(word, value)
        return self.call(verb, path, self._filled(body), who)[0]

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return self.ids.get(value, value) if isinstance(value, str) else value


METRIC = {"key": "m", "value": 1, "timestamp": 1, "step": 0}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", f"{M2}/experiments/get", {"experiment_id": "$experiment"}),
    ("GET", f"{M2}/experiments/get-by-name", {"experiment_name": "e"}),
    ("GET", f"{M2}/experiments/get-by-name", {"experiment_name": "absent"}),
    ("POST", f"{M2}/experiments/search", {"max_results": 5}),
    (
        "POST",
        f"{M2}/experiments/set-experiment-tag",
        {"experiment_id": "$experiment", "key": "k", "value": "v"},
    ),
    ("GET", f"{M2}/runs/get", {"run_id": "$run"}),
    ("POST", f"{M2}/runs/search", {"experiment_ids": ["$experiment"]}),
    ("POST", f"{M2}/runs/create", {"experiment_id": "$experiment"}),
    ("POST", f"{M2}/runs/set-tag", {"run_id": "$run", "key": "k", "value": "v"}),
    ("POST", f"{M2}/runs/log-metric", {"run_id": "$run", **METRIC}),
    ("POST", f"{M2}/runs/log-batch", {"run_id": "$run", "metrics": [METRIC]}),
    ("POST", f"{M2}/runs/log-batch", {"run_id": "$run", "metrics": [{**METRIC, "model_id": "$model"}]}),
    ("GET", f"{M2}/metrics/get-history", {"run_id": "$run", "metric_key": "m"}),
    ("GET", f"{M2}/artifacts/list", {"run_id": "$run"}),
    ("PUT", f"{FILES}/$experiment/$run/artifacts/f", {}),
    ("GET", f"{M2}/logged-models/$model", {}),
    ("PATCH", f"{M2}/logged-models/$model/tags", {"tags": [{"key": "k", "value": "v"}]}),
    ("POST", f"{M2}/logged-models", {"experiment_id": "$experiment", "name": "new"}),
    ("GET", f"{M2}/registered-models/get", {"name": "iris"}),
    ("GET", f"{M2}/registered-models/get", {"name": "absent"}),
    ("GET", f"{M2}/registered-models/search", {}),
    ("PATCH", f"{M2}/registered-models/update", {"name": "iris", "description": "d"}),
    ("POST", f"{M2}/registered-models/alias", {"name": "iris", "alias": "a", "version": "1"}),
    ("GET", f"{M2}/registered-models/alias", {"name": "iris", "alias": "a"}),
    ("DELETE", f"{M2}/registered-models/alias", {"name": "iris", "alias": "a"}),
    ("GET", f"{M2}/model-versions/get", {"name": "iris", "version": "1"}),
    ("GET", f"{M2}/model-versions/search", {}),
    ("GET", f"{M2}/model-versions/search", {"filter": "run_id = '1'"}),
    ("POST", f"{M2}/model-versions/set-tag", {"name": "iris", "version": "1", "key": "k", "value": "v"}),
    ("DELETE", f"{M2}/model-versions/delete-tag", {"name": "iris", "version": "1", "key": "k"}),
    ("POST", f"{M2}/model-versions/create", {"name": "iris", "source": "$source", "run_id": "$run"}),
    ("POST", f"{M2}/runs/delete", {"run_id": "$run"}),
    ("POST", f"{M2}/runs/restore", {"run_id": "$run"}),
]


@pytest.fixture
def servers(tmp_path, monkeypatch) -> Iterator[tuple[Server, Server]]:
    monkeypatch.setenv("MLFLOW_AUTH_ADMIN_USERNAME", ADMIN)
    monkeypatch.setenv("MLFLOW_AUTH_ADMIN_PASSWORD", PASSWORD)
    monkeypatch.setenv("MLFLOW_FLASK_SERVER_SECRET_KEY", "key")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "auth.ini").write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{tmp_path}/basic_auth.db\n"
        # MLflow's server checks the password up to six times for each request.
        "auth_cache_ttl_seconds = 3600\n"
    )
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(tmp_path / "auth.ini"))
    mlflow_server = _MlflowWithAuth(tmp_path / "mlflow")
    mlflow_server.start()
    monkeypatch.delenv("MLFLOW_AUTH_CONFIG_PATH")
    monkeypatch.delenv("MLFLOW_AUTH_ADMIN_PASSWORD")
    try:
        with closed_server(f"sqlite:///{tmp_path}/trackway.db", tmp_path / "artifacts") as ours:

            def here(verb: str, path: str, body: dict[str, Any], who: str) -> tuple[int, Any]:
                ours.client.application.wsgi_app._gate._checked_at = 0
                response = ours.call(verb, path, who=who, **body)
                return response.status_code, response.get_json(silent=True)

            def there(verb: str, path: str, body: dict[str, Any], who: str) -> tuple[int, Any]:
                sent = {"params": body} if verb == "GET" else {"json": body}
                url = mlflow_server.url + path
                response = requests.request(verb, url, auth=(who, PASSWORD), timeout=60, **sent)
                is_json = response.headers.get("content-type", "").startswith("application/json")
                return response.status_code, response.json() if is_json else response.text

            yield Server(here), Server(there)
    finally:
        mlflow_server.kill()


class _MlflowWithAuth(MlflowServer):
    def command(self) -> list[str]:
        return [*super().command(), "--app-name", "basic-auth"]


def test_every_user_may_do_what_the_user_may_at_mlflows_server(servers):
    for server in servers:
        server.fill()
    different, count = [], 0
    for who in USERS:
        for verb, path, body in CALLS:
            here, there = (server.status(who, verb, path, body) for server in servers)
            count += 1
            if here != there:
                different.append(f"{who}: {verb} {path} {body}: {here} here, {there} there")
            if path.endswith("runs/delete"):
                for server in servers:
                    server.call("POST", f"{M2}/runs/restore", {"run_id": server.ids["$run"]}, ADMIN)
    assert not different, "\n".join([f"of {count} calls:", *different])
    assert count > 300
