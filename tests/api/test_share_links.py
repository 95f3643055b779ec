"""Share links: what their visitors see, who may make them, and when they end."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from tests.access import ADMIN, PASSWORD, authorization, basic, closed_server, error_code
from tests.api.test_workspace_isolation import ABSENT, KINDS, VALUES
from tests.databases import statements_of
from trackway.client_compat.wire import Endpoint
from trackway.server.app import all_endpoints, create_app, paths_of
from trackway.server.config import Config
from trackway.server.dispatch import handler_of
from trackway.storage.schema.access import share_links as link_table

M2, M3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
LINKS = "/api/3.0/trackway/share-links"
INVALID = "This share link is not valid"


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        yield server


class Visitor:
    """Somebody with the address of a link, and no log-in."""

    def __init__(self, server: Any, url: str) -> None:
        self._client = server.client
        self.path = url.removeprefix("http://localhost").removesuffix("/")

    def ask(self, verb: str, path: str, /, **body: Any) -> Any:
        headers = body.pop("headers", {})
        if verb in ("GET", "HEAD"):
            return self._client.open(self.path + path, method=verb, query_string=body, headers=headers)
        return self._client.open(self.path + path, method=verb, json=body, headers=headers)

    def ok(self, verb: str, path: str, /, **body: object) -> Any:
        response = self.ask(verb, "/ajax-api/2.0/mlflow" + path, **body)
        assert response.status_code == 200, response.text
        return response.json

    def status(self, verb: str, path: str, /, **body: object) -> int:
        return int(self.ask(verb, "/ajax-api/2.0/mlflow" + path, **body).status_code)


def make_run(server, experiment_id: str, name: str, root: str = M2) -> dict[str, Any]:
    """Return the info of a run that has a metric, a tag and a file."""
    body = {"experiment_id": experiment_id, "run_name": name}
    run = server.ok("POST", f"{root}/runs/create", **body)["run"]["info"]
    for step in range(3):
        point = {"run_id": run["run_id"], "key": "loss", "value": step, "timestamp": step, "step": step}
        server.ok("POST", f"{root}/runs/log-metric", **point)
    file = run["artifact_uri"].removeprefix("mlflow-artifacts:/") + "/a.txt"
    path = f"{root.removesuffix('/mlflow')}/mlflow-artifacts/artifacts/{file}"
    put = server.client.put(path, data=name.encode(), headers=authorization(ADMIN))
    assert put.status_code == 200, put.text
    return dict(run)


def make_experiment(server, name: str, root: str = M2) -> str:
    tags = [{"key": "mlflow.note.content", "value": "a secret note"}]
    return str(server.ok("POST", f"{root}/experiments/create", name=name, tags=tags)["experiment_id"])


def share(server, *, who: str = ADMIN, path: str = LINKS, **body: object) -> Visitor:
    return Visitor(server, server.ok("POST", path, who=who, **body)["url"])


def link_id(visitor: Visitor) -> str:
    return visitor.path.removeprefix("/share/tw_").partition("_")[0]


@pytest.fixture
def shown(server):
    """Two runs of an experiment, of which a link shows the first one."""
    experiment_id = make_experiment(server, "study")
    runs = [make_run(server, experiment_id, name) for name in ("first", "second")]
    return experiment_id, *(run["run_id"] for run in runs)


def test_a_link_shows_its_run_without_a_log_in(server, shown):
    _, run_id, _ = shown
    visitor = share(server, run_ids=[run_id], label="for the review")
    run = visitor.ok("GET", "/runs/get", run_id=run_id)["run"]
    assert run["info"]["run_name"] == "first"
    history = visitor.ok("GET", "/metrics/get-history", run_id=run_id, metric_key="loss")["metrics"]
    assert [point["value"] for point in history] == [0, 1, 2]
    interval = {"run_ids": run_id, "metric_key": "loss"}
    assert len(visitor.ok("GET", "/metrics/get-history-bulk-interval", **interval)["metrics"]) == 3
    files = visitor.ok("GET", "/artifacts/list", run_id=run_id)["files"]
    assert [file["path"] for file in files] == ["a.txt"]
    file = visitor.ask("GET", "/get-artifact", run_id=run_id, path="a.txt")
    assert (file.status_code, file.text) == (200, "first")
    fields = "run { info { runName } experiment { name tags { key } } }"
    query = f'query {{ mlflowGetRun(input: {{runId: "{run_id}"}}) {{ {fields} }} }}'
    found = visitor.ask("POST", "/graphql", query=query).json["data"]["mlflowGetRun"]["run"]
    assert found == {"info": {"runName": "first"}, "experiment": {"name": "study", "tags": []}}


def test_a_link_to_a_run_shows_the_name_of_its_experiment_and_no_more(server, shown):
    experiment_id, run_id, _ = shown
    visitor = share(server, run_ids=[run_id])
    found = visitor.ok("GET", "/experiments/get", experiment_id=experiment_id)
    assert found["experiment"] == {
        "experiment_id": experiment_id,
        "name": "study",
        "lifecycle_stage": "active",
    }
    for verb, path, body in (
        ("GET", "/experiments/get", {"experiment_id": "0"}),
        ("GET", "/experiments/get-by-name", {"experiment_name": "study"}),
        ("GET", "/experiments/get-by-name", {"experiment_name": "absent"}),
        ("POST", "/experiments/search", {"max_results": 10, "filter": "tags.secret LIKE 'a%'"}),
        ("POST", "/experiments/search-datasets", {"experiment_ids": [experiment_id]}),
    ):
        assert visitor.status(verb, path, **body) == 403, path


def test_searches_find_only_the_runs_of_the_link(server, shown):
    experiment_id, run_id, other = shown
    body = {"experiment_ids": [experiment_id, "0"], "max_results": 1}
    for run_ids in ([run_id], [other], [run_id, other]):
        visitor, found, token = share(server, run_ids=run_ids), [], None
        while True:
            page = visitor.ok("POST", "/runs/search", **body, page_token=token)
            found += [run["info"]["run_id"] for run in page.get("runs", [])]
            if not (token := page.get("next_page_token")):
                break
        assert sorted(found) == sorted(run_ids)
    one = share(server, run_ids=[run_id])
    named = {"experiment_ids": [experiment_id], "filter": "attributes.run_name = 'second'"}
    assert one.ok("POST", "/runs/search", **named) == {}
    assert one.ok("GET", "/model-versions/search", filter=f"run_id = '{run_id}'") == {}
    assert len(server.ok("POST", f"{M2}/runs/search", experiment_ids=[experiment_id])["runs"]) == 2


def test_a_page_token_of_one_link_is_none_of_another(server, shown):
    experiment_id, run_id, other = shown
    body = {"experiment_ids": [experiment_id], "max_results": 1}
    page = share(server, run_ids=[run_id, other]).ok("POST", "/runs/search", **body)
    found = share(server, run_ids=[run_id]).ok(
        "POST", "/runs/search", **body, page_token=page["next_page_token"]
    )
    assert [run["info"]["run_id"] for run in found["runs"]] == [run_id]


def test_a_link_to_an_experiment_shows_all_its_runs(server, shown):
    experiment_id, run_id, other = shown
    elsewhere = make_run(server, make_experiment(server, "private"), "private")["run_id"]
    visitor = share(server, experiment_id=experiment_id)
    found = visitor.ok("POST", "/runs/search", experiment_ids=[experiment_id, "0"])["runs"]
    assert {run["info"]["run_id"] for run in found} == {run_id, other}
    found = visitor.ok("POST", "/experiments/search", max_results=10)["experiments"]
    assert [experiment["name"] for experiment in found] == ["study"]
    assert visitor.ok("GET", "/experiments/get", experiment_id=experiment_id)["experiment"]["tags"]
    later = make_run(server, experiment_id, "later")["run_id"]
    assert visitor.ok("GET", "/runs/get", run_id=later)
    assert visitor.status("GET", "/runs/get", run_id=elsewhere) == 403


def test_a_link_shows_the_logged_models_that_its_run_made(server, shown):
    experiment_id, run_id, other = shown
    made = {}
    for source in (run_id, other):
        body = {"experiment_id": experiment_id, "name": "m", "source_run_id": source}
        made[source] = server.ok("POST", f"{M2}/logged-models", **body)["model"]["info"]["model_id"]
    for run in (run_id, other):
        metric = {"key": "acc", "value": 1, "timestamp": 1, "step": 0, "model_id": made[run_id]}
        server.ok("POST", f"{M2}/runs/log-batch", run_id=run, metrics=[metric])
    visitor = share(server, run_ids=[run_id])
    model = visitor.ok("GET", f"/logged-models/{made[run_id]}")["model"]
    assert [metric["run_id"] for metric in model["data"]["metrics"]] == [run_id]
    body = {"experiment_ids": [experiment_id]}
    (found,) = visitor.ok("POST", "/logged-models/search", **body)["models"]
    assert found == model
    for more in ({"filter": "metrics.acc > 0"}, {"order_by": [{"field_name": "metrics.acc"}]}):
        assert visitor.status("POST", "/logged-models/search", **body, **more) == 403
    assert visitor.status("GET", f"/logged-models/{made[other]}") == 403
    assert visitor.status("GET", "/logged-models/m-" + "0" * 32) == 403
    server.ok("POST", f"{M2}/runs/delete", run_id=run_id)
    assert visitor.status("GET", f"/logged-models/{made[run_id]}") == 403
    assert visitor.ok("POST", "/logged-models/search", **body) == {}


def test_what_is_deleted_is_no_longer_shown(server, shown):
    experiment_id, run_id, _ = shown
    one, whole = share(server, run_ids=[run_id]), share(server, experiment_id=experiment_id)
    server.ok("POST", f"{M2}/runs/delete", run_id=run_id)
    for visitor in (one, whole):
        body = {"experiment_ids": [experiment_id]}
        assert visitor.status("POST", "/runs/search", **body, run_view_type="DELETED_ONLY") == 403
        found = visitor.ok("POST", "/runs/search", **body, run_view_type="ALL").get("runs", [])
        assert run_id not in [run["info"]["run_id"] for run in found]
        assert visitor.status("GET", "/runs/get", run_id=run_id) == 403
        assert visitor.ask("GET", "/get-artifact", run_id=run_id, path="a.txt").status_code == 403
    assert one.ok("POST", "/runs/search", experiment_ids=[experiment_id]) == {}
    server.ok("POST", f"{M2}/runs/restore", run_id=run_id)
    assert one.ok("GET", "/runs/get", run_id=run_id)
    server.ok("POST", f"{M2}/experiments/delete", experiment_id=experiment_id)
    for visitor in (one, whole):
        assert visitor.status("GET", "/experiments/get", experiment_id=experiment_id) == 403
        assert visitor.status("GET", "/runs/get", run_id=run_id) == 403


def test_only_who_may_read_runs_shares_them(server, shown):
    experiment_id, run_id, _ = shown
    grant = {"resource_type": "experiment", "resource_id": experiment_id, "permission": "DENY"}
    server.ok("POST", f"{M3}/users/permissions/grant", username="bob", **grant)
    assert share(server, who="alice", run_ids=[run_id]).ok("GET", "/runs/get", run_id=run_id)
    foreign = server.call("POST", LINKS, who="bob", run_ids=[run_id])
    absent = server.call("POST", LINKS, who="bob", run_ids=["0" * 32])
    assert error_code(foreign) == error_code(absent) == (403, "PERMISSION_DENIED")
    both = server.call("POST", LINKS, who="bob", experiment_id=experiment_id)
    assert error_code(both) == (403, "PERMISSION_DENIED")
    assert server.call("POST", LINKS, who=None, run_ids=[run_id]).status_code == 401
    assert error_code(server.call("POST", LINKS, run_ids=["0" * 32])) == (404, "RESOURCE_DOES_NOT_EXIST")
    server.ok("POST", f"{M2}/runs/delete", run_id=run_id)
    assert error_code(server.call("POST", LINKS, run_ids=[run_id])) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_a_link_shows_no_more_than_its_maker_may_read(server, shown):
    experiment_id, run_id, _ = shown
    visitor = share(server, who="bob", run_ids=[run_id])
    assert visitor.ok("GET", "/runs/get", run_id=run_id)
    grant = {"resource_type": "experiment", "resource_id": experiment_id, "permission": "DENY"}
    server.ok("POST", f"{M3}/users/permissions/grant", username="bob", **grant)
    assert visitor.status("GET", "/runs/get", run_id=run_id) == 403
    assert visitor.ok("POST", "/runs/search", experiment_ids=[experiment_id]) == {}
    server.ok("DELETE", f"{M2}/users/delete", username="bob")
    assert visitor.ask("GET", "/").status_code == 404


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "run_ids or experiment_id"),
        ({"run_ids": ["RUN"], "experiment_id": "1"}, "run_ids or experiment_id"),
        ({"run_ids": ["RUN"], "expires": "31d"}, "at most 30 days"),
        ({"run_ids": ["RUN"], "expires": "never"}, "Invalid lifetime 'never'"),
        ({"run_ids": ["RUN"], "label": "x" * 251}, "at most 250"),
        ({"run_ids": [f"{number:032x}" for number in range(101)]}, "at most 100 runs"),
    ],
)
def test_a_bad_request_says_what_is_wrong_and_makes_no_link(server, shown, body, word):
    if body.get("run_ids") == ["RUN"]:
        body = body | {"run_ids": [shown[1]]}
    response = server.call("POST", LINKS, **body)
    assert error_code(response) == (400, "INVALID_PARAMETER_VALUE")
    assert word in response.json["message"]
    assert server.ok("GET", LINKS) == {}


def test_links_are_listed_without_their_secret_and_revoked_by_their_maker(server, shown):
    _, run_id, _ = shown
    visitor = share(server, who="alice", run_ids=[run_id], label="for the review", expires="1d")
    (listed,) = server.ok("GET", LINKS, who="alice")["share_links"]
    assert (listed["label"], listed["owner"], listed["run_ids"]) == ("for the review", "alice", [run_id])
    assert listed["expiry_time"] - listed["creation_time"] == 86_400_000
    assert visitor.path.split("_")[2] not in json.dumps(listed)
    assert server.ok("GET", LINKS, who="bob") == {}
    assert error_code(server.call("GET", LINKS, who="bob", owner="alice"))[0] == 403
    assert server.ok("GET", LINKS, owner="*")["share_links"] == [listed]
    path = f"{LINKS}/{listed['link_id']}"
    foreign = error_code(server.call("DELETE", path, who="bob"))
    assert foreign == error_code(server.call("DELETE", f"{LINKS}/absent", who="bob"))
    assert foreign == (404, "RESOURCE_DOES_NOT_EXIST")
    assert visitor.ok("GET", "/runs/get", run_id=run_id)
    server.ok("DELETE", path, who="alice")
    response = visitor.ask("GET", "/ajax-api/2.0/mlflow/runs/get", run_id=run_id)
    assert (response.status_code, INVALID in response.text) == (404, True)
    assert server.ok("GET", LINKS, who="alice") == {}


def test_a_link_ends_at_its_time_while_it_is_used(server, shown):
    _, run_id, _ = shown
    visitor = share(server, run_ids=[run_id], expires="1s")
    statuses = [visitor.status("GET", "/runs/get", run_id=run_id)]
    while statuses[-1] == 200:
        time.sleep(0.05)
        statuses.append(visitor.status("GET", "/runs/get", run_id=run_id))
    assert (statuses[0], statuses[-1]) == (200, 404)


def test_graphql_shows_the_run_of_the_link_and_no_other(server, shown):
    experiment_id, run_id, other = shown
    visitor = share(server, run_ids=[run_id])
    run = 'mlflowGetRun(input: {runId: "%s"}) { run { info { runName } } }'
    search = (
        f'mlflowSearchRuns(input: {{experimentIds: ["{experiment_id}"]}}) {{ runs {{ info {{ runName }} }} }}'
    )
    query = f"query {{ a: {run % run_id} b: {run % other} c: {search} }}"
    data = visitor.ask("POST", "/graphql", query=query).json["data"]
    assert data == {
        "a": {"run": {"info": {"runName": "first"}}},
        "b": None,
        "c": {"runs": [{"info": {"runName": "first"}}]},
    }


def test_an_expired_link_shows_nothing(server, shown):
    _, run_id, _ = shown
    visitor = share(server, run_ids=[run_id])
    with server.backend.database.begin(write=True) as tx:
        tx.execute(link_table.update().where(link_table.c.link_id == link_id(visitor)).values(expiry_time=1))
    response = visitor.ask("GET", "/ajax-api/2.0/mlflow/runs/get", run_id=run_id)
    assert (response.status_code, INVALID in response.text) == (404, True)


def test_the_link_is_no_token_and_a_token_is_no_link(server, shown):
    _, run_id, _ = shown
    visitor = share(server, run_ids=[run_id])
    text = visitor.path.removeprefix("/share/")
    assert server.call("GET", f"{M2}/runs/get", who=text, run_id=run_id).status_code == 401
    in_query = {"run_id": run_id, "token": text}
    assert server.client.get(f"{M2}/runs/get", query_string=in_query).status_code == 401
    token = server.token()
    for wrong in (token, text[:-1], text[:-9] + "x" + text[-8:], "", "t", "%2e%2e"):
        for path in ("/", "/ajax-api/2.0/mlflow/runs/get", "/health", "/static-files/x.js", "/auth/login"):
            assert server.client.get(f"/share/{wrong}{path}").status_code == 404, (wrong, path)


def test_other_credentials_do_not_count_below_a_link(server, shown):
    _, run_id, other = shown
    visitor = share(server, run_ids=[run_id])
    for headers in (basic(ADMIN, PASSWORD), {"Cookie": "trackway_session=x"}, basic("a", "b")):
        for wanted, status in ((run_id, 200), (other, 403)):
            body = {"run_id": wanted, "headers": headers}
            assert visitor.ask("GET", "/ajax-api/2.0/mlflow/runs/get", **body).status_code == status


def test_the_view_is_not_indexed_and_does_not_tell_its_address(server, shown):
    visitor = share(server, run_ids=[shown[1]])
    for path in ("/", "/ajax-api/2.0/mlflow/runs/get", "/nothing"):
        headers = visitor.ask("GET", path).headers
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
        assert headers["Referrer-Policy"] == "same-origin"


def test_creation_revocation_and_refusals_are_in_the_audit(server, shown):
    _, run_id, other = shown
    visitor = share(server, who="alice", run_ids=[run_id])
    visitor.status("GET", "/runs/get", run_id=other)
    server.ok("DELETE", f"{LINKS}/{link_id(visitor)}", who="alice")
    visitor.ask("GET", "/")
    server.backend.refusals.write()
    entries = server.ok("GET", "/api/3.0/trackway/audit", max_results=10)["entries"]
    found = [(e["action"], e["target"], e.get("user"), e["outcome"]) for e in reversed(entries)][-4:]
    target = f"share_link:{link_id(visitor)}"
    assert sorted(found) == sorted(
        [
            ("CreateShareLink", target, "alice", "done"),
            ("GetRun", f"run:{other}", f"share link {link_id(visitor)}", "denied"),
            ("RevokeShareLink", target, "alice", "done"),
            ("GET", "path:/", "alice", "unauthenticated"),
        ]
    )


def test_the_last_use_of_a_link_is_shown(server, shown):
    visitor = share(server, run_ids=[shown[1]])
    visitor.ok("GET", "/runs/get", run_id=shown[1])
    server.client.application.wsgi_app._gate._uses.write()
    (listed,) = server.ok("GET", LINKS)["share_links"]
    assert listed["last_used_time"] >= listed["creation_time"]


def test_a_setting_says_who_may_share(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts", share_links="manage") as server:
        experiment_id = make_experiment(server, "study")
        run_id = make_run(server, experiment_id, "first")["run_id"]
        refused = server.call("POST", LINKS, who="alice", run_ids=[run_id])
        assert error_code(refused) == (403, "PERMISSION_DENIED")
        grant = {"resource_type": "experiment", "resource_id": experiment_id, "permission": "MANAGE"}
        server.ok("POST", f"{M3}/users/permissions/grant", username="alice", **grant)
        visitor = share(server, who="alice", run_ids=[run_id])
        assert visitor.ok("GET", "/runs/get", run_id=run_id)


def test_no_link_is_made_or_shown_where_they_are_switched_off(server, shown, store_uri, tmp_path):
    visitor = share(server, run_ids=[shown[1]])
    config = Config(
        backend_store_uri=store_uri,
        artifacts_destination=str(tmp_path / "artifacts"),
        auth=True,
        share_links="off",
    )
    with create_app(config, start_jobs=False).test_client(use_cookies=False) as client:
        made = client.post(LINKS, json={"run_ids": [shown[1]]}, headers=authorization(ADMIN))
        assert error_code(made)[1] == "FEATURE_DISABLED"
        assert client.get(visitor.path + "/ajax-api/2.0/mlflow/runs/get").status_code == 401


def test_a_link_is_below_the_static_prefix(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts", static_prefix="/mlops") as server:
        root = f"/mlops{M2}"
        body = {"experiment_id": "0"}
        run_id = server.ok("POST", f"{root}/runs/create", **body)["run"]["info"]["run_id"]
        visitor = share(server, path=f"/mlops{LINKS}", run_ids=[run_id])
        assert visitor.path.startswith("/mlops/share/")
        assert visitor.ok("GET", "/runs/get", run_id=run_id)
        assert server.client.get(visitor.path.removeprefix("/mlops")).status_code == 404


def test_warm_requests_of_a_visitor_cost_one_statement_more(server, shown):
    experiment_id, run_id, _ = shown
    visitor = share(server, run_ids=[run_id])
    body = {"experiment_ids": [experiment_id]}
    for _ in range(2):
        visitor.ok("GET", "/runs/get", run_id=run_id)
        visitor.ok("POST", "/runs/search", **body)
        server.ok("GET", f"{M2}/runs/get", run_id=run_id)
    statements = statements_of(server.backend.database)
    server.ok("GET", f"{M2}/runs/get", run_id=run_id)
    number_of_own = len(statements)
    visitor.ok("GET", "/runs/get", run_id=run_id)
    assert len(statements) - number_of_own <= number_of_own + 1
    statements.clear()
    visitor.ok("POST", "/runs/search", **body)
    searched = len(statements)
    server.ok("POST", f"{M2}/runs/search", **body)
    assert searched <= len(statements) - searched + 1


MORE_VALUES: dict[str, object] = {
    "username": "alice",
    "role_id": 1,
    "role_permission_id": 1,
    "token_id": "x",
    "parts": [{"part_number": 1, "etag": "x"}],
    "audience": "x",
    "issuer": "x",
    "models": [{"model_id": ABSENT["logged_model"]}],
    "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
}


def url_of(endpoint: Endpoint, path: str, ids: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Return the path and the fields of a request that names these ids wherever it can."""
    body: dict[str, Any] = {}
    for name, kind in endpoint.request._fields.items():
        found: Any = ids[KINDS[name]] if name in KINDS else (VALUES | MORE_VALUES).get(name)
        if found is not None and name in KINDS and isinstance(kind, str) and kind.endswith("[]"):
            found = [found]
        if found is not None:
            body[name] = found
    for variable in re.findall(r"<(?:[^:>]*:)?(\w+)>", path):
        given = body.pop(endpoint.field_of(variable), "x")
        path = re.sub(rf"<(?:[^:>]*:)?{variable}>", str(given), path)
    return path, body


