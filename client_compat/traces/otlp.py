"""Reads requests of OTLP over HTTP (`ExportTraceServiceRequest`), in protobuf or JSON.

The body is unpacked, and its size is limited, before. A span that cannot be stored is rejected alone, for
`partial_success`; MLflow refuses the request. That includes a span whose bytes are not protobuf, such as one
with half a UTF-8 character.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from . import attributes as names
from . import otlp_json
from .batches import (
    Batch,
    Rejected,
    Undecodable,
    make_event,
    make_link,
    make_scope,
    make_span,
    rejections,
    tags_of,
)

__all__ = ["Batch", "Undecodable", "decode", "encode_response", "rejections"]

INVALID = "Invalid OpenTelemetry format"
EMPTY = "Invalid OpenTelemetry format - no spans found"


def decode(body: bytes, *, is_json: bool) -> list[Batch]:
    """Return the batches of a request, one for each resource. Raise Undecodable."""
    batches = otlp_json.read(body) if is_json else _read(body)
    if not batches:
        raise Undecodable(EMPTY)
    return batches


def encode_response(rejected: int, sentence: str) -> bytes:
    """Return `ExportTraceServiceResponse` in protobuf; it is empty if no span was rejected."""
    if not rejected:
        return b""
    response = _protobuf().Response()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = sentence
    return bytes(response.SerializeToString())


class _Protobuf(NamedTuple):
    Request: Any
    Response: Any
    Resource: Any
    Scope: Any
    Span: Any
    DecodeError: type[Exception]


@functools.cache
def _protobuf() -> _Protobuf:
    # Imported at first use: it takes a tenth of a second, and most servers that have no traces never need it.
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    return _Protobuf(
        service.ExportTraceServiceRequest,
        service.ExportTraceServiceResponse,
        Resource,
        InstrumentationScope,
        Span,
        DecodeError,
    )


def _read(body: bytes) -> list[Batch]:
    protobuf = _protobuf()
    try:
        request = protobuf.Request.FromString(body)
    except protobuf.DecodeError:
        return _read_apart(body)
    return [
        _batch(found.resource, ((part.scope, part.spans) for part in found.scope_spans), [])
        for found in request.resource_spans
    ]


def _batch(resource: Any, parts: Iterable[tuple[Any, Iterable[Any]]], rejected: list[str]) -> Batch:
    attributes = _attributes(resource.attributes)
    service = attributes.get("service.name")
    spans = []
    for scope, found in parts:
        made_scope = make_scope(scope.name, scope.version)
        for span in found:
            try:
                spans.append(_span(span, made_scope, service))
            except Rejected as error:
                rejected.append(str(error))
    return Batch(tags_of(attributes), spans, rejected)


def _span(span: Any, scope: dict[str, str] | None, service: Any) -> tuple[str, dict[str, Any]]:
    status = span.status
    links = [make_link(link.trace_id, link.span_id, _attributes(link.attributes)) for link in span.links]
    return make_span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent=span.parent_span_id,
        name=span.name,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_texts(span.attributes),
        status=status.code,
        message=status.message,
        events=[
            make_event(event.name, event.time_unix_nano, _attributes(event.attributes))
            for event in span.events
        ],
        links=[link for link in links if link],
        kind=span.kind,
        trace_state=span.trace_state,
        flags=span.flags,
        scope=scope,
        service=service,
    )


def _texts(attributes: Any) -> dict[str, str]:
    texts = {}
    for attribute in attributes:
        value = attribute.value
        kind = value.WhichOneof("value")
        key = attribute.key
        if "\0" in key:
            key = names.clean(key)
        if kind == "string_value":
            texts[key] = names.encode_text(value.string_value)
        elif kind == "int_value":
            texts[key] = str(value.int_value)
        else:
            texts[key] = names.dump(_value(value))
    return texts


def _attributes(attributes: Any) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)


def _read_apart(body: bytes) -> list[Batch]:
    """Read each span of a request on its own, because the whole is not protobuf."""
    return [_read_resource(found) for number, found in _fields(body) if number == 1]


def _read_resource(body: bytes) -> Batch:
    protobuf = _protobuf()
    rejected: list[str] = []
    resource, parts = protobuf.Resource(), []
    for number, found in _fields(body):
        if number == 1:
            resource = _parse(protobuf.Resource, found)
        elif number == 2:
            scope, spans = protobuf.Scope(), []
            for inner, part in _fields(found):
                if inner == 1:
                    scope = _parse(protobuf.Scope, part)
                elif inner == 2:
                    try:
                        spans.append(protobuf.Span.FromString(part))
                    except protobuf.DecodeError as error:
                        rejected.append(f"A span was rejected: {str(error).rpartition(': ')[2]}.")
            parts.append((scope, spans))
    return _batch(resource, parts, rejected)


def _parse(kind: Any, body: bytes) -> Any:
    try:
        return kind.FromString(body)
    except _protobuf().DecodeError:
        return kind()  # its spans are worth more than its own attributes


def _fields(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of a message that have a length, by their numbers. Raise Undecodable."""
    at = 0
    while at < len(body):
        tag, at = _varint(body, at)
        kind = tag & 7
        if kind == 2:
            size, at = _varint(body, at)
            if size > len(body) - at:
                raise Undecodable(INVALID)
            yield tag >> 3, body[at : at + size]
            at += size
        elif kind == 0:
            _, at = _varint(body, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise Undecodable(INVALID)
    if at != len(body):
        raise Undecodable(INVALID)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(body):
            break
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise Undecodable(INVALID)
