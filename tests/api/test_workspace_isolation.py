"""Every call that takes an id answers for one of another workspace as for one that does not exist.

The calls come from the table of endpoints, so a new one is tested without a change here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.access import ADMIN, authorization, closed_server
from trackway.client_compat.wire import Endpoint
from trackway.server.app import all_endpoints
from trackway.server.dispatch import handler_of
from trackway.server.edge import transfers

M2, M3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
OURS, THEIRS = "team-b", "team-a"
# Fields that name a resource, by its kind.
KINDS = {
    "experiment_id": "experiment",
    "experiment_ids": "experiment",
    "run_id": "run",
    "run_ids": "run",
    "run_uuid": "run",
    "source_run_id": "run",
    "model_id": "logged_model",
    "name": "registered_model",
    "webhook_id": "webhook",
}
ABSENT = {
    "experiment": "987654",
    "run": "0123456789abcdef0123456789abcdef",
    "logged_model": "m-0123456789abcdef0123456789abcdef",
    "registered_model": "absent",
    "webhook": "01234567-89ab-cdef-0123-456789abcdef",
}
# Other fields that calls need.
VALUES: dict[str, object] = {
    "key": "k",
    "value": "v",
    "metric_key": "m",
    "timestamp": 1,
    "new_name": "renamed",
    "version": "1",
    "alias": "a",
    "stage": "Staging",
    "path": "a.txt",
    "artifact_file_path": "a.txt",
    "status": "FINISHED",
    "format": "zip",
    "source": "s3://elsewhere/model",
    "experiment_name": "new",
    "url": "https://8.8.8.8/hook",
    "archive_existing_versions": False,
    "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 0}],
    "params": [{"key": "p", "value": "v"}],
    "tags": [{"key": "t", "value": "v"}],
    "model_json": json.dumps({"run_id": ABSENT["run"], "artifact_path": "m", "flavors": {}}),
}
# Calls whose "name" is that of something new, or of a kind that is no registered model.
NAMES_NO_MODEL = re.compile(
    "Create(?!ModelVersion)|Webhook|Token|ServiceAccount|Role|User|Permission|Workspace"
)
NO_ID = {"name": NAMES_NO_MODEL}
VOLATILE = re.compile(r'"version": "\d+"|m-[0-9a-f]{32}|[0-9a-f]{32}|\d{10,}|[a-z]+-[a-z]+-\d+')


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts", enable_workspaces=True) as server:
        for name in (OURS, THEIRS):
            assert server.call("POST", f"{M3}/workspaces", name=name).status_code == 201
        found = server.ok("GET", f"{M3}/roles/list", workspace=OURS)["roles"]
        ids = {role["name"]: role["id"] for role in found}
        server.ok("POST", f"{M3}/roles/assign", username="alice", role_id=ids["admin"])
        server.ok("POST", f"{M3}/roles/assign", username="bob", role_id=ids["user"])
        yield server


def make_resources(server, workspace: str, name: str) -> dict[str, str]:
    """Return the ids of resources of each kind in a workspace."""
    root = f"/t/{workspace}{M2}"
    experiment_id = server.ok("POST", f"{root}/experiments/create", name=name)["experiment_id"]
    run = server.ok("POST", f"{root}/runs/create", experiment_id=experiment_id)["run"]["info"]
    metric = {"run_id": run["run_id"], "key": "m", "value": 1, "timestamp": 1}
    server.ok("POST", f"{root}/runs/log-metric", **metric)
    file = run["artifact_uri"].removeprefix("mlflow-artifacts:/") + "/a.txt"
    path = f"/t/{workspace}/api/2.0/mlflow-artifacts/artifacts/{file}"
    assert server.client.put(path, data=b"secret", headers=authorization(ADMIN)).status_code == 200
    body = {"experiment_id": experiment_id, "name": name}
    logged_model = server.ok("POST", f"{root}/logged-models", **body)["model"]["info"]
    server.ok("POST", f"{root}/registered-models/create", name=name)
    version = {"name": name, "source": run["artifact_uri"], "run_id": run["run_id"]}
    server.ok("POST", f"{root}/model-versions/create", **version)
    server.ok("POST", f"{root}/registered-models/alias", name=name, alias="a", version="1")
    return {
        "experiment": experiment_id,
        "run": run["run_id"],
        "logged_model": logged_model["model_id"],
        "registered_model": name,
        "webhook": make_webhook(server, root, name),
    }


def make_webhook(server, root: str, name: str) -> str:
    event = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
    body = {"name": name, "url": "https://8.8.8.8/hook", "events": [event]}
    return str(server.ok("POST", f"{root}/webhooks", **body)["webhook"]["webhook_id"])


def calls_with_ids() -> Iterator[tuple[Endpoint, str]]:
    """Yield each endpoint that is served, with each of its fields that name a resource."""
    for endpoint in all_endpoints():
        if handler_of(endpoint) is None and endpoint.loaded not in transfers.HANDLERS:
            continue
        for field in endpoint.request._fields:
            is_other = NO_ID.get(field)
            if field in KINDS and not (is_other and is_other.search(endpoint.rpc)):
                yield endpoint, field


def ask(server, who: str, endpoint: Endpoint, own: dict[str, str], field: str, value: str) -> Any:
    """Send the request with ``value`` in the field, and own ids in the others. Return the response."""
    body: dict[str, Any] = {}
    for name, kind in endpoint.request._fields.items():
        found: Any = VALUES.get(name)
        if name == field:
            found = value
        elif name in KINDS and not (name in NO_ID and NO_ID[name].search(endpoint.rpc)):
            found = own[KINDS[name]] if name in ("experiment_id", "name") else None
        if name in KINDS and isinstance(kind, str) and kind.endswith("[]") and found is not None:
            found = [found]
        if found is not None:
            body[name] = found
    if "name" in endpoint.request._fields and "name" not in body:
        body["name"] = "new"
    path = endpoint.path
    for variable in re.findall(r"<(?:[^:>]*:)?(\w+)>", path):
        given = body.pop(endpoint.field_of(variable), "x")
        path = re.sub(rf"<(?:[^:>]*:)?{variable}>", str(given), path)
    url = f"/t/{OURS}{endpoint.mounts[0]}{path}"
    headers = authorization(who)
    if endpoint.verb in ("GET", "HEAD"):
        return server.client.open(url, method=endpoint.verb, query_string=body, headers=headers)
    if endpoint.loaded in transfers.HANDLERS:
        return server.client.open(url, method=endpoint.verb, query_string=body, data=b"x", headers=headers)
    return server.client.open(url, method=endpoint.verb, json=body, headers=headers)


def plain(response: Any, value: str) -> tuple[int, str]:
    """Return status and body, without what differs between any two requests, and with ID for the id."""
    text = response.text
    if response.is_json:
        body = json.loads(text)
        body.pop("request_id", None)
        text = json.dumps(body)
    text = text.replace(value, "ID")
    return response.status_code, VOLATILE.sub("#", text)


@pytest.mark.parametrize("who", [ADMIN, "alice", "bob"])
def test_what_another_workspace_has_is_answered_like_what_does_not_exist(server, who):
    theirs = make_resources(server, THEIRS, "theirs")
    ours = make_resources(server, OURS, "our-01")
    before = contents(server, theirs)
    number, different = 0, []
    for endpoint, field in calls_with_ids():
        kind = KINDS[field]
        answers = {
            plain(ask(server, who, endpoint, ours, field, value), value)
            for value in (theirs[kind], ABSENT[kind])
        }
        number += 2
        if len(answers) > 1:
            different.append((endpoint.rpc, field, sorted(answers)))
    print(f"{number} requests")
    assert different == []
    assert number > 150
    assert contents(server, theirs) == before


def contents(server, ids: dict[str, str]) -> list[Any]:
    """Return what the other workspace has."""
    root = f"/t/{THEIRS}{M2}"
    return [
        server.ok("GET", f"{root}/experiments/get", experiment_id=ids["experiment"]),
        server.ok("GET", f"{root}/runs/get", run_id=ids["run"]),
        server.ok("GET", f"{root}/logged-models/{ids['logged_model']}"),
        server.ok("GET", f"{root}/registered-models/get", name=ids["registered_model"]),
        server.ok("GET", f"{root}/webhooks/{ids['webhook']}"),
        server.ok("GET", f"{root}/artifacts/list", run_id=ids["run"]),
    ]
