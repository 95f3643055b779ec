"""The texts that filters on spans compare: of a whole span, and of its attributes.

A span is a line of JSON in which the values of attributes are JSON texts themselves. Filters compare what
people read: ``{"question": "Who said \\"yes\\"?"}`` within an attribute is compared without any backslash.
The text index has the same texts, so what a filter finds in a span it also finds in the index.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from . import bodies

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_TYPE = "mlflow.spanType"


def reader_of(chunks: Sequence[bytes]) -> Callable[[], list[SpanText]]:
    """Return a function that returns the spans in chunks (``bodies``). They are unpacked once."""
    return functools.cache(lambda: [SpanText(line) for line in bodies.lines_of(chunks)])


class SpanText:
    """A span as filters compare it."""

    def __init__(self, line: bytes) -> None:
        self._line = line

    @cached_property
    def text(self) -> str:
        """All of the span."""
        return text_of(self._line)

    @cached_property
    def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(self._line)
        return fields

    @property
    def name(self) -> str:
        return str(self._fields.get("name") or "")

    @property
    def type(self) -> str:
        return self.attribute(_TYPE) or "UNKNOWN"

    @property
    def status(self) -> str:
        status = self._fields.get("status")
        code = status.get("code") if isinstance(status, dict) else status
        return str(code or "UNSET").removeprefix("STATUS_CODE_")

    def written(self, key: str) -> str | None:
        """Return the value of an attribute as it is stored, or None."""
        value = (self._fields.get("attributes") or {}).get(key)
        return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def attribute(self, key: str) -> str | None:
        """Return the text of an attribute: a text itself, and other values as JSON without escapes."""
        written = self.written(key)
        if written is None:
            return None
        if written[:1] == '"':
            try:
                return str(json.loads(written))
            except ValueError:
                pass
        return _unescaped(written)

    def number(self, key: str) -> float | None:
        """Return the value of an attribute if it is a number, else None."""
        try:
            value = json.loads(self.written(key) or "")
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def text_of(line: bytes) -> str:
    """Return the text of a span: its JSON without escapes, also in the JSON texts that it contains."""
    return _unescaped(_unescaped(line.decode()))


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(_char, text)
    if _SURROGATE.search(text):
        # Two escapes are one character beyond the first 65,536. A single one is no character.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _char(found: re.Match[str]) -> str:
    code, char = found.groups()
    return chr(int(code, 16)) if code else _SHORT.get(char, char)
