"""What every wire message, enumeration and endpoint row is made of.

`messages.py`, `genai_messages.py` and `endpoints.py` are generated in these terms; `extra.py` uses the
same ones by hand:

    class RotateKey(Message):
        _fields = {"name": "string", "max_age_ms": "int64"}
        __slots__ = tuple(_fields)

        def __init__(self, *, name: str, max_age_ms: int | None = None) -> None:
            self.name = name
            self.max_age_ms = max_age_ms

`_fields` names each field and its wire type; the `__init__` says the rest: a keyword without a default
is a required field, and a default is what a request that leaves the field out means.

Wire types: string, bytes, bool, double, float, int32, int64, uint32, fixed32, fixed64, a message or
enumeration by its dotted name, and `google.*`. `X[]` is a list of X, `map<string,X>` a dict. Words
after the type: `implicit` (a zero value counts as unset, as proto3 has it) and `oneof=NAME` (at most one
of the fields with that name may be set).

Python values: enumerations are their name, `google.Timestamp` is nanoseconds since the epoch,
`google.Duration` is nanoseconds, `google.FieldMask` a list of snake_case paths and `google.Value` plain JSON
whose top-level null is `NULL` (None is an unset field, as everywhere).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from operator import attrgetter
from typing import ClassVar, Final, NamedTuple, TypeAlias, Union


class Null:
    """The type of `NULL`, the JSON null of a `google.Value` field that is set."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = Null()

Json: TypeAlias = Union["Null", bool, float, str, list["Json"], dict[str, "Json"], None]


class Message:
    """Base of all messages: compares by value, prints what is set, and cannot be hashed."""

    __slots__ = ()
    _fields: ClassVar[Mapping[str, str]] = {}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._fields)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        values = ((name, getattr(self, name)) for name in self._fields)
        shown = ", ".join(f"{name}={value!r}" for name, value in values if value not in (None, [], {}))
        return f"{type(self).__qualname__}({shown})"


class Rendered(Message):
    """An answer of which only the JSON text is at hand, and the message that it would be."""

    __slots__ = ("message", "text")

    def __init__(self, message: type[Message], text: bytes) -> None:
        self.message = message
        self.text = text


class Enumeration:
    """Base of all enumerations: constants whose value is their name, and the number of each."""

    __slots__ = ()
    _numbers: ClassVar[Mapping[str, int]] = {}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(cls._numbers)


class Later:
    """A message of a module that is imported when first needed; its attributes are classes within it."""

    __slots__ = ("_module", "_name")

    def __init__(self, module: str, name: str = "") -> None:
        self._module = module
        self._name = name

    def __getattr__(self, name: str) -> Later:
        return Later(self._module, f"{self._name}.{name}".lstrip("."))

    def is_loaded(self) -> bool:
        return f"{__package__}.{self._module}" in sys.modules

    def load(self) -> type[Message]:
        found: type[Message] = attrgetter(self._name)(import_module(f".{self._module}", __package__))
        return found


class Endpoint(NamedTuple):
    """One verb on one path.

    `path` is a Flask rule without the `/api` or `/ajax-api` it is mounted under. `bindings` names the
    message field a path variable fills where the two differ: `(("trace_id", "assessment.trace_id"),)`.
    """

    verb: str
    path: str
    rpc: str
    asks: type[Message] | Later
    answers: type[Message] | Later
    service: str
    bindings: tuple[tuple[str, str], ...] = ()
    mounts: tuple[str, ...] = ("/api", "/ajax-api")

    @property
    def request(self) -> type[Message]:
        return self.asks.load() if isinstance(self.asks, Later) else self.asks

    @property
    def response(self) -> type[Message]:
        return self.answers.load() if isinstance(self.answers, Later) else self.answers

    @property
    def loaded(self) -> type[Message] | None:
        """The request, where its module is imported, as that of each handler has; else None."""
        is_away = isinstance(self.asks, Later) and not self.asks.is_loaded()
        return None if is_away else self.request

    def field_of(self, variable: str) -> str:
        """The dotted path of the message field that this path variable fills."""
        return dict(self.bindings).get(variable, variable)
