"""A stored span as the JSON of OTLP's message `Span`, in the form of MLflow's `traces/get` and `batchGet`.

The names are in snake_case, ids are base64, numbers of 64 bits are numbers, fields with their default are
left out. MLflow makes it with protobuf; here it is made from the dictionary.
"""

from __future__ import annotations

import math
from typing import Any

from . import attributes as names
from . import spans
from .spans import Span

Json = dict[str, Any]
_INT64 = range(-(2**63), 2**63)
# MLflow's clients read messages up to 100 deep, and a value in a list or an object is two or three of them.
_MAX_DEPTH = 28


def of_span(span: Span) -> Json:
    """Return the span's message."""
    made: Json = {"trace_id": span["trace_id"], "span_id": span["span_id"]}
    if trace_state := span.get("trace_state"):
        made["trace_state"] = trace_state
    if parent := span["parent_span_id"]:
        made["parent_span_id"] = parent
    if name := span["name"]:
        made["name"] = name
    if kind := span.get("kind"):
        made["kind"] = kind
    if start := span["start_time_unix_nano"]:
        made["start_time_unix_nano"] = start
    if end := span["end_time_unix_nano"]:
        made["end_time_unix_nano"] = end
    if attributes := span["attributes"]:
        made["attributes"] = _of_attributes({key: names.decode(text) for key, text in attributes.items()})
    if events := span["events"]:
        made["events"] = [_of_event(event) for event in events]
    if links := [found for link in span["links"] if (found := _of_link(link))]:
        made["links"] = links
    made["status"] = _of_status(span["status"])
    if flags := span.get("flags"):
        made["flags"] = flags
    return made


def of_value(value: Any, depth: int = _MAX_DEPTH) -> Json:
    """Return the message `AnyValue` of a value of JSON types; null has none of its kinds.

    Whole numbers of more than 64 bits, and what is nested too deep, become texts: the clients cannot read
    them otherwise.
    """
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int):
        return {"int_value": value} if value in _INT64 else {"string_value": str(value)}
    if isinstance(value, float):
        return {"double_value": value if math.isfinite(value) else names.non_finite(value)}
    if value is None:
        return {}
    if depth <= 0:
        return {"string_value": names.dump(value)}
    if isinstance(value, list):
        items = [of_value(item, depth - 1) for item in value]
        return {"array_value": {"values": items} if items else {}}
    fields = _of_attributes(value, depth - 1)
    return {"kvlist_value": {"values": fields} if fields else {}}


def _of_attributes(values: Json, depth: int = _MAX_DEPTH) -> list[Json]:
    return [
        {"key": key} if value is None else {"key": key, "value": of_value(value, depth)}
        for key, value in values.items()
    ]


def _of_event(event: Json) -> Json:
    made = {"time_unix_nano": event["time_unix_nano"], "name": event["name"]}
    made = {key: value for key, value in made.items() if value}
    if attributes := event["attributes"]:
        made["attributes"] = _of_attributes(attributes)
    return made


def _of_link(link: Json) -> Json | None:
    try:
        trace_id = spans.from_hex(link["trace_id"].rpartition("/")[2].removeprefix(spans.TRACE_ID_PREFIX), 16)
        span_id = spans.from_hex(link["span_id"], 8)
    except ValueError:
        return None
    made: Json = {"trace_id": spans.to_base64(trace_id), "span_id": spans.to_base64(span_id)}
    if attributes := link["attributes"]:
        made["attributes"] = _of_attributes(attributes)
    return made


def _of_status(status: Json) -> Json:
    made = {}
    if message := status["message"]:
        made["message"] = message
    if status["code"] != spans.UNSET:
        made["code"] = status["code"]
    return made
