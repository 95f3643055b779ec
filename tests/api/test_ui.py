"""The UI's pages and GraphQL over HTTP, without a browser."""

from __future__ import annotations

import gzip
import zipfile

import pytest
from click.testing import CliRunner

from trackway.server.app import all_endpoints, create_app
from trackway.server.cli import main
from trackway.server.config import Config
from trackway.server.ui import files
from trackway.server.ui.page_script import NOTICES, page_script
from trackway.server.ui.stubs import EMPTY

INDEX = "<html><head><title>MLflow</title></head></html>"
SCRIPT = b"console.log('trackway');" * 100


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "mlflow-3.17.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mlflow/__init__.py", "raise SystemExit")
        archive.writestr("mlflow/server/js/build/index.html", INDEX)
        archive.writestr("mlflow/server/js/build/static/js/main.c2f5f8d4.js", SCRIPT)
        archive.writestr("mlflow/server/js/build/../../../../evil.txt", "outside")
    return path


@pytest.fixture
def pages(wheel, tmp_path):
    folder = tmp_path / "pages"
    result = CliRunner().invoke(main, ["ui", "fetch", "--wheel", str(wheel), "--folder", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def ui(store_uri, pages):
    return create_app(
        Config(backend_store_uri=store_uri, ui_folder=str(pages)), start_jobs=False
    ).test_client()


def test_a_fetch_keeps_the_pages_and_nothing_else(pages):
    found = sorted(str(path.relative_to(pages)) for path in pages.rglob("*") if path.is_file())
    assert found == ["index.html", "static/js/main.c2f5f8d4.js", "static/js/main.c2f5f8d4.js.gz"]
    assert not list(pages.parent.glob("**/evil.txt"))


def test_a_wheel_without_pages_is_refused(tmp_path):
    path = tmp_path / "mlflow_skinny-3.17.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mlflow/__init__.py", "")
    folder = tmp_path / "pages"
    result = CliRunner().invoke(main, ["ui", "fetch", "--wheel", str(path), "--folder", str(folder)])
    assert result.exit_code == 1
    assert "does not contain the files of the web UI" in result.output
    assert not folder.exists()


def test_the_page_itself_is_asked_for_again_and_loads_from_nowhere_else(ui):
    response = ui.get("/")
    assert response.text.startswith("<html><head><style>[data-assistant-ui]")
    assert response.text.endswith("</script><title>MLflow</title></head></html>")
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self' data: blob:")
    assert ui.get("/", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_hashed_files_are_kept_for_ever_and_sent_compressed(ui):
    path = "/static-files/static/js/main.c2f5f8d4.js"
    plain = ui.get(path)
    assert plain.data == SCRIPT
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
    packed = ui.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.data) == SCRIPT
    assert packed.headers["ETag"] != plain.headers["ETag"]


@pytest.mark.parametrize("path", ["nothing.js", "../index.html", "%2e%2e/index.html", "static", ""])
def test_nothing_else_is_served(ui, path):
    assert ui.get("/static-files/" + path).status_code == 404


def test_without_pages_the_page_names_the_one_command(store_uri, tmp_path):
    config = Config(backend_store_uri=store_uri, ui_folder=str(tmp_path / "nothing"))
    response = create_app(config, start_jobs=False).test_client().get("/")
    assert response.status_code == 200
    assert files.FETCH_COMMAND in response.text
    assert "MLFLOW_TRACKING_URI=http://localhost" in response.text


def ask(api, query, **variables):
    response = api.post("/graphql", json={"query": query, "variables": variables})
    assert response.status_code == 200
    body = response.get_json()
    return body["data"], body["errors"]


def test_graphql_has_long_integers_as_text_and_nan_as_null(api):
    run_id = api.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0", "start_time": 5}).get_json()
    run_id = run_id["run"]["info"]["run_id"]
    metric = {"run_id": run_id, "key": "loss", "value": "NaN", "timestamp": 7, "step": 3}
    assert api.post("/api/2.0/mlflow/runs/log-metric", json=metric).status_code == 200
    query = """query GetRun($data: MlflowGetRunInput!) @component(name: "x") { mlflowGetRun(input: $data) {
        apiError { code }
        run { info { startTime status } experiment { name } modelVersions { name }
              data { metrics { key value step } } } } }"""
    data, problems = ask(api, query, data={"runId": run_id})
    assert problems is None
    assert data["mlflowGetRun"] == {
        "apiError": None,
        "run": {
            "info": {"startTime": "5", "status": "RUNNING"},
            "experiment": {"name": "Default"},
            "modelVersions": [],
            "data": {"metrics": [{"key": "loss", "value": None, "step": "3"}]},
        },
    }


def test_graphql_has_protobufs_defaults_for_what_is_unset(api):
    run_id = api.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).get_json()
    run_id = run_id["run"]["info"]["run_id"]
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}
    body = {"run_id": run_id, "datasets": [{"dataset": dataset}]}
    assert api.post("/api/2.0/mlflow/runs/log-inputs", json=body).status_code == 200
    api.put(f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/folder/f", data=b"x")
    query = """query Q($data: MlflowListArtifactsInput!) { mlflowListArtifacts(input: $data) {
        files { path isDir fileSize } } }"""
    data, _ = ask(api, query, data={"runId": run_id})
    assert data["mlflowListArtifacts"]["files"] == [{"path": "folder", "isDir": True, "fileSize": "0"}]
    query = """mutation M($data: MlflowSearchDatasetsInput!) { mlflowSearchDatasets(input: $data) {
        datasetSummaries { name context } } }"""
    data, _ = ask(api, query, data={"experimentIds": ["0"]})
    assert data["mlflowSearchDatasets"]["datasetSummaries"] == [{"name": "d", "context": ""}]
    query = """query Q($data: MlflowGetRunInput!) { mlflowGetRun(input: $data) {
        run { info { endTime } outputs { modelOutputs { modelId } } } } }"""
    data, _ = ask(api, query, data={"runId": run_id})
    assert data["mlflowGetRun"]["run"] == {"info": {"endTime": "0"}, "outputs": {"modelOutputs": []}}


def test_graphql_tells_of_what_is_not_there(api):
    data, problems = ask(api, '{ mlflowGetRun(input: {runId: "none"}) { run { info { runId } } } }')
    assert data == {"mlflowGetRun": None}
    assert problems == ["Run with id=none not found"]


def test_graphql_bounds_the_elements_of_a_result(api):
    run_ids = []
    points = [{"key": "m", "value": n, "timestamp": n, "step": n} for n in range(1000)]
    for _ in range(6):
        created = api.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).get_json()
        run_ids.append(created["run"]["info"]["run_id"])
        batch = {"run_id": run_ids[-1], "metrics": points}
        assert api.post("/api/2.0/mlflow/runs/log-batch", json=batch).status_code == 200
    field = (
        """mlflowGetMetricHistoryBulkInterval(input: {runIds: $ids, metricKey: "m"}) { metrics { value } }"""
    )
    query = f"query($ids: [String]) {{ {field} }}"
    data, problems = ask(api, query, ids=run_ids)
    assert problems is None
    assert len(data["mlflowGetMetricHistoryBulkInterval"]["metrics"]) == 6000
    aliases = " ".join(f"a{number}: {field}" for number in range(10))
    data, problems = ask(api, f"query($ids: [String]) {{ {aliases} }}", ids=run_ids * 3)
    assert data is None
    assert problems == [
        "The lists of the query's result have more than 100,000 elements together; "
        "ask for fewer runs, metrics or points."
    ]


