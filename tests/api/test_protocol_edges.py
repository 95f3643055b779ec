"""What is not a proper request is answered in the protocol's shape, whatever it is."""

from __future__ import annotations

import io
import json
import shutil

import pytest

from trackway.server.app import create_app
from trackway.server.config import Config

CREATE = "/api/2.0/mlflow/experiments/create"
LOG_BATCH = "/api/2.0/mlflow/runs/log-batch"


@pytest.fixture(scope="module")
def dialect():
    """None of this depends on the database."""
    return "sqlite"


def error_of(response, status, code):
    """The error's text, once its shape is as it must be."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/json"
    body = response.get_json()
    assert body["error_code"] == code
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert set(body) <= {"error_code", "message", "request_id", "sqlstate", "error_class"}
    assert "Traceback" not in body["message"]
    return body["message"]


def post(api, path, body, content_type="application/json", **more):
    return api.post(path, data=body, content_type=content_type, **more)


@pytest.mark.parametrize("path", ["/nope", "/api/2.0/mlflow/nope", "/api/2.0/mlflow/runs/get/", "/api/2.0"])
def test_an_unknown_path_is_404(api, path):
    assert path in error_of(api.get(path), 404, "ENDPOINT_NOT_FOUND")


@pytest.mark.parametrize("mount", ["/api", "/ajax-api"])
def test_a_wrong_verb_is_405_and_names_the_right_ones(api, mount):
    response = api.get(f"{mount}/2.0/mlflow/runs/create")
    assert "allowed are OPTIONS, POST" in error_of(response, 405, "BAD_REQUEST")
    assert response.headers["Allow"] == "OPTIONS, POST"


def test_a_wrong_verb_on_a_path_with_variables_is_405(api):
    response = api.post("/api/3.0/mlflow/traces/tr-1")
    error_of(response, 405, "BAD_REQUEST")
    assert "GET" in response.headers["Allow"]


def test_verbs_of_built_and_unbuilt_endpoints_on_one_path_are_told_together(api):
    path = "/api/3.0/mlflow/datasets/d-1/tags"
    assert "SetDatasetTags" in error_of(api.patch(path), 501, "NOT_IMPLEMENTED")
    response = api.get(path)
    assert "allowed are OPTIONS, PATCH" in error_of(response, 405, "BAD_REQUEST")
    assert response.headers["Allow"] == "OPTIONS, PATCH"
    response = api.options(path)
    assert (response.status_code, response.headers["Allow"]) == (204, "OPTIONS, PATCH")


def test_a_variable_is_one_step_of_a_path(api):
    path = "/api/3.0/mlflow/datasets/a/b/tags"
    assert path in error_of(api.patch(path), 404, "ENDPOINT_NOT_FOUND")


def test_an_endpoint_that_is_not_built_yet_is_501_and_says_which(api):
    response = post(api, "/api/3.0/mlflow/gateway/secrets/create", "{}")
    assert error_of(response, 501, "NOT_IMPLEMENTED").startswith("CreateGatewaySecret ")


def test_an_endpoint_with_variables_that_is_not_built_yet_is_501(api):
    response = api.get("/api/3.0/mlflow/prompt-optimization/jobs/job-1")
    assert "GetPromptOptimizationJob" in error_of(response, 501, "NOT_IMPLEMENTED")


@pytest.mark.parametrize(
    ("verb", "path", "rpc", "area"),
    [
        ("POST", "/api/3.0/mlflow/datasets/create", "CreateDataset", "evaluation"),
        ("POST", "/ajax-api/3.0/jobs/", "SubmitJob", "jobs"),
        ("GET", "/ajax-api/3.0/mlflow/assistant/providers/p/models", "ListProviderModels", "assistant"),
        ("POST", "/gateway/my-model/mlflow/invocations", "Invocations", "gateway"),
        ("POST", "/gateway/proxy/my-model/v1/chat/completions", "RawProxy", "gateway"),
        ("DELETE", "/api/3.0/mlflow/mcp-servers/io.github.x/y/versions/1", "DeleteMCPServer", "MCP servers"),
        # MLflow 3.18.
        ("GET", "/api/3.0/mlflow/skills", "SearchSkills", "skills"),
        ("POST", "/ajax-api/3.0/mlflow/skills", "CreateSkill", "skills"),
        ("POST", "/api/3.0/mlflow/skills/bulk-register", "AddToSkill", "skills"),
        ("GET", "/api/3.0/mlflow/skills/@org/pdf/versions/3", "GetSkill", "skills"),
        ("DELETE", "/api/3.0/mlflow/skills/pdf/tags/a/b", "DeleteSkill", "skills"),
        ("PATCH", "/ajax-api/3.0/mlflow/skills/pdf", "UpdateSkill", "skills"),
        (
            *("POST", "/ajax-api/3.0/mlflow/issues/schedule/state"),
            *("SyncIssueDetectionSchedule", "issues and reviews"),
        ),
    ],
)
def test_what_is_not_served_is_501_and_names_trackway_and_a_page(api, verb, path, rpc, area):
    message = error_of(api.open(path, method=verb), 501, "NOT_IMPLEMENTED")
    assert message == (
        f"{rpc} is not implemented by this server. Trackway has no {area} yet; docs/unserved.md in its "
        "repository says what is missing and what to do instead."
    )


@pytest.mark.parametrize(
    "body",
    ["{", "name=x", b"\x00\x01\xff\xfe", b'{"name": "\xff"}', "[1, 2]", "17", '"{"', "[]", "{'name': 1}"],
)
def test_a_body_that_is_no_json_object_is_400(api, body):
    error_of(post(api, CREATE, body), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"name":{"tags":'])
def test_json_that_is_nested_without_end_is_400(api, opening):
    error_of(post(api, CREATE, opening * 50_000), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("field", ["variables", "query", "x"])
def test_graphql_that_is_nested_without_end_is_400(api, field):
    body = f'{{"query":"{{ a }}","{field}":{"[" * 50_000}{"]" * 50_000}}}'
    assert "nested too deeply" in error_of(post(api, "/graphql", body), 400, "INVALID_PARAMETER_VALUE")
    response = api.get("/graphql", query_string={"query": "{ a }", "variables": "[" * 20_000})
    error_of(response, 400, "INVALID_PARAMETER_VALUE")


def test_a_graphql_variable_of_the_wrong_type_is_named(api, caplog):
    query = "query Q($a: MlflowGetRunInput!) { mlflowGetRun(input: $a) { run { info { runId } } } }"
    body = json.dumps({"query": query, "variables": {"a": {"runId": [1]}}})
    (message,) = post(api, "/graphql", body).json["errors"]
    assert "String cannot represent a non string value: [1]" in message
    assert not caplog.records


def test_a_model_of_a_run_that_is_nested_without_end_is_400(api):
    run_id = post(api, "/api/2.0/mlflow/runs/create", '{"experiment_id":"0"}').json["run"]["info"]["run_id"]
    body = json.dumps({"run_id": run_id, "model_json": "[" * 50_000})
    message = error_of(post(api, "/api/2.0/mlflow/runs/log-model", body), 400, "INVALID_PARAMETER_VALUE")
    assert message.startswith("Malformed model info.")


def test_a_number_of_a_million_digits_is_400(api):
    body = f'{{"name": {"9" * 1_000_000}}}'
    error_of(post(api, CREATE, body), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("body", ["", "{}", "null", '{"name": null}', '{"name": ""}'])
def test_a_missing_field_is_named(api, body):
    message = error_of(post(api, CREATE, body), 400, "INVALID_PARAMETER_VALUE")
    assert message.startswith("Missing value for required parameter 'name'.")


def test_a_wrong_type_is_named_with_its_place(api):
    metric = {"key": "loss", "value": 1.0, "timestamp": "soon", "step": 0}
    response = post(api, LOG_BATCH, json.dumps({"run_id": "1" * 32, "metrics": [metric]}))
    message = error_of(response, 400, "INVALID_PARAMETER_VALUE")
    assert "Invalid value \"soon\" for parameter 'metrics[0].timestamp' supplied" in message


@pytest.mark.parametrize("text", ["a\\u0000b", "half \\ud800 a character"])
def test_text_that_no_database_keeps_is_400(api, text):
    message = error_of(post(api, CREATE, f'{{"name": "{text}"}}'), 400, "INVALID_PARAMETER_VALUE")
    assert "A string must not contain the character U+" in message


def test_an_escaped_character_beyond_the_basic_plane_is_kept(api):
    created = post(api, CREATE, json.dumps({"name": "rocket \U0001f680"}, ensure_ascii=True))
    assert created.status_code == 200
    found = api.get("/api/2.0/mlflow/experiments/get-by-name", query_string={"experiment_name": "rocket 🚀"})
    assert found.get_json()["experiment"]["name"] == "rocket 🚀"


def test_a_null_character_in_a_query_is_400(api):
    response = api.get("/api/2.0/mlflow/experiments/get-by-name?experiment_name=a%00b")
    error_of(response, 400, "INVALID_PARAMETER_VALUE")


def test_a_query_with_raw_utf8_is_read(api):
    assert post(api, CREATE, json.dumps({"name": "größe"})).status_code == 200
    environ = {"QUERY_STRING": "experiment_name=größe".encode().decode("latin-1")}
    response = api.get("/api/2.0/mlflow/experiments/get-by-name", environ_overrides=environ)
    assert response.get_json()["experiment"]["name"] == "größe"


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        (None, "Bad Request. Content-Type header is missing."),
        ("text/plain", "Bad Request. Content-Type must be one of ['application/json']."),
        (
            "application/x-www-form-urlencoded",
            "Bad Request. Content-Type must be one of ['application/json'].",
        ),
    ],
)
def test_a_body_that_does_not_say_json_is_400(api, content_type, message):
    response = post(api, CREATE, '{"name": "x"}', content_type=content_type)
    assert error_of(response, 400, "INVALID_PARAMETER_VALUE") == message


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_a_body_may_name_its_character_set(api, content_type):
    assert post(api, CREATE, '{"name": "x"}', content_type=content_type).status_code == 200


def test_a_body_that_was_encoded_twice_is_read(api):
    body = json.dumps(json.dumps({"name": "old client"}))
    assert post(api, CREATE, body).status_code == 200


def test_a_get_may_carry_its_fields_in_a_body(api):
    response = api.get("/api/2.0/mlflow/experiments/get", data='{"experiment_id": "0"}')
    assert response.get_json()["experiment"]["name"] == "Default"


def test_head_is_answered_like_get_without_the_body(api):
    response = api.head("/api/2.0/mlflow/experiments/get?experiment_id=0")
    assert response.status_code == 200
    assert response.data == b""
    assert int(response.headers["Content-Length"]) > 0


def test_options_tells_the_verbs(api):
    response = api.options("/api/2.0/mlflow/experiments/search")
    assert (response.status_code, response.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize(
    "path",
    [
        "//api/2.0/mlflow/experiments/get",
        "/api//2.0/mlflow/experiments/get",
        "/api/2.0/preview/mlflow/experiments/get",
        "/ajax-api/2.0/preview/mlflow/experiments/get",
    ],
)
def test_the_ways_old_clients_write_a_path(api, path):
    # Given as a path, two slashes at its start would be taken for a host.
    response = api.get("/", query_string={"experiment_id": "0"}, environ_overrides={"PATH_INFO": path})
    assert response.get_json()["experiment"]["experiment_id"] == "0"


@pytest.fixture
def small_api(store_uri):
    return create_app(
        Config(backend_store_uri=store_uri, max_request_size=1000), start_jobs=False
    ).test_client()


def test_a_body_over_the_limit_is_413(small_api):
    response = post(small_api, CREATE, json.dumps({"name": "x" * 1000}))
    assert "larger than the 1000 bytes" in error_of(response, 413, "INVALID_PARAMETER_VALUE")


def test_a_body_may_be_as_large_as_its_request_can_need(api):
    run = post(api, "/api/2.0/mlflow/runs/create", '{"experiment_id": "0"}').get_json()["run"]["info"][
        "run_id"
    ]
    values = [{"key": f"p{n}", "value": "\u6f22" * 6000} for n in range(100)]
    large = json.dumps({"run_id": run, "params": values})
    assert len(large) > 3_000_000
    assert post(api, "/api/2.0/mlflow/runs/log-batch", large).status_code == 200
    response = post(api, CREATE, json.dumps({"name": "n", "tags": values}))
    assert "--max-message-size" in error_of(response, 413, "INVALID_PARAMETER_VALUE")


def test_a_large_body_of_too_many_values_is_refused(api):
    many = '{"run_id": "r", "metrics": [' + "{}," * 400_000 + "{}]}"
    response = post(api, "/api/2.0/mlflow/runs/log-batch", many)
    assert "it may have at most 200,000" in error_of(response, 400, "INVALID_PARAMETER_VALUE")


def test_the_pattern_of_like_has_a_limit(api):
    search = {"experiment_ids": ["0"], "filter": f"attributes.run_name LIKE '{'x' * 60_000}'"}
    response = post(api, "/api/2.0/mlflow/runs/search", json.dumps(search))
    assert "it may have 10000" in error_of(response, 400, "INVALID_PARAMETER_VALUE")


def test_a_file_of_the_ui_with_a_long_name_is_not_found(api):
    assert api.get("/static-files/" + 300 * "x").status_code == 404


def test_a_chunked_body_over_the_limit_is_413(small_api):
    response = small_api.post(
        CREATE,
        content_type="application/json",
        input_stream=io.BytesIO(b" " * 2000),
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    error_of(response, 413, "INVALID_PARAMETER_VALUE")


def test_a_chunked_body_within_the_limit_is_read(small_api):
    response = small_api.post(
        CREATE,
        content_type="application/json",
        input_stream=io.BytesIO(b'{"name": "chunked"}'),
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert response.status_code == 200


def test_a_body_that_ends_early_is_400(api):
    response = api.post(
        CREATE,
        content_type="application/json",
        input_stream=io.BytesIO(b'{"na'),
        environ_overrides={"CONTENT_LENGTH": "100"},
    )
    assert "incomplete after 4 of 100 bytes" in error_of(response, 400, "BAD_REQUEST")


def test_a_fault_of_the_servers_own_is_500_without_its_inside(api, monkeypatch, caplog):
    from trackway.storage.tracking import experiments

    monkeypatch.setattr(experiments, "get", lambda *_: 1 / 0)
    response = api.get("/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"X-Request-Id": "req-17"})
    message = error_of(response, 500, "INTERNAL_ERROR")
    assert "division" not in message
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.request_id == "req-17"


def test_a_database_out_of_reach_is_503_and_says_when_to_come_back(api, monkeypatch, caplog):
    from trackway.client_compat.errors import Unavailable
    from trackway.storage.database import Database

    def fail(*_, **__):
        raise Unavailable("The database cannot be reached.") from OSError("refused")

    monkeypatch.setattr(Database, "run", fail)
    monkeypatch.setattr(Database, "ping", fail)
    response = api.get("/api/2.0/mlflow/experiments/get?experiment_id=0")
    error_of(response, 503, "TEMPORARILY_UNAVAILABLE")
    assert int(response.headers["Retry-After"]) > 0
    assert not [record for record in caplog.records if record.exc_info], "a stack per request floods the log"
    assert api.get("/ready").get_json()["checks"]["database"] == "The database cannot be reached."
    assert api.get("/health").status_code == 200


def test_a_request_id_of_the_clients_is_kept_when_it_is_sane(api):
    assert api.get("/health", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    odd = api.get("/health", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"]
    assert odd != "a b"
    assert len(odd) == 16


def test_the_pages_beside_the_protocol(api):
    assert api.get("/health").text == "OK"
    assert api.get("/version").text.startswith("3.17.")
    assert api.get("/ready").get_json() == {
        "status": "ready",
        "checks": {"database": "ok", "artifacts": "ok"},
    }


def test_not_ready_is_503_and_says_why(store_uri, tmp_path):
    folder = tmp_path / "artifacts"
    api = create_app(
        Config(backend_store_uri=store_uri, artifacts_destination=str(folder)), start_jobs=False
    ).test_client()
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("somebody put a file in its place")
    response = api.get("/ready")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    checks = response.get_json()["checks"]
    assert checks["database"] == "ok"
    assert str(folder) in checks["artifacts"]


@pytest.mark.parametrize("mount", ["/api", "/ajax-api"])
def test_server_info_says_what_is_on(api, mount):
    body = api.get(f"{mount}/3.0/mlflow/server-info").get_json()
    assert body["store_type"] == "SqlStore"
    assert body["workspaces_enabled"] is False


@pytest.mark.parametrize("path", ["/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info/"])
def test_a_client_with_a_workspace_may_ask_whether_there_are_any(api, path):
    response = api.get(path, headers={"X-MLFLOW-WORKSPACE": "team-a"})
    assert response.get_json().get("error_code") != "FEATURE_DISABLED"


def test_what_names_a_workspace_is_written_nowhere(api):
    body = json.dumps({"name": "of team a"})
    response = post(api, CREATE, body, headers={"X-MLFLOW-WORKSPACE": "team-a"})
    error_of(response, 400, "FEATURE_DISABLED")
    assert post(api, CREATE, body).status_code == 200


def test_everything_moves_below_a_static_prefix(store_uri):
    api = create_app(
        Config(backend_store_uri=store_uri, static_prefix="/tracking"), start_jobs=False
    ).test_client()
    assert api.get("/tracking/health").status_code == 200
    assert api.get("/tracking/api/2.0/mlflow/experiments/get?experiment_id=0").status_code == 200
    assert api.get("/tracking//api/2.0/mlflow/experiments/get?experiment_id=0").status_code == 200
    assert api.get("/tracking").headers["Location"] == "/tracking/"
    for outside in ("/health", "/trackingx/health", "/api/2.0/mlflow/experiments/get?experiment_id=0"):
        error_of(api.get(outside), 404, "ENDPOINT_NOT_FOUND")


def test_a_handler_must_declare_a_permission():
    from trackway.client_compat import genai_messages as g
    from trackway.server.dispatch import handles

    with pytest.raises(TypeError, match="declares no permission"):
        handles(g.CreateGatewaySecret, can=None)


def test_a_write_is_audited_and_a_read_is_not(api, database):
    import sqlalchemy as sa

    post(api, CREATE, '{"name": "audited"}', headers={"X-Request-Id": "req-1"})
    api.get("/api/2.0/mlflow/experiments/get?experiment_id=0")
    with database.begin(write=False) as tx:
        rows = tx.execute(
            sa.text("SELECT action, target, request_id FROM audit WHERE request_id <> ''")
        ).all()
    [row] = [tuple(row) for row in rows if row.request_id == "req-1"]
    assert row[0] == "CreateExperiment"
    assert row[1].startswith("experiment:")
    assert row[1] != "experiment:"


def test_what_a_page_raises_is_told_in_the_protocols_shape(api, monkeypatch):
    from trackway.server.ui import pages

    assert "no endpoint /static-files/none.js" in error_of(
        api.get("/static-files/none.js"), 404, "ENDPOINT_NOT_FOUND"
    )
    assert (
        error_of(api.post("/"), 405, "BAD_REQUEST")
        == "POST is not allowed on /; allowed are GET, HEAD, OPTIONS."
    )
    monkeypatch.setattr(pages.Pages, "home", lambda _: 1 / 0)
    assert "log has the details" in error_of(api.get("/"), 500, "INTERNAL_ERROR")


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/api/2.0/mlflow/registered-models/search"),
        ("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0"),
        ("GET", "/api/3.0/mlflow/server-info"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/nothing"),
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/nothing"),
    ],
)
def test_the_rights_of_a_caller_are_looked_up_in_a_transaction(api, monkeypatch, verb, path):
    """Whether the request needs the store for anything else or not."""
    from trackway.client_compat.errors import PermissionDenied
    from trackway.server.auth.gate import OpenGate
    from trackway.server.auth.identity import Identity
    from trackway.server.auth.policy import Permission

    def check(self, tx, identity, request, path_values, places):
        assert tx.rows
        raise PermissionDenied("not you")

    monkeypatch.setattr(OpenGate, "identify", lambda gate, environ: Identity("somebody", 1))
    monkeypatch.setattr(Permission, "check", check)
    assert error_of(api.open(path, method=verb), 403, "PERMISSION_DENIED") == "not you"
