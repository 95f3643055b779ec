"""Traces without their spans, as they stand on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.test_tracking import ask

V2, V3 = "/api/2.0/mlflow/traces", "/api/3.0/mlflow/traces"
TRACE = "tr-" + "ab" * 16
NEW_CLIENT = {"User-Agent": "mlflow-python-client/3.17.2"}


def info(trace_id: str = TRACE, **changes: Any) -> dict[str, Any]:
    return {
        "trace_id": trace_id,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
        "request_time": "2026-01-01T00:00:00.123Z",
        "execution_duration": "1.5s",
        "state": "OK",
        "trace_metadata": {
            "mlflow.trace.session": "s1",
            "mlflow.trace.tokenUsage": '{"input_tokens":1,"output_tokens":2,"total_tokens":3}',
        },
        "tags": {"mlflow.traceName": "answer", "stage": "test"},
        **changes,
    }


def start(api: Any, trace_id: str = TRACE, *, headers: Any = NEW_CLIENT, **changes: Any) -> Any:
    body = {"trace": {"trace_info": info(trace_id, **changes)}}
    answer = api.post(V3, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json["trace"]["trace_info"]


def refusal(api: Any, verb: str, path: str, body: Any = None) -> tuple[int, str, str]:
    answer = api.open(path, method=verb, json=body)
    return answer.status_code, answer.json["error_code"], answer.json["message"]


def test_a_trace_as_json(api):
    expected = {
        "trace_id": TRACE,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
        "request_time": "2026-01-01T00:00:00.123Z",
        "execution_duration": "1.500s",
        "state": "OK",
        "trace_metadata": {
            "mlflow.trace.infoFinalized": "true",
            "mlflow.trace.session": "s1",
            "mlflow.trace.tokenUsage": '{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}',
        },
        "tags": {
            "mlflow.traceName": "answer",
            "stage": "test",
            "mlflow.artifactLocation": f"mlflow-artifacts:/0/traces/{TRACE}/artifacts",
            "mlflow.trace.spansLocation": "TRACKING_STORE",
        },
    }
    assert start(api) == expected
    assert ask(api, "GET", f"{V3}/{TRACE}") == {"trace": {"trace_info": expected}}
    assert ask(api, "POST", f"{V3}/batchGetInfos", {"trace_ids": ["tr-no", TRACE]}) == {
        "trace_infos": [expected]
    }


def test_a_trace_in_the_form_of_mlflow_2(api):
    start(api)
    found = ask(api, "GET", f"{V2}/{TRACE}/info")["trace_info"]
    assert {key: found[key] for key in ("request_id", "experiment_id", "timestamp_ms", "status")} == {
        "request_id": TRACE,
        "experiment_id": "0",
        "timestamp_ms": 1767225600123,
        "status": "OK",
    }
    assert {"key": "stage", "value": "test"} in found["tags"]
    assert {"key": "mlflow.trace.session", "value": "s1"} in found["request_metadata"]


def test_clients_of_mlflow_2_begin_and_end_a_trace(api):
    begun = ask(
        api, "POST", V2, {"experiment_id": "0", "timestamp_ms": 1000, "tags": [{"key": "a", "value": "b"}]}
    )["trace_info"]
    trace_id = begun["request_id"]
    assert (len(trace_id), begun["status"], begun["execution_time_ms"]) == (32, "IN_PROGRESS", 0)
    ended = ask(
        api,
        "PATCH",
        f"{V2}/{trace_id}",
        {
            "timestamp_ms": 3500,
            "status": "ERROR",
            "request_metadata": [{"key": "mlflow.sourceRun", "value": "r"}],
        },
    )["trace_info"]
    assert (ended["execution_time_ms"], ended["status"]) == (2500, "ERROR")
    assert ended["request_metadata"] == [{"key": "mlflow.sourceRun", "value": "r"}]
    assert {"key": "a", "value": "b"} in ended["tags"]
    # These clients send their spans as a file, and so does whoever is not told otherwise.
    assert "mlflow.trace.spansLocation" not in {tag["key"] for tag in ended["tags"]}
    status, code, message = refusal(api, "PATCH", f"{V2}/none", {"status": "OK"})
    assert (status, code, message) == (404, "RESOURCE_DOES_NOT_EXIST", "Trace with ID 'none' not found.")


@pytest.mark.parametrize(
    ("client", "is_told"),
    [
        ("mlflow-python-client/3.4.0", False),
        ("mlflow-python-client/3.5.0", True),
        ("mlflow-python-client/3.17.2", True),
        ("mlflow-python-client/4.0.0", True),
        ("node", False),
    ],
)
def test_only_clients_that_send_spans_are_told_not_to_upload_them(api, client, is_told):
    tags = start(api, headers={"User-Agent": client})["tags"]
    assert (tags.get("mlflow.trace.spansLocation") == "TRACKING_STORE") == is_told


def test_a_second_start_merges(api):
    start(api, request_preview="hello")
    merged = start(
        api,
        state="ERROR",
        execution_duration="2s",
        trace_metadata={"mlflow.trace.user": "ann"},
        tags={"stage": "prod", "new": "1"},
    )
    assert (merged["state"], merged["execution_duration"], merged["request_preview"]) == (
        "ERROR",
        "2s",
        "hello",
    )
    assert merged["trace_metadata"]["mlflow.trace.session"] == "s1"
    assert merged["trace_metadata"]["mlflow.trace.user"] == "ann"
    assert {key: merged["tags"][key] for key in ("mlflow.traceName", "stage", "new")} == {
        "mlflow.traceName": "answer",
        "stage": "prod",
        "new": "1",
    }


def test_tags_that_only_the_server_writes_are_left_out(api):
    tags = start(api, tags={"mlflow.artifactLocation": "/etc", "mlflow.trace.spansLocation": "x", "a": "b"})[
        "tags"
    ]
    assert tags == {
        "a": "b",
        "mlflow.artifactLocation": f"mlflow-artifacts:/0/traces/{TRACE}/artifacts",
        "mlflow.trace.spansLocation": "TRACKING_STORE",
    }


@pytest.mark.parametrize("trace_id", ["", "../../etc", "tr-" + "a" * 61, "ab" * 16, "tr-ü", "tr-a/b"])
def test_ids_that_no_client_makes_are_refused(api, trace_id):
    status, code, message = refusal(api, "POST", V3, {"trace": {"trace_info": info(trace_id)}})
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "A trace id is 'tr-' and up to 60" in message


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"trace_location": None}, 400, "has no trace_location.mlflow_experiment.experiment_id"),
        (
            {"trace_location": {"mlflow_experiment": {"experiment_id": "999"}}},
            404,
            "No Experiment with id=999 exists",
        ),
    ],
)
def test_a_trace_needs_an_experiment(api, changes, status, expected):
    body = {key: value for key, value in info(**changes).items() if value is not None}
    found = refusal(api, "POST", V3, {"trace": {"trace_info": body}})
    assert found[0] == status
    assert expected in found[2]


@pytest.mark.parametrize("base", [V2, V3])
def test_tags(api, base):
    start(api)
    path = f"{base}/{TRACE}/tags"
    assert ask(api, "PATCH", path, {"key": "color", "value": "x" * 9000}) == {}
    tags = ask(api, "GET", f"{V3}/{TRACE}")["trace"]["trace_info"]["tags"]
    assert tags["color"] == "x" * 8000
    assert ask(api, "DELETE", path, {"key": "color"}) == {}
    assert refusal(api, "DELETE", path, {"key": "color"}) == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        f"No trace tag with key 'color' for trace with ID '{TRACE}'",
    )
    assert refusal(api, "PATCH", path, {"key": "mlflow.trace.spansLocation", "value": "x"}) == (
        400,
        "INVALID_PARAMETER_VALUE",
        "Tag 'mlflow.trace.spansLocation' is immutable and cannot be set on a trace.",
    )
    assert refusal(api, "PATCH", path, {"key": "k" * 251, "value": "x"})[2] == (
        "'key' exceeds the maximum length of 250 characters"
    )
    assert refusal(api, "PATCH", f"{base}/tr-no/tags", {"key": "a", "value": "b"})[0] == 404
    status, _, message = refusal(api, "PATCH", path, {"key": "a/../b", "value": "x"})
    assert (status, "resolve to" in message) == (400, True)


def test_links_to_runs_and_prompts(api):
    start(api)
    body = {"trace_ids": [TRACE, "tr-no"], "run_id": "r1"}
    for _ in range(2):
        assert ask(api, "POST", f"{V2}/link-to-run", body) == {}
    assert refusal(api, "POST", f"{V2}/link-to-run", {"trace_ids": ["tr-x"] * 101, "run_id": "r1"}) == (
        400,
        "INVALID_PARAMETER_VALUE",
        "Cannot link more than 100 traces to a run in a single request. Provided 101 traces.",
    )
    for version in ("1", "2", "1"):
        versions = [{"name": "p", "version": version}]
        ask(api, "POST", f"{V2}/link-prompts", {"trace_id": TRACE, "prompt_versions": versions})
    tags = ask(api, "GET", f"{V3}/{TRACE}")["trace"]["trace_info"]["tags"]
    assert tags["mlflow.linkedPrompts"] == ('[{"name": "p", "version": "1"}, {"name": "p", "version": "2"}]')


@pytest.mark.parametrize("path", [f"{V2}/delete-traces", f"{V3}/delete-traces"])
def test_deletion(api, path):
    for number in range(5):
        start(api, f"tr-{number}", request_time=f"2026-01-01T00:00:0{number}Z")
    gone = {"experiment_id": "0", "request_ids": ["tr-4", "tr-no"]}
    assert ask(api, "POST", path, gone) == {"traces_deleted": 1}
    other = {"experiment_id": "1", "request_ids": ["tr-3"]}
    assert ask(api, "POST", path, other) == {"traces_deleted": 0}
    oldest = {"experiment_id": "0", "max_timestamp_millis": 1767225602000, "max_traces": 2}
    assert ask(api, "POST", path, oldest) == {"traces_deleted": 2}
    left = ask(api, "POST", f"{V3}/batchGetInfos", {"trace_ids": [f"tr-{number}" for number in range(5)]})
    assert [found["trace_id"] for found in left["trace_infos"]] == ["tr-2", "tr-3"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Either `max_timestamp_millis` or `trace_ids` must be specified."),
        (
            {"request_ids": ["a"], "max_timestamp_millis": 1},
            "Only one of `max_timestamp_millis` and `trace_ids` can be specified.",
        ),
        (
            {"max_timestamp_millis": 1, "max_traces": 0},
            "`max_traces` must be a positive integer, received 0.",
        ),
        (
            {"request_ids": ["a"], "max_traces": 1},
            "`max_traces` can't be specified if `trace_ids` is specified.",
        ),
    ],
)
def test_deletions_that_are_refused(api, body, message):
    assert refusal(api, "POST", f"{V3}/delete-traces", {"experiment_id": "0", **body}) == (
        400,
        "INVALID_PARAMETER_VALUE",
        message,
    )


@pytest.mark.parametrize("time_ms", [2**63 - 1, -(2**63), 253_402_300_800_000, -62_135_596_800_001])
def test_a_time_that_is_no_date_is_refused(api, time_ms):
    """It would be in all answers that have the trace."""
    body = {"experiment_id": "0", "timestamp_ms": time_ms}
    code, name, message = refusal(api, "POST", V2, body)
    assert (code, name) == (400, "INVALID_PARAMETER_VALUE")
    assert message == (
        f"Invalid value {time_ms} for parameter 'timestamp_ms' supplied: "
        "it must be milliseconds since 1970, in the years 1 to 9999."
    )
    start(api)
    assert refusal(api, "PATCH", f"{V2}/{TRACE}", {"timestamp_ms": time_ms, "status": "OK"})[0] == 400
    assert ask(api, "GET", f"{V3}/{TRACE}")["trace"]["trace_info"]["execution_duration"] == "1.500s"


def test_a_prompt_whose_name_no_database_can_store_is_not_linked(api):
    tag = '[{"name": "\\ud800", "version": "1"}]'
    assert start(api, tags={"mlflow.linkedPrompts": tag})["tags"]["mlflow.linkedPrompts"] == tag
