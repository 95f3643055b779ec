"""Compiles a message class to a `Plan`: a reader and a writer for each of its fields.

A class is compiled at its first use. `codec.py` uses the plans; readers and writers of single values are in
`scalars.py` and `wellknown.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, NamedTuple

from . import quirks, scalars, wellknown
from .reader_source import MISSING, Step, compile_reader
from .scalars import INT_RANGES, BadValue, Reader, Writer, enum_reader, int_reader, read_string
from .wire import NULL, Enumeration, Message


class Field(NamedTuple):
    """One entry of a class's `_fields`, parsed. `type` is the type of an item in a list or map."""

    name: str
    type: str
    repeated: bool
    map: bool
    implicit: bool
    always: bool
    oneof: str


class Plan(NamedTuple):
    """A compiled message class.

    `names` maps each spelling of a field (snake_case and camelCase) to the field's name, `aliases` other
    names of a field to its name (`quirks.ALIASES`). `read` turns parsed JSON into a message and raises
    `BadValue`; `write` turns a message into plain JSON data.
    """

    fields: dict[str, Field]
    names: dict[str, str]
    aliases: dict[str, str]
    read: Callable[[Any], Message]
    write: Callable[[Any], dict[str, Any]]


_READERS: Final = scalars.READERS | wellknown.READERS
_WRITERS: Final = scalars.WRITERS | wellknown.WRITERS
_plans: dict[type[Message], Plan] = {}


def plan_of(cls: type[Message]) -> Plan:
    """Return the class's plan; compile it if this is the first use."""
    plan = _plans.get(cls)
    if plan is None:
        plan = _plans[cls] = _compile(cls)
    return plan


def camel(name: str) -> str:
    """Return protobuf's JSON spelling of a field's name; requests may use it instead of the name."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _compile(cls: type[Message]) -> Plan:
    fields = {name: _parse_field(name, spec) for name, spec in cls._fields.items()}
    names = {camel(name): name for name in fields} | {name: name for name in fields}
    aliases = {
        alias: name
        for name, field in fields.items()
        if not field.repeated
        for alias in quirks.ALIASES.get(name, ())
    }
    read = _message_reader(cls, fields, names, aliases)
    return Plan(fields, names, aliases, read, _message_writer(cls, fields))


def _parse_field(name: str, spec: str) -> Field:
    kind, *words = spec.split()
    oneof = "".join(word.removeprefix("oneof=") for word in words if word.startswith("oneof="))
    is_map = kind.startswith("map<string,")
    inner = kind[len("map<string,") : -1] if is_map else kind.removesuffix("[]")
    return Field(name, inner, kind.endswith("[]"), is_map, "implicit" in words, "always" in words, oneof)


def _named(cls: type[Message], name: str) -> type[Any]:
    """Return the class that a field's type names. Search the module of `cls` first, then messages.py."""
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
    cls: type[Message], fields: dict[str, Field], names: dict[str, str], aliases: dict[str, str]
) -> Callable[[Any], Message]:
    defaults: dict[str, Any] = getattr(cls.__init__, "__kwdefaults__", None) or {}
    bounds = quirks.BOUNDS.get(cls.__qualname__, {})
    steps = []
    for name, field in fields.items():
        default = defaults.get(name, MISSING)
        if default is None and field.map:
            default = dict
        elif default is None and field.repeated:
            default = list
        reader = _field_reader(cls, field)
        if name in bounds:
            reader = _bounded(reader, bounds[name])
        is_plain = not (field.map or field.repeated or name in bounds)
        steps.append(Step(name, field.type, reader, default, is_plain))
    oneofs: dict[str, list[str]] = {}
    for field in fields.values():
        if field.oneof:
            oneofs.setdefault(field.oneof, []).append(field.name)
    # Data that has only these names needs no renaming.
    plain = frozenset(fields.keys() - aliases.keys())
    read: Callable[[Any], Message] = compile_reader(
        cls, steps, plain, lambda data: _renamed(data, names, aliases)
    )

    def read_oneofs(data: Any) -> Message:
        message = read(data)
        for oneof, members in oneofs.items():
            found = [name for name in members if getattr(message, name) is not None]
            if len(found) > 1:
                hint = f"At most one of these fields may be set: {', '.join(members)}."
                raise BadValue(found, hint).at(oneof)
        return message

    json_fields = [
        name for name, field in fields.items() if field.type == "google.Value" and not field.repeated
    ]
    if json_fields:
        read_plain = read_oneofs if oneofs else read

        def read_values(data: Any) -> Message:
            message = read_plain(data)
            for name in json_fields:
                for spelling in (name, camel(name)):
                    if spelling in data and data[spelling] is None:
                        setattr(message, name, NULL)
            return message

        return read_values
    return read_oneofs if oneofs else read


