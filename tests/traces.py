"""Spans of OTLP for tests: requests from plain values, in protobuf and JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE = bytes(range(1, 17))
ROOT, CHILD = bytes(8 * [1]), bytes(8 * [2])
TRACE_ID = f"tr-{TRACE.hex()}"
START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def request(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> Any:
    """Return the message. A span is {name, attributes, events, links, status, ...}, all of them optional."""
    message = ExportTraceServiceRequest()
    found = message.resource_spans.add()
    set_attributes(found.resource.attributes, resource or {})
    part = found.scope_spans.add()
    for number, given in enumerate(spans):
        span = part.spans.add()
        span.trace_id = given.get("trace_id", TRACE)
        span.span_id = given.get("span_id", ROOT if number == 0 else bytes(8 * [number + 1]))
        span.parent_span_id = given.get("parent", ROOT if number else b"")
        span.name = given.get("name", f"span {number}")
        span.start_time_unix_nano = given.get("start", START + number)
        span.end_time_unix_nano = given.get("end", START + SECOND + number)
        set_attributes(span.attributes, given.get("attributes", {}))
        for name, attributes in given.get("events", ()):
            event = span.events.add()
            event.name, event.time_unix_nano = name, START
            set_attributes(event.attributes, attributes)
        for trace_id, span_id, attributes in given.get("links", ()):
            link = span.links.add()
            link.trace_id, link.span_id = trace_id, span_id
            set_attributes(link.attributes, attributes)
        span.status.code, span.status.message = given.get("status", (0, ""))
        span.kind, span.trace_state, span.flags = (
            given.get("kind", 0),
            given.get("trace_state", ""),
            given.get("flags", 0),
        )
    return message


def as_json(message: Any) -> bytes:
    """Return a request in OTLP's JSON: as protobuf's, but with hexadecimal ids."""
    from google.protobuf.json_format import MessageToDict

    def with_hex(value: Any) -> Any:
        if isinstance(value, list):
            return [with_hex(item) for item in value]
        if isinstance(value, dict):
            ids = ("traceId", "spanId", "parentSpanId")
            return {
                key: base64.b64decode(item).hex() if key in ids else with_hex(item)
                for key, item in value.items()
            }
        return value

    return json.dumps(with_hex(MessageToDict(message))).encode()


def set_attributes(attributes: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        attribute = attributes.add()
        attribute.key = key
        set_value(attribute.value, value)


def set_value(found: Any, value: Any) -> None:
    match value:
        case bool():
            found.bool_value = value
        case int():
            found.int_value = value
        case float():
            found.double_value = value
        case str():
            found.string_value = value
        case bytes():
            found.bytes_value = value
        case list():
            found.array_value.SetInParent()
            for item in value:
                set_value(found.array_value.values.add(), item)
        case dict():
            found.kvlist_value.SetInParent()
            set_attributes(found.kvlist_value.values, value)
