"""Generates `messages.py`, `genai_messages.py` and `endpoints.py` from the protos of the installed mlflow.

    python -m trackway.client_compat._generate           writes the files
    python -m trackway.client_compat._generate --check   prints a diff and exits with 1 if a file differs

This is the only module outside the tests that imports mlflow. The output depends only on mlflow's version and
on `quirks.py`. It follows the order of the protos and is formatted as `ruff format` would do it.
"""

from __future__ import annotations

import argparse
import difflib
import keyword
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import quirks

HERE = Path(__file__).resolve().parent

_SCALARS = {
    1: ("double", "float"),
    2: ("float", "float"),
    3: ("int64", "int"),
    4: ("uint64", "int"),
    5: ("int32", "int"),
    6: ("fixed64", "int"),
    7: ("fixed32", "int"),
    8: ("bool", "bool"),
    9: ("string", "str"),
    12: ("bytes", "bytes"),
    13: ("uint32", "int"),
    15: ("fixed32", "int"),
    16: ("fixed64", "int"),
    17: ("int32", "int"),
    18: ("int64", "int"),
}
_MESSAGE, _ENUM = 11, 14
_WELL_KNOWN = {
    "google.protobuf.Timestamp": ("google.Timestamp", "int"),
    "google.protobuf.Duration": ("google.Duration", "int"),
    "google.protobuf.FieldMask": ("google.FieldMask", "list[str]"),
    "google.protobuf.Value": ("google.Value", "Json"),
    "google.protobuf.ListValue": ("google.ListValue", "list[Json]"),
    "google.protobuf.Struct": ("google.Struct", "dict[str, Json]"),
}


# Paths of MLflow's endpoints for generative AI. They need 60 % of all messages. They are in a module of
# their own, so that a server without handlers for them need not import them (1.1 MiB). A message that other
# endpoints need as well is in messages.py.
_GENAI = re.compile(
    r"/\d\.0/mlflow/(datasets|gateway|get-online-trace-details|issues|label-schemas|prompt-optimization"
    r"|review-queues|scorers|traces|unified-traces)(/|$)"
)


class Row(NamedTuple):
    """One endpoint; `request` and `response` are protobuf descriptors."""

    verb: str
    path: str
    rpc: str
    request: Any
    response: Any
    service: str
    bindings: tuple[tuple[str, str], ...]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m trackway.client_compat._generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file differs")
    options = parser.parse_args(arguments)
    if options.check:
        return check(generate(), HERE)
    for name, text in generate().items():
        (HERE / name).write_text(text, encoding="utf-8")
    return 0


def check(files: dict[str, str], folder: Path) -> int:
    """Return 0 if the folder's files have exactly these texts; else print a unified diff and return 1."""
    status = 0
    for name, text in files.items():
        path = folder / name
        found = path.read_text(encoding="utf-8") if path.exists() else ""
        if found != text:
            status = 1
            sys.stdout.writelines(
                difflib.unified_diff(
                    found.splitlines(keepends=True),
                    text.splitlines(keepends=True),
                    name,
                    f"{name} (generated)",
                )
            )
    return status


def generate() -> dict[str, str]:
    """Return the text of each generated file by its name. Raise ValueError if `quirks.py` does not fit."""
    import mlflow

    rows = list(_rows())
    names = _Names(rows)
    known = {names.of(descriptor) for descriptor in names.messages.values()} | _hand_written()
    named = {*quirks.REQUIRED, *quirks.DEFAULTS, *quirks.ADDED, *quirks.BINDINGS, *quirks.BOUNDS}
    if unknown := named - known:
        raise ValueError(f"quirks.py names messages that the protos lack: {sorted(unknown)}")
    note = f"from the protos of MLflow {mlflow.__version__} by `python -m trackway.client_compat._generate`"
    core = _Names([row for row in rows if not _GENAI.match(row.path)])
    first = {*core.messages, *core.enums}
    genai = {*names.messages, *names.enums} - first
    return {
        "messages.py": _messages_text("Messages of MLflow's protocol.", names, rows, note, first),
        "genai_messages.py": _messages_text(
            "Messages of MLflow's protocol that only its endpoints for generative AI use.",
            names,
            rows,
            note,
            genai,
        ),
        "endpoints.py": _endpoints_text(names, rows, note, genai),
    }


