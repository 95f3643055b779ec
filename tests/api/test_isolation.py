"""What belongs to others stays theirs: requests generated from the table of endpoints.

Each request with an id is sent with the id of something that is absent and of something that belongs to
another user, by a user without permissions and by one who is denied. None of them may show or change
anything, and what is foreign must look like what is absent.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.access import ADMIN, authorization, closed_server
from trackway.client_compat.wire import Endpoint
from trackway.server import dispatch
from trackway.server.app import all_endpoints, paths_of
from trackway.server.edge import transfers

M2, M3, OWN = "/api/2.0/mlflow", "/api/3.0/mlflow", "/api/3.0/trackway"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
SECRET = "Xsecret"


class Things(NamedTuple):
    """What one user has, by the kind of id: experiment, run, logged_model, model, ..."""

    ids: dict[str, str]

    def value(self, kind: str) -> str:
        return self.ids[kind]


# Kinds of the fields with an id, by the field's name, and for some requests by request and field.
KINDS = {
    "run_id": "run",
    "run_uuid": "run",
    "run_ids": "run",
    "source_run_id": "run",
    "experiment_id": "experiment",
    "experiment_ids": "experiment",
    "experiment_name": "experiment_name",
    "model_id": "logged_model",
    "artifact_path": "path",
    "source": "source",
    "webhook_id": "webhook",
    "token_id": "token",
    "role_id": "role",
    "role_permission_id": "role_permission",
    "username": "user",
    "owner": "user",
    "resource_id": "experiment",
}
OF_REQUEST = {
    ("ArtifactsListArtifacts", "path"): "path",
    ("SearchRuns", "filter"): "",
    ("CreateRegisteredModel", "name"): "",
    ("CreateModelVersion", "name"): "model",
    ("SearchExperiments", "filter"): "",
}
# Values of other fields that requests need.
OTHERS: dict[str, Any] = {
    "key": "k",
    "value": "1",
    "metric_key": "m",
    "timestamp": 1,
    "step": 0,
    "tag_key": "k",
    "version": "1",
    "alias": "best",
    "stage": "Staging",
    "new_name": "other",
    "name": "another",
    "path": "f.txt",
    "artifact_file_path": "f.txt",
    "archive_existing_versions": False,
    "status": "LOGGED_MODEL_READY",
    "description": "by an attacker",
    "permission": "READ",
    "resource_type": "experiment",
    "resource_pattern": "*",
    "scorer_name": "s",
    "password": "correct horse battery",
    "current_password": "correct horse battery",
    "is_admin": True,
    "workspace": "default",
    "upload_id": "u",
    "delivery_id": "d" * 32,
    "format": "zip",
    "model_json": json.dumps(
        {"artifact_path": "m", "flavors": {}, "utc_time_created": "2026-01-01", "run_id": "0" * 32}
    ),
    "url": "https://93.184.215.14/hook",
    "expiration": 60,
}
# Messages with ids in a list of their own.
NESTED = {
    ("LogBatch", "metrics"): lambda ids: [
        {"key": "m", "value": 1, "timestamp": 1, "step": 0, "model_id": ids["logged_model"]}
    ],
    ("LogInputs", "models"): lambda ids: [{"model_id": ids["logged_model"]}],
    ("LogOutputs", "models"): lambda ids: [{"model_id": ids["logged_model"], "step": 0}],
    ("SetLoggedModelTags", "tags"): lambda ids: [{"key": "k", "value": "v"}],
    ("LogLoggedModelParamsRequest", "params"): lambda ids: [{"key": "k", "value": "v"}],
    ("CreateModelVersion", "tags"): lambda ids: [],
}
REGISTRY = ("registered_model", "model_version")


def fields_of(endpoint: Endpoint) -> dict[str, str]:
    """Return the kind of each field of a request that holds an id."""
    rpc = endpoint.request.__qualname__
    can = permission_of(endpoint)
    found = {}
    for name in endpoint.request._fields if hasattr(endpoint.request, "_fields") else ():
        kind = OF_REQUEST.get((rpc, name), KINDS.get(name, ""))
        is_of_model = can.noun in REGISTRY or "RegisteredModelPermission" in rpc
        if name == "name" and is_of_model and rpc != "CreateRegisteredModel":
            kind = "model"
        if name in ("run_id", "model_id") and rpc == "CreateRegisteredModel":
            kind = ""
        if (rpc, name) in NESTED and "model" in name + str(NESTED[rpc, name]({"logged_model": "model"})):
            kind = "logged_model"
        if kind:
            found[name] = kind
    return found


def permission_of(endpoint: Endpoint) -> Any:
    handlers = dispatch.HANDLERS | transfers.HANDLERS
    return handlers[endpoint.loaded].can


def endpoints() -> Iterator[Endpoint]:
    for endpoint in all_endpoints():
        if (endpoint.loaded in dispatch.HANDLERS or endpoint.loaded in transfers.HANDLERS) and fields_of(
            endpoint
        ):
            yield endpoint


def camel(name: str) -> str:
    return re.sub("_(.)", lambda found: found[1].upper(), name)


class Sender:
    """Sends the requests of an endpoint, and counts them."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.count = 0

    def send(self, endpoint: Endpoint, path: str, who: str, ids: dict[str, str], spelled: Any = str) -> Any:
        """Send a request whose id fields have the values in ``ids``, by name. Return status and text."""
        rpc, body = endpoint.request.__qualname__, {}
        for name, type_ in endpoint.request._fields.items():
            nested = NESTED.get((rpc, name))
            if name in ids:
                value: Any = nested({"logged_model": ids[name]}) if nested else ids[name]
                body[name] = [value] if type_ == "string[]" else value
            elif nested:
                body[name] = nested({"logged_model": None})
            elif name in OTHERS and name not in KINDS:
                body[name] = OTHERS[name]
        data = None
        for variable in re.findall(r"<(?:[^<>]*:)?(\w+)>", path):
            field = endpoint.field_of(variable)
            value = body.pop(field, None)
            value = "x" if value is None else str(value)
            path = re.sub(rf"<[^<>]*\b{variable}>", value.replace("\\", ""), path)
        headers = authorization(who)
        if endpoint.loaded in transfers.HANDLERS and endpoint.verb in ("PUT", "POST"):
            data, query, sent = b"overwritten", body, None
        elif endpoint.verb == "GET":
            query, sent = body, None
        else:
            query, sent = None, {spelled(name): value for name, value in body.items()}
        response = self.server.client.open(
            path, method=endpoint.verb, query_string=query, json=sent, data=data, headers=headers
        )
        self.count += 1
        text = response.get_data().decode(errors="replace")
        assert response.status_code < 500, (endpoint.rpc, path, text)
        return response.status_code, text


