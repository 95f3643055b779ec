"""Spans from the body of a request of OTLP, in protobuf or in JSON (OpenTelemetry's protocol, version 1).

A body that is not OTLP raises ``Undecodable``. A span that cannot be stored is left out and counted.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from . import spans
from .spans import Span

_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8
_STATUS = ("STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR")
_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_MAX_TIME = (1 << 63) - 1


class Undecodable(Exception):
    """The body is not what its content type says. The text is MLflow's."""


class Refused(Exception):
    """A span cannot be stored. The text says why."""


class Batch(NamedTuple):
    """The spans of one resource, each with the id of its trace."""

    resource: Mapping[str, Any]
    spans: list[tuple[str, Span]]


class Export(NamedTuple):
    """What a request contains. ``reason`` is why the first of the refused spans was refused."""

    batches: list[Batch]
    rejected: int
    reason: str


def decode(body: bytes, *, is_json: bool) -> Export:
    """Return the spans of a body. Raise ``Undecodable``."""
    resources = _read_json(body) if is_json else _read_protobuf(body)
    batches = []
    rejected, reason = 0, ""
    for resource, raw_spans in resources:
        found = []
        for convert in raw_spans:
            try:
                found.append(convert())
            except Refused as error:
                rejected += 1
                reason = reason or str(error)
        batches.append(Batch(resource, found))
    return Export(batches, rejected, reason)