def test_graphql_bounds_the_body(api):
    response = api.post("/graphql", json={"query": "{ test { output } }" + " " * 2**20})
    assert response.status_code == 413


TESTS = " ".join(f"a{number}: test {{ output }}" for number in range(11))
DEEP = "{ test " + "{ output " * 11 + "}" * 12


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("{", "Syntax Error: Expected Name, found <EOF>."),
        ("{ nothing }", "Cannot query field 'nothing' on type 'Query'."),
        (f"{{ {TESTS} }}", "GraphQL queries should have at most 10 root fields, got 11 root fields."),
        (DEEP, "Query exceeds maximum depth of 10"),
        ("{" * 5000, "Syntax Error"),
        ("{ test { " + "output " * 1001 + "} }", "Query exceeds maximum total selections of 1000"),
        ("{ test { ...a } } fragment a on Test { ...a output }", "Cannot spread fragment 'a' within itself."),
    ],
)
def test_graphql_refuses_with_200_and_a_text(api, query, problem):
    data, problems = ask(api, query)
    assert data is None
    assert problems[0].startswith(problem) or "depth" in problems[0]


def test_what_is_not_built_is_empty_for_the_ui_and_501_for_clients(api):
    path = "/3.0/mlflow/datasets/search"
    assert api.post("/ajax-api" + path, json={}).get_json() == {}
    assert api.post("/api" + path, json={}).status_code == 501


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/2.0/mlflow/gateway-proxy", {"endpoints": []}),
        ("/3.0/mlflow/scorers/online-configs", {"configs": []}),
        ("/3.0/mlflow/mcp-servers", {"mcp_servers": []}),
        (
            "/3.0/mlflow/assistant/config",
            {"providers": {}, "projects": {}, "remote_access_allowed": False},
        ),
        (
            "/3.0/mlflow/assistant/providers",
            {"providers": [], "resolved": None, "gateway_vendor_options": {}},
        ),
    ],
)
def test_what_the_ui_asks_outside_the_protos_stays_empty(api, path, body):
    assert api.get("/ajax-api" + path).get_json() == body
    assert api.get("/api" + path).status_code in (404, 501)


