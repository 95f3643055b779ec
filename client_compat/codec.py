"""Conversion between JSON and messages, with the semantics of MLflow's server.

As protobuf's `json_format` with MLflow's options: unknown fields are ignored, responses have snake_case
names, 64-bit integers are JSON numbers. Three differences are intended:
- a bad value is always refused, and the error names the field (MLflow continues with half a message);
- an unknown name of an enumeration is refused as well;
- a bare NaN or Infinity is accepted, because Python clients write it.
The readers and writers of a message class are in `plans.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from .errors import SEE_DOCS, InvalidParameter, shown
from .plans import camel, plan_of
from .scalars import BadValue
from .wire import Endpoint, Message, Rendered

M = TypeVar("M", bound=Message)
_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def decode(cls: type[M], data: object) -> M:
    """Return the message for parsed JSON.

    A str is parsed as JSON once more, because old clients encode their body twice. None stands for an empty
    body. Raise InvalidParameter with the path of the field.
    """
    return _read(cls, _parsed(data))


def decode_query(cls: type[M], pairs: Mapping[str, Sequence[str]]) -> M:
    """Return the message for a query string. Only the first value of a field that is not repeated counts.

    `pairs` maps each name to its values in order, as `request.args.to_dict(flat=False)` does.
    """
    plan = plan_of(cls)
    data: dict[str, object] = {}
    for name, values in pairs.items():
        if not values:
            continue
        field = plan.fields.get(plan.names.get(name) or plan.aliases.get(name, ""))
        if field is None:
            continue
        if field.repeated:
            data[name] = list(values)
        elif field.type == "bool":
            data[name] = _bool_of_query(values[0])
        else:
            data[name] = values[0]
    return _read(cls, data)


def bind(endpoint: Endpoint, data: object, variables: Mapping[str, object]) -> object:
    """Return the request data with the values of the path variables in their fields.

    A path variable replaces the value that the body has for the same field. `data` is not changed.
    """
    data = _parsed(data)
    if not variables or not isinstance(data, dict):
        return data
    data = dict(data)
    known = endpoint.request._fields
    for variable, value in variables.items():
        *parents, name = endpoint.field_of(variable).split(".")
        target = data
        for parent in parents:
            inner = target.get(parent)
            if not isinstance(inner, dict):
                break
            target[parent] = dict(inner)
            target = target[parent]
        else:
            if parents or name in known:
                target.pop(camel(name), None)
                target[name] = value
    return data


def encode(message: Message) -> dict[str, Any]:
    """Return plain JSON data with snake_case names.

    Unset fields, empty lists and empty maps are left out; other fields with an empty value are kept.
    """
    return plan_of(type(message)).write(message)


def dumps(message: Message) -> bytes:
    """Return the JSON text of a response. NaN and infinities are "NaN", "Infinity" and "-Infinity"."""
    if isinstance(message, Rendered):
        return message.text
    return _JSON.encode(encode(message)).encode("ascii")


def rendered_page(message: type[Message], name: str, items: Sequence[bytes], token: str | None) -> Rendered:
    """Return a response with two fields: the list ``name`` of JSON texts, and ``next_page_token``."""
    parts = [b'"%b":[%b]' % (name.encode(), b",".join(items))] if items else []
    if token is not None:
        parts.append(b'"next_page_token":%b' % json.dumps(token).encode())
    return Rendered(message, b"{%b}" % b",".join(parts))


def unrendered(answer: Message) -> Message:
    """Return the response as a message with fields; decode it if it is `Rendered`."""
    return decode(answer.message, json.loads(answer.text)) if isinstance(answer, Rendered) else answer


def _parsed(data: object) -> object:
    """Return the request data: a str parsed as JSON once more, None replaced by an empty object."""
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            raise InvalidParameter(
                f"Invalid request body: it must be a JSON object, got str {shown(data)}.{SEE_DOCS}"
            ) from None
    return {} if data is None else data


def _read(cls: type[M], data: object) -> M:
    if type(data) is not dict:
        kind = type(data).__name__
        raise InvalidParameter(
            f"Invalid request body: it must be a JSON object, got {kind} {shown(data)}.{SEE_DOCS}"
        )
    try:
        return cast(M, plan_of(cls).read(data))
    except BadValue as error:
        raise error.as_api_error() from None
    except RecursionError:
        raise InvalidParameter(f"Invalid request body: nested too deep.{SEE_DOCS}") from None


def _bool_of_query(text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise InvalidParameter(f"Invalid boolean value: {text}, must be 'true' or 'false'.")
    return lowered == "true"
