"""The codec: what it takes, what it refuses and in which words, what it writes."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from trackway.client_compat import codec, extra
from trackway.client_compat import genai_messages as g
from trackway.client_compat import messages as m
from trackway.client_compat.endpoints import ENDPOINTS
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.plans import plan_of
from trackway.client_compat.wire import NULL, Message

SEE_DOCS = " See the API docs for more information about request parameters."
POINT = {"key": "loss", "value": 0.5, "timestamp": 1}


def batch(**more: Any) -> m.LogBatch:
    return codec.decode(m.LogBatch, {"run_id": "r", **more})


def refusal(cls: type[Message], data: object) -> str:
    with pytest.raises(InvalidParameter) as caught:
        codec.decode(cls, data)
    assert caught.value.status == 400
    return caught.value.message.removesuffix(SEE_DOCS)


def test_a_request_becomes_a_message() -> None:
    found = batch(metrics=[{**POINT, "step": "3"}], params=[{"key": "lr"}])
    assert found == m.LogBatch(
        run_id="r",
        metrics=[m.Metric(key="loss", value=0.5, timestamp=1, step=3)],
        params=[m.Param(key="lr", value="")],
    )


def test_absent_fields_mean_the_defaults_of_the_proto() -> None:
    assert codec.decode(m.SearchRuns, {}) == m.SearchRuns(run_view_type="ACTIVE_ONLY", max_results=1000)


def test_null_is_absent() -> None:
    found = codec.decode(m.SearchRuns, {"max_results": None, "order_by": None, "filter": None})
    assert found == m.SearchRuns()


def test_unknown_fields_are_ignored() -> None:
    assert batch(colour="blue", metrics=[{**POINT, "unit": "m"}]).metrics[0].value == 0.5


def test_camel_case_is_taken() -> None:
    assert codec.decode(m.SearchRuns, {"maxResults": 5, "orderBy": ["a"]}) == m.SearchRuns(
        max_results=5, order_by=["a"]
    )


def test_two_spellings_of_one_field_are_refused() -> None:
    text = "Request specifies both 'run_id' and 'runId'; provide only one of them."
    assert refusal(m.LogBatch, {"run_id": "a", "runId": "a"}) == text


def test_run_uuid_stands_for_run_id() -> None:
    assert codec.decode(m.LogBatch, {"run_uuid": "r"}).run_id == "r"
    assert codec.decode(m.GetRun, {"run_uuid": "r"}).run_id == "r"
    assert codec.decode(m.GetRun, {"run_uuid": "old", "run_id": "r"}).run_id == "r"
    assert codec.decode_query(m.GetRun, {"run_uuid": ["r"]}).run_id == "r"
    assert codec.decode_query(m.ListArtifacts, {"run_uuid": ["r"]}).run_id == "r"


@pytest.mark.parametrize("value", ["1000", 1000, 1000.0, "1e3", "1000.0"])
def test_an_integer_may_come_as_text_or_as_a_whole_float(value: object) -> None:
    assert batch(metrics=[{**POINT, "timestamp": value}]).metrics[0].timestamp == 1000


@pytest.mark.parametrize("value", [True, 1.5, "1.5", "x", " 1", "1_0", [], {}, "1" * 1000])
def test_what_is_no_integer_is_refused_with_its_place(value: object) -> None:
    text = refusal(m.LogBatch, {"run_id": "r", "metrics": [POINT, {**POINT, "timestamp": value}]})
    kind = type(value).__name__
    shown = json.dumps(value, separators=(",", ":"))
    if len(shown) > 1000:
        shown = shown[:1000] + "..."
    assert text == (
        f"Invalid value {shown} for parameter 'metrics[1].timestamp' supplied:"
        f"  Hint: Value was of type '{kind}'."
    )


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 1e300, 10**400])
def test_integers_beyond_64_bits_are_refused(value: object) -> None:
    text = refusal(m.LogBatch, {"run_id": "r", "metrics": [{**POINT, "timestamp": value}]})
    assert "for parameter 'metrics[0].timestamp'" in text
    assert "It must be between -9223372036854775808 and 9223372036854775807." in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [("Infinity", math.inf), ("-Infinity", -math.inf), (math.inf, math.inf), (3, 3.0), ("0.5", 0.5)],
)
def test_doubles(value: object, expected: float) -> None:
    found = batch(metrics=[{**POINT, "value": value}]).metrics[0].value
    assert type(found) is float
    assert found == expected


@pytest.mark.parametrize("value", ["NaN", math.nan])
def test_nan_comes_bare_or_as_text_and_goes_as_text(value: object) -> None:
    found = batch(metrics=[{**POINT, "value": value}])
    assert math.isnan(found.metrics[0].value)
    assert codec.encode(found)["metrics"][0]["value"] == "NaN"
    assert b'"value":"NaN"' in codec.dumps(found)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "ok\udfff"])
def test_text_that_a_database_cannot_hold_is_refused(text: str) -> None:
    assert "for parameter 'key' supplied" in refusal(m.LogParam, {"run_id": "r", "key": text})
    assert "parameter 'tags[0].value'" in refusal(
        m.LogBatch, {"run_id": "r", "tags": [{"key": "k", "value": text}]}
    )


def test_pairs_of_surrogates_are_characters() -> None:
    assert (
        codec.decode(m.LogParam, {"run_id": "r", "key": json.loads('"\\ud83d\\ude00"')}).key == "\U0001f600"
    )


@pytest.mark.parametrize("value", ["FINISHED", 3, "3", 3.0])
def test_enumerations_come_by_name_or_number(value: object) -> None:
    assert codec.decode(m.UpdateRun, {"run_id": "r", "status": value}).status == m.RunStatus.FINISHED


@pytest.mark.parametrize("value", ["DONE", "finished", 99, True, ""])
def test_an_unknown_name_is_refused_with_the_known_ones(value: object) -> None:
    assert refusal(m.UpdateRun, {"run_id": "r", "status": value}) == (
        f"Invalid value {json.dumps(value)} for parameter 'status' supplied:  Hint: "
        "It must be one of RUNNING, SCHEDULED, FINISHED, FAILED, KILLED."
    )


def test_booleans_are_strict_in_json_and_text_in_queries() -> None:
    assert "parameter 'allow_partial'" in refusal(g.GetTrace, {"trace_id": "t", "allow_partial": "true"})
    assert "parameter 'allow_partial'" in refusal(g.GetTrace, {"trace_id": "t", "allow_partial": 1})
    assert (
        codec.decode_query(g.GetTrace, {"trace_id": ["t"], "allow_partial": ["TRUE"]}).allow_partial is True
    )
    with pytest.raises(InvalidParameter, match="Invalid boolean value: maybe, must be 'true' or 'false'"):
        codec.decode_query(g.GetTrace, {"trace_id": ["t"], "allow_partial": ["maybe"]})


def test_a_query_string() -> None:
    pairs = {"max_results": ["5"], "order_by": ["a", "b"], "view_type": ["ALL"], "unknown": ["x"]}
    assert codec.decode_query(m.SearchExperiments, pairs) == m.SearchExperiments(
        max_results=5, order_by=["a", "b"], view_type="ALL"
    )


def test_one_value_of_a_repeated_field_is_a_list() -> None:
    assert codec.decode_query(g.SearchTraces, {"experiment_ids": ["0"]}).experiment_ids == ["0"]


def test_a_message_in_a_query_string_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="parameter 'trace'"):
        codec.decode_query(g.StartTraceV3, {"trace": ["{}"]})


@pytest.mark.parametrize("data", [[], 5, True, "[]", "5", '"x"', "{", ""])
def test_a_body_that_is_no_object_is_refused(data: object) -> None:
    assert refusal(m.GetRun, data).startswith("Invalid request body: it must be a JSON object, got ")


def test_a_body_that_was_encoded_twice_is_decoded_twice() -> None:
    assert codec.decode(m.GetRun, '{"run_id": "r"}').run_id == "r"


def test_no_body_is_an_empty_one() -> None:
    assert codec.decode(m.SearchRuns, None) == m.SearchRuns()


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"metrics": {}}, "metrics"),
        ({"metrics": "x"}, "metrics"),
        ({"metrics": [1]}, "metrics[0]"),
        ({"metrics": [POINT, None]}, "metrics[1]"),
        ({"run_id": 5}, "run_id"),
        ({"params": [{"key": "a", "value": 1}]}, "params[0].value"),
    ],
)
def test_wrong_shapes_are_named(data: dict[str, object], where: str) -> None:
    assert f"for parameter '{where}' supplied" in refusal(m.LogBatch, {"run_id": "r", **data})


def test_one_of_a_choice() -> None:
    text = refusal(g.TraceLocation, {"mlflow_experiment": {"experiment_id": "0"}, "inference_table": {}})
    assert "for parameter 'identifier'" in text
    assert "mlflow_experiment, inference_table" in text


def test_times_are_nanoseconds() -> None:
    data = {"request_time": "2025-04-15T08:49:18.699Z", "execution_duration": "1.5s"}
    found = codec.decode(g.TraceInfoV3, data)
    assert (found.request_time, found.execution_duration) == (1_744_706_958_699_000_000, 1_500_000_000)
    assert codec.encode(found) == {**data, "execution_duration": "1.500s"}


@pytest.mark.parametrize(
    "value", ["2025-04-15", "yesterday", "2025-02-30T00:00:00Z", 5, "2025-04-15T08:49:18"]
)
def test_what_is_no_time_is_refused(value: object) -> None:
    assert "for parameter 'request_time'" in refusal(g.TraceInfoV3, {"request_time": value})


def test_a_json_null_in_a_value_is_kept_apart_from_absence() -> None:
    absent, null = codec.decode(g.Feedback, {}), codec.decode(g.Feedback, {"value": None})
    assert (absent.value, null.value) == (None, NULL)
    assert (codec.encode(absent), codec.encode(null)) == ({}, {"value": None})


def test_a_bottomless_value_is_refused() -> None:
    value: object = 1
    for _ in range(5000):
        value = [value]
    assert "Invalid" in refusal(g.Feedback, {"value": value})


def test_a_field_mask_comes_in_either_spelling() -> None:
    data = {
        "trace_id": "t",
        "assessment_id": "a",
        "assessment": {},
        "update_mask": "traceId,last_update_time",
    }
    assert codec.decode(g.UpdateAssessment, data).update_mask == ["trace_id", "last_update_time"]


def test_an_answer_has_numbers_for_64_bits_and_nothing_for_what_is_unset() -> None:
    run = m.Run(info=m.RunInfo(run_id="r", start_time=2**53 + 1, status="RUNNING"), data=m.RunData())
    assert codec.dumps(m.GetRun.Response(run=run)) == (
        b'{"run":{"info":{"run_id":"r","status":"RUNNING","start_time":9007199254740993},"data":{}}}'
    )


def test_an_empty_text_that_is_set_is_written() -> None:
    assert codec.encode(m.RunTag(key="k", value="")) == {"key": "k", "value": ""}


def test_path_variables_win_over_the_body() -> None:
    endpoint = next(e for e in ENDPOINTS if e.rpc == "SetTraceTagV3")
    data = codec.bind(endpoint, {"traceId": "other", "key": "k"}, {"trace_id": "t"})
    assert codec.decode(g.SetTraceTagV3, data) == g.SetTraceTagV3(trace_id="t", key="k")


def test_path_variables_without_a_field_are_left_to_the_handler() -> None:
    endpoint = next(e for e in ENDPOINTS if e.rpc == "CreateMultipartUpload")
    assert codec.bind(endpoint, {"path": "p"}, {"artifact_path": "a"}) == {"path": "p"}


def test_a_path_variable_is_bound_to_the_field_it_fills() -> None:
    endpoint = next(e for e in ENDPOINTS if e.rpc == "CreateAssessment")
    assert endpoint.path == "/3.0/mlflow/traces/<trace_id>/assessments"
    data = codec.bind(endpoint, {"assessment": {"assessment_name": "n"}}, {"trace_id": "t"})
    found = codec.decode(g.CreateAssessment, data)
    assert found.assessment == g.Assessment(assessment_name="n", trace_id="t")
    endpoint = next(e for e in ENDPOINTS if e.rpc == "UpdateAssessment")
    body = {"assessment": {"assessment_name": "n"}, "update_mask": "assessmentName"}
    data = codec.bind(endpoint, body, {"trace_id": "t", "assessment_id": "a"})
    assert codec.decode(g.UpdateAssessment, data) == g.UpdateAssessment(
        assessment=g.Assessment(assessment_name="n", trace_id="t", assessment_id="a"),
        update_mask=["assessment_name"],
    )


def test_hand_written_messages_work_like_generated_ones() -> None:
    found = codec.decode_query(extra.GetMetricHistoryBulk, {"run_id": ["a", "b"], "metric_key": ["loss"]})
    assert found == extra.GetMetricHistoryBulk(run_id=["a", "b"], metric_key="loss")
    point = m.MetricWithRunId(key="loss", value=1.0, timestamp=1, run_id="a")
    assert codec.encode(extra.GetMetricHistoryBulk.Response(metrics=[point])) == {
        "metrics": [{"key": "loss", "value": 1.0, "timestamp": 1, "step": 0, "run_id": "a"}]
    }


def test_every_message_compiles() -> None:
    for endpoint in (*ENDPOINTS, *extra.ENDPOINTS):
        for cls in (endpoint.request, endpoint.response):
            assert plan_of(cls).fields.keys() == cls._fields.keys()


def test_messages_print_what_is_set() -> None:
    assert repr(m.LogBatch(run_id="r")) == "LogBatch(run_id='r')"
    assert repr(m.GetRun.Response()) == "GetRun.Response()"