@pytest.mark.parametrize(
    ("path", "objects"),
    [
        ("datasets/d-1", "evaluation datasets"),
        ("scorers/get?name=x", "judges"),
        ("issues/i-1", "issues"),
        ("review-queues/get?queue_id=q", "review queues"),
        ("mcp-servers/a/b", "MCP servers"),
        ("mcp-servers/a/versions", "MCP servers"),
        ("jobs/j-1", "jobs"),
    ],
)
def test_a_single_object_of_what_is_not_built_is_not_found(api, path, objects):
    answer = api.get(f"/ajax-api/3.0/mlflow/{path}")
    assert answer.status_code == 404
    message = f"This server (Trackway) has no {objects} yet, so it has none of this name or id."
    assert answer.get_json()["message"] == message
    assert answer.get_json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    if not path.startswith("jobs"):  # the UI's alone
        assert api.get(f"/api/3.0/mlflow/{path}").status_code == 501


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/2.0/mlflow/users/current", {"user": None, "is_basic_auth": False}),
        ("/3.0/mlflow/users/current/permissions", {"is_admin": False, "permissions": []}),
        ("/2.0/mlflow/users/list", {"users": []}),
        ("/3.0/mlflow/users/roles/list?username=a", {"roles": []}),
        ("/3.0/mlflow/roles/list", {"roles": []}),
    ],
)
def test_an_open_server_has_no_accounts_to_show(api, path, body):
    assert api.get("/ajax-api" + path).get_json() == body


def test_an_open_server_refuses_changes_of_users_with_the_reason(api):
    calls = (
        ("POST", "/2.0/mlflow/users/create", {"username": "a", "password": "b"}),
        ("DELETE", "/3.0/mlflow/roles/delete", {"role_id": 1}),
    )
    for verb, path, body in calls:
        answer = api.open("/ajax-api" + path, method=verb, json=body)
        assert answer.status_code == 404
        assert "start it with --auth" in answer.get_json()["message"]


def test_the_page_of_a_reviewer_gets_no_queue(api):
    queue = api.post("/ajax-api/3.0/mlflow/review-queues/get-or-create-user", json={"experiment_id": "0"})
    assert (queue.status_code, queue.get_json()) == (200, {})


def test_a_feature_with_a_handler_loses_its_sentence():
    text = page_script(frozenset(), "")
    assert "does not store judges yet" in text
    assert "assistant.panelOpen" in text
    served = {("GET", "/3.0/mlflow/scorers/list"), ("GET", "/3.0/mlflow/assistant/config")}
    text = page_script(served, "")
    assert "does not store judges yet" not in text
    assert "does not store evaluation datasets yet" in text
    assert "assistant" not in text


def test_the_requests_of_missing_features_are_ones_that_the_server_knows():
    known = {(endpoint.verb, endpoint.path) for endpoint in all_endpoints()}
    assert {notice.needs for notice in NOTICES} <= known


def test_a_setting_cannot_end_the_script():
    text = page_script(frozenset(), "https://a.example</script>")
    assert text.count("</script>") == 1
    assert "https://a.example\\u003c/script>" in text


def test_what_is_empty_for_the_ui_is_named_as_the_protocol_names_it():
    assert {endpoint.rpc for endpoint in all_endpoints()} >= EMPTY


def test_telemetry_is_off_and_what_comes_is_dropped(api):
    path = "/ajax-api/3.0/mlflow/ui-telemetry"
    assert api.get(path).get_json()["disable_ui_telemetry"] is True
    assert api.post(path, json={"records": [{"event_name": "x"}]}).get_json() == {"status": "disabled"}
