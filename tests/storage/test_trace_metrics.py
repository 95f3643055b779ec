"""Statistics of traces, on every database."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from tests.databases import statements_of
from tests.factories import START_MS, make_experiment
from tests.trace_factories import make_trace, span
from trackway.client_compat import genai_messages as g
from trackway.client_compat.errors import InvalidParameter
from trackway.storage.database import Database, Tx
from trackway.storage.traces import assessments, infos, links, metrics
from trackway.storage.traces.kinds import Kind

MINUTE_MS = 60_000
# The beginning of a minute.
BEGIN_MS = START_MS // MINUTE_MS * MINUTE_MS


def aggregations(text: str) -> list[g.MetricAggregation]:
    """Return the aggregations of a text such as "AVG P50"."""
    return [
        g.MetricAggregation(aggregation_type="PERCENTILE", percentile_value=float(word[1:]))
        if word[0] == "P"
        else g.MetricAggregation(aggregation_type=word)
        for word in text.split()
    ]


def request(
    experiment: str, metric: str, wanted: str = "COUNT", view: str = "TRACES", **more: Any
) -> g.QueryTraceMetrics:
    return g.QueryTraceMetrics(
        experiment_ids=[experiment],
        view_type=view,
        metric_name=metric,
        aggregations=aggregations(wanted),
        **more,
    )


def ask(tx: Tx, *args: Any, **more: Any) -> list[tuple[Any, ...]]:
    """Return the points of a query: the values of their dimensions and of their aggregations."""
    points, _ = metrics.query(tx, request(*args, **more))
    return [(*point.dimensions.values(), *point.values.values()) for point in points]


def llm_span(name: str, model: str, cost: float | None, **more: Any) -> Any:
    costs = None if cost is None else (cost, 2 * cost, 3 * cost)
    return span(name, **more)._replace(kind=Kind(name, "LLM", "OK", model, "acme"), cost=costs)


def assess(tx: Tx, trace_id: str, name: str, value: Any, **more: Any) -> str:
    new = g.Assessment(assessment_name=name, feedback=g.Feedback(value=value), **more)
    return assessments.create(tx, trace_id, new).assessment_id or ""


def test_traces_are_counted_by_state_and_name(tx: Tx) -> None:
    experiment, other = make_experiment(tx), make_experiment(tx)
    for state, name in (("OK", "a"), ("OK", "b"), ("ERROR", "b"), ("OK", "")):
        make_trace(tx, experiment_id=experiment, state=state, name=name)
    make_trace(tx, experiment_id=other)
    assert ask(tx, experiment, "trace_count") == [(4,)]
    assert ask(tx, experiment, "trace_count", dimensions=["trace_status"]) == [("ERROR", 1), ("OK", 3)]
    # A trace without a name has no place in a list of names.
    assert ask(tx, experiment, "trace_count", dimensions=["trace_name", "trace_status"]) == [
        ("a", "OK", 1),
        ("b", "ERROR", 1),
        ("b", "OK", 1),
    ]
    assert ask(tx, "987654321", "trace_count") == [(0,)]
    assert ask(tx, str(1 << 70), "trace_count") == [(0,)]


def test_no_traces_of_another_workspace_are_counted(database: Database) -> None:
    with database.begin(write=True) as tx:
        experiment = make_experiment(tx)
        make_trace(tx, experiment_id=experiment)
    with database.begin(write=False, workspace=2) as tx:
        assert ask(tx, experiment, "trace_count") == [(0,)]


def test_sessions_are_counted_once(tx: Tx) -> None:
    experiment = make_experiment(tx)
    for session in ("s1", "s1", "s2"):
        make_trace(tx, experiment_id=experiment, metadata={infos.SESSION: session})
    make_trace(tx, experiment_id=experiment)
    assert ask(tx, experiment, "session_count") == [(2,)]


def test_percentiles_are_interpolated(tx: Tx) -> None:
    experiment = make_experiment(tx)
    durations = [100, 250, 400, 900]
    for duration in (*durations, None):
        make_trace(tx, experiment_id=experiment, duration=duration)
    assert ask(tx, experiment, "latency", "P50 P75 P99.5 P0 P100 AVG MIN MAX") == [
        (325.0, 525.0, 892.5, 100.0, 900.0, statistics.mean(durations), 100.0, 900.0)
    ]
    labels = metrics.query(tx, request(experiment, "latency", "P50 P99.5"))[0][0].values
    assert list(labels) == ["P50.0", "P99.5"]


def test_a_query_without_values_has_no_points(tx: Tx) -> None:
    experiment = make_experiment(tx)
    make_trace(tx, experiment_id=experiment, duration=None)
    assert ask(tx, experiment, "latency", "AVG P50") == []
    assert ask(tx, experiment, "latency", "AVG P50", dimensions=["trace_name"]) == []


def test_buckets_begin_at_multiples_of_the_interval(tx: Tx) -> None:
    experiment = make_experiment(tx)
    for second in (0, 59, 60, 150, 180):
        make_trace(tx, experiment_id=experiment, time_ms=BEGIN_MS + 1000 * second, duration=second)
    bounds = {"start_time_ms": BEGIN_MS, "end_time_ms": BEGIN_MS + 150_000}
    assert ask(tx, experiment, "latency", "P50", time_interval_seconds=60, **bounds) == [
        ("2023-11-14T22:13:00+00:00", 29.5),
        ("2023-11-14T22:14:00+00:00", 60.0),
        ("2023-11-14T22:15:00+00:00", 150.0),
    ]
    # Both bounds are included.
    assert ask(tx, experiment, "trace_count", **bounds) == [(4,)]
    assert ask(tx, experiment, "trace_count", start_time_ms=BEGIN_MS + 1) == [(4,)]
    for extreme in (-(1 << 63), (1 << 63) - 1):
        wide = {"start_time_ms": -(1 << 63), "end_time_ms": extreme, "time_interval_seconds": 3600}
        ask(tx, experiment, "trace_count", **wide)
        ask(tx, experiment, "total_cost", "SUM", "SPANS", **wide)


def test_tokens_are_added(tx: Tx) -> None:
    experiment = make_experiment(tx)
    for tokens in (3, None, 9):
        make_trace(tx, experiment_id=experiment, name="chat", total_tokens=tokens)
    assert ask(tx, experiment, "total_tokens", "SUM AVG MIN MAX", dimensions=["trace_name"]) == [
        ("chat", 12, 6, 3, 9)
    ]
    # The sum is larger than a column of integers can hold.
    make_trace(tx, experiment_id=experiment, input_tokens=(1 << 63) - 1)
    make_trace(tx, experiment_id=experiment, input_tokens=(1 << 63) - 1)
    assert ask(tx, experiment, "input_tokens", "SUM") == [(2.0**64,)]


def test_spans_are_counted_by_what_they_are(tx: Tx) -> None:
    experiment = make_experiment(tx)
    make_trace(
        tx,
        span("search", "TOOL", end_ms=START_MS + 30),
        span("search", "TOOL", "ERROR", end_ms=START_MS + 10),
        span("search", "TOOL", end_ms=None),
        llm_span("ask", "m-1", 0.5),
        experiment_id=experiment,
    )
    by_kind = ["span_name", "span_type", "span_status"]
    assert ask(tx, experiment, "span_count", view="SPANS", dimensions=by_kind) == [
        ("ask", "LLM", "OK", 1),
        ("search", "TOOL", "ERROR", 1),
        ("search", "TOOL", "OK", 2),
    ]
    tools = ["span.type = 'TOOL'"]
    assert ask(tx, experiment, "span_count", view="SPANS", filters=tools) == [(3,)]
    assert ask(tx, experiment, "latency", "AVG P50", "SPANS", filters=tools, dimensions=["span_status"]) == [
        ("ERROR", 10, 10),
        ("OK", 30, 30),
    ]
    # Spans that name no model have no place in a list of models.
    model = ["span_model_name", "span_model_provider"]
    assert ask(tx, experiment, "span_count", view="SPANS", dimensions=model) == [("m-1", "acme", 1)]


def test_costs_are_those_of_spans_in_the_time(tx: Tx) -> None:
    experiment = make_experiment(tx)
    make_trace(
        tx,
        llm_span("a", "m-1", 0.1),
        llm_span("b", "m-1", 0.2, start_ms=START_MS + 1),
        llm_span("c", "m-2", 0.5, start_ms=START_MS + 2),
        llm_span("d", "m-2", None),
        experiment_id=experiment,
        time_ms=0,
    )
    by_model = {"view": "SPANS", "dimensions": ["span_model_name"]}
    assert ask(tx, experiment, "input_cost", "SUM", **by_model) == [
        ("m-1", pytest.approx(0.3)),
        ("m-2", 0.5),
    ]
    assert ask(tx, experiment, "output_cost", "MAX", **by_model) == [("m-1", 0.4), ("m-2", 1.0)]
    # The trace began at another time than its spans.
    until = {"start_time_ms": START_MS + 1, "end_time_ms": START_MS + 1}
    assert ask(tx, experiment, "input_cost", "SUM P50", **by_model, **until) == [("m-1", 0.2, 0.2)]
    assert ask(tx, experiment, "span_count", view="SPANS", **until) == [(0,)]
    # A float has up to 17 digits.
    exact = llm_span("e", "m-3", 0.1 + 0.2)
    make_trace(tx, exact, experiment_id=experiment)
    assert ask(tx, experiment, "input_cost", "P50", **by_model)[-1] == ("m-3", 0.1 + 0.2)


def test_assessments_count_while_they_are_valid(tx: Tx) -> None:
    experiment = make_experiment(tx)
    first, second = (make_trace(tx, experiment_id=experiment, state=s) for s in ("OK", "ERROR"))
    wrong = assess(tx, first, "correct", "no")
    assess(tx, first, "correct", "yes", overrides=wrong)
    assess(tx, second, "correct", False)
    assess(tx, second, "score", 0.25)
    assess(tx, second, "tone", "polite")
    expected = g.Assessment(assessment_name="score", expectation=g.Expectation(value=4.0))
    assessments.create(tx, first, expected)
    assert ask(
        tx,
        experiment,
        "assessment_count",
        view="ASSESSMENTS",
        dimensions=["assessment_name", "assessment_value"],
    ) == [
        ("correct", '"yes"', 1),
        ("correct", "false", 1),
        ("score", "0.25", 1),
        ("score", "4.0", 1),
        ("tone", '"polite"', 1),
    ]
    feedback = ["assessment.type = 'feedback'"]
    assert ask(
        tx,
        experiment,
        "assessment_value",
        "AVG",
        "ASSESSMENTS",
        filters=feedback,
        dimensions=["assessment_name"],
    ) == [("correct", 0.5), ("score", 0.25)]
    for filters, count in (
        (["trace.status = 'ERROR'"], 3),
        (["assessment.name = 'score'"], 2),
        (["assessment.name = 'score'", *feedback], 1),
    ):
        assert ask(tx, experiment, "assessment_count", view="ASSESSMENTS", filters=filters) == [(count,)]


@pytest.mark.parametrize(
    ("filter", "count"),
    [
        ("trace.status = 'OK'", 2),
        ("trace.tag.stage = 'prod'", 1),
        ('trace.tag.`a b` = "c"', 1),
        ("trace.tag.mlflow.traceName = 'chat'", 3),
        ("trace.tag.mlflow.trace.spansLocation = 'TRACKING_STORE'", 3),
        ("trace.metadata.mlflow.trace.session = 's'", 1),
        ("trace.metadata.mlflow.sourceRun = 'r1'", 2),
        ("trace.tag.stage = 'no'", 0),
    ],
)
def test_filters_of_traces(tx: Tx, filter: str, count: int) -> None:
    experiment = make_experiment(tx)
    make_trace(tx, experiment_id=experiment, name="chat", tags={"stage": "prod", "a b": "c"})
    make_trace(tx, experiment_id=experiment, name="chat", metadata={"mlflow.trace.session": "s"}, run_id="r1")
    made = make_trace(
        tx, experiment_id=experiment, name="chat", state="ERROR", metadata={"mlflow.sourceRun": "r1"}
    )
    links.to_run(tx, [made], "r1")
    assert ask(tx, experiment, "trace_count", filters=[filter]) == [(count,)]
    assert ask(tx, experiment, "span_count", view="SPANS", filters=[filter]) == [(count,)]


def test_pages_follow_each_other(tx: Tx) -> None:
    experiment = make_experiment(tx)
    for minute in range(3):
        for name in ("a", "b"):
            make_trace(tx, experiment_id=experiment, name=name, time_ms=BEGIN_MS + minute * MINUTE_MS)
    search = {
        "dimensions": ["trace_name"],
        "time_interval_seconds": 60,
        "start_time_ms": BEGIN_MS,
        "end_time_ms": BEGIN_MS + 10 * MINUTE_MS,
    }
    every, token = metrics.query(tx, request(experiment, "trace_count", **search))
    assert (len(every), token) == (6, None)
    found, token = [], None
    while True:
        page = request(experiment, "trace_count", **search, max_results=4, page_token=token)
        points, token = metrics.query(tx, page)
        found += points
        if token is None:
            break
    assert found == every
    assert metrics.query(tx, request(experiment, "trace_count", **search, max_results=0)) == ([], None)
    _, token = metrics.query(tx, request(experiment, "trace_count", **search, max_results=1))
    with pytest.raises(InvalidParameter, match="belongs to another query"):
        metrics.query(tx, request(experiment, "trace_count", page_token=token, dimensions=["trace_name"]))


def test_a_query_is_one_statement(database: Database) -> None:
    with database.begin(write=True) as tx:
        for _ in range(3):
            make_trace(tx, name="chat")
    statements = statements_of(database)
    with database.begin(write=False) as tx:
        assert ask(tx, "0", "latency", "P50 P90 P99 AVG", dimensions=["trace_name"]) != []
    assert len([text for text in statements if "SELECT" in text]) == 1
