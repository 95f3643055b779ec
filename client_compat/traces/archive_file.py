"""Archived spans: a file ``traces.pb``, as MLflow writes it: OpenTelemetry's message ``TracesData``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import json_form, otlp
from .spans import Span

NAME = "traces.pb"


def dump(found: Iterable[Span]) -> bytes:
    """Return the file with the spans."""
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    scopes: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for span in found:
        scope = span.get("scope") or {}
        key = (scope.get("name", ""), scope.get("version", ""))
        scopes.setdefault(key, []).append(json_form.of_span(span))
    data = {
        "resource_spans": [
            {
                "scope_spans": [
                    {"scope": {"name": name, "version": version}, "spans": spans}
                    for (name, version), spans in scopes.items()
                ]
            }
        ]
    }
    return bytes(ParseDict(data, TracesData()).SerializeToString())


def load(data: bytes) -> list[Span]:
    """Return the spans of a file. Raise ``otlp.Undecodable``."""
    return [span for batch in otlp.decode(data, is_json=False) for _, span in batch.spans]
