"""Between JSON and messages, as MLflow's server reads and writes it.

The meaning is that of protobuf's `json_format` in MLflow's hands (unknown fields ignored, snake_case
answers, 64-bit integers as numbers), with three differences on purpose: a bad value is always refused and
named (MLflow goes on with half a message), an unknown name of an enumeration too, and a bare NaN or
Infinity is taken, since that is what Python clients write. `plans.py` has the work on a class's fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from .errors import SEE_DOCS, InvalidParameter, shown
from .plans import camel, plan_of
from .scalars import Wrong
from .wire import Endpoint, Message, Rendered

M = TypeVar("M", bound=Message)
_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def decode(cls: type[M], data: object) -> M:
    """The message in parsed JSON.

    A text is taken for JSON and parsed once more: old clients encode their body twice. None is an empty
    body. Raises InvalidParameter with the field's path.
    """
    return _run(cls, _parsed(data))


def decode_query(cls: type[M], pairs: Mapping[str, Sequence[str]]) -> M:
    """The message in a query string: lists for repeated fields, text for everything else.

    `pairs` has each name's values in order (`request.args.to_dict(flat=False)`).
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
    return _run(cls, data)


def bind(endpoint: Endpoint, data: object, variables: Mapping[str, object]) -> object:
    """Request data with the path's variables put where the endpoint binds them; the path wins."""
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
    """Plain JSON data: snake_case, unset fields and empty lists left out, set-but-empty values kept."""
    return plan_of(type(message)).write(message)


def dumps(message: Message) -> bytes:
    """The JSON text of an answer; NaN and the infinities are the strings "NaN", "Infinity", "-Infinity"."""
    if isinstance(message, Rendered):
        return message.text
    return _JSON.encode(encode(message)).encode("ascii")


def rendered_page(message: type[Message], name: str, items: Sequence[bytes], token: str | None) -> Rendered:
    """A page whose items are JSON texts: the one repeated field ``name``, and ``next_page_token``."""
    parts = [b'"%b":[%b]' % (name.encode(), b",".join(items))] if items else []
    if token is not None:
        parts.append(b'"next_page_token":%b' % json.dumps(token).encode())
    return Rendered(message, b"{%b}" % b",".join(parts))


def unrendered(answer: Message) -> Message:
    """The answer as a message, for whoever asks for its fields."""
    return decode(answer.message, json.loads(answer.text)) if isinstance(answer, Rendered) else answer


def _parsed(data: object) -> object:
    """Request data, parsed once more where it is a text, and an empty object where there is none."""
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            raise InvalidParameter(
                f"Invalid request body: it must be a JSON object, got str {shown(data)}.{SEE_DOCS}"
            ) from None
    return {} if data is None else data


def _run(cls: type[M], data: object) -> M:
    if type(data) is not dict:
        kind = type(data).__name__
        raise InvalidParameter(
            f"Invalid request body: it must be a JSON object, got {kind} {shown(data)}.{SEE_DOCS}"
        )
    try:
        return cast(M, plan_of(cls).read(data))
    except Wrong as wrong:
        raise wrong.error() from None
    except RecursionError:
        raise InvalidParameter(f"Invalid request body: nested too deep.{SEE_DOCS}") from None


def _bool_of_query(text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise InvalidParameter(f"Invalid boolean value: {text}, must be 'true' or 'false'.")
    return lowered == "true"