def partial_success(rejected: int, reason: str) -> bytes:
    """Return the response in protobuf that says how many spans were refused."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = reason
    return bytes(response.SerializeToString())


_Converters = Iterator[tuple[Mapping[str, Any], list[Callable[[], tuple[str, Span]]]]]


def _read_protobuf(body: bytes) -> _Converters:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except (DecodeError, RecursionError, UnicodeDecodeError):
        raise Undecodable("Invalid OpenTelemetry format") from None
    if not request.resource_spans:
        raise Undecodable("Invalid OpenTelemetry format - no spans found")
    for of_resource in request.resource_spans:
        converters: list[Callable[[], tuple[str, Span]]] = []
        for of_scope in of_resource.scope_spans:
            scope = (of_scope.scope.name, of_scope.scope.version)
            converters += [partial(_from_protobuf, raw, scope) for raw in of_scope.spans]
        yield _attributes(of_resource.resource.attributes), converters


def _from_protobuf(raw: Any, scope: tuple[str, str]) -> tuple[str, Span]:
    return _span(
        trace_id=raw.trace_id,
        span_id=raw.span_id,
        parent_id=raw.parent_span_id,
        name=raw.name,
        times=(raw.start_time_unix_nano, raw.end_time_unix_nano),
        attributes=_attributes(raw.attributes),
        events=[
            {
                "name": spans.storable(event.name),
                "time_unix_nano": event.time_unix_nano,
                "attributes": _attributes(event.attributes),
            }
            for event in raw.events
        ],
        status=(raw.status.code, raw.status.message),
        links=[(link.trace_id, link.span_id, _attributes(link.attributes)) for link in raw.links],
        more={"kind": raw.kind, "trace_state": raw.trace_state, "flags": raw.flags, "scope": scope},
    )


def _attributes(found: Any) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in found}


def _value(value: Any, depth: int = 0) -> Any:
    """Return the value of an ``AnyValue``. Bytes become base64, and what JSON does not have becomes text."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind is None or depth > spans.MAX_DEPTH:
        return None
    if kind == "array_value":
        return [_value(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: _value(item.value, depth + 1) for item in value.kvlist_value.values}
    return _plain(getattr(value, kind))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _read_json(body: bytes) -> _Converters:
    try:
        data = json.loads(body)
        resources = data.get("resourceSpans", data.get("resource_spans"))
    except (ValueError, AttributeError, RecursionError):
        raise Undecodable("Invalid OpenTelemetry format") from None
    if not resources:
        raise Undecodable("Invalid OpenTelemetry format - no spans found")
    try:
        for of_resource in resources:
            converters: list[Callable[[], tuple[str, Span]]] = []
            for of_scope in _get(of_resource, "scopeSpans") or ():
                given = of_scope.get("scope") or {}
                scope = (str(given.get("name") or ""), str(given.get("version") or ""))
                converters += [partial(_from_json, raw, scope) for raw in of_scope.get("spans") or ()]
            yield _json_attributes((of_resource.get("resource") or {}).get("attributes")), converters
    except (AttributeError, TypeError, ValueError, KeyError):
        raise Undecodable("Invalid OpenTelemetry format") from None


def _from_json(raw: Any, scope: tuple[str, str]) -> tuple[str, Span]:
    try:
        given = raw.get("status") or {}
        return _span(
            trace_id=_bytes(_get(raw, "traceId")),
            span_id=_bytes(_get(raw, "spanId")),
            parent_id=_bytes(_get(raw, "parentSpanId")),
            name=str(raw.get("name") or ""),
            times=(_number(_get(raw, "startTimeUnixNano")), _number(_get(raw, "endTimeUnixNano"))),
            attributes=_json_attributes(raw.get("attributes")),
            events=[
                {
                    "name": spans.storable(str(event.get("name") or "")),
                    "time_unix_nano": _number(_get(event, "timeUnixNano")),
                    "attributes": _json_attributes(event.get("attributes")),
                }
                for event in raw.get("events") or ()
            ],
            status=(_enumerated(given.get("code"), _STATUS), str(given.get("message") or "")),
            links=[
                (_bytes(_get(link, "traceId")), _bytes(_get(link, "spanId")),
                 _json_attributes(link.get("attributes")))
                for link in raw.get("links") or ()
            ],
            more={
                "kind": _enumerated(raw.get("kind"), tuple(f"SPAN_KIND_{kind}" for kind in _KINDS)),
                "trace_state": str(_get(raw, "traceState") or ""),
                "flags": _number(raw.get("flags")),
                "scope": scope,
            },
        )  # fmt: skip
    except (AttributeError, TypeError, ValueError, KeyError, RecursionError) as error:
        raise Refused(f"Cannot convert OpenTelemetry span to MLflow span: {error}") from None


def _get(data: Mapping[str, Any], name: str) -> Any:
    """Return a field by its name in JSON, or by that of protobuf."""
    if name in data:
        return data[name]
    return data.get("".join(f"_{char.lower()}" if char.isupper() else char for char in name))


def _bytes(text: str | None) -> bytes:
    return bytes.fromhex(text) if text else b""


def _number(value: Any) -> int:
    return int(value) if value else 0


def _enumerated(value: Any, names: tuple[str, ...]) -> int:
    return names.index(value) if isinstance(value, str) and value in names else _number(value)


def _json_attributes(found: Any) -> dict[str, Any]:
    return {str(attribute["key"]): _json_value(attribute.get("value")) for attribute in found or ()}


def _json_value(value: Any, depth: int = 0) -> Any:
    if not isinstance(value, dict) or not value or depth > spans.MAX_DEPTH:
        return None
    [(kind, content)] = list(value.items())[:1]
    match kind:
        case "intValue" | "int_value":
            return int(content)
        case "doubleValue" | "double_value":
            return _plain(float(content))
        case "arrayValue" | "array_value":
            return [_json_value(item, depth + 1) for item in content.get("values") or ()]
        case "kvlistValue" | "kvlist_value":
            items = content.get("values") or ()
            return {str(item["key"]): _json_value(item.get("value"), depth + 1) for item in items}
        case "boolValue" | "bool_value":
            return bool(content)
        case "stringValue" | "string_value" | "bytesValue" | "bytes_value":
            return str(content)
    return None


def _span(
    *,
    trace_id: bytes,
    span_id: bytes,
    parent_id: bytes,
    name: str,
    times: tuple[int, int],
    attributes: dict[str, Any],
    events: list[dict[str, Any]],
    status: tuple[int, str],
    links: list[tuple[bytes, bytes, dict[str, Any]]],
    more: dict[str, Any],
) -> tuple[str, Span]:
    if len(trace_id) != _TRACE_ID_BYTES or len(span_id) != _SPAN_ID_BYTES:
        raise Refused("Cannot convert OpenTelemetry span to MLflow span: its ids must have 16 and 8 bytes")
    if not 0 <= times[0] <= _MAX_TIME or not 0 <= times[1] <= _MAX_TIME:
        raise Refused("Cannot convert OpenTelemetry span to MLflow span: its times must be below 2^63 ns")
    mlflow_id = f"tr-{trace_id.hex()}"
    texts = {key: spans.dumps(value) for key, value in attributes.items()}
    texts[spans.TRACE_ID] = json.dumps(mlflow_id)
    made: Span = {
        "trace_id": b64encode(trace_id).decode(),
        "span_id": b64encode(span_id).decode(),
        "parent_span_id": b64encode(parent_id).decode() if len(parent_id) == _SPAN_ID_BYTES else None,
        "name": spans.storable(name),
        "start_time_unix_nano": times[0],
        "end_time_unix_nano": times[1] or None,
        "events": events,
        "status": {"code": _STATUS[status[0]] if status[0] in (1, 2) else _STATUS[0], "message": status[1]},
        "attributes": texts,
        "links": [
            {"trace_id": f"tr-{trace.hex()}", "span_id": span.hex(), "attributes": values or None}
            for trace, span, values in links
        ],
    }
    if 1 < more["kind"] < len(_KINDS):
        made["kind"] = f"SPAN_KIND_{_KINDS[more['kind']]}"
    if more["trace_state"]:
        made["trace_state"] = more["trace_state"]
    if more["flags"]:
        made["flags"] = more["flags"]
    if any(more["scope"]):
        made["scope"] = dict(zip(("name", "version"), more["scope"], strict=True))
    return mlflow_id, made
