"""Base classes of messages and enumerations, and `Endpoint`.

`messages.py`, `genai_messages.py` and `endpoints.py` are generated and use these classes; `extra.py` and
`trackway_*.py` use them in the same form, but are written by hand:

    class RotateKey(Message):
        _fields = {"name": "string", "max_age_ms": "int64"}
        __slots__ = tuple(_fields)

        def __init__(self, *, name: str, max_age_ms: int | None = None) -> None:
            self.name = name
            self.max_age_ms = max_age_ms

`_fields` maps the name of each field to its wire type. The signature of `__init__` completes the
declaration: a keyword without a default is a required field; a default is the value of a field that the
request leaves out.

Wire types: string, bytes, bool, double, float, int32, int64, uint32, uint64, fixed32, fixed64, a message or
enumeration by its dotted name, and `google.*`. `X[]` is a list of X, `map<string,X>` a dict. Words
after the type: `implicit` (a zero value counts as unset, as in proto3), `oneof=NAME` (at most one of the
fields with this NAME may be set) and `always` (responses have the list even if it is empty).

Python values: an enumeration value is its name (str), `google.Timestamp` is nanoseconds since the epoch,
`google.Duration` is nanoseconds, `google.FieldMask` is a list of snake_case paths, `google.Value` is plain
JSON. None always means that a field is unset; the JSON null of a `google.Value` field is therefore `NULL`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from operator import attrgetter
from typing import ClassVar, Final, NamedTuple, TypeAlias, Union


class Null:
    """The type of `NULL`: a `google.Value` field that is set to the JSON null."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = Null()

Json: TypeAlias = Union["Null", bool, float, str, list["Json"], dict[str, "Json"], None]


class Message:
    """Base of all messages. Messages are compared by value and cannot be hashed; `repr` shows set fields."""

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
    """A response that is JSON text already. `message` is the class that the text would decode to."""

    __slots__ = ("message", "text")

    def __init__(self, message: type[Message], text: bytes) -> None:
        self.message = message
        self.text = text


class Enumeration:
    """Base of all enumerations: string constants equal to their own names; `_numbers` has their numbers."""

    __slots__ = ()
    _numbers: ClassVar[Mapping[str, int]] = {}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(cls._numbers)


class Later:
    """A lazy reference to a message class: `load` imports its module.

    An attribute is a lazy reference to the class of that name within the module or class.
    """

    __slots__ = ("_module", "_name")

    def __init__(self, module: str, name: str = "") -> None:
        self._module = module
        self._name = name

    def __getattr__(self, name: str) -> Later:
        return Later(self._module, f"{self._name}.{name}".lstrip("."))

    def is_loaded(self) -> bool:
        """Return whether the module has been imported."""
        return f"{__package__}.{self._module}" in sys.modules

    def load(self) -> type[Message]:
        """Return the class; import its module if necessary."""
        found: type[Message] = attrgetter(self._name)(import_module(f".{self._module}", __package__))
        return found


class Endpoint(NamedTuple):
    """One verb on one path.

    `path` is a Flask rule without its prefix; `mounts` lists the prefixes. `bindings` lists path variables
    that are stored in a field of another name: `(("trace_id", "assessment.trace_id"),)`.
    """

    verb: str
    path: str
    rpc: str
    request_type: type[Message] | Later
    response_type: type[Message] | Later
    service: str
    bindings: tuple[tuple[str, str], ...] = ()
    mounts: tuple[str, ...] = ("/api", "/ajax-api")

    @property
    def request(self) -> type[Message]:
        return self.request_type.load() if isinstance(self.request_type, Later) else self.request_type

    @property
    def response(self) -> type[Message]:
        return self.response_type.load() if isinstance(self.response_type, Later) else self.response_type

    @property
    def loaded(self) -> type[Message] | None:
        """Return the request class, or None if its module is not imported; then no handler uses it."""
        is_unloaded = isinstance(self.request_type, Later) and not self.request_type.is_loaded()
        return None if is_unloaded else self.request

    def field_of(self, variable: str) -> str:
        """Return the dotted path of the message field that gets the value of a path variable."""
        return dict(self.bindings).get(variable, variable)