# What a link allows, if the ids are its own: see server/auth/shared.py.
SHOWN = {
    "GetExperiment",
    "GetRun",
    "SearchRuns",
    "GetMetricHistory",
    "GetMetricHistoryBulk",
    "GetMetricHistoryBulkInterval",
    "ListArtifacts",
    "GetRunArtifact",
    "GetLoggedModel",
    "ListLoggedModelArtifacts",
    "GetLoggedModelArtifact",
    "SearchLoggedModels",
    "SearchModelVersions",
    "GetCurrentUser",
    "GetServerInfo",
    "GetUiTelemetry",
    "PostUiTelemetry",
}


def test_all_other_requests_are_refused(server, shown):
    """Each endpoint, on each of its paths, with ids of the link, of others, and of what does not exist."""
    experiment_id, run_id, other = shown
    secret = make_experiment(server, "private")
    hidden_run = make_run(server, secret, "private")["run_id"]
    models = {}
    for experiment, run in ((experiment_id, run_id), (experiment_id, other), (secret, hidden_run)):
        body = {"experiment_id": experiment, "name": "m", "source_run_id": run}
        models[run] = server.ok("POST", f"{M2}/logged-models", **body)["model"]["info"]["model_id"]
    for name in ("churn", "private"):
        server.ok("POST", f"{M2}/registered-models/create", name=name)
    visitor = share(server, run_ids=[run_id])
    own = {"experiment": experiment_id, "run": run_id, "logged_model": models[run_id]}
    own |= {"registered_model": "churn", "webhook": ABSENT["webhook"]}
    sibling = own | {"run": other, "logged_model": models[other]}
    foreign = {"experiment": secret, "run": hidden_run, "logged_model": models[hidden_run]}
    foreign |= {"registered_model": "private", "webhook": ABSENT["webhook"]}
    before = contents(server)
    hidden = (other, hidden_run, *(models[run] for run in (other, hidden_run)), "second", "private")
    number, allowed, wrong = 0, set(), []
    for endpoint in all_endpoints():
        for path in paths_of(endpoint):
            for ids in (own, sibling, foreign, ABSENT):
                filled, body = url_of(endpoint, path, ids)
                response = visitor.ask(endpoint.verb, filled, **body)
                number += 1
                if response.status_code in (401, 403, 404) or is_malformed(response):
                    continue
                allowed.add(endpoint.rpc)
                is_known = endpoint.rpc in SHOWN or is_stub(endpoint, response)
                if not is_known or any(word in response.text for word in hidden):
                    wrong.append((endpoint.verb, filled, response.status_code, response.text[:100]))
    print(f"{number} requests")
    assert wrong == []
    assert number > 800
    assert allowed >= {"GetRun", "GetExperiment", "SearchRuns", "GetMetricHistory"}
    assert contents(server) == before


