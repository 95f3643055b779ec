"""Between JSON and messages, as MLflow's server reads and writes it.

Each class is compiled once, when it is first met: a reader and a writer per field, kept by class. The
meaning is that of protobuf's `json_format` in MLflow's hands (unknown fields ignored, snake_case answers,
64-bit integers as numbers), with three differences on purpose: a bad value is always refused and named
(MLflow goes on with half a message), an unknown name of an enumeration too, and a bare NaN or
Infinity is taken, since that is what Python clients write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar, cast

from . import quirks, scalars, wellknown
from .errors import SEE_DOCS, InvalidParameter, shown
from .scalars import INT_RANGES, Reader, Writer, Wrong, enum_reader, int_reader, read_string
from .wire import NULL, Endpoint, Enumeration, Message

M = TypeVar("M", bound=Message)


def decode(cls: type[M], data: object) -> M:
    """The message in parsed JSON.

    A text is taken for JSON and parsed once more: old clients encode their body twice. None is an empty
    body. Raises InvalidParameter with the field's path.
    """
    if isinstance(data, str):
        data = _parse_again(data)
    if data is None:
        data = {}
    return _run(cls, data)


def decode_query(cls: type[M], pairs: Mapping[str, Sequence[str]]) -> M:
    """The message in a query string: lists for repeated fields, text for everything else.

    `pairs` has each name's values in order (`request.args.to_dict(flat=False)`).
    """
    plan = _plan(cls)
    data: dict[str, object] = {}
    for name, values in pairs.items():
        field = plan.fields.get(plan.names.get(name, ""))
        if field is None or not values:
            if any(name in aliases for aliases in quirks.ALIASES.values()) and values:
                data[name] = values[0]
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
    if isinstance(data, str):
        data = _parse_again(data)
    if data is None:
        data = {}
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
                target.pop(_camel(name), None)
                target[name] = value
    return data


def encode(message: Message) -> dict[str, Any]:
    """Plain JSON data: snake_case, unset fields and empty lists left out, set-but-empty values kept."""
    return _plan(type(message)).write(message)


def dumps(message: Message) -> bytes:
    """The JSON text of an answer; NaN and the infinities are the strings "NaN", "Infinity", "-Infinity"."""
    return json.dumps(encode(message), separators=(",", ":"), allow_nan=False).encode("ascii")


def _run(cls: type[M], data: object) -> M:
    if type(data) is not dict:
        kind = type(data).__name__
        raise InvalidParameter(
            f"Invalid request body: it must be a JSON object, got {kind} {shown(data)}.{SEE_DOCS}"
        )
    try:
        return cast(M, _plan(cls).read(data))
    except Wrong as wrong:
        raise wrong.error() from None
    except RecursionError:
        raise InvalidParameter(f"Invalid request body: nested too deep.{SEE_DOCS}") from None


def _parse_again(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidParameter(
            f"Invalid request body: it must be a JSON object, got str {shown(text)}.{SEE_DOCS}"
        ) from None


def _bool_of_query(text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise InvalidParameter(f"Invalid boolean value: {text}, must be 'true' or 'false'.")
    return lowered == "true"


# ---- compiling a class


class _Field(NamedTuple):
    name: str
    type: str
    repeated: bool
    map: bool
    implicit: bool
    oneof: str


class _Plan(NamedTuple):
    fields: dict[str, _Field]
    names: dict[str, str]
    read: Callable[[Any], Message]
    write: Callable[[Any], dict[str, Any]]


_READERS: Final = scalars.READERS | wellknown.READERS
_WRITERS: Final = scalars.WRITERS | wellknown.WRITERS
_plans: dict[type[Message], _Plan] = {}
_MISSING: Final = object()


def _plan(cls: type[Message]) -> _Plan:
    plan = _plans.get(cls)
    if plan is None:
        fields = {name: _parse_field(name, spec) for name, spec in cls._fields.items()}
        names = {_camel(name): name for name in fields} | {name: name for name in fields}
        plan = _Plan(fields, names, _message_reader(cls, fields, names), _message_writer(cls, fields))
        _plans[cls] = plan
    return plan


def _parse_field(name: str, spec: str) -> _Field:
    kind, *words = spec.split()
    oneof = "".join(word.removeprefix("oneof=") for word in words if word.startswith("oneof="))
    is_map = kind.startswith("map<string,")
    inner = kind[len("map<string,") : -1] if is_map else kind.removesuffix("[]")
    return _Field(name, inner, kind.endswith("[]"), is_map, "implicit" in words, oneof)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _named(cls: type[Message], name: str) -> type[Any]:
    """The class a field's type names: looked for in the module of `cls`, then in messages.py."""
    from . import messages

    for module in (sys.modules[cls.__module__], messages):
        found: Any = module
        for part in name.split("."):
            found = getattr(found, part, None)
        if isinstance(found, type):
            return found
    raise TypeError(f"{cls.__qualname__}: no message or enumeration is called {name}")


