"""The reader of a message class as Python source: a statement or two for each field, no loop over them.

A batch of 1,000 metrics is 8,000 fields, of which nearly all are absent or of the very type that is
wanted. Those are settled here; everything else is the field's reader's business (`plans.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from .scalars import INT_RANGES, Reader, Wrong

MISSING: Final = object()


class Step(NamedTuple):
    """One field: what reads its value, and what stands for none (`MISSING`: the request needs one)."""

    name: str
    type: str
    reader: Reader
    default: Any
    is_plain: bool  # neither a list nor a map, and not bounded


def compile_reader(
    cls: type[Any], steps: list[Step], plain: frozenset[str], rename: Callable[[Any], dict[str, Any]]
) -> Callable[[Any], Any]:
    """A function from parsed JSON to a message of `cls`.

    Data with names out of `plain` alone is read as it is; other data is given to `rename` first.
    """
    scope: dict[str, Any] = {"Wrong": Wrong, "new": cls.__new__, "cls": cls, "plain": plain, "rename": rename}
    lines = [
        "def read(data):",
        "    if type(data) is not dict:",
        "        raise Wrong(data)",
        "    if not data.keys() <= plain:",
        "        data = rename(data)",
        "    message = new(cls)",
        "    get = data.get",
        "    name = ''",
        "    try:",
        "        pass",
    ]
    for number, step in enumerate(steps):
        scope[f"read_{number}"], scope[f"default_{number}"] = step.reader, step.default
        lines += [f"        {line}" for line in _lines_of(step, number)]
    lines += [
        "    except Wrong as wrong:",
        "        raise wrong.at(name) from None",
        "    return message",
    ]
    # The source is made of the fields' names alone, which _generate took from the protos.
    exec(compile("\n".join(lines), f"<reader of {cls.__qualname__}>", "exec"), scope)
    read: Callable[[Any], Any] = scope["read"]
    return read


def _lines_of(step: Step, number: int) -> list[str]:
    assert step.name.isidentifier()
    place = f"message.{step.name}"
    lines = [f"name = '{step.name}'", f"value = get('{step.name}')"]
    branch = "if"
    if step.is_plain and (test := _is_it(step)):
        lines += [f"if {test}:", f"    {place} = value"]
        branch = "elif"
    lines.append(f"{branch} value is None:")
    if step.default is MISSING:
        lines.append("    raise Wrong(None, is_missing=True)")
        lines += ["elif value == '':", "    raise Wrong(None, is_missing=True)"]
    elif step.default is list or step.default is dict:
        lines.append(f"    {place} = {step.default.__name__}()")
    else:
        lines.append(f"    {place} = default_{number}")
    return [*lines, "else:", f"    {place} = read_{number}(value)"]


def _is_it(step: Step) -> str:
    """Whether the value can be taken as it is. A NUL in text, or a number too large, is for the reader."""
    if step.type == "string":
        filled = " and value" if step.default is MISSING else ""
        return f"type(value) is str{filled} and value.isascii() and '\\0' not in value"
    if step.type == "double":
        return "type(value) is float"
    if step.type in INT_RANGES:
        low, high = INT_RANGES[step.type]
        return f"type(value) is int and {low} <= value <= {high}"
    return ""
