"""Traces and their spans: the same requests to Trackway and to MLflow's own server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.services import MlflowServer, TrackwayServer

from .conversation import Ask, compare, unique

V2, V3 = "/api/2.0/mlflow/traces", "/api/3.0/mlflow/traces"
START_NS = 1_700_000_000_000_000_000
# In ids, @ stands for 31 random digits, and ~ for 15: MLflow's server is shared by all tests.


def ask(verb: str, path: str, body: Any = None, ours: str = "", **save: str) -> Ask:
    return Ask(verb, path, body, save=save, ours=ours)


def new_experiment(save: str = "e") -> Ask:
    return ask(
        "POST", "/api/2.0/mlflow/experiments/create", {"name": unique("traces")}, **{save: "experiment_id"}
    )


def start(number: int = 1, ours: str = "", **changes: Any) -> Ask:
    info = {
        "trace_id": f"tr-{number}@",
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "$e"}},
        "request_time": f"2023-11-14T22:13:2{number}.5Z",
        "execution_duration": "0.750s",
        "state": "OK",
        "request_preview": "asked",
        "response_preview": "answered",
        "client_request_id": "c-1",
        "trace_metadata": {"mlflow.trace.session": "s", "mlflow.trace.user": "ann", "k": "v"},
        "tags": {"mlflow.traceName": "agent", "stage": "test"},
        **changes,
    }
    body = {"trace": {"trace_info": {key: value for key, value in info.items() if value is not None}}}
    return Ask("POST", V3, body, ours=ours)


def span(number: int = 1, span_id: int = 1, parent: int = 0, **changes: Any) -> dict[str, Any]:
    made = {
        "traceId": f"{number}@",
        "spanId": f"{span_id}~",
        "name": f"span {span_id}",
        "startTimeUnixNano": str(START_NS + span_id),
        "endTimeUnixNano": str(START_NS + span_id + 2_000_000_000),
        "attributes": [
            {"key": "text", "value": {"stringValue": "ä"}},
            {"key": "n", "value": {"intValue": "70007"}},
        ],
        "status": {"code": "STATUS_CODE_OK"},
        **changes,
    }
    return made | ({"parentSpanId": f"{parent}~"} if parent else {})


def export(first: Any, *more: Any, ours: str = "", **headers: str) -> Ask:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [first, *more]}]}]}
    return Ask("POST", "/v1/traces", body, headers={"x-mlflow-experiment-id": "$e", **headers}, ours=ours)


NAMED = "a trace is named like its root, and texts are shown without quotes"
OPEN = "spans do not change the times that the client gave"
ODD_ID = "ids that no client makes are refused, as in 3.18"
JSON_ANSWER = "JSON is answered by JSON, as in MLflow 3.18"


def infos() -> list[Ask]:
    return [
        new_experiment(),
        start(),
        ask("GET", f"{V3}/tr-1@"),
        ask("GET", f"{V2}/tr-1@/info"),
        start(
            state="ERROR",
            execution_duration="3.250s",
            tags={"stage": "prod", "new": "yes"},
            ours="the answer has the new tags",
        ),
        ask("GET", f"{V3}/tr-1@"),
        start(
            2, tags={}, trace_metadata={}, request_preview=None, response_preview=None, client_request_id=None
        ),
        ask("POST", f"{V3}/batchGetInfos", {"trace_ids": ["tr-1@", "tr-absent", "tr-2@"]}),
        ask("GET", f"{V3}/tr-absent"),
        ask("GET", f"{V3}/get?trace_id=tr-absent"),
        ask("GET", f"{V3}/batchGet?trace_ids=tr-absent"),
    ]


def tags() -> list[Ask]:
    path = f"{V3}/tr-1@/tags"
    return [
        new_experiment(),
        start(),
        ask("PATCH", path, {"key": "color", "value": "blue"}),
        ask("PATCH", f"{V2}/tr-1@/tags", {"key": "color", "value": "red"}),
        ask("PATCH", path, {"key": "long", "value": "x" * 8001}),
        ask("PATCH", path, {"key": "k" * 251, "value": "x"}),
        ask("PATCH", path, {"key": "mlflow.trace.spansLocation", "value": "x"}),
        ask("GET", f"{V3}/tr-1@", ours="8,000 characters are kept, not 4,096"),
        ask("DELETE", path, {"key": "color"}),
        ask("DELETE", path, {"key": "color"}),
        ask("DELETE", path, {"key": "mlflow.trace.spansLocation"}),
        ask("PATCH", f"{V3}/tr-absent/tags", {"key": "a", "value": "b"}, "404 instead of SQL"),
        ask("POST", f"{V2}/link-to-run", {"trace_ids": ["tr-1@"] * 101, "run_id": "r"}),
        ask(
            "POST",
            f"{V2}/link-prompts",
            {"trace_id": "tr-absent", "prompt_versions": []},
            "the trace is missing",
        ),
        ask(
            "POST",
            f"{V2}/link-prompts",
            {"trace_id": "tr-1@", "prompt_versions": [{"name": "p", "version": "1"}]},
        ),
        ask("GET", f"{V3}/tr-1@", ours="the tag has the prompts that were linked, and all 8,000 characters"),
    ]


def deletion() -> list[Ask]:
    path = f"{V3}/delete-traces"
    return [
        new_experiment(),
        *(start(number) for number in range(4)),
        ask("POST", path, {"experiment_id": "$e"}),
        ask("POST", path, {"experiment_id": "$e", "request_ids": ["a"], "max_timestamp_millis": 1}),
        ask("POST", path, {"experiment_id": "$e", "max_timestamp_millis": 1, "max_traces": 0}),
        ask("POST", path, {"experiment_id": "$e", "request_ids": ["a"], "max_traces": 1}),
        ask("POST", path, {"experiment_id": "$e", "request_ids": ["tr-3@", "tr-absent"]}),
        ask("POST", path, {"experiment_id": "0", "request_ids": ["tr-2@"]}),
        ask(
            "POST", path, {"experiment_id": "$e", "max_timestamp_millis": 1_700_000_002_500, "max_traces": 2}
        ),
        ask("POST", f"{V3}/batchGetInfos", {"trace_ids": [f"tr-{number}@" for number in range(4)]}),
    ]


def version_2() -> list[Ask]:
    return [
        new_experiment(),
        ask(
            "POST",
            V2,
            {
                "experiment_id": "$e",
                "timestamp_ms": 1_700_000_000_000,
                "request_metadata": [{"key": "k", "value": "v"}],
                "tags": [{"key": "a", "value": "b"}],
            },
            t="trace_info.request_id",
        ),
        ask(
            "PATCH",
            f"{V2}/$t",
            {
                "timestamp_ms": 1_700_000_002_500,
                "status": "ERROR",
                "request_metadata": [{"key": "m", "value": "n"}],
                "tags": [{"key": "c", "value": "d"}],
            },
        ),
        ask("GET", f"{V2}/$t/info"),
        ask("PATCH", f"{V2}/absent", {"timestamp_ms": 1, "status": "OK"}),
    ]


def spans() -> list[Ask]:
    failed = {"status": {"code": "STATUS_CODE_ERROR", "message": "bad"}}
    event = {"name": "e", "timeUnixNano": "5", "attributes": [{"key": "k", "value": {"boolValue": True}}]}
    inputs = [
        {"key": "mlflow.spanInputs", "value": {"stringValue": '{"q": [1, null, "x"]}'}},
        {"key": "mlflow.spanOutputs", "value": {"stringValue": '"so"'}},
        {"key": "mlflow.spanType", "value": {"stringValue": '"CHAIN"'}},
        {"key": "session.id", "value": {"stringValue": "s1"}},
        {"key": "list", "value": {"arrayValue": {"values": [{"intValue": 1}, {"doubleValue": 0.5}]}}},
    ]
    return [
        new_experiment(),
        export(span(1, 2, 1, **failed, events=[event]), ours=JSON_ANSWER),
        ask("GET", f"{V3}/tr-1@"),
        export(span(1, 1, attributes=inputs), ours=JSON_ANSWER),
        ask("GET", f"{V3}/get?trace_id=tr-1@", ours=NAMED),
        start(2, trace_metadata={"mlflow.trace.sizeStats": '{"num_spans": 2}'}),
        export(span(2, 1), ours=JSON_ANSWER),
        ask("GET", f"{V3}/get?trace_id=tr-2@"),
        ask("GET", f"{V3}/get?trace_id=tr-2@&allow_partial=true", ours=OPEN),
        ask("GET", f"{V3}/batchGet?trace_ids=tr-2@&trace_ids=tr-1@", ours=NAMED),
        ask("GET", "/ajax-api/2.0/mlflow/get-trace-artifact?request_id=tr-1@"),
        ask("GET", "/ajax-api/2.0/mlflow/get-trace-artifact?request_id=tr-absent"),
    ]


def refusals() -> list[Ask]:
    headers = {"x-mlflow-experiment-id": "$e"}
    return [
        new_experiment(),
        new_experiment("f"),
        Ask("POST", "/v1/traces", {}),
        Ask("POST", "/v1/traces", "{", headers=headers),
        Ask("POST", "/v1/traces", {}, headers=headers),
        Ask("POST", "/v1/traces", {"resourceSpans": [{}]}, headers=headers, ours=JSON_ANSWER),
        Ask(
            "POST",
            "/v1/traces",
            {"a": 1},
            headers={**headers, "Content-Encoding": "br"},
            ours="says what is accepted",
        ),
        export(span(1, 1), span(1, 2, traceId=""), ours="only the span without an id is refused"),
        export(span(3, 1), **{"x-mlflow-experiment-id": "999999999"}),
        export(span(3, 1), **{"x-mlflow-experiment-id": "mine"}),
        export(span(4, 1), ours=JSON_ANSWER),
        export(span(4, 2, 1), ours=JSON_ANSWER, **{"x-mlflow-experiment-id": "$f"}),
        Ask("GET", "/v1/traces", headers=headers, ours="405 names the methods"),
        start(trace_location=None, ours="500"),
        start(
            trace_location={"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "999999999"}}
        ),
        start(trace_id="../../etc", ours=ODD_ID),
        start(trace_id="", ours=ODD_ID),
    ]


@pytest.fixture(scope="module")
def dialect() -> str:
    return "sqlite"


@pytest.mark.parametrize("story", [infos, tags, deletion, version_2, spans, refusals])
def test_same_answers(
    shared_server: TrackwayServer, mlflow_server: MlflowServer, story: Callable[[], list[Ask]]
) -> None:
    digits = uuid.uuid4().hex[1:]

    def filled(text: str) -> str:
        return text.replace("@", digits).replace("~", digits[:15])

    asks = [
        replace(each, path=filled(each.path), body=each.body and json.loads(filled(json.dumps(each.body))))
        for each in story()
    ]
    differences = compare(shared_server.url, mlflow_server.url, asks)
    assert not differences, "\n\n".join(differences)