# ---- reading


def _message_reader(
    cls: type[Message], fields: dict[str, _Field], names: dict[str, str]
) -> Callable[[Any], Message]:
    defaults: dict[str, Any] = getattr(cls.__init__, "__kwdefaults__", None) or {}
    bounds = quirks.BOUNDS.get(cls.__qualname__, {})
    steps = []
    for name, field in fields.items():
        default = defaults.get(name, _MISSING)
        if default is None and field.map:
            default = dict
        elif default is None and field.repeated:
            default = list
        reader = _field_reader(cls, field)
        if name in bounds:
            reader = _bounded(reader, bounds[name])
        steps.append((name, reader, getattr(cls, name).__set__, default))
    aliases = {
        alias: name
        for name, field in fields.items()
        if not field.repeated
        for alias in quirks.ALIASES.get(name, ())
    }
    # Data with these names alone can be read as it is; others are renamed first.
    plain = fields.keys() - aliases.keys()
    oneofs: dict[str, list[str]] = {}
    for field in fields.values():
        if field.oneof:
            oneofs.setdefault(field.oneof, []).append(field.name)
    new = cls.__new__

    def read(data: Any) -> Message:
        if type(data) is not dict:
            raise Wrong(data)
        if not data.keys() <= plain:
            data = _renamed(data, names, aliases)
        message = new(cls)
        name = ""
        try:
            for name, reader, put, default in steps:
                value = data.get(name)
                if value is None:
                    if default is None:
                        put(message, None)
                    elif default is list or default is dict:
                        put(message, default())
                    elif default is _MISSING:
                        raise _absent()
                    else:
                        put(message, default)
                elif default is _MISSING and value == "":
                    raise _absent()
                else:
                    put(message, reader(value))
        except Wrong as wrong:
            raise wrong.at(name) from None
        return message

    def read_oneofs(data: Any) -> Message:
        message = read(data)
        for oneof, members in oneofs.items():
            found = [name for name in members if getattr(message, name) is not None]
            if len(found) > 1:
                raise Wrong(found, f"At most one of them may be set: {', '.join(members)}.").at(oneof)
        return message

    values = {
        name: field for name, field in fields.items() if field.type == "google.Value" and not field.repeated
    }
    if values:
        read_plain = read_oneofs if oneofs else read

        def read_values(data: Any) -> Message:
            message = read_plain(data)
            for name in values:
                for spelling in (name, _camel(name)):
                    if spelling in data and data[spelling] is None:
                        setattr(message, name, NULL)
            return message

        return read_values
    return read_oneofs if oneofs else read


def _absent() -> Wrong:
    wrong = Wrong(None)
    wrong.missing = True
    return wrong


def _renamed(data: dict[str, Any], names: dict[str, str], aliases: dict[str, str]) -> dict[str, Any]:
    """The data under the fields' own names, without what is unknown."""
    found: dict[str, Any] = {}
    for spelling, value in data.items():
        name = names.get(spelling)
        if name is None:
            continue
        if name != spelling and name in data:
            wrong = Wrong(None)
            wrong.text = f"Request specifies both '{name}' and '{spelling}'; provide only one of them."
            raise wrong
        found[name] = value
    for alias, name in aliases.items():
        if found.get(name) is None:
            value = data.get(alias)
            if value is None:
                value = data.get(_camel(alias))
            if value is not None:
                found[name] = value
    return found


