"""Reads requests of OTLP in JSON.

Ids are hexadecimal, in lower or upper case; whole numbers of 64 bits may be texts; names may be in camelCase
or snake_case; unknown fields are ignored; enumerations may be numbers or names.
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from . import attributes as names
from . import spans
from .batches import (
    Batch,
    Rejected,
    Undecodable,
    make_event,
    make_link,
    make_scope,
    make_span,
    tags_of,
)

INVALID = "Invalid OpenTelemetry format"
# As deep as protobuf's own reader goes.
_MAX_DEPTH = 50


def read(body: bytes) -> list[Batch]:
    """Return the batches of a request; none if it has no `resourceSpans`. Raise Undecodable."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):  # a UnicodeDecodeError is a ValueError
        request = _repaired(body)
    if not isinstance(request, dict):
        raise Undecodable(INVALID)
    return [_batch(_object(found)) for found in _list(request, "resourceSpans")]


def _repaired(body: bytes) -> Any:
    """Read a body with bytes that are not UTF-8: a client has cut a text in the middle of a character."""
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise Undecodable(INVALID) from None


def _batch(found: dict[str, Any]) -> Batch:
    try:
        resource = _attributes(_object(found.get("resource")))
    except (ValueError, RecursionError):
        raise Undecodable(INVALID) from None
    service = resource.get("service.name")
    batch = Batch(tags_of(resource), [], [])
    for part in map(_object, _list(found, "scopeSpans")):
        scope = _object(part.get("scope"))
        made_scope = make_scope(_text(scope, "name"), _text(scope, "version"))
        for span in _list(part, "spans"):
            try:
                batch.spans.append(_span(span, made_scope, service))
            except Rejected as error:
                batch.rejected.append(str(error))
            except (ValueError, RecursionError, Undecodable) as error:
                name = names.clean(str(span.get("name", "")))[:100] if isinstance(span, dict) else ""
                reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
                batch.rejected.append(f"The span '{name}' was rejected: {names.clean(reason)}.")
    return batch


def _span(span: Any, scope: dict[str, str] | None, service: Any) -> tuple[str, spans.Span]:
    if not isinstance(span, dict):
        raise ValueError("it is not an object")
    status = _object(span.get("status"))
    return make_span(
        trace_id=_id(span, "traceId"),
        span_id=_id(span, "spanId"),
        parent=_id(span, "parentSpanId"),
        name=_text(span, "name"),
        start=_number(span, "startTimeUnixNano"),
        end=_number(span, "endTimeUnixNano"),
        attributes={names.clean(key): names.encode(value) for key, value in _attributes(span).items()},
        status=_enumeration(status, "code", spans.STATUSES),
        message=_text(status, "message"),
        events=[_event(event) for event in map(_object, _list(span, "events"))],
        links=[made for link in map(_object, _list(span, "links")) if (made := _link(link))],
        kind=_enumeration(span, "kind", spans.KINDS),
        trace_state=_text(span, "traceState"),
        flags=_number(span, "flags"),
        scope=scope,
        service=service,
    )


def _event(event: dict[str, Any]) -> dict[str, Any]:
    time = _number(event, "timeUnixNano")
    if not 0 <= time < 2**64:
        raise ValueError(f"timeUnixNano of an event is {time}, but must be from 0 to 2^64 - 1")
    return make_event(_text(event, "name"), time, _attributes(event))


def _link(link: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return make_link(_id(link, "traceId"), _id(link, "spanId"), _attributes(link))
    except ValueError:
        return None


def _attributes(holder: dict[str, Any], depth: int = _MAX_DEPTH) -> dict[str, Any]:
    return {
        _text(item, "key"): _value(item.get("value"), depth)
        for item in map(_object, _list(holder, "attributes"))
    }


def _value(value: Any, depth: int) -> Any:
    """Return the value of an `AnyValue`; None if it has none."""
    if depth <= 0:
        raise ValueError("an attribute is nested too deep")
    for name, found in _object(value).items():
        match name:
            case "stringValue" | "string_value":
                return found if isinstance(found, str) else None if found is None else str(found)
            case "intValue" | "int_value":
                return _whole(found, name)
            case "boolValue" | "bool_value":
                return found in (True, "true")
            case "doubleValue" | "double_value":
                return None if found is None else _double(found)
            case "bytesValue" | "bytes_value":
                return _bytes(found)
            case "arrayValue" | "array_value":
                return [_value(item, depth - 1) for item in _list(_object(found), "values")]
            case "kvlistValue" | "kvlist_value":
                items = map(_object, _list(_object(found), "values"))
                return {_text(item, "key"): _value(item.get("value"), depth - 1) for item in items}
    return None


def _bytes(found: Any) -> bytes:
    try:
        text = str(found).replace("-", "+").replace("_", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("bytesValue is not base64") from None


def _double(found: Any) -> float:
    try:
        return float(found)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"doubleValue is {_shown(found)}, which is not a number") from None


def _whole(found: Any, name: str) -> int:
    if isinstance(found, str):
        try:
            return int(found)
        except ValueError:
            pass
    elif isinstance(found, int) or (isinstance(found, float) and found.is_integer()):
        return int(found)
    elif found is None:
        return 0
    raise ValueError(f"{name} is {_shown(found)}, which is not a whole number")


def _number(holder: dict[str, Any], name: str) -> int:
    return _whole(_get(holder, name), name)


def _enumeration(holder: dict[str, Any], name: str, values: tuple[str, ...]) -> int:
    found = _get(holder, name)
    if isinstance(found, str) and found in values:
        return values.index(found)
    return _whole(found, name)


def _id(holder: dict[str, Any], name: str) -> bytes:
    found = _get(holder, name)
    if not found:
        return b""
    try:
        return bytes.fromhex(found)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {_shown(found)}, which is not hexadecimal") from None


def _text(holder: dict[str, Any], name: str) -> str:
    found = _get(holder, name)
    return found if isinstance(found, str) else "" if found is None else str(found)


def _get(holder: dict[str, Any], name: str) -> Any:
    found = holder.get(name)
    return found if found is not None else holder.get(_SNAKE[name])


def _object(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Undecodable(INVALID)
    return value


def _list(holder: dict[str, Any], name: str) -> list[Any]:
    found = _get(holder, name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Undecodable(INVALID)
    return found


def _shown(value: Any) -> str:
    return repr(value)[:100]


_NAMES = """attributes code endTimeUnixNano events flags key kind links message name parentSpanId
    resourceSpans scopeSpans spanId spans startTimeUnixNano status timeUnixNano traceId traceState
    values version""".split()
# Both spellings of protobuf's JSON; only the first is OTLP's.
_SNAKE = {
    name: "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name) for name in _NAMES
}
