"""A span as ``traces/get`` returns it: OpenTelemetry's message as JSON, with names in snake_case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import spans
from .spans import Span


def in_order(found: Iterable[Span]) -> list[Span]:
    """Return the spans in the order in which MLflow returns them: roots first, then by start."""
    return sorted(found, key=lambda span: (bool(span["parent_span_id"]), span["start_time_unix_nano"]))


def of_span(span: Span) -> dict[str, Any]:
    """Return a stored span in this form. Ids are base64, and 64-bit numbers are numbers."""
    made: dict[str, Any] = {"trace_id": span["trace_id"], "span_id": span["span_id"]}
    for name in ("trace_state", "parent_span_id", "flags", "name", "kind"):
        if value := span.get(name):
            made[name] = value
    made["start_time_unix_nano"] = span["start_time_unix_nano"]
    if span["end_time_unix_nano"]:
        made["end_time_unix_nano"] = span["end_time_unix_nano"]
    made["attributes"] = [
        {"key": key, "value": value_of(spans.loads(text))} for key, text in span["attributes"].items()
    ]
    if span["events"]:
        made["events"] = [_event(event) for event in span["events"]]
    if span["links"]:
        made["links"] = [link for link in map(_link, span["links"]) if link]
    message, code = span["status"].get("message"), span["status"]["code"]
    made["status"] = {"message": message, "code": code} if message else {"code": code}
    return made


def value_of(value: Any) -> dict[str, Any]:
    """Return a value as an ``AnyValue``."""
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int):
        return {"int_value": value} if -(1 << 63) <= value < 1 << 63 else {"string_value": str(value)}
    if isinstance(value, float):
        return {"double_value": value}
    if isinstance(value, list):
        return {"array_value": {"values": list(map(value_of, value))} if value else {}}
    if isinstance(value, dict):
        return {"kvlist_value": {"values": _pairs(value)} if value else {}}
    return {}


def _pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": str(key), "value": value_of(value)} for key, value in values.items()]


def _event(event: dict[str, Any]) -> dict[str, Any]:
    made = {"time_unix_nano": event["time_unix_nano"], "name": event["name"]}
    if event.get("attributes"):
        made["attributes"] = _pairs(event["attributes"])
    return made


def _link(link: dict[str, Any]) -> dict[str, Any] | None:
    """Return a link, or None if its ids are none of OpenTelemetry's."""
    try:
        made: dict[str, Any] = {
            "trace_id": spans.base64_of(link["trace_id"].removeprefix("tr-")),
            "span_id": spans.base64_of(link["span_id"]),
        }
    except ValueError:
        return None
    if link.get("attributes"):
        made["attributes"] = _pairs(link["attributes"])
    return made