def _hand_written() -> set[str]:
    """Return the names of the messages that are written by hand.

    They are found in the source text, because their modules import `messages.py`, which may not exist yet.
    """
    sources = [path.read_text(encoding="utf-8") for path in (HERE / "extra.py", *HERE.glob("trackway_*.py"))]
    return {
        name for source in sources for name in re.findall(r"^class (\w+)\(Message\)", source, re.MULTILINE)
    }


def _rows() -> Iterator[Row]:
    from mlflow.protos import (
        databricks_pb2,
        mlflow_artifacts_pb2,
        model_registry_pb2,
        service_pb2,
        webhooks_pb2,
    )

    for module in (service_pb2, model_registry_pb2, mlflow_artifacts_pb2, webhooks_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                for endpoint in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                    path, bindings = _rule(endpoint.path, endpoint.since.major)
                    bindings += tuple(quirks.BINDINGS.get(method.input_type.name, {}).items())
                    rpc = method.name[0].upper() + method.name[1:]
                    yield Row(
                        endpoint.method,
                        path,
                        rpc,
                        method.input_type,
                        method.output_type,
                        service.name,
                        bindings,
                    )


def _rule(path: str, major: int) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the Flask rule for a proto's path, and its bindings.

    The rule begins with the major version: 2.11 is mounted under 2.0. `{assessment.trace_id}` becomes
    `<trace_id>` with a binding to `assessment.trace_id`.
    """
    bindings = []

    def variable(match: re.Match[str]) -> str:
        dotted = match.group(1)
        name = dotted.rpartition(".")[2]
        if name != dotted:
            bindings.append((name, dotted))
        return f"<{name}>"

    rule = re.sub(r"{([\w.]+)}", variable, path)
    return f"/{major}.0/{rule.lstrip('/')}", tuple(bindings)


class _Names:
    """All messages and enumerations that the rows need, in the order of their files, and their names."""

    def __init__(self, rows: list[Row]) -> None:
        self.messages: dict[str, Any] = {}
        self.enums: dict[str, Any] = {}
        for row in rows:
            self._visit(row.request)
            self._visit(row.response)
        tops = [d for d in (*self.messages.values(), *self.enums.values()) if d.containing_type is None]
        counts: dict[str, int] = {}
        for descriptor in tops:
            counts[descriptor.name] = counts.get(descriptor.name, 0) + 1
        self._top = {d.full_name: self._top_name(d, counts[d.name] > 1) for d in tops}
        if len(set(self._top.values())) != len(self._top):
            raise ValueError(f"two messages or enumerations have the same name: {sorted(self._top.values())}")
        positions = {f: i for i, f in enumerate(dict.fromkeys(d.file.name for d in tops))}
        key = lambda d: (positions[d.file.name], d.index if hasattr(d, "index") else 0)  # noqa: E731
        self.top_messages = sorted((d for d in self.messages.values() if d.containing_type is None), key=key)
        self.top_enums = sorted((d for d in self.enums.values() if d.containing_type is None), key=key)

    def of(self, descriptor: Any) -> str:
        """Return the dotted name in its module."""
        if descriptor.containing_type is None:
            return self._top[descriptor.full_name]
        return f"{self.of(descriptor.containing_type)}.{descriptor.name}"

    @staticmethod
    def _top_name(descriptor: Any, collides: bool) -> str:
        # If two packages have the same name, the one of the package `mlflow` stays; the other one is prefixed
        # with its package.
        package = descriptor.file.package.rpartition(".")[2]
        if not collides or package == "mlflow":
            return str(descriptor.name)
        return "".join(part.capitalize() for part in package.split("_")) + str(descriptor.name)

    def _visit(self, descriptor: Any) -> None:
        if descriptor.full_name in self.messages or descriptor.full_name in _WELL_KNOWN:
            return
        if descriptor.full_name.startswith("google."):
            raise ValueError(
                f"{descriptor.full_name} has no Python type: add it to _WELL_KNOWN and to wellknown.py"
            )
        if descriptor.containing_type is not None:
            self._visit(descriptor.containing_type)
        if _is_map(descriptor):
            value = descriptor.fields_by_name["value"]
            if value.message_type is not None:
                self._visit(value.message_type)
            return
        self.messages[descriptor.full_name] = descriptor
        for nested in descriptor.nested_types:
            self._visit(nested)
        for field in descriptor.fields:
            if field.message_type is not None:
                self._visit(field.message_type)
            elif field.enum_type is not None:
                self.enums.setdefault(field.enum_type.full_name, field.enum_type)
                if field.enum_type.containing_type is not None:
                    self._visit(field.enum_type.containing_type)


def _is_map(descriptor: Any) -> bool:
    return bool(descriptor.GetOptions().map_entry)


def _messages_text(title: str, names: _Names, rows: list[Row], note: str, of: set[str]) -> str:
    """Return the text of a module with the messages and enumerations of these full names."""
    enums = [enum for enum in names.top_enums if enum.full_name in of]
    messages = [message for message in names.top_messages if message.full_name in of]
    path_fields = _path_fields(rows)
    uses: dict[str, list[str]] = {}
    for row in rows:
        uses.setdefault(row.request.full_name, []).append(f"{row.verb} {row.path}")
    classes: list[str] = []
    for enum in enums:
        classes += ["", "", *_enum_lines(enum, "")]
    for message in messages:
        classes += ["", "", *_message_lines(names, message, path_fields, uses, "")]
    json = "Json, " if any("Json" in line for line in classes) else ""
    lines = [
        f'"""{title}',
        "",
        f"Generated {note}.",
        "Do not edit. Rules that the protos do not state are in `quirks.py`; `wire.py` explains the classes.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Final",
        "",
        f"from .wire import Enumeration, {json}Message",
        *classes,
    ]
    return "\n".join(lines) + "\n"


