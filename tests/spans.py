"""Requests with spans in OpenTelemetry's protocol."""

from __future__ import annotations

import os
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.traces import set_attributes

PATH = "/v1/traces"
START_NS = 1_700_000_000_000_000_000
HEADERS = {"Content-Type": "application/x-protobuf", "X-Mlflow-Experiment-Id": "0"}


def span_of(
    name: str,
    *,
    trace_id: bytes | None = None,
    span_id: bytes | None = None,
    parent: Span | None = None,
    start_ns: int = START_NS,
    duration_ns: int = 1_000_000_000,
    status: int = 0,
    attributes: dict[str, Any] | None = None,
) -> Span:
    """Return a span: a root with a trace id of its own, unless it has a parent."""
    span = Span(
        trace_id=trace_id or (parent.trace_id if parent else os.urandom(16)),
        span_id=span_id or os.urandom(8),
        parent_span_id=parent.span_id if parent else b"",
        name=name,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + duration_ns if duration_ns else 0,
    )
    span.status.code = status  # type: ignore[assignment]
    set_attributes(span.attributes, attributes or {})
    return span


def body_of(*spans: Span, resource: dict[str, str] | None = None) -> bytes:
    """Return the body of a request with the spans."""
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    set_attributes(of_resource.resource.attributes, resource or {})
    of_resource.scope_spans.add().spans.extend(spans)
    return request.SerializeToString()


def export(api: Any, *spans: Span, raw: bool = False, resource: Any = None, **headers: str) -> Any:
    """Send spans; return the id of the first one's trace, or the response if ``raw``."""
    answer = api.post(PATH, data=body_of(*spans, resource=resource), headers={**HEADERS, **headers})
    if raw:
        return answer
    assert answer.status_code == 200, answer.text
    return f"tr-{spans[0].trace_id.hex()}"