def is_malformed(response: Any) -> bool:
    """Return whether the fields of the request have no values that fit, which is found before all else."""
    words = ("Missing value for required parameter", "Invalid value")
    return response.status_code == 400 and response.json["message"].startswith(words)


def is_stub(endpoint: Endpoint, response: Any) -> bool:
    """Return whether this is an answer about a feature that the server does not have."""
    return response.status_code == 501 or (handler_of(endpoint) is None and response.status_code == 200)


def contents(server) -> list[Any]:
    found = server.ok("POST", f"{M2}/runs/search", experiment_ids=[str(number) for number in range(9)])
    models = server.ok("GET", f"{M2}/registered-models/search")
    return [found, models, server.ok("POST", f"{M2}/experiments/search", max_results=100)]


def test_own_pages_and_probes_are_not_below_a_link(server, shown):
    visitor = share(server, run_ids=[shown[1]])
    for path in ("/trackway/", "/trackway/tokens", "/trackway/audit", "/auth/login", "/signup", "/metrics"):
        assert visitor.ask("GET", path).status_code == 404, path
    for path in ("/health", "/ready", "/version", "/t/default/", "/share/x/", "/api/2.0/mlflow/runs/get"):
        assert visitor.ask("GET", path).status_code == 404, path
    page = visitor.ask("GET", "/")
    assert page.status_code == 200
    assert "trackway/tokens" not in page.text