def _path_fields(rows: Iterable[Row]) -> dict[str, set[str]]:
    """Return each message's fields that all its endpoints fill from the path: they are always present."""
    fields: dict[str, set[str]] = {}
    for row in rows:
        variables = set(re.findall(r"<(?:\w+:)?(\w+)>", row.path)) - {name for name, _ in row.bindings}
        known = {f.name for f in row.request.fields}
        found = variables & known
        fields[row.request.full_name] = fields.get(row.request.full_name, found) & found
    return fields


def _enum_lines(enum: Any, indent: str) -> Iterator[str]:
    yield f"{indent}class {enum.name}(Enumeration):"
    for value in enum.values:
        if keyword.iskeyword(value.name):
            raise ValueError(f"{enum.full_name}.{value.name} is a Python keyword")
        yield f'{indent}    {value.name}: Final = "{value.name}"'
    yield f"{indent}    _numbers = {{"
    for value in enum.values:
        yield f'{indent}        "{value.name}": {value.number},'
    yield f"{indent}    }}"


class _Field(NamedTuple):
    name: str
    wire: str
    annotation: str
    default: str | None
    assigned: str


def _message_lines(
    names: _Names, message: Any, path_fields: dict[str, set[str]], uses: dict[str, list[str]], indent: str
) -> Iterator[str]:
    name = names.of(message)
    required = {*quirks.REQUIRED.get(name, ()), *path_fields.get(message.full_name, ())}
    defaults = quirks.DEFAULTS.get(name, {})
    fields = [_field(names, f, f.name in required, defaults.get(f.name)) for f in message.fields]
    _check_names(message, fields, required | set(defaults))
    for added, wire in quirks.ADDED.get(name, {}).items():
        fields.append(_Field(added, wire, f"{wire} | None", "None", added))
    yield f"{indent}class {name.rpartition('.')[2]}(Message):"
    if message.full_name in uses:
        first, *others = uses[message.full_name]
        if others:
            yield f'{indent}    """{first}'
            yield from (f"{indent}    {use}" for use in others)
            yield f'{indent}    """'
        else:
            yield f'{indent}    """{first}"""'
        yield ""
    inner = indent + "    "
    if fields:
        yield f"{inner}_fields = {{"
        for field in fields:
            yield f'{inner}    "{field.name}": "{field.wire}",'
        yield f"{inner}}}"
        yield f"{inner}__slots__ = tuple(_fields)"
    else:
        yield f"{inner}__slots__ = ()"
    for enum in message.enum_types:
        if enum.full_name in names.enums:
            yield ""
            yield from _enum_lines(enum, inner)
    for nested in message.nested_types:
        if not _is_map(nested):
            yield ""
            yield from _message_lines(names, nested, path_fields, uses, inner)
    if fields:
        yield ""
        yield f"{inner}def __init__("
        yield f"{inner}    self,"
        yield f"{inner}    *,"
        for field in fields:
            default = "" if field.default is None else f" = {field.default}"
            yield f"{inner}    {field.name}: {field.annotation}{default},"
        yield f"{inner}) -> None:"
        for field in fields:
            yield f"{inner}    self.{field.name} = {field.assigned}"