def masked(answer: tuple[int, str], *things: Things) -> tuple[int, str]:
    """Return an answer without the ids of its request and its request id."""
    status, text = answer
    text = re.sub(r'"request_id": ?"[^"]*"', "", text)
    values = {value for owner in things for value in owner.ids.values()}
    for value in sorted(values, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "ID", text)
    return status, text


def make_things(server: Any, who: str, name: str) -> Things:
    """Make something of each kind, with a secret in it, and return the ids."""

    def ok(verb: str, path: str, as_admin: bool = False, **body: Any) -> Any:
        return server.ok(verb, path, who=ADMIN if as_admin else who, **body)

    tag = {"key": "k", "value": f"{SECRET}-of-{name}"}
    experiment = ok("POST", f"{M2}/experiments/create", name=name, tags=[tag])["experiment_id"]
    refresh(server)
    run = ok("POST", f"{M2}/runs/create", experiment_id=experiment, tags=[tag])["run"]["info"]
    metric = {"key": "m", "value": 0.5, "timestamp": 1, "step": 0}
    secret = tag["value"]
    params = [{"key": "p", "value": secret}]
    ok("POST", f"{M2}/runs/log-batch", run_id=run["run_id"], metrics=[metric], params=params)
    path = f"{experiment}/{run['run_id']}/artifacts/f.txt"
    response = server.client.put(f"{FILES}/{path}", data=secret.encode(), headers=authorization(who))
    assert response.status_code == 200
    logged = ok("POST", f"{M2}/logged-models", experiment_id=experiment, name="m", tags=[tag])["model"][
        "info"
    ]
    model_path = f"{experiment}/models/{logged['model_id']}/artifacts/f.txt"
    server.client.put(f"{FILES}/{model_path}", data=secret.encode(), headers=authorization(who))
    ok("POST", f"{M2}/registered-models/create", name=f"{name}-model", description=secret)
    refresh(server)
    version = {"name": f"{name}-model", "source": run["artifact_uri"], "run_id": run["run_id"]}
    ok("POST", f"{M2}/model-versions/create", **version, description=secret)
    ok("POST", f"{M2}/registered-models/alias", name=f"{name}-model", alias="best", version="1")
    hook = {
        "name": secret,
        "url": "https://93.184.215.14/",
        "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
    }
    webhook = ok("POST", f"{M2}/webhooks", as_admin=True, **hook)["webhook"]["webhook_id"]
    token = ok("POST", f"{OWN}/tokens/create", name=secret)["token"]["token_id"]
    role = ok("POST", f"{M3}/roles/create", as_admin=True, name=secret, workspace="elsewhere")["role"]
    permission = {"resource_type": "run", "resource_pattern": "*", "permission": "READ"}
    added = ok("POST", f"{M3}/roles/permissions/add", as_admin=True, role_id=role["id"], **permission)
    return Things(
        {
            "experiment": experiment,
            "experiment_name": name,
            "run": run["run_id"],
            "logged_model": logged["model_id"],
            "model": f"{name}-model",
            "path": path,
            "source": run["artifact_uri"],
            "webhook": webhook,
            "token": token,
            "role": str(role["id"]),
            "role_permission": str(added["role_permission"]["id"]),
            "user": who,
        }
    )


