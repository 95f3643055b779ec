"""Requests of OTLP: what is stored of a span, which spans are rejected alone, which bodies are refused."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.traces import CHILD, ROOT, START, TRACE, TRACE_ID, as_json, request
from tests.unit.dialect_cases import CASES
from trackway.client_compat.traces import (
    archive_file,
    attributes,
    json_form,
    otlp,
    spans,
    trace_files,
    translation,
)
from trackway.client_compat.traces.batches import Batch
from trackway.storage.traces import arrivals, bodies

NO_SPANS = "Invalid OpenTelemetry format - no spans found"
INVALID = "Invalid OpenTelemetry format"


def read(message: Any, *, is_json: bool = False) -> Batch:
    body = as_json(message) if is_json else message.SerializeToString()
    (batch,) = otlp.decode(body, is_json=is_json)
    return batch


def read_json(*found: dict[str, Any]) -> Batch:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": list(found)}]}]}
    (batch,) = otlp.decode(json.dumps(body).encode(), is_json=True)
    return batch


def attributes_of(batch: Batch) -> dict[str, str]:
    ((_, span),) = batch.spans
    return span["attributes"]


PLAIN = {"traceId": TRACE.hex(), "spanId": ROOT.hex(), "name": "x", "startTimeUnixNano": str(START)}


@pytest.mark.parametrize("is_json", [False, True])
def test_a_span_is_stored_as_mlflow_serves_it(is_json: bool) -> None:
    message = request(
        {
            "name": "root",
            "attributes": {"n": 1, "text": "1", "json": '{"a": 1}'},
            "events": [("e", {"k": 1})],
            "links": [(TRACE, CHILD, {})],
            "status": (2, "broke"),
            "kind": 3,
        }
    )
    message.resource_spans[0].scope_spans[0].scope.name = "lib"
    message.resource_spans[0].scope_spans[0].scope.version = "1"
    ((trace_id, span),) = read(message, is_json=is_json).spans
    assert trace_id == TRACE_ID
    assert span == {
        "trace_id": "AQIDBAUGBwgJCgsMDQ4PEA==",
        "span_id": "AQEBAQEBAQE=",
        "parent_span_id": None,
        "name": "root",
        "start_time_unix_nano": START,
        "end_time_unix_nano": START + 1_000_000_000,
        "events": [{"name": "e", "time_unix_nano": START, "attributes": {"k": 1}}],
        "status": {"code": "STATUS_CODE_ERROR", "message": "broke"},
        "attributes": {
            "n": "1",
            "text": '"1"',
            "json": '{"a": 1}',
            "mlflow.traceRequestId": f'"{TRACE_ID}"',
        },
        "links": [{"trace_id": TRACE_ID, "span_id": CHILD.hex(), "attributes": None}],
        "kind": "SPAN_KIND_CLIENT",
        "scope": {"name": "lib", "version": "1"},
    }


@pytest.mark.parametrize("is_json", [False, True])
def test_attributes_of_the_resource_are_tags(is_json: bool) -> None:
    resource = {"service.name": "s", "n": 1, "list": ["a"], "telemetry.sdk.name": "x", "mlflow.y": "z"}
    batch = read(request({}, resource=resource), is_json=is_json)
    assert batch.tags == {"service.name": "s", "n": "1", "list": '["a"]'}
    assert "service.name" not in attributes_of(batch)


def test_the_name_of_a_known_service_is_copied_to_the_root() -> None:
    batch = read(request({}, {}, resource={"service.name": "claude-code"}))
    assert [span["attributes"].get("service.name") for _, span in batch.spans] == ['"claude-code"', None]


@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize(
    ("span", "said"),
    [
        ({"trace_id": b""}, "its trace_id is not valid: it is empty or zero."),
        ({"trace_id": bytes(16)}, "its trace_id is not valid: it is empty or zero."),
        ({"span_id": b""}, "its span_id is not valid: it is empty or zero."),
        ({"span_id": bytes([1] * 9)}, "its span_id is not valid: it has 9 bytes, at most 8 are allowed."),
        (
            {"parent": bytes([1] * 9)},
            "its parent_span_id is not valid: it has 9 bytes, at most 8 are allowed.",
        ),
        ({"start": 2**63}, f"start_time_unix_nano is {2**63}, but must be from 0 to {2**63 - 1}."),
    ],
)
def test_a_span_that_cannot_be_stored_is_rejected_alone(
    span: dict[str, Any], said: str, is_json: bool
) -> None:
    batch = read(request({}, {"name": "bad", **span}), is_json=is_json)
    assert [found["name"] for _, found in batch.spans] == ["span 0"]
    assert batch.rejected == [f"The span 'bad' was rejected: {said}"]
    assert otlp.rejections([batch, batch]) == (2, batch.rejected[0])


@pytest.mark.parametrize("parent", [b"", bytes(8)])
def test_a_parent_of_zeros_is_none(parent: bytes) -> None:
    ((_, span),) = read(request({"parent": parent})).spans
    assert spans.is_root(span)


def test_a_short_id_is_filled_up() -> None:
    ((trace_id, span),) = read(request({"trace_id": b"\x05" * 8, "span_id": b"\x07"})).spans
    assert (trace_id, spans.to_hex(span["span_id"])) == (f"tr-{'0' * 16}{'05' * 8}", "0" * 15 + "7")


def test_half_a_character_rejects_one_span() -> None:
    message = request({"name": "good"}, {"attributes": {"k": "abcdef"}}, resource={"service.name": "s"})
    (batch,) = otlp.decode(message.SerializeToString().replace(b"abcdef", b"abcde\xe4"), is_json=False)
    assert [span["name"] for _, span in batch.spans] == ["good"]
    assert batch.rejected == ["A span was rejected: String field had bad UTF-8."]
    assert batch.tags == {"service.name": "s"}


def test_half_a_character_in_json_is_replaced() -> None:
    body = as_json(request({"attributes": {"k": "abcdef"}})).replace(b"abcdef", b"abcde\xe4")
    (batch,) = otlp.decode(body, is_json=True)
    assert attributes_of(batch)["k"] == '"abcde\ufffd"'


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\0b", '"a\ufffdb"'),
        ('{"a": "\\u0000"}', '{"a": "\ufffd"}'),
        ('{"a": "\\ud83d\\ude00"}', '{"a": "\\ud83d\\ude00"}'),
        ('{"a": "\\ud800"}', '{"a": "\ufffd"}'),
        ("[NaN]", '"[NaN]"'),
        ("[" * 3000, json.dumps("[" * 3000)),
        ("1" * 5000, json.dumps("1" * 5000)),
        ('"' + "x", '"\\"x"'),
        (" [1]", " [1]"),
    ],
)
def test_every_text_can_be_stored(text: str, stored: str) -> None:
    assert attributes_of(read(request({"attributes": {"k": text}})))["k"] == stored


def test_single_surrogates_in_json_are_replaced_everywhere() -> None:
    bad = "x\ud800\0"
    batch = read_json(
        {
            **PLAIN,
            "name": bad,
            "traceState": bad,
            "status": {"code": "STATUS_CODE_ERROR", "message": bad},
            "attributes": [{"key": bad, "value": {"stringValue": bad}}],
            "events": [{"name": bad, "attributes": [{"key": bad, "value": {"stringValue": bad}}]}],
        }
    )
    ((_, span),) = batch.spans
    text = bodies.line_of(span).decode()
    assert "?" not in text  # which stands for what cannot be encoded
    assert "\\u0000" not in text
    assert text.count("x\ufffd\ufffd") == 8


def test_numbers_beyond_json_are_kept_in_attributes_and_are_texts_in_events() -> None:
    numbers = {"nan": float("nan"), "inf": float("-inf")}
    ((_, span),) = read(request({"attributes": numbers, "events": [("e", numbers)]})).spans
    assert (span["attributes"]["nan"], span["attributes"]["inf"]) == ("NaN", "-Infinity")
    assert span["events"][0]["attributes"] == {"nan": "NaN", "inf": "-Infinity"}


def test_json_in_all_its_spellings() -> None:
    batch = read_json(
        {
            "trace_id": TRACE.hex().upper(),
            "spanId": ROOT.hex().upper(),
            "kind": "SPAN_KIND_SERVER",
            "start_time_unix_nano": START,
            "endTimeUnixNano": str(START + 1),
            "unknown": {"x": 1},
            "links": [{"traceId": TRACE.hex().upper(), "spanId": CHILD.hex().upper()}, {"traceId": "zz"}],
            "attributes": [
                {"key": "big", "value": {"intValue": "99999999999999999999999"}},
                {"key": "bytes", "value": {"bytesValue": "/wA="}},
                {"key": "none"},
                {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": True}, {}]}}},
            ],
        }
    )
    ((trace_id, span),) = batch.spans
    assert (trace_id, span["kind"]) == (TRACE_ID, "SPAN_KIND_SERVER")
    assert (span["start_time_unix_nano"], span["end_time_unix_nano"]) == (START, START + 1)
    assert span["links"] == [{"trace_id": TRACE_ID, "span_id": CHILD.hex(), "attributes": None}]
    found = {key: text for key, text in span["attributes"].items() if not key.startswith("mlflow")}
    assert found == {
        "big": "99999999999999999999999",
        "bytes": '"/wA="',
        "none": "null",
        "list": "[true, null]",
    }
    # MLflow's clients cannot read a whole number of more than 64 bits.
    assert json_form.of_span(span)["attributes"][0]["value"] == {"string_value": "99999999999999999999999"}


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"startTimeUnixNano": "soon"}, "startTimeUnixNano is 'soon', which is not a whole number."),
        ({"startTimeUnixNano": -1}, f"start_time_unix_nano is -1, but must be from 0 to {2**63 - 1}."),
        ({"traceId": "xyz"}, "traceId is 'xyz', which is not hexadecimal."),
        (
            {"attributes": [{"key": "a", "value": {"doubleValue": "x"}}]},
            "doubleValue is 'x', which is not a number.",
        ),
    ],
)
def test_a_bad_field_of_json_rejects_one_span(field: dict[str, Any], said: str) -> None:
    batch = read_json(PLAIN, {**PLAIN, **field})
    assert len(batch.spans) == 1
    assert batch.rejected == [f"The span 'x' was rejected: {said}"]


@pytest.mark.parametrize(
    ("body", "is_json", "said"),
    [
        (b"", False, NO_SPANS),
        (b"{}", True, NO_SPANS),
        (b'{"resourceSpans": []}', True, NO_SPANS),
        (b"hello", False, INVALID),
        (b"\x0a\xff", False, INVALID),
        (gzip.compress(b"x" * 100, mtime=0), False, INVALID),
        (b"", True, INVALID),
        (b"[]", True, INVALID),
        (b'{"resourceSpans": 1}', True, INVALID),
        (b'{"resourceSpans": [1]}', True, INVALID),
        (b"[" * 100_000, True, INVALID),
        (b'{"a": ' + b"1" * 5000 + b"}", True, INVALID),
    ],
)
def test_a_body_that_is_not_otlp_is_refused(body: bytes, is_json: bool, said: str) -> None:
    with pytest.raises(otlp.Undecodable) as refusal:
        otlp.decode(body, is_json=is_json)
    assert str(refusal.value) == said


def test_a_resource_without_spans_is_no_error() -> None:
    message = ExportTraceServiceRequest()
    message.resource_spans.add()
    assert otlp.decode(message.SerializeToString(), is_json=False) == [Batch({}, [], [])]


def test_the_response_says_what_was_rejected() -> None:
    assert otlp.encode_response(0, "") == b""
    read_back = ExportTraceServiceResponse.FromString(otlp.encode_response(2, "why"))
    assert (read_back.partial_success.rejected_spans, read_back.partial_success.error_message) == (2, "why")


def _any_json(dice: random.Random, depth: int = 5) -> Any:
    keys = """traceId spanId parentSpanId name kind startTimeUnixNano endTimeUnixNano attributes events links
        status code message key value stringValue intValue doubleValue boolValue arrayValue kvlistValue values
        bytesValue flags traceState content context spans trace_id span_id resourceSpans scopeSpans scope
        resource""".split()
    leaves = [
        None,
        True,
        0,
        -1,
        2**70,
        1.5,
        float("nan"),
        float("inf"),
        "",
        "a\0",
        "\ud800",
        "NaN",
        "1",
        "{",
        TRACE_ID,
    ]
    kind = dice.random()
    if depth == 0 or kind < 0.3:
        return dice.choice([*leaves, TRACE.hex(), ROOT.hex()])
    if kind < 0.5:
        return [_any_json(dice, depth - 1) for _ in range(dice.randint(0, 3))]
    return {dice.choice(keys): _any_json(dice, depth - 1) for _ in range(dice.randint(0, 5))}


def _use(batches: list[Batch]) -> None:
    """Do with the spans all that a server does."""
    otlp.rejections(batches)
    for batch in batches:
        for _, span in batch.spans:
            translation.translate(span)
            json.dumps(json_form.of_span(span)).encode()
        found = [span for _, span in batch.spans]
        if found:
            new = arrivals.new_trace(TRACE_ID, found, batch.tags)
            archive_file.load(archive_file.dump(json.loads(span.line) for span in new.spans))
        b"".join(trace_files.of_version_2(found)).decode()


def test_no_body_raises_anything_but_the_declared_error() -> None:
    dice = random.Random(1)
    pool = [pair for case in CASES for pair in case.attributes.items()]
    good = request({"attributes": dict(pool), "events": [("e", {"k": 1})]}, {"links": [(TRACE, CHILD, {})]})
    for number in range(800):
        is_json = number % 2 == 0
        body = bytearray(as_json(good) if is_json else good.SerializeToString())
        for _ in range(dice.randint(1, 8)):
            place = dice.randrange(len(body))
            match dice.randrange(3):
                case 0:
                    body[place] = dice.randrange(256)
                case 1:
                    del body[place : place + dice.randint(1, 9)]
                case 2:
                    body[place:place] = dice.randbytes(dice.randint(1, 5))
        with contextlib.suppress(otlp.Undecodable):
            _use(otlp.decode(bytes(body), is_json=is_json))


def test_no_json_raises_anything_but_the_declared_errors() -> None:
    dice = random.Random(2)
    for _ in range(800):
        span = {**PLAIN, **_object(_any_json(dice))}
        body = {
            "resourceSpans": [
                {"scopeSpans": [{"spans": [span, _any_json(dice)]}], **_object(_any_json(dice, 2))}
            ]
        }
        with contextlib.suppress(otlp.Undecodable):
            _use(otlp.decode(json.dumps(body).encode(), is_json=True))
        file = {"spans": [{**_any_file_span(), **_object(_any_json(dice))}]}
        try:
            found = trace_files.parse(
                json.dumps(file).encode(), dice.choice([TRACE_ID, "x", "", TRACE.hex()])
            )
        except trace_files.Unreadable:
            continue
        _use([Batch({}, [(TRACE_ID, span) for span in found], [])])


def test_no_attributes_of_a_dialect_raise() -> None:
    dice = random.Random(3)
    keys = [key for case in CASES for key in case.attributes]
    for _ in range(800):
        values = (
            dice.choice(["", "NaN", "[]", "{}", "1e999", '"x"', '{"model": []}', "[[1]]", "true"])
            for _ in keys
        )
        given = dict(zip(dice.sample(keys, 15), values, strict=False))
        ((_, span),) = read(request({"attributes": given})).spans
        for key in given:
            if dice.random() < 0.3:
                span["attributes"][key] = attributes.dump(_any_json(dice, 3))
        _use([Batch({}, [(TRACE_ID, span)], [])])


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _any_file_span() -> dict[str, Any]:
    return {
        "trace_id": TRACE.hex(),
        "span_id": ROOT.hex(),
        "parent_span_id": None,
        "name": "x",
        "start_time_unix_nano": START,
    }
