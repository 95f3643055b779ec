"""Searches for traces, as they stand on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from tests.access import closed_server, error_code
from tests.api.test_traces import info, refusal, start

SEARCH, SEARCH_V2 = "/api/3.0/mlflow/traces/search", "/api/2.0/mlflow/traces"
PLACE = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}


def find(api: Any, filter: str = "", **fields: Any) -> Any:
    answer = api.post(SEARCH, json={"locations": [PLACE], "filter": filter, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_page_of_traces_as_json(api):
    one = start(api, "tr-one")
    two = start(api, "tr-two", request_time="2026-01-02T00:00:00Z")
    assert find(api) == {"traces": [two, one]}
    page = find(api, max_results=1)
    assert page["traces"] == [two]
    assert find(api, max_results=1, page_token=page["next_page_token"]) == {"traces": [one]}


def test_a_page_in_the_form_of_mlflow_2(api):
    start(api, "tr-one", tags={"k": "v"}, trace_metadata={})
    start(api, "tr-two", request_time="2026-01-02T00:00:00Z", state="ERROR")
    answer = api.get(SEARCH_V2, query_string={"experiment_ids": "0", "filter": "status = 'OK'"})
    [trace] = answer.json["traces"]
    assert trace["request_id"] == "tr-one"
    assert trace["experiment_id"] == "0"
    assert trace["timestamp_ms"] == 1767225600123
    assert trace["execution_time_ms"] == 1500
    assert trace["status"] == "OK"
    assert {"key": "k", "value": "v"} in trace["tags"]


def test_of_no_experiment_and_of_one_that_does_not_exist(api):
    start(api)
    assert api.post(SEARCH, json={"locations": []}).json == {}
    other = {"mlflow_experiment": {"experiment_id": "4711"}}
    assert api.post(SEARCH, json={"locations": [other]}).json == {}


def test_the_filters_of_the_ui(api):
    trace = start(api)
    for filter in (
        "request_metadata.mlflow.trace.session = 's1'",
        "attributes.timestamp_ms > 1 AND attributes.timestamp_ms < 99999999999999",
        "tags.mlflow.traceName = 'answer'",
        "trace.status = 'OK' AND attributes.name ILIKE '%ANS%'",
    ):
        assert find(api, filter, max_results=25) == {"traces": [trace]}


KEYS = (
    "'client_request_id', 'end_time', 'end_time_ms', 'execution_time', 'execution_time_ms', 'name', "
    "'prompt', 'request_id', 'run_id', 'status', 'text', 'timestamp', 'timestamp_ms'"
)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"max_results": 0},
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer",
        ),
        ({"max_results": 501}, "Invalid value 501 for parameter 'max_results' supplied"),
        ({"page_token": "!"}, "Invalid page token, could not base64-decode"),
        ({"filter": "nope = 'x'"}, f"Invalid attribute key 'nope' specified. Valid keys are '{{{KEYS}}}'"),
        ({"filter": "nope.x = 'x'"}, "Invalid entity type 'nope'. Valid values are {"),
        ({"filter": "status > 'OK'"}, "Invalid comparator '>' not one of '{"),
        (
            {"filter": "status = OK"},
            "Parameter value is either not quoted or unidentified quote types used for string value OK. "
            "Use either single or double quotes.",
        ),
        (
            {"filter": "span.foo = 'x'"},
            "Invalid span attribute 'foo'. "
            "Supported attributes: name, status, type, attributes.<attribute_name>.",
        ),
        (
            {"filter": "feedback.f > 'x'"},
            "Expected a numeric value for feedback when using comparator '>'. Got value 'x'",
        ),
        (
            {"filter": "feedback.f = 0.25"},
            "Expected a quoted string value for feedback (e.g. 'my-value'). Got value 0.25",
        ),
        (
            {"filter": "prompt != 'a/1'"},
            "Invalid comparator '!=' for prompts filter. "
            "Only '=' is supported with format: prompt = \"name/version\"",
        ),
        (
            {"filter": "prompt = 'a'"},
            "Invalid prompts filter value 'a'. Expected format: prompt = \"name/version\"",
        ),
        (
            {"filter": "metadata.mlflow.trace.cost LIKE '%1%'"},
            "Comparator 'LIKE' is not supported for reserved metadata 'mlflow.trace.cost'. "
            "Only '=', '!=', 'IS NULL', and 'IS NOT NULL' are supported.",
        ),
        ({"filter": "issue.name LIKE 'x'"}, "Invalid issue attribute 'name'. Supported attributes: id"),
        ({"filter": "status ="}, "Invalid clause(s) in filter string: "),
        ({"order_by": ["span.name"]}, "Invalid identifier type 'span'"),
        ({"order_by": ["name", "name DESC"]}, "`order_by` contains duplicate fields: ['name', 'name DESC']"),
        (
            {"order_by": ["metadata.mlflow.trace.tokenUsage"]},
            "Ordering by reserved metadata 'mlflow.trace.tokenUsage' is not supported because it is "
            "represented by multiple columns.",
        ),
        (
            {"locations": [{"mlflow_experiment": {"experiment_id": "x"}}]},
            "Invalid experiment ID 'x'. Experiment ID must be a valid integer.",
        ),
        (
            {"filter": "name RLIKE '('"},
            "Invalid regular expression '(': missing ): (.",
        ),
    ],
)
def test_what_is_refused(api, fields, message):
    status, code, text = refusal(api, "POST", SEARCH, {"locations": [PLACE], **fields})
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert text.startswith(message)


def test_locations_are_required(api):
    status, code, _ = refusal(api, "POST", SEARCH, {})
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")


def test_an_end_time_orders(api):
    start(api, "tr-one", execution_duration="9s")
    start(api, "tr-two")
    found = find(api, order_by=["end_time DESC"])
    assert [trace["trace_id"] for trace in found["traces"]] == ["tr-one", "tr-two"]


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        yield server


@pytest.mark.parametrize(
    ("denied", "probes"),
    [
        ("run", [{"filter": "run_id = 'r'"}, {"order_by": ["run_id"]}, {"filter": "NOT run_id RLIKE 'a'"}]),
        ("assessment", [{"filter": "feedback.f IS NULL"}, {"filter": "issue.id = 'x' OR status = 'OK'"}]),
    ],
)
def test_what_is_denied_cannot_be_found_out_by_a_filter(server, denied, probes):
    body = {"username": "alice", "resource_type": denied, "resource_id": "*", "permission": "DENY"}
    server.ok("POST", "/api/3.0/mlflow/users/permissions/grant", **body)
    server.client.application.wsgi_app._gate._checked_at = 0
    for fields in probes:
        answer = server.call("POST", SEARCH, who="alice", locations=[PLACE], **fields)
        assert error_code(answer) == (403, "PERMISSION_DENIED")
        server.ok("POST", SEARCH, locations=[PLACE], **fields)
    server.ok("POST", SEARCH, who="alice", locations=[PLACE], filter="status = 'OK'")


def test_traces_of_experiments_that_a_caller_may_not_read_are_left_out(server):
    experiment = server.ok("POST", "/api/2.0/mlflow/experiments/create", name="e")["experiment_id"]
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    trace = {"trace": {"trace_info": info("tr-a", trace_location=place)}}
    server.ok("POST", "/api/3.0/mlflow/traces", **trace)
    assert server.ok("POST", SEARCH, who="alice", locations=[place])["traces"]
    deny = {"resource_type": "experiment", "resource_id": experiment, "permission": "DENY"}
    server.ok("POST", "/api/3.0/mlflow/users/permissions/grant", username="alice", **deny)
    server.client.application.wsgi_app._gate._checked_at = 0
    assert server.ok("POST", SEARCH, who="alice", locations=[place]) == {}
