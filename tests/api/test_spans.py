"""Spans that come in by OpenTelemetry's protocol, as pages and clients see them."""

from __future__ import annotations

import json

import pytest

from tests.api.test_traces import V3
from tests.api.test_tracking import ask
from tests.spans import HEADERS, PATH, START_NS, body_of, export, span_of

CALL = {
    "openinference.span.kind": "LLM",
    "input.value": '{"messages": [{"role": "user", "content": "Why?"}]}',
    "output.value": "Because.",
    "llm.model_name": "gpt-4o-mini",
    "llm.provider": "openai",
    "llm.token_count.prompt": 1_000_000,
    "llm.token_count.completion": 0,
}


def info_of(api, trace_id):
    return ask(api, "GET", f"{V3}/{trace_id}")["trace"]["trace_info"]


def spans_of(api, trace_id):
    return json.loads(api.get(f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={trace_id}").text)["spans"]


def test_a_trace_of_another_library_has_type_contents_tokens_and_cost(api):
    root = span_of("agent")
    trace_id = export(api, root, span_of("call", parent=root, attributes=CALL))
    info = info_of(api, trace_id)
    assert (info["request_preview"], info["response_preview"]) == ("Why?", '"Because."')
    assert json.loads(info["trace_metadata"]["mlflow.trace.tokenUsage"])["total_tokens"] == 1_000_000
    assert json.loads(info["trace_metadata"]["mlflow.trace.cost"])["total_cost"] == 0.15
    (call,) = (span for span in spans_of(api, trace_id) if span["name"] == "call")
    assert call["attributes"]["mlflow.spanType"] == '"LLM"'
    assert json.loads(call["attributes"]["mlflow.spanInputs"])["messages"][0]["content"] == "Why?"
    # What the library has sent stays.
    assert json.loads(call["attributes"]["llm.token_count.prompt"]) == 1_000_000


@pytest.mark.parametrize(("service", "copied"), [("gemini-cli", '"gemini-cli"'), ("web-shop", None)])
def test_the_name_of_a_known_agent_is_copied_to_the_root(api, service, copied):
    trace_id = export(api, span_of("root"), resource={"service.name": service})
    (root,) = spans_of(api, trace_id)
    assert root["attributes"].get("service.name") == copied
    assert info_of(api, trace_id)["tags"]["service.name"] == service


def test_an_open_span_does_not_count_for_the_duration(api):
    root = span_of("root", duration_ns=0)
    trace_id = export(api, root)
    assert info_of(api, trace_id)["state"] == "IN_PROGRESS"
    assert "execution_duration" not in info_of(api, trace_id)
    export(api, span_of("child", parent=root, duration_ns=2_000_000_000))
    assert info_of(api, trace_id)["execution_duration"] == "2s"
    root.end_time_unix_nano = START_NS + 3_000_000_000
    export(api, root)
    assert (info_of(api, trace_id)["execution_duration"], info_of(api, trace_id)["state"]) == ("3s", "OK")


@pytest.mark.parametrize("is_start_first", [True, False])
def test_a_missing_start_is_not_in_1970(api, is_start_first):
    root = span_of("root")
    missing = span_of("child", parent=root, start_ns=0, duration_ns=START_NS + 10**9)
    first, second = (missing, root) if is_start_first else (root, missing)
    trace_id = export(api, first)
    export(api, second)
    info = info_of(api, trace_id)
    assert (info["request_time"], info["execution_duration"]) == ("2023-11-14T22:13:20Z", "1s")


def test_a_span_that_ends_before_it_starts_has_no_negative_duration(api):
    root = span_of("root", duration_ns=-2_000_000_000)
    assert info_of(api, export(api, root))["execution_duration"] == "0s"


def test_a_span_that_cannot_be_stored_is_left_out_and_named(api):
    good, bad = span_of("good"), span_of("bad", trace_id=bytes(16))
    answer = api.post(PATH, data=body_of(good, bad), headers={**HEADERS, "Accept": "application/json"})
    assert answer.status_code == 200
    assert b"The span 'bad' was rejected: its trace_id is not valid: it is empty or zero." in answer.data
    assert [span["name"] for span in spans_of(api, f"tr-{good.trace_id.hex()}")] == ["good"]


def test_texts_that_databases_cannot_store_are_replaced(api):
    attributes = {"a\0": "b\0", "session.id": "s\0", "mlflow.traceTag.t": "x\0", "mlflow.llm.model": "m\0"}
    trace_id = export(api, span_of("n\0", attributes=attributes), resource={"r\0": "v\0"})
    (root,) = spans_of(api, trace_id)
    assert (root["name"], root["attributes"]["a\ufffd"]) == ("n\ufffd", '"b\ufffd"')
    info = info_of(api, trace_id)
    assert info["trace_metadata"]["mlflow.trace.session"] == "s\ufffd"
    assert (info["tags"]["t"], info["tags"]["r\ufffd"]) == ("x\ufffd", "v\ufffd")
