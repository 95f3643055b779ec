"""Masking rules: no way into a trace stores what they mask."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from tests.api.test_ingest_rules import set_rules
from tests.api.test_span_exports import JSON
from tests.api.test_trace_files import begin, file_of, put
from tests.api.test_trace_moves import create, headers, in_experiment
from tests.api.test_traces import TRACE, V2, V3, start
from tests.api.test_tracking import ask, database_of
from tests.spans import PATH, export, span_of
from tests.traces import as_json, request
from trackway.storage.schema import traces as schema
from trackway.storage.traces import bodies

MAIL = "ann@example.org"
SAYS = f"It is {MAIL}."
RULE = {"attribute": "*", "pattern": r"[\w.]+@[\w.]+", "replacement": "[email]"}
TABLES = [table for table in vars(schema).values() if isinstance(table, sa.Table)]


@pytest.fixture
def api(folder_api):
    set_rules(folder_api, mask=[RULE])
    return folder_api


def stored(api):
    """Return all that the database has of traces, and the audit, as one text."""
    with database_of(api).begin(write=False) as tx:
        rows = [tuple(row) for table in TABLES for row in tx.execute(sa.select(table))]
        ids = [row.id for row in tx.execute(sa.select(schema.traces.c.id))]
        lines = [line for found in bodies.chunks_of(tx, ids).values() for line in bodies.lines_of(found)]
    return f"{rows} {lines} {ask(api, 'GET', '/api/3.0/trackway/audit')}"


def assessment(**more):
    return {
        "assessment_name": f"helpful to {MAIL}",
        "source": {"source_type": "HUMAN", "source_id": MAIL},
        "rationale": SAYS,
        "metadata": {"mlflow.trace.session": f"of {MAIL}", "note": SAYS},
        "feedback": {
            "value": {"said": [SAYS], "score": 0.5},
            "error": {"error_code": "E", "error_message": SAYS, "stack_trace": f"at {MAIL}"},
        },
        **more,
    }


EXPECTED = assessment(feedback=None, expectation={"value": SAYS})
LIST = {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": json.dumps([SAYS])}}
EXPECTED_LIST = assessment(feedback=None, expectation=LIST)


def by_otlp(api, **sent):
    span = {
        "name": f"mail to {MAIL}",
        "attributes": {"mlflow.spanInputs": json.dumps({"to": SAYS}), "session.id": MAIL, "user.id": MAIL,
                       "mlflow.traceTag.owner": MAIL, "input.value": SAYS},
        "events": [(f"sent to {MAIL}", {"exception.message": SAYS, "list": [SAYS]})],
        "links": [(b"1" * 16, b"2" * 8, {"why": SAYS})],
        "status": (2, SAYS),
        "trace_state": f"a={MAIL}",
    }  # fmt: skip
    message = request(span, resource={"service.owner": MAIL})
    data, sent_headers = message.SerializeToString(), {**JSON, "Content-Type": "application/x-protobuf"}
    if sent.get("is_json"):
        data, sent_headers = as_json(message), JSON
    assert api.post(PATH, data=data, headers=sent_headers).status_code == 200


def by_start(api):
    start(
        api,
        client_request_id=f"for {MAIL}",
        request_preview=SAYS,
        response_preview=SAYS,
        trace_metadata={"mlflow.trace.session": MAIL, "mlflow.trace.user": MAIL, "mlflow.traceInputs": SAYS},
        tags={"owner": MAIL, "mlflow.traceName": f"mail to {MAIL}"},
        assessments=[
            {key: value for key, value in each.items() if value is not None}
            for each in (assessment(), EXPECTED, EXPECTED_LIST)
        ],
    )


def by_assessments(api):
    start(api)
    path = f"{V3}/{TRACE}/assessments"
    for each in (assessment(), EXPECTED, EXPECTED_LIST):
        made = ask(api, "POST", path, {"assessment": {k: v for k, v in each.items() if v is not None}})
    made = ask(api, "POST", path, {"assessment": {"assessment_name": "x", "feedback": {"value": 1}}})
    changes = {"assessment": assessment(), "update_mask": "assessmentName,feedback,rationale,metadata"}
    ask(api, "PATCH", f"{path}/{made['assessment']['assessment_id']}", changes)


def by_tags(api):
    start(api)
    for base in (V2, V3):
        ask(api, "PATCH", f"{base}/{TRACE}/tags", {"key": f"owner of {base[5]}", "value": SAYS})


def by_version_2(api):
    more = {"tags": [{"key": "a", "value": SAYS}], "request_metadata": [{"key": "b", "value": SAYS}]}
    begun = ask(api, "POST", V2, {"experiment_id": "0", "timestamp_ms": 1_700_000_000_000, **more})
    more = {"tags": [{"key": "c", "value": SAYS}],
            "request_metadata": [{"key": "mlflow.traceInputs", "value": SAYS}]}  # fmt: skip
    changes = {"timestamp_ms": 1_700_000_001_000, "status": "OK", **more}
    ask(api, "PATCH", f"{V2}/{begun['trace_info']['request_id']}", changes)


def by_file(api, generation):
    trace_id = begin(api, generation)
    text = json.dumps(file_of(generation, trace_id))
    for plain in ('"so"', '"bad"', '"e"', '"child"'):
        text = text.replace(plain, json.dumps(f"{plain[1:-1]} {MAIL}"))
    put(api, trace_id, text.replace("how?", SAYS).encode())


def by_move(api):
    """Spans come to an experiment without rules, and the trace is assessed and tagged there."""
    other = create(api, "other")
    span = span_of(f"mail to {MAIL}", attributes={"mlflow.spanInputs": SAYS, "session.id": MAIL})
    trace_id = export(api, span, resource={"owner": MAIL}, **headers(other))
    ask(api, "POST", f"{V3}/{trace_id}/assessments", {"assessment": assessment()})
    assert MAIL in stored(api)
    start(api, trace_id, trace_location=in_experiment("0"))


WAYS = {
    "protobuf": by_otlp,
    "JSON": lambda api: by_otlp(api, is_json=True),
    "StartTraceV3": by_start,
    "assessments": by_assessments,
    "tags": by_tags,
    "version 2": by_version_2,
    "a file of 2.14": lambda api: by_file(api, "2.14"),
    "a file of 3.0": lambda api: by_file(api, "3.0"),
    "a move": by_move,
}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_pattern_finds_is_stored_nowhere(api, way):
    WAYS[way](api)
    found = stored(api)
    assert "[email]" in found
    # Kinds of spans stay behind in the experiment that a trace leaves.
    found = found.replace(f"'mail to {MAIL}', 'UNKNOWN'", "") if way == "a move" else found
    assert MAIL not in found


def test_numbers_of_assessments_stay_when_all_texts_are_masked(api):
    set_rules(api, mask=[{"attribute": "*"}])
    start(api)
    path = f"{V3}/{TRACE}/assessments"
    given = {"said": ["text"], "score": 0.5, "ok": True}
    made = ask(api, "POST", path, {"assessment": assessment(feedback={"value": given})})["assessment"]
    assert made["feedback"]["value"] == {"said": ["[masked]"], "score": 0.5, "ok": True}
    assert (made["rationale"], made["assessment_name"]) == ("[masked]", f"helpful to {MAIL}")


def test_a_rule_for_exceptions_masks_the_message_of_the_status(api):
    set_rules(api, mask=[{"attribute": "exception.message"}])
    by_otlp(api)
    [span] = ask(api, "GET", f"{V3}/get?trace_id=tr-{bytes(range(1, 17)).hex()}")["trace"]["spans"]
    assert span["status"]["message"] == "[masked]"
    assert span["name"] == f"mail to {MAIL}"


def test_a_rule_for_the_attribute_of_a_tag_masks_the_tag(api):
    set_rules(api, mask=[{"attribute": "mlflow.traceTag.owner"}])
    trace_id = export(api, span_of("root", attributes={"mlflow.traceTag.owner": MAIL}))
    assert ask(api, "GET", f"{V3}/{trace_id}")["trace"]["trace_info"]["tags"]["owner"] == "[masked]"
