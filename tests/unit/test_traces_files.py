"""`traces.json` of every generation of clients becomes the same span, and can be written again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.traces import CHILD, ROOT, START, TRACE, TRACE_ID
from trackway.client_compat.traces import spans, trace_files

V2_ID = "0123456789abcdef0123456789abcdef"
ID_TEXT = json.dumps(TRACE_ID)
EVENT = {"name": "e", "attributes": {"k": 1}}
TRACE_64, CHILD_64, ROOT_64 = (spans.to_base64(identifier) for identifier in (TRACE, CHILD, ROOT))


def of_2(prefix: str) -> dict[str, Any]:
    return {
        "name": "f",
        "context": {"span_id": prefix + CHILD.hex(), "trace_id": prefix + TRACE.hex()},
        "parent_id": prefix + ROOT.hex(),
        "start_time": START,
        "end_time": START + 5,
        "status_code": "ERROR",
        "status_message": "m",
        "attributes": {"mlflow.traceRequestId": json.dumps(V2_ID), "mlflow.spanInputs": '{"x": 1}', "n": "1"},
        "events": [{**EVENT, "timestamp": START}],
    }


def of_3(trace_id: str, span_id: str, parent: str | None, code: str, attributes: Any) -> dict[str, Any]:
    return {
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_span_id": parent,
        "name": "f",
        "start_time_unix_nano": START,
        "end_time_unix_nano": START + 5,
        "events": [{**EVENT, "time_unix_nano": START}],
        "status": {"code": code, "message": "m"},
        "attributes": attributes,
    }


TEXTS = {"mlflow.traceRequestId": ID_TEXT, "mlflow.spanInputs": '{"x": 1}', "n": "1"}
VALUES = {"mlflow.traceRequestId": TRACE_ID, "mlflow.spanInputs": {"x": 1}, "n": 1}
WRONG_64 = "AAAAAAAAAAAAAAAAAAAAAA=="
FILES = {
    "2.14": (of_2("0x"), V2_ID),
    "2.22": (of_2(""), V2_ID),
    "3.5.0": (of_3(TRACE_ID, CHILD.hex(), ROOT.hex(), "ERROR", TEXTS), TRACE_ID),
    "3.17": (of_3(TRACE_64, CHILD_64, ROOT_64, "STATUS_CODE_ERROR", TEXTS), TRACE_ID),
    "typescript": (of_3(WRONG_64, CHILD_64, ROOT_64, "ERROR", VALUES), TRACE_ID),
}


def parse(trace_id: str, *given: dict[str, Any]) -> list[spans.Span]:
    return trace_files.parse(json.dumps({"spans": given}).encode(), trace_id)


@pytest.mark.parametrize("client", FILES)
def test_every_generation_becomes_the_same_span(client: str) -> None:
    span, trace_id = FILES[client]
    assert parse(trace_id, span) == [
        {
            "trace_id": TRACE_64,
            "span_id": CHILD_64,
            "parent_span_id": ROOT_64,
            "name": "f",
            "start_time_unix_nano": START,
            "end_time_unix_nano": START + 5,
            "events": [{"name": "e", "time_unix_nano": START, "attributes": {"k": 1}}],
            "status": {"code": "STATUS_CODE_ERROR", "message": "m"},
            "attributes": {
                "mlflow.traceRequestId": json.dumps(trace_id),
                "mlflow.spanInputs": '{"x": 1}',
                "n": "1",
            },
            "links": [],
        }
    ]


@pytest.mark.parametrize("client", FILES)
def test_what_is_written_is_read_again(client: str) -> None:
    span, trace_id = FILES[client]
    found = parse(trace_id, span)
    assert parse(trace_id, *found) == found
    assert trace_files.parse(b"".join(trace_files.of_version_2(found)), trace_id) == found


def test_a_root_of_typescript_has_an_empty_parent() -> None:
    (found,) = parse(TRACE_ID, of_3(WRONG_64, ROOT_64, "", "OK", VALUES))
    assert spans.is_root(found)
    assert found["status"] == {"code": "STATUS_CODE_OK", "message": ""}


def test_a_plain_text_of_typescript_that_looks_like_json_is_a_text() -> None:
    values = {**VALUES, "zip": "01234", "digits": "5", "null": None}
    (found,) = parse(TRACE_ID, of_3(WRONG_64, ROOT_64, "", "OK", values))
    assert [found["attributes"][key] for key in ("zip", "digits", "null")] == ['"01234"', '"5"', "null"]


def test_a_trace_id_that_is_no_id_of_opentelemetry_has_one_for_all_its_spans() -> None:
    given = (of_3("?", CHILD_64, None, "OK", {}), of_3("?", ROOT_64, None, "OK", {}))
    first, second = parse("my-trace", *given)
    assert first["trace_id"] == second["trace_id"]
    assert first["attributes"]["mlflow.traceRequestId"] == '"my-trace"'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"spans": 1}',
        b'{"spans": [{"name": "x"}, 5]}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_file_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(trace_files.Unreadable):
        trace_files.parse(body, TRACE_ID)
