"""Statistics of traces over HTTP: the JSON in and out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.test_assessments import refusal
from tests.api.test_tracking import ask

V3 = "/api/3.0/mlflow/traces"
METRICS = f"{V3}/metrics"
COUNT = [{"aggregation_type": "COUNT"}]


@pytest.fixture
def traces(api: Any) -> Any:
    """The test client, on a server with three traces, which took 1, 2 and 4 seconds."""
    for number, seconds in enumerate((1, 2, 4)):
        info = {
            "trace_id": f"tr-{number}",
            "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
            "request_time": f"2023-11-14T22:1{number}:20Z",
            "execution_duration": f"{seconds}s",
            "state": "ERROR" if number else "OK",
            "tags": {"mlflow.traceName": "chat"},
            "trace_metadata": {"mlflow.trace.tokenUsage": '{"input_tokens": 5, "total_tokens": 8}'},
            "assessments": [{"assessment_name": "correct", "feedback": {"value": number != 1}}],
        }
        ask(api, "POST", V3, {"trace": {"trace_info": info}})
    return api


def body(metric: str = "trace_count", view: str = "TRACES", **more: Any) -> dict[str, Any]:
    return {
        "experiment_ids": ["0"],
        "view_type": view,
        "metric_name": metric,
        "aggregations": COUNT,
        **more,
    }


def query(api: Any, *args: Any, **more: Any) -> Any:
    return ask(api, "POST", METRICS, body(*args, **more))


def test_data_points(traces):
    assert query(traces) == {"data_points": [{"metric_name": "trace_count", "values": {"COUNT": 3.0}}]}
    assert query(
        traces,
        "latency",
        aggregations=[
            {"aggregation_type": "PERCENTILE", "percentile_value": 50},
            {"aggregation_type": "PERCENTILE", "percentile_value": 99.5},
            {"aggregation_type": "AVG"},
        ],
        dimensions=["trace_name"],
        time_interval_seconds=3600,
        start_time_ms="1699999000000",
        end_time_ms=1700003000000,
    ) == {
        "data_points": [
            {
                "metric_name": "latency",
                "dimensions": {"time_bucket": "2023-11-14T22:00:00+00:00", "trace_name": "chat"},
                "values": {"P50.0": 2000.0, "P99.5": 3980.0, "AVG": 7000 / 3},
            }
        ]
    }
    assert query(traces, "input_tokens", aggregations=[{"aggregation_type": "SUM"}])["data_points"] == [
        {"metric_name": "input_tokens", "values": {"SUM": 15.0}}
    ]
    values = query(traces, "assessment_count", "ASSESSMENTS", dimensions=["assessment_value"])["data_points"]
    assert [(point["dimensions"]["assessment_value"], point["values"]["COUNT"]) for point in values] == [
        ("false", 1.0),
        ("true", 2.0),
    ]
    assert query(traces, max_results=0) == {}
    assert (
        query(traces, "latency", aggregations=[{"aggregation_type": "AVG"}], start_time_ms=1800000000000)
        == {}
    )


def test_pages(traces):
    page = query(traces, dimensions=["trace_status"], max_results=1)
    assert page["data_points"][0]["dimensions"] == {"trace_status": "ERROR"}
    rest = query(traces, dimensions=["trace_status"], max_results=1, page_token=page["next_page_token"])
    assert rest == {
        "data_points": [
            {"metric_name": "trace_count", "dimensions": {"trace_status": "OK"}, "values": {"COUNT": 1.0}}
        ]
    }


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"metric": "nope"},
            "metric_name must be one of ['trace_count', 'session_count', 'latency', 'input_tokens', "
            "'output_tokens', 'total_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens'], "
            "got 'nope'",
        ),
        (
            {"metric": "latency"},
            "Found invalid aggregation_type(s): ['COUNT']. "
            "Supported aggregation types: ['AVG', 'MAX', 'MIN', 'PERCENTILE']",
        ),
        (
            {"metric": "span_count", "view": "SPANS", "dimensions": ["x", "trace_name"]},
            "Found invalid dimension(s): ['trace_name', 'x']. Supported dimensions: "
            "['span_model_name', 'span_model_provider', 'span_name', 'span_status', 'span_type']",
        ),
        (
            {"aggregations": []},
            "A query needs at least one of the aggregations ['COUNT']; there are none.",
        ),
        (
            {"aggregations": [{"aggregation_type": "PERCENTILE"}]},
            "Percentile value is required for PERCENTILE aggregation",
        ),
        (
            {"aggregations": [{"aggregation_type": "PERCENTILE", "percentile_value": 101}]},
            "Percentile value must be between 0 and 100, got 101.0",
        ),
        (
            {"aggregations": [{"aggregation_type": "AVG", "percentile_value": 1}]},
            "Percentile value is only allowed for PERCENTILE aggregation type, got AVG",
        ),
        (
            {"time_interval_seconds": 60, "start_time_ms": 0},
            "start_time_ms and end_time_ms are required if time_interval_seconds is set",
        ),
        (
            {"time_interval_seconds": -1, "start_time_ms": 0, "end_time_ms": 1},
            "Invalid value -1 for parameter 'time_interval_seconds' supplied: "
            "It must be between 1 and 3155760000 seconds.",
        ),
        ({"filters": ["trace.status = 'OK'"] * 51}, "A query can have at most 50 filters."),
        ({"max_results": -1}, "max_results must be between 0 and 100000."),
    ],
)
def test_a_query_that_cannot_be_answered(api, asked, message):
    assert refusal(api, "POST", METRICS, body(**asked)) == (400, "INVALID_PARAMETER_VALUE", message)


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ("", "Invalid filter: ''. Expected one filter clause."),
        ("trace.status", "Invalid clause(s) in filter string: trace.status"),
        (
            "trace.status = 'OK' AND trace.status = 'OK'",
            "Invalid clause(s) in filter string: AND trace.status = 'OK'",
        ),
        ("trace.status != 'OK'", "Invalid comparator: '!=', only '=' operator is supported"),
        (
            "status = 'OK'",
            "Invalid identifier 'status'. Columns should be specified as "
            "'trace.<key>', 'span.<key>', 'assessment.<key>'.",
        ),
        ("foo.status = 'x'", "Invalid view type 'foo'. Valid values are ['trace', 'span', 'assessment']"),
        (
            "trace.foo = 'x'",
            "Invalid entity 'foo' specified for view type 'trace'. "
            "Valid entities are ['status', 'tag', 'metadata']",
        ),
        ("trace.tag = 'x'", "Filtering by tag requires a key, e.g. 'trace.tag.<key> = <value>'"),
        (
            "trace.status.x = 'x'",
            "Filtering by status does not require a key, use 'trace.status' instead",
        ),
        (
            "trace.status = OK",
            "Parameter value is either not quoted or unidentified quote types used for string value OK. "
            "Use either single or double quotes.",
        ),
        (
            "trace.status = 3",
            "Expected a quoted string value for status value (e.g. 'my-value'). Got value 3",
        ),
        ("span.name = 'x'", "Filtering by span is only supported for SPANS view type, got TRACES"),
        (
            "assessment.name = 'x'",
            "Filtering by assessment is only supported for ASSESSMENTS view type, got TRACES",
        ),
    ],
)
def test_a_filter_that_cannot_be_used(api, filter, message):
    assert refusal(api, "POST", METRICS, body(filters=[filter])) == (400, "INVALID_PARAMETER_VALUE", message)