ABSENT = Things(
    {
        "experiment": "987654",
        "experiment_name": "absent",
        "run": "0" * 32,
        "logged_model": "m-" + "0" * 32,
        "model": "absent-model",
        "path": f"987654/{'0' * 32}/artifacts/f.txt",
        "source": f"mlflow-artifacts:/987654/{'0' * 32}/artifacts",
        "webhook": "00000000-0000-0000-0000-000000000000",
        "token": "A" * 12,
        "role": "987654",
        "role_permission": "987655",
        "user": "nobody",
    }
)
# Kinds of which users learn what exists, as in MLflow: names have to be unique, all users may be listed, and
# the default permission holds for a path without an owner.
TELLS = {
    "no permissions": {"experiment_name", "user"},
    "DENY": {"experiment_name", "user", "path"},
}


def refresh(server: Any) -> None:
    server.client.application.wsgi_app._gate._checked_at = 0


def deny(server: Any, who: str, things: Things) -> None:
    for resource_type, kind in (("experiment", "experiment"), ("registered_model", "model")):
        server.ok(
            "POST",
            f"{M3}/users/permissions/grant",
            username=who,
            resource_type=resource_type,
            resource_id=things.value(kind),
            permission="DENY",
        )
    refresh(server)


def snapshot(server: Any, things: Things) -> list[Any]:
    """Return what an administrator sees of the things."""
    ids = things.ids
    calls = (
        (f"{M2}/experiments/get", {"experiment_id": ids["experiment"]}),
        (f"{M2}/runs/get", {"run_id": ids["run"]}),
        (f"{M2}/metrics/get-history", {"run_id": ids["run"], "metric_key": "m"}),
        (f"{M2}/artifacts/list", {"run_id": ids["run"]}),
        (f"{M2}/logged-models/{ids['logged_model']}", {}),
        (f"{M2}/logged-models/{ids['logged_model']}/artifacts/directories", {}),
        (f"{M2}/registered-models/get", {"name": ids["model"]}),
        (f"{M2}/model-versions/get", {"name": ids["model"], "version": "1"}),
        (f"{M2}/webhooks/{ids['webhook']}", {}),
        (f"{M3}/roles/get", {"role_id": ids["role"]}),
        (f"{M3}/roles/users/list", {"role_id": ids["role"]}),
        (f"{M3}/users/permissions/list", {"username": ids["user"]}),
        (f"{OWN}/tokens/list", {"owner": ids["user"]}),
    )
    found: list[Any] = [server.ok("GET", path, **query) for path, query in calls]
    for token in found[-1]["tokens"]:
        token.pop("last_used_time", None)
    found.append(server.client.get(f"{FILES}/{ids['path']}", headers=authorization(ADMIN)).data)
    return found