def _check_names(message: Any, fields: list[_Field], quirk_fields: set[str]) -> None:
    known = {field.name for field in fields}
    if unknown := quirk_fields - known:
        raise ValueError(f"quirks.py names fields that {message.full_name} lacks: {sorted(unknown)}")
    for name in known:
        if keyword.iskeyword(name) or name in ("self", "names") or name.startswith("_"):
            raise ValueError(f"{message.full_name}.{name} cannot be the name of a Python attribute here")
    nested = {n.name for n in (*message.nested_types, *message.enum_types)}
    for field in fields:
        for word in set(re.findall(r"(?<![\w.])\w+", field.annotation)) & nested:
            # Inside the class the nested class would hide the one that the annotation means.
            raise ValueError(f"{message.full_name}.{field.name}: {word} is hidden by a nested class")


def _field(names: _Names, field: Any, required: bool, default: object) -> _Field:
    wire, python = _type(names, field)
    words = [wire]
    if not field.is_repeated and not field.has_presence:
        words.append("implicit")
    if field.containing_oneof is not None and len(field.containing_oneof.fields) > 1:
        words.append(f"oneof={field.containing_oneof.name}")
    wire = " ".join(words)
    if field.is_repeated:
        empty = "{}" if wire.startswith("map<") else "[]"
        if required:
            return _Field(field.name, wire, python, None, field.name)
        return _Field(
            field.name,
            wire,
            f"{python} | None",
            "None",
            f"{empty} if {field.name} is None else {field.name}",
        )
    if required:
        return _Field(field.name, wire, python, None, field.name)
    if default is None and field.has_default_value:
        default = field.default_value
        if field.enum_type is not None:
            default = field.enum_type.values_by_number[field.default_value].name
    if default is not None:
        literal = f'"{default}"' if isinstance(default, str) else repr(default)
        return _Field(field.name, wire, python, literal, field.name)
    return _Field(field.name, wire, f"{python} | None", "None", field.name)


def _type(names: _Names, field: Any) -> tuple[str, str]:
    """Return the wire type as `_fields` has it, and the Python type."""
    if field.message_type is not None and _is_map(field.message_type):
        if field.message_type.fields_by_name["key"].type != 9:
            raise ValueError(f"{field.full_name}: only maps with string keys are supported")
        wire, python = _type(names, field.message_type.fields_by_name["value"])
        return f"map<string,{wire}>", f"dict[str, {python}]"
    if field.type == _MESSAGE:
        full_name = field.message_type.full_name
        name = names.of(field.message_type) if full_name not in _WELL_KNOWN else ""
        wire, python = _WELL_KNOWN.get(full_name, (name, name))
    elif field.type == _ENUM:
        wire, python = names.of(field.enum_type), "str"
    else:
        wire, python = _SCALARS[field.type]
    return (f"{wire}[]", f"list[{python}]") if field.is_repeated else (wire, python)


def _endpoints_text(names: _Names, rows: list[Row], note: str, genai: set[str]) -> str:
    def reference(message: Any) -> str:
        return f"{'g' if message.full_name in genai else 'm'}.{names.of(message)}"

    lines = [
        '"""Endpoints of MLflow\'s protocol.',
        "",
        f"Generated {note}.",
        "Do not edit. Endpoints outside the protos are in `extra.py` and `unserved.py`.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from . import messages as m",
        "from .wire import Endpoint, Later",
        "",
        'g = Later("genai_messages")',
        "",
        "# ruff: noqa: E501",
        "# fmt: off",
        "ENDPOINTS: tuple[Endpoint, ...] = (",
    ]
    for row in rows:
        parts = [f'"{row.verb}"', f'"{row.path}"', f'"{row.rpc}"']
        parts += [reference(row.request), reference(row.response), f'"{row.service}"']
        if row.bindings:
            pairs = ", ".join(f'("{variable}", "{field}")' for variable, field in row.bindings)
            parts.append(f"bindings=({pairs}{',' if len(row.bindings) == 1 else ''})")
        lines.append(f"    Endpoint({', '.join(parts)}),")
    lines += [")", "# fmt: on"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
