"""Rules of an experiment for new traces: sampling and masking."""

from __future__ import annotations

import json

import pytest

from tests.api.test_traces import NEW_CLIENT, V3, info, refusal
from tests.api.test_tracking import ask
from tests.spans import export, span_of

TAG = "trackway.trace.ingestRules"
MAIL = {"attribute": "mlflow.spanInputs", "pattern": r"[\w.]+@[\w.]+", "replacement": "[email]"}
CHAT = {"messages": [{"role": "user", "content": "I am ann@example.org, tel 0123"}], "n": 1}


def set_rules(api, **rules):
    body = {"experiment_id": "0", "key": TAG, "value": json.dumps(rules)}
    return api.post("/api/2.0/mlflow/experiments/set-experiment-tag", json=body)


def spans_of(api, trace_id):
    text = api.get(f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={trace_id}").text
    return {span["name"]: span for span in json.loads(text)["spans"]}


def inputs_of(api, trace_id, name="root"):
    return json.loads(spans_of(api, trace_id)[name]["attributes"]["mlflow.spanInputs"])


def attributes(**more):
    return {"mlflow.spanInputs": json.dumps(CHAT), **more}


def test_what_a_pattern_finds_is_replaced_everywhere(api):
    assert set_rules(api, mask=[MAIL]).status_code == 200
    trace_id = export(api, span_of("root", attributes=attributes(other="bob@example.org")))
    assert inputs_of(api, trace_id)["messages"][0]["content"] == "I am [email], tel 0123"
    assert json.loads(spans_of(api, trace_id)["root"]["attributes"]["other"]) == "bob@example.org"
    stored = ask(api, "GET", f"{V3}/{trace_id}")["trace"]["trace_info"]
    assert stored["request_preview"] == "I am [email], tel 0123"


def test_half_of_a_surrogate_pair_does_not_keep_a_text_from_being_masked(api):
    set_rules(api, mask=[MAIL])
    trace_id = export(api, span_of("root", attributes={"mlflow.spanInputs": '"\\ud83d ann@example.org"'}))
    assert inputs_of(api, trace_id) == "\N{REPLACEMENT CHARACTER} [email]"


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ({"path": "messages.*.content"}, {"messages": [{"role": "user", "content": "[masked]"}], "n": 1}),
        ({"path": "messages.0", "replacement": "-"}, {"messages": ["-"], "n": 1}),
        ({"path": "messages.*.content", "pattern": r"\d+", "replacement": r"\1"},
         {"messages": [{"role": "user", "content": r"I am ann@example.org, tel \1"}], "n": 1}),
        ({"path": "no.such.part"}, CHAT),
        ({}, "[masked]"),
    ],
)  # fmt: skip
def test_a_path_names_the_part_that_is_masked(api, mask, expected):
    set_rules(api, mask=[{"attribute": "mlflow.spanInputs", **mask}])
    assert inputs_of(api, export(api, span_of("root", attributes=attributes()))) == expected


def test_what_the_client_copies_from_its_inputs_is_masked_too(api):
    set_rules(api, mask=[MAIL])
    sent = info(
        request_preview="ann@example.org asks",
        trace_metadata={
            "mlflow.traceInputs": "from ann@example.org",
            "mlflow.traceOutputs": "ann@example.org",
        },
    )
    answer = api.post(V3, json={"trace": {"trace_info": sent}}, headers=NEW_CLIENT)
    stored = answer.json["trace"]["trace_info"]
    assert stored["request_preview"] == "[email] asks"
    assert stored["trace_metadata"]["mlflow.traceInputs"] == "from [email]"
    assert stored["trace_metadata"]["mlflow.traceOutputs"] == "ann@example.org"


def test_a_share_of_the_traces_is_kept_with_all_their_spans(api):
    set_rules(api, sample=0.5)
    kept = 0
    for _ in range(40):
        root = span_of("root")
        child = span_of("child", parent=root)
        first = export(api, child, raw=True)
        second = export(api, root, raw=True)
        trace_id = f"tr-{root.trace_id.hex()}"
        is_kept = ask(api, "POST", f"{V3}/batchGetInfos", {"trace_ids": [trace_id]}) != {}
        assert (first.data == b"", second.data == b"") == (is_kept, is_kept)
        if is_kept:
            assert set(spans_of(api, trace_id)) == {"root", "child"}
        else:
            assert b"left out by the sampling rule" in first.data
            answer = api.post(V3, json={"trace": {"trace_info": info(trace_id)}}, headers=NEW_CLIENT)
            tags = answer.json["trace"]["trace_info"]["tags"]
            assert tags["mlflow.trace.spansLocation"] == "TRACKING_STORE"
            assert api.get(f"{V3}/{trace_id}").status_code == 404
        kept += is_kept
    assert 5 < kept < 35


def test_rules_can_be_tried_before_they_are_set(api):
    for number in range(3):
        export(api, span_of("root", attributes=attributes()), span_of(f"other {number}"))
    tried = {"experiment_id": "0", "rules": json.dumps({"mask": [MAIL]})}
    path = "/api/3.0/trackway/traces/try-ingest-rules"
    assert ask(api, "POST", path, tried) == {
        "traces": 6,
        "kept": 6,
        "spans": 6,
        "masked_spans": 3,
        "masked_values": 3,
    }
    assert ask(api, "POST", path, {**tried, "max_traces": 2})["traces"] == 2
    assert ask(api, "POST", path, {"experiment_id": "0"})["masked_values"] == 0
    assert refusal(api, "POST", path, {**tried, "max_traces": 0})[0] == 400


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("no JSON", 'must be a JSON object with "sample" and "mask"'),
        ('{"sampel": 1}', 'must be a JSON object with "sample" and "mask"'),
        ('{"sample": 0}', '"sample" is 0; it must be above 0 and at most 1.'),
        ('{"sample": true}', '"sample" is true; it must be above 0 and at most 1.'),
        ('{"mask": [{"pattern": "x"}]}', 'lacks "attribute"'),
        ('{"mask": [{"attribute": "a", "regex": "x"}]}', "must be an object of texts"),
        (
            '{"mask": [{"attribute": "a", "pattern": "(?=x)"}]}',
            "Invalid regular expression '(?=x)': invalid perl operator: (?=.",
        ),
    ],
)
def test_rules_that_cannot_be_used_are_refused(api, value, expected):
    body = {"experiment_id": "0", "key": TAG, "value": value}
    found = refusal(api, "POST", "/api/2.0/mlflow/experiments/set-experiment-tag", body)
    assert found[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert expected in found[2]


def test_a_pattern_takes_time_linear_in_the_text(api):
    """Python's own matcher would need longer than the universe is old."""
    set_rules(api, mask=[{"attribute": "*", "pattern": "(a+)+$"}])
    text = "a" * 50_000 + "b"
    assert inputs_of(api, export(api, span_of("root", attributes={"mlflow.spanInputs": text}))) == text
