"""Assessments and statistics of traces over HTTP: the JSON in and out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.api.test_tracking import ask

V3 = "/api/3.0/mlflow/traces"
TRACE = "tr-" + "ab" * 16
PATH = f"{V3}/{TRACE}/assessments"
BOB = {"source_type": "HUMAN", "source_id": "bob"}


@pytest.fixture
def trace(api: Any) -> Any:
    """The test client, on a server with one trace."""
    info = {
        "trace_id": TRACE,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
        "request_time": "2023-11-14T22:13:20Z",
        "execution_duration": "1.5s",
        "state": "OK",
    }
    ask(api, "POST", V3, {"trace": {"trace_info": info}})
    return api


def create(api: Any, **assessment: Any) -> dict[str, Any]:
    body = {"assessment_name": "correct", "source": BOB, **assessment}
    found: dict[str, Any] = ask(api, "POST", PATH, {"assessment": body})["assessment"]
    return found


def refusal(api: Any, verb: str, path: str, body: Any = None) -> tuple[int, str, str]:
    answer = api.open(path, method=verb, json=body)
    return answer.status_code, answer.json["error_code"], answer.json["message"]


def test_a_new_assessment(trace):
    made = create(
        trace,
        feedback={"value": 1},
        rationale="r",
        metadata={"k": "v"},
        span_id="s",
        create_time="2023-11-14T22:13:20.5Z",
        last_update_time="2023-11-14T22:13:21Z",
        trace_id="tr-other",
        valid=False,
    )
    assert made == {
        "assessment_id": made["assessment_id"],
        "assessment_name": "correct",
        "trace_id": TRACE,
        "span_id": "s",
        "source": BOB,
        "create_time": "2023-11-14T22:13:20.500Z",
        "last_update_time": "2023-11-14T22:13:21Z",
        "feedback": {"value": 1.0},
        "rationale": "r",
        "metadata": {"k": "v"},
        "valid": True,
    }
    assert re.fullmatch("a-[0-9a-f]{32}", made["assessment_id"])
    assert ask(trace, "GET", f"{PATH}/{made['assessment_id']}") == {"assessment": made}
    assert ask(trace, "GET", f"{V3}/{TRACE}")["trace"]["trace_info"]["assessments"] == [made]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"feedback": {}}, {"feedback": {"value": None}}),
        ({"feedback": {"value": {"a": [1, None]}}}, {"feedback": {"value": {"a": [1.0, None]}}}),
        (
            {"feedback": {"error": {"error_code": "E", "error_message": "m", "stack_trace": "s"}}},
            {
                "feedback": {
                    "value": None,
                    "error": {"error_code": "E", "error_message": "m", "stack_trace": "s"},
                }
            },
        ),
        ({"expectation": {"value": 3}}, {"expectation": {"value": 3.0}}),
        (
            {"expectation": {"value": ["x"]}},
            {"expectation": {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '["x"]'}}},
        ),
        (
            {
                "expectation": {
                    "serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"a":1}'}
                }
            },
            {
                "expectation": {
                    "serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"a": 1}'}
                }
            },
        ),
        ({"issue": {"issue_name": "slow"}}, {"issue": {"issue_name": "slow"}}),
    ],
)
def test_values(trace, sent, read):
    made = create(trace, **sent)
    assert {key: made[key] for key in ("feedback", "expectation", "issue") if key in made} == read
    assert ask(trace, "GET", f"{PATH}/{made['assessment_id']}")["assessment"] == made


@pytest.mark.parametrize(
    ("assessment", "message"),
    [
        ({}, "Unknown assessment type: None"),
        ({"error": {"error_code": "E"}}, "Unknown assessment type: None"),
        ({"expectation": {"value": None}}, "The `value` field must be specified."),
        (
            {"expectation": {"serialized_value": {"value": "1"}}},
            "Unknown serialization format: . Only JSON_FORMAT is supported.",
        ),
        (
            {"expectation": {"serialized_value": {"value": "{", "serialization_format": "JSON_FORMAT"}}},
            "Invalid value \"{\" for parameter 'assessment.expectation.serialized_value.value' supplied: "
            "It must be JSON.",
        ),
        (
            {"feedback": {"value": 1}, "assessment_id": "a/b"},
            "Invalid value \"a/b\" for parameter 'assessment.assessment_id' supplied: "
            "An assessment's id is up to 250 letters, digits, '_', '-' and '.'.",
        ),
        (
            {"feedback": {"value": 1}, "assessment_name": "x" * 251},
            "'assessment.assessment_name' exceeds the maximum length of 250 characters",
        ),
    ],
)
def test_an_assessment_that_cannot_be_made(trace, assessment, message):
    body = {"assessment": {"assessment_name": "q", **assessment}}
    assert refusal(trace, "POST", PATH, body) == (400, "INVALID_PARAMETER_VALUE", message)


def test_what_is_not_there(trace):
    not_found = (404, "RESOURCE_DOES_NOT_EXIST")
    no_assessment = f"Assessment with ID 'a-no' not found for trace '{TRACE}'"
    new = {"assessment": {"assessment_name": "q", "feedback": {"value": 1}}}
    assert refusal(trace, "GET", f"{PATH}/a-no") == (*not_found, no_assessment)
    change = {"assessment": {"rationale": "x"}, "update_mask": "rationale"}
    assert refusal(trace, "PATCH", f"{PATH}/a-no", change) == (*not_found, no_assessment)
    new["assessment"]["overrides"] = "a-no"
    assert refusal(trace, "POST", PATH, new) == (*not_found, no_assessment)
    assert refusal(trace, "GET", f"{V3}/tr-no/assessments/a-1") == (
        *not_found,
        "Trace with request_id 'tr-no' not found",
    )
    assert refusal(trace, "POST", f"{V3}/tr-no/assessments", new) == (
        *not_found,
        "Trace with ID 'tr-no' not found.",
    )
    # Who deletes again learns nothing new.
    assert ask(trace, "DELETE", f"{PATH}/a-no") == {}
    assert ask(trace, "DELETE", f"{V3}/tr-no/assessments/a-1") == {}


def test_an_id_is_used_once(trace):
    create(trace, assessment_id="a-1", feedback={"value": 1})
    body = {"assessment": {"assessment_name": "q", "assessment_id": "a-1", "feedback": {"value": 2}}}
    status, code, message = refusal(trace, "POST", PATH, body)
    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert message == f"Assessment with ID 'a-1' already exists for trace '{TRACE}'."


@pytest.mark.parametrize("mask", ["assessmentName,feedback", "assessment_name,feedback"])
def test_an_update(trace, mask):
    made = create(trace, feedback={"value": "no"}, rationale="r")
    changed = ask(
        trace,
        "PATCH",
        f"{PATH}/{made['assessment_id']}",
        {"assessment": {"assessment_name": "right", "feedback": {"value": "yes"}}, "update_mask": mask},
    )["assessment"]
    assert changed == made | {
        "assessment_name": "right",
        "feedback": {"value": "yes"},
        "last_update_time": changed["last_update_time"],
    }


def test_an_update_says_what_it_changes(trace):
    path = f"{PATH}/{create(trace, feedback={'value': 1})['assessment_id']}"
    assert refusal(trace, "PATCH", path, {"assessment": {"rationale": "x"}})[2].startswith(
        "Missing value for required parameter 'update_mask'."
    )
    status, code, message = refusal(trace, "PATCH", path, {"assessment": {}, "update_mask": "valid"})
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message == (
        "Invalid value \"valid\" for parameter 'update_mask' supplied: An update can change these fields: "
        "assessment_name, feedback, expectation, rationale, metadata."
    )


def test_who_overrides_and_deletes(trace):
    first = create(trace, feedback={"value": "no"})
    second = create(trace, feedback={"value": "yes"}, overrides=first["assessment_id"])
    assert (second["valid"], second["overrides"]) == (True, first["assessment_id"])
    path = f"{PATH}/{first['assessment_id']}"
    assert ask(trace, "GET", path)["assessment"]["valid"] is False
    assert ask(trace, "DELETE", f"{PATH}/{second['assessment_id']}") == {}
    assert ask(trace, "GET", path)["assessment"]["valid"] is True


def test_each_write_leaves_an_audit_row(trace):
    made = create(trace, feedback={"value": 1})["assessment_id"]
    change = {"assessment": {"rationale": "x"}, "update_mask": "rationale"}
    ask(trace, "PATCH", f"{PATH}/{made}", change)
    ask(trace, "DELETE", f"{PATH}/{made}")
    entries = ask(trace, "GET", "/api/3.0/trackway/audit")["entries"]
    assert [(entry["action"], entry["target"]) for entry in reversed(entries)][-3:] == [
        ("CreateAssessment", f"assessment:{made}"),
        ("UpdateAssessment", f"assessment:{made}"),
        ("DeleteAssessment", f"assessment:{made}"),
    ]