def _field_reader(cls: type[Message], field: _Field) -> Reader:
    reader = _type_reader(cls, field.type)
    if field.map:
        return _map_reader(reader)
    if field.repeated:
        return _list_reader(reader)
    return reader


def _list_reader(reader: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Wrong(value)
        try:
            return [reader(item) for item in value]
        except Wrong as wrong:
            # Found again rather than counted: a good list pays nothing for its places.
            raise _placed(wrong, reader, value) from None

    return read


def _placed(first: Wrong, reader: Reader, values: list[Any]) -> Wrong:
    for place, item in enumerate(values):
        try:
            reader(item)
        except Wrong as wrong:
            return wrong.at(f"[{place}]")
    return first


def _map_reader(reader: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Wrong(value)
        found = {}
        for key, item in value.items():
            try:
                found[read_string(key)] = reader(item)
            except Wrong as wrong:
                raise wrong.at(f"[{key}]") from None
        return found

    return read


def _bounded(reader: Reader, bound: quirks.Bound) -> Reader:
    def read(value: Any) -> Any:
        number = reader(value)
        if bound.low is not None and number < bound.low:
            raise _out_of_bounds(value, bound.low_text)
        if bound.high is not None and number > bound.high:
            raise _out_of_bounds(value, bound.high_text)
        return number

    return read


def _out_of_bounds(value: object, text: str | None) -> Wrong:
    wrong = Wrong(value)
    if text is not None:
        wrong.text = text.replace("{value}", str(value))
    return wrong


def _type_reader(cls: type[Message], kind: str) -> Reader:
    if kind in INT_RANGES:
        return int_reader(*INT_RANGES[kind])
    reader = _READERS.get(kind)
    if reader is not None:
        return reader
    named = _named(cls, kind)
    if issubclass(named, Enumeration):
        return enum_reader(named)
    plan: _Plan | None = None

    def read(value: Any) -> Any:
        # Messages are recursive: the inner class is compiled when the first of it arrives.
        nonlocal plan
        if plan is None:
            plan = _plan(named)
        return plan.read(value)

    return read


# ---- writing


def _message_writer(cls: type[Message], fields: dict[str, _Field]) -> Callable[[Any], dict[str, Any]]:
    steps = [(name, _field_writer(cls, field)) for name, field in fields.items()]
    if not steps:
        return lambda message: {}
    names = [name for name, _ in steps]
    # Twice the last name: attrgetter with a single name would return no tuple. zip drops the extra value.
    get: Callable[[Any], tuple[Any, ...]] = attrgetter(*names, names[-1])

    def write(message: Any) -> dict[str, Any]:
        found = {}
        for (name, writer), value in zip(steps, get(message), strict=False):
            if value is not None:
                if writer is None:
                    found[name] = value
                else:
                    written = writer(value)
                    if written is not _MISSING:
                        found[name] = written
        return found

    return write


def _field_writer(cls: type[Message], field: _Field) -> Writer | None:
    writer = _type_writer(cls, field.type)
    if field.map:
        if writer is None:
            return lambda value: dict(value) if value else _MISSING
        return lambda value: {k: writer(v) for k, v in value.items()} if value else _MISSING
    if field.repeated:
        if writer is None:
            return lambda value: list(value) if value else _MISSING
        return lambda value: [writer(item) for item in value] if value else _MISSING
    if field.implicit:
        zero: tuple[object, ...] = ("", 0, False, b"", 0.0)
        named = _named(cls, field.type) if field.type[0].isupper() else None
        if named is not None and issubclass(named, Enumeration):
            zero = tuple(name for name, number in named._numbers.items() if number == 0)
        return lambda value: _MISSING if value in zero else (value if writer is None else writer(value))
    return writer


def _type_writer(cls: type[Message], kind: str) -> Writer | None:
    """None when the Python value is the JSON value."""
    if kind in INT_RANGES or kind in ("string", "bool"):
        return None
    writer = _WRITERS.get(kind)
    if writer is not None:
        return writer
    named = _named(cls, kind)
    if issubclass(named, Enumeration):
        return None
    plan: _Plan | None = None

    def write(message: Any) -> dict[str, Any]:
        nonlocal plan
        if plan is None:
            plan = _plan(named)
        return plan.write(message)

    return write