def test_a_link_leads_to_one_workspace(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts", enable_workspaces=True) as server:
        runs = {}
        for name in ("team-a", "team-b"):
            assert server.call("POST", f"{M3}/workspaces", name=name).status_code == 201
            root = f"/t/{name}{M2}"
            runs[name] = make_run(server, make_experiment(server, "study", root), name, root)["run_id"]
        foreign = server.call("POST", f"/t/team-b{LINKS}", run_ids=[runs["team-a"]])
        assert error_code(foreign) == (404, "RESOURCE_DOES_NOT_EXIST")
        visitor = share(server, path=f"/t/team-a{LINKS}", run_ids=[runs["team-a"]])
        assert visitor.path.startswith("/share/")
        assert visitor.ok("GET", "/runs/get", run_id=runs["team-a"])
        assert visitor.status("GET", "/runs/get", run_id=runs["team-b"]) == 403
        headers = {"X-MLFLOW-WORKSPACE": "team-b"}
        response = visitor.ask("GET", "/ajax-api/2.0/mlflow/runs/get", run_id=runs["team-b"], headers=headers)
        assert response.status_code == 400
        info = visitor.ask("GET", "/ajax-api/3.0/mlflow/server-info").json
        assert info["workspaces_enabled"] is False
        # A member who leaves the workspace takes the links along.
        found = server.ok("GET", f"{M3}/roles/list", workspace="team-a")["roles"]
        role = next(role["id"] for role in found if role["name"] == "user")
        server.ok("POST", f"{M3}/roles/assign", username="alice", role_id=role)
        hers = share(server, who="alice", path=f"/t/team-a{LINKS}", run_ids=[runs["team-a"]])
        assert hers.ok("GET", "/runs/get", run_id=runs["team-a"])
        server.ok("DELETE", f"{M3}/roles/unassign", username="alice", role_id=role)
        assert hers.ask("GET", "/ajax-api/2.0/mlflow/runs/get").status_code == 404
        assert server.call("DELETE", f"{M3}/workspaces/team-a?mode=CASCADE").status_code == 204
        assert visitor.ask("GET", "/").status_code == 404
