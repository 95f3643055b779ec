"""Assessments and statistics of traces: the same requests to Trackway and to MLflow's own server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.services import MlflowServer, TrackwayServer

from .conversation import Ask, compare, unique

API = "/api/3.0/mlflow/traces"
BEGIN_MS = 1_700_000_040_000  # the beginning of a minute
BOB = {"source_type": "HUMAN", "source_id": "bob"}
# In ids, @ stands for 31 random digits: MLflow's server is shared by all tests.


def post(path: str, body: Any, ours: str = "", **save: str) -> Ask:
    return Ask("POST", f"{API}{path}", body, save=save, ours=ours)


def new_experiment() -> Ask:
    return Ask(
        "POST",
        "/api/2.0/mlflow/experiments/create",
        {"name": unique("statistics")},
        save={"e": "experiment_id"},
    )


def new_trace(number: int, **changes: Any) -> Ask:
    info = {
        "trace_id": f"tr-{number}@",
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "$e"}},
        "request_time": f"2023-11-14T22:1{number}:20Z",
        "execution_duration": f"{number * number + 1}s",
        "state": "ERROR" if number == 2 else "OK",
        "trace_metadata": {
            "mlflow.trace.session": f"s{number % 2}",
            "mlflow.trace.tokenUsage": f'{{"input_tokens": {number}, "output_tokens": 1, "total_tokens": 9}}',
            "kind": f"k{number % 2}",
        },
        "tags": {"mlflow.traceName": f"agent {number % 2}", "stage": "test"},
        **changes,
    }
    return post("", {"trace": {"trace_info": info}})


def assess(number: int, ours: str = "", **assessment: Any) -> Ask:
    body = {"assessment_name": "correct", "source": BOB, **assessment}
    return post(f"/tr-{number}@/assessments", {"assessment": body}, ours)


def change(key: str, mask: str | None, ours: str = "", **assessment: Any) -> Ask:
    body = {"assessment": assessment} | ({} if mask is None else {"update_mask": mask})
    return Ask("PATCH", f"{API}/tr-1@/assessments/{key}", body, ours=ours)


def see(key: str, verb: str = "GET", trace: str = "tr-1@") -> Ask:
    return Ask(verb, f"{API}/{trace}/assessments/{key}")


def made(number: int = 1) -> list[Ask]:
    return [new_experiment(), *(new_trace(each) for each in range(number))]


def new_spans(number: int) -> Ask:
    """Return a request with spans of a trace: a root, two of a tool, one of a model."""
    began_ns = (BEGIN_MS + number * 60_000) * 10**6

    def span(index: int, name: str, kind: str, status: int = 1, **attributes: Any) -> dict[str, Any]:
        values = {"mlflow.spanType": kind, **attributes}
        return {
            "traceId": f"{number}@",
            "spanId": f"{index + 1:016x}",
            **({"parentSpanId": f"{1:016x}"} if index else {}),
            "name": name,
            "startTimeUnixNano": str(began_ns + index * 10**6),
            "endTimeUnixNano": str(began_ns + (index * index + number + 1) * 10**8),
            "status": {"code": status},
            "attributes": [
                {"key": key, "value": {"stringValue": value if isinstance(value, str) else json.dumps(value)}}
                for key, value in values.items()
            ],
        }

    cost = {"input_cost": 0.25, "output_cost": 0.5 * number, "total_cost": 0.25 + 0.5 * number}
    model = {"mlflow.llm.model": f"m-{number % 2}", "mlflow.llm.provider": "acme", "mlflow.llm.cost": cost}
    spans = [
        span(0, "root", "AGENT"),
        span(1, "search", "TOOL"),
        span(2, "search", "TOOL", 2),
        span(3, "ask", "LLM", 0, **model),
    ]
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    return Ask(
        "POST",
        "/v1/traces",
        body,
        headers={"x-mlflow-experiment-id": "$e"},
        ours="the answer to JSON is JSON, as in MLflow 3.18",
    )


def assessments() -> list[Ask]:
    json_format = {"serialization_format": "JSON_FORMAT"}
    own_id = {"assessment_id": "a-1@", "feedback": {"value": "no"}}
    return [
        *made(2),
        assess(1, feedback={"value": 1}),
        assess(1, feedback={"value": "yes"}, rationale="r", span_id="s", metadata={"k": "v"}),
        assess(1, feedback={"value": True}, create_time="2023-11-14T22:13:20Z"),
        assess(1, feedback={}),
        assess(1, feedback={"value": {"a": [1, None]}}),
        assess(1, feedback={"error": {"error_code": "E", "error_message": "m", "stack_trace": "s"}}),
        assess(1, feedback={"value": 1}, error={"error_code": "E"}, ours="the error beside it is kept"),
        assess(1, feedback={"value": 1}, source=None),
        assess(1, feedback={"value": 1}, source={"source_type": "NOPE"}),
        assess(1, feedback={"value": 1}, source={"source_type": "AI_JUDGE"}, ours="it is LLM_JUDGE now"),
        assess(1, feedback={"value": 1}, source={"source_type": "human"}, ours="as its client reads it"),
        assess(1, feedback={"value": 1}, assessment_name=""),
        assess(1, expectation={"value": 3}),
        assess(1, expectation={"value": [1, "x"]}),
        assess(1, expectation={"serialized_value": {"value": '{"a":[1]}', **json_format}}),
        assess(1, expectation={"serialized_value": {"value": "70007", **json_format}}),
        assess(1, expectation={"serialized_value": {"value": "70007"}}),
        assess(1, expectation={"serialized_value": {"value": "{", **json_format}}, ours="400 and not 500"),
        assess(1, expectation={}),
        assess(1, expectation={"value": None}),
        assess(1, issue={"issue_name": "slow"}, assessment_name="iss-1"),
        assess(1),
        assess(1, error={"error_code": "E"}),
        assess(1, trace_id="tr-other", valid=False, **own_id),
        assess(1, **own_id, ours="400 RESOURCE_ALREADY_EXISTS and not 500"),
        assess(0, **own_id, ours="ids are those of a trace"),
        assess(1, feedback={"value": "yes"}, assessment_id="a-2@", overrides="a-1@"),
        assess(1, feedback={"value": "yes"}, overrides="a-none"),
        post("/tr-none/assessments", {"assessment": {"assessment_name": "q", "feedback": {"value": 1}}}),
        post("/tr-1@/assessments", {}),
        see("a-1@"),
        see("a-2@"),
        see("a-none"),
        see("a-1@", trace="tr-none"),
        change("a-1@", "assessmentName,feedback", assessment_name="right", feedback={"value": 0.5}),
        change("a-1@", "expectation", expectation={"value": 2}),
        change("a-1@", "rationale,metadata", rationale="r", metadata={"k": "v"}),
        change("a-1@", "metadata", metadata={"l": "w"}),
        change("a-1@", "feedback"),
        change("a-1@", "rationale"),
        change("a-1@", None, rationale="r"),
        change("a-1@", "valid", ours="400 and not 500", valid=True),
        change("a-1@", "spanId", ours="fields that cannot change are refused", span_id="x"),
        change("a-none", "rationale", rationale="r"),
        see("a-2@", "DELETE"),
        see("a-1@"),
        see("a-2@", "DELETE"),
        see("a-2@", "DELETE", "tr-none"),
    ]


def metric(metric: str = "trace_count", wanted: str = "COUNT", ours: str = "", **more: Any) -> Ask:
    """Return a query; its aggregations are written like "AVG P50"."""
    aggregations = [
        {"aggregation_type": "PERCENTILE", "percentile_value": float(word[1:])}
        if word[0] == "P"
        else {"aggregation_type": word}
        for word in wanted.split()
    ]
    body = {"experiment_ids": ["$e"], "view_type": "TRACES", "metric_name": metric, **more}
    return post("/metrics", {"aggregations": aggregations, **body}, ours)


def where(filter: str, ours: str = "") -> Ask:
    return metric(filters=[filter], ours=ours)


BOUNDS = {"start_time_ms": BEGIN_MS - 240_000, "end_time_ms": BEGIN_MS + 3_600_000}


def statistics() -> list[Ask]:
    per_minute = {**BOUNDS, "time_interval_seconds": 60}
    by_name = {"dimensions": ["trace_name"]}
    assessed = {"view_type": "ASSESSMENTS", "dimensions": ["assessment_name"]}
    return [
        *made(4),
        *(assess(number, feedback={"value": number % 2 == 0}) for number in range(4)),
        assess(0, feedback={"value": "no"}, assessment_name="tone", assessment_id="a-3@"),
        assess(0, feedback={"value": "Yes"}, assessment_name="tone", overrides="a-3@"),
        assess(2, expectation={"value": 0.25}, assessment_name="score"),
        metric(),
        metric(dimensions=["trace_status"]),
        metric(dimensions=["trace_name", "trace_status"]),
        metric(dimensions=["trace_status"], **per_minute),
        metric("session_count"),
        metric("latency", "P50 P75 P99.5 AVG MIN MAX"),
        metric("latency", "P50 AVG", **by_name, **BOUNDS, time_interval_seconds=3600),
        metric("input_tokens", "SUM AVG MIN MAX P50"),
        metric("total_tokens", "SUM", **per_minute),
        metric("cache_read_input_tokens", "SUM AVG"),
        metric("latency", "AVG", start_time_ms=BEGIN_MS + 3_600_000),
        metric(start_time_ms=BEGIN_MS + 3_600_000),
        metric(max_results=2, dimensions=["trace_status"]),
        metric(max_results=1, dimensions=["trace_status"], ours="there is a next page"),
        metric(max_results=0),
        metric("assessment_count", **assessed),
        metric("assessment_count", view_type="ASSESSMENTS", dimensions=["assessment_value"]),
        metric("assessment_value", "AVG MIN MAX P50", **assessed, filters=["assessment.type = 'feedback'"]),
        metric("assessment_value", "AVG", **assessed, filters=["trace.status = 'OK'"], **per_minute),
        metric("span_count", view_type="SPANS"),
        where("trace.status = 'OK'"),
        where('trace.tag.stage = "test"'),
        where("trace.tag.mlflow.traceName = 'agent 1'"),
        where("trace.metadata.kind = 'k1'"),
        where("trace.metadata.mlflow.trace.session = 's1'"),
    ]


def statistics_of_spans() -> list[Ask]:
    spans = {"view_type": "SPANS"}
    tools = spans | {"filters": ["span.type = 'TOOL'"], "dimensions": ["span_name"]}
    models = spans | {"dimensions": ["span_model_name"]}
    bounds = {"start_time_ms": BEGIN_MS, "end_time_ms": BEGIN_MS + 60_000}
    return [
        new_experiment(),
        *map(new_spans, range(3)),
        metric(),
        metric("latency", "P50 AVG MIN MAX"),
        metric(dimensions=["trace_name"], ours="MLflow does not name traces after their root"),
        metric("span_count", **spans),
        metric("span_count", **spans, dimensions=["span_name", "span_type", "span_status"]),
        metric("span_count", **spans, dimensions=["span_model_name", "span_model_provider"]),
        metric("span_count", **tools, **bounds),
        metric("latency", "P50 P75 AVG MIN MAX", **tools),
        metric("latency", "AVG P50", **tools, **bounds, time_interval_seconds=60),
        metric("latency", "AVG", **spans, dimensions=["span_status"]),
        *(metric(f"{name}_cost", "SUM AVG MIN MAX P50", **models) for name in ("input", "output", "total")),
        metric("total_cost", "SUM", **models, **bounds, time_interval_seconds=60),
        metric("total_cost", "SUM", **spans),
        *(
            metric("span_count", **spans, filters=[text])
            for text in ("span.name = 'ask'", "span.status = 'ERROR'", "trace.status = 'OK'")
        ),
    ]


def correlate(first: str, second: str, base: str | None = None, ours: str = "") -> Ask:
    body = {"experiment_ids": ["$e"], "filter_string1": first, "filter_string2": second}
    more = {} if base is None else {"base_filter": base}
    return post("/calculate-filter-correlation", body | more, ours)


def correlations() -> list[Ask]:
    error, agent = "status = 'ERROR'", "tag.mlflow.traceName = 'agent 0'"
    return [
        *made(4),
        correlate(error, agent),
        correlate(agent, agent),
        correlate(agent, "tag.mlflow.traceName = 'agent 1'"),
        correlate("tag.stage = 'test'", "execution_time > 0"),
        correlate(agent, "status = 'IN_PROGRESS'"),
        correlate(error, agent, "execution_time > 1500"),
        correlate(error, agent, "execution_time > 99999999"),
        correlate("", agent),
        correlate("nope = 'x'", agent),
        correlate(error, "status ="),
    ]


def refusals() -> list[Ask]:
    return [
        *made(1),
        metric("nope"),
        metric("span_count"),
        metric("latency"),
        metric(wanted="SUM AVG"),
        metric(dimensions=["x"]),
        metric("session_count", dimensions=["trace_name"]),
        metric(wanted="", ours="says what is missing instead of showing SQL"),
        metric("latency", "P101", ours="400 and not 500"),
        metric(view_type="X", ours="an unknown view is refused"),
        metric(time_interval_seconds=60),
        metric(max_results=-1, ours="refused; MLflow answers without a limit"),
        where("status = 'OK'"),
        where("trace.status != 'OK'"),
        where("trace.status LIKE 'OK'"),
        where("trace.foo = 'x'"),
        where("trace.tag = 'x'"),
        where("trace.status.x = 'x'"),
        where("trace.status = OK"),
        where("trace.status = 3"),
        where("trace.status"),
        where(""),
        where("span.name = 'x'"),
        where("assessment.name = 'x'"),
        where("foo.status = 'x'", ours="does not show Python's dict_keys"),
        where("trace.status = 'OK' AND trace.status = 'OK'", ours="shows all that is too much"),
    ]


@pytest.mark.parametrize("story", [assessments, statistics, statistics_of_spans, correlations, refusals])
def test_same_answers(
    shared_server: TrackwayServer, mlflow_server: MlflowServer, story: Callable[[], list[Ask]]
) -> None:
    digits = uuid.uuid4().hex[1:]
    asks = [
        replace(ask, path=ask.path.replace("@", digits), body=_with_digits(ask.body, digits))
        for ask in story()
    ]
    differences = compare(shared_server.url, mlflow_server.url, asks)
    assert not differences, "\n\n".join(differences)


def _with_digits(body: Any, digits: str) -> Any:
    return json.loads(json.dumps(body).replace("@", digits))