def _renamed(data: dict[str, Any], names: dict[str, str], aliases: dict[str, str]) -> dict[str, Any]:
    """Return the data under the fields' own names, without unknown names."""
    found: dict[str, Any] = {}
    for spelling, value in data.items():
        name = names.get(spelling)
        if name is None:
            continue
        if name != spelling and name in data:
            text = f"Request specifies both '{name}' and '{spelling}'; provide only one of them."
            raise BadValue(None, text=text)
        found[name] = value
    for alias, name in aliases.items():
        if found.get(name) is None:
            value = data.get(alias)
            if value is None:
                value = data.get(camel(alias))
            if value is not None:
                found[name] = value
    return found


def _field_reader(cls: type[Message], field: Field) -> Reader:
    reader = _type_reader(cls, field.type)
    if field.map:
        return _map_reader(reader)
    if field.repeated:
        return _list_reader(reader)
    return reader


def _list_reader(reader: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise BadValue(value)
        try:
            return [reader(item) for item in value]
        except BadValue as error:
            # The index is found by a second pass, so that a valid list does not pay for counting.
            raise _with_index(error, reader, value) from None

    return read


def _with_index(first: BadValue, reader: Reader, values: list[Any]) -> BadValue:
    for index, item in enumerate(values):
        try:
            reader(item)
        except BadValue as error:
            return error.at(f"[{index}]")
    return first


def _map_reader(reader: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise BadValue(value)
        found = {}
        for key, item in value.items():
            try:
                found[read_string(key)] = reader(item)
            except BadValue as error:
                raise error.at(f"[{key}]") from None
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


def _out_of_bounds(value: object, text: str | None) -> BadValue:
    return BadValue(value, text=text and text.replace("{value}", str(value)))


def _type_reader(cls: type[Message], kind: str) -> Reader:
    if kind in INT_RANGES:
        return int_reader(*INT_RANGES[kind])
    reader = _READERS.get(kind)
    if reader is not None:
        return reader
    named = _named(cls, kind)
    if issubclass(named, Enumeration):
        return enum_reader(named, quirks.OPEN_ENUMERATIONS.get(named.__qualname__))
    plan: Plan | None = None

    def read(value: Any) -> Any:
        # Messages may contain themselves, so the inner class is compiled only at its first use.
        nonlocal plan
        if plan is None:
            plan = plan_of(named)
        return plan.read(value)

    return read


# ---- writing


def _message_writer(cls: type[Message], fields: dict[str, Field]) -> Callable[[Any], dict[str, Any]]:
    steps = [(name, _field_writer(cls, field)) for name, field in fields.items()]
    if not steps:
        return lambda message: {}
    names = [name for name, _ in steps]
    # The last name is given twice, because attrgetter with a single name does not return a tuple. zip drops
    # the extra value.
    get: Callable[[Any], tuple[Any, ...]] = attrgetter(*names, names[-1])

    def write(message: Any) -> dict[str, Any]:
        found = {}
        for (name, writer), value in zip(steps, get(message), strict=False):
            if value is not None:
                if writer is None:
                    found[name] = value
                else:
                    written = writer(value)
                    if written is not MISSING:
                        found[name] = written
        return found

    return write


def _field_writer(cls: type[Message], field: Field) -> Writer | None:
    writer = _type_writer(cls, field.type)
    if field.map:
        if writer is None:
            return lambda value: dict(value) if value else MISSING
        return lambda value: {k: writer(v) for k, v in value.items()} if value else MISSING
    if field.repeated:
        if writer is None:
            return lambda value: list(value) if value or field.always else MISSING
        return lambda value: [writer(item) for item in value] if value or field.always else MISSING
    if field.implicit:
        zero: tuple[object, ...] = ("", 0, False, b"", 0.0)
        named = _named(cls, field.type) if field.type[0].isupper() else None
        if named is not None and issubclass(named, Enumeration):
            zero = tuple(name for name, number in named._numbers.items() if number == 0)
        return lambda value: MISSING if value in zero else (value if writer is None else writer(value))
    return writer


def _type_writer(cls: type[Message], kind: str) -> Writer | None:
    """Return the writer of a type, or None if the Python value is the JSON value."""
    if kind in INT_RANGES or kind in ("string", "bool"):
        return None
    writer = _WRITERS.get(kind)
    if writer is not None:
        return writer
    named = _named(cls, kind)
    if issubclass(named, Enumeration):
        return None
    plan: Plan | None = None

    def write(message: Any) -> dict[str, Any]:
        nonlocal plan
        if plan is None:
            plan = plan_of(named)
        return plan.write(message)

    return write