@pytest.mark.parametrize("mode", ["no permissions", "DENY"])
def test_no_request_shows_or_changes_what_belongs_to_others(store_uri, tmp_path, monkeypatch, mode, capsys):
    default = "NO_PERMISSIONS" if mode == "no permissions" else "READ"
    (tmp_path / "auth.ini").write_text(f"[mlflow]\ndefault_permission = {default}\n")
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(tmp_path / "auth.ini"))
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        foreign = make_things(server, "alice", "hers")
        own = make_things(server, "bob", "his")
        if mode == "DENY":
            deny(server, "bob", foreign)
            deny(server, "bob", ABSENT._replace(ids={**ABSENT.ids}))
        before = snapshot(server, foreign)
        sender, failures = Sender(server), {}
        for endpoint in endpoints():
            kinds = fields_of(endpoint)
            # All fields, and each by itself while the others are the caller's own.
            for names in {tuple(kinds), *((name,) for name in kinds)}:
                for path, spelled in itertools.product(paths_of(endpoint), (str, camel)):
                    answers = []
                    for things in (ABSENT, foreign):
                        asked = {
                            name: (things if name in names else own).value(kind)
                            for name, kind in kinds.items()
                        }
                        answer = sender.send(endpoint, path, "bob", asked, spelled)
                        answers.append(masked(answer, things, own))
                        if f"{SECRET}-of-hers" in answer[1]:
                            failures[endpoint.rpc, names, "secret"] = answer[1][:300]
                    is_told = any(kinds[name] in TELLS[mode] for name in names)
                    if answers[0] != answers[1] and not is_told:
                        failures[endpoint.rpc, names, path.split("/")[1]] = answers
        assert snapshot(server, foreign) == before
        with capsys.disabled():
            print(f" {sender.count} requests ", end="")
        assert not failures, "\n".join(map(str, failures.items()))
        assert sender.count > 1500


def test_the_requests_of_the_test_are_valid_for_who_owns_what_they_name(store_uri, tmp_path, monkeypatch):
    """Otherwise the test above would prove nothing."""
    (tmp_path / "auth.ini").write_text("[mlflow]\ndefault_permission = NO_PERMISSIONS\n")
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(tmp_path / "auth.ini"))
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        own = make_things(server, "bob", "his")
        sender, refused = Sender(server), {}
        for endpoint in endpoints():
            can = permission_of(endpoint)
            if can.who == "admins" or can.verb == "delete" or can.noun in ("role", "grant"):
                continue
            # Nobody has a scorer. After the others the caller would not own what the next requests name.
            if "Scorer" in endpoint.rpc or re.match(
                "Rename|Revoke|(Delete|Update).*Permission", endpoint.rpc
            ):
                continue
            asked = {name: own.value(kind) for name, kind in fields_of(endpoint).items()}
            refresh(server)
            status, text = sender.send(endpoint, next(paths_of(endpoint)), "bob", asked)
            if status in (401, 403):
                refused[endpoint.rpc] = text
        assert refused == {}


# Fields of a GraphQL query, each under an alias.
GRAPHQL = (
    'a: mlflowGetRun(input: {runId: "%(run)s"}) { run { data { tags { value } } experiment { name } } }',
    'b: mlflowGetRun(input: {runUuid: "%(run)s"}) { run { data { tags { value } } modelVersions { name } } }',
    'c: mlflowGetExperiment(input: {experimentId: "%(experiment)s"}) { experiment { tags { value } } }',
    'd: mlflowSearchRuns(input: {experimentIds: ["%(experiment)s"]}) { runs { data { tags { value } } } }',
)
OTHER_GRAPHQL = (
    'e: mlflowListArtifacts(input: {runId: "%(run)s"}) { files { path } }',
    'f: mlflowGetMetricHistoryBulkInterval(input: {runIds: ["%(run)s"], metricKey: "m"}) { metrics { key } }',
)


def test_graphql_shows_nothing_under_any_alias(store_uri, tmp_path, monkeypatch):
    (tmp_path / "auth.ini").write_text("[mlflow]\ndefault_permission = NO_PERMISSIONS\n")
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(tmp_path / "auth.ini"))
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        ids = make_things(server, "alice", "hers").ids
        for field in (*GRAPHQL, *OTHER_GRAPHQL):
            query = "query { %s }" % (field % ids)
            hers = server.ok("POST", "/graphql", who="alice", query=query)
            if field in GRAPHQL:
                assert f"{SECRET}-of-hers" in json.dumps(hers["data"]), hers
            for path in ("/graphql", "/graphql?query=x"):
                answer = server.ok("POST", path, who="bob", query=query)
                (shown,) = answer["data"].values()
                assert not shown or not any(shown.values()), answer
