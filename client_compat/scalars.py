"""Readers and writers of single values, with the semantics of protobuf's `json_format`.

A reader turns a JSON value into a Python value, or raises `BadValue`. A writer does the opposite. The callers
of a reader add the path of the field to the exception.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Mapping
from math import isfinite, isnan
from typing import Any, Final, cast

from .errors import InvalidParameter
from .wire import Enumeration

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]

INT_RANGES: Final = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "fixed32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "fixed64": (0, 2**64 - 1),
}


class BadValue(Exception):
    """A reader refused a value.

    `path` is collected while the exception passes through the callers, so that valid values cost nothing.
    """

    def __init__(
        self, value: object, hint: str | None = None, *, text: str | None = None, is_missing: bool = False
    ) -> None:
        self.value = value
        self.hint = hint
        self.text = text  # the whole error message, if it does not consist of path, value and hint
        self.is_missing = is_missing
        self.path: list[str] = []

    def at(self, step: str) -> BadValue:
        """Put a field's name, or an index like "[0]", in front of the path; return self."""
        self.path.append(step)
        return self

    def as_api_error(self) -> InvalidParameter:
        """Return the error response, with the collected path."""
        if self.text is not None:
            return InvalidParameter(self.text)
        path = ""
        for step in reversed(self.path):
            path += step if step.startswith("[") or not path else f".{step}"
        if self.is_missing:
            return InvalidParameter.missing(path)
        return InvalidParameter.invalid(path, self.value, self.hint)


# Characters that neither database can store: NUL and lone surrogates.
UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def read_string(value: Any) -> str:
    """Return a string that both databases can store."""
    if type(value) is not str:
        raise BadValue(value)
    if "\0" in value:
        raise BadValue(value, "It must not contain NUL characters.")
    if not value.isascii() and UNSTORABLE.search(value):
        raise BadValue(value, "It must not contain lone surrogates.")
    return value


def int_reader(low: int, high: int) -> Reader:
    """Return a reader of integers from `low` to `high`, both included."""

    def read(value: Any) -> int:
        if type(value) is not int:
            value = _integer(value)
        if low <= value <= high:
            return cast(int, value)
        raise BadValue(value, f"It must be between {low} and {high}.")

    return read


def _integer(value: Any) -> int:
    """Return the integer. 1.0, "1", "1.0" and "1e3" are integers; true, "1.5", " 1" and "1_000" are not."""
    if isinstance(value, str) and len(value) <= 400 and not _BAD_NUMBER.search(value):
        try:
            return int(value)
        except ValueError:
            try:
                number = float(value)
            except ValueError:
                raise BadValue(value) from None
            if number.is_integer():
                return int(number)
    elif isinstance(value, float) and value.is_integer():
        return int(value)
    raise BadValue(value)


# Python's int() and float() accept white space, underscores and other digits; JSON numbers have none of them.
_BAD_NUMBER: Final = re.compile(r"[\s_]|[^\x00-\x7f]")


def read_bool(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise BadValue(value)


_SPECIAL_FLOATS: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def read_double(value: Any) -> float:
    """Return a float from a number, a string with a number, or "NaN", "Infinity" and "-Infinity"."""
    if type(value) is float:
        return value
    if isinstance(value, int):
        # True is 1.0, as in protobuf.
        try:
            return float(value)
        except OverflowError:
            raise BadValue(value, "It is too large for a double.") from None
    if type(value) is str:
        special = _SPECIAL_FLOATS.get(value)
        if special is not None:
            return special
        if not _BAD_NUMBER.search(value):
            try:
                return _not_nan(float(value), value)
            except ValueError:
                pass
    raise BadValue(value)


def _not_nan(number: float, text: str) -> float:
    if isnan(number):
        raise BadValue(text)
    return number


def read_float(value: Any) -> float:
    """Return a float, rounded to 32 bits."""
    number = read_double(value)
    try:
        return cast(float, struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        raise BadValue(value, "It is too large for a 32-bit float.") from None


def read_bytes(value: Any) -> bytes:
    """Return bytes from standard or URL-safe base64, with or without padding."""
    if type(value) is not str:
        raise BadValue(value)
    try:
        return base64.urlsafe_b64decode(value.encode("ascii") + b"=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        raise BadValue(value, "It must be base64.") from None


def enum_reader(enum: type[Enumeration], former: Mapping[str, str] | None = None) -> Reader:
    """Return a reader that turns a name or a number of the enumeration into the name.

    With ``former``, which has former names, names are read in any case, and an unknown name as the one that
    has the number 0.
    """
    numbers = {number: name for name, number in reversed(tuple(enum._numbers.items()))}
    names = {name: name for name in enum._numbers}
    hint = f"It must be one of {', '.join(names)}."

    def read(value: Any) -> str:
        try:
            return names[cast(str, value)]
        except (KeyError, TypeError):
            pass
        if type(value) is float and value.is_integer():
            value = int(value)
        elif type(value) is str and value.isascii() and value.isdecimal():
            value = int(value[:10])
        if type(value) is int and value in numbers:
            return numbers[value]
        if former is None or type(value) is not str:
            raise BadValue(value, hint)
        name = value.upper()
        return names.get(name) or former.get(name) or numbers[0]

    return read


def write_double(value: float) -> float | str:
    """Return the number, or "NaN", "Infinity" or "-Infinity", which JSON has no numbers for."""
    if isfinite(value):
        return value
    if isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def write_float(value: float) -> float | str:
    """Return the number with the fewest digits that is the same 32-bit float."""
    if not isfinite(value):
        return write_double(value)
    packed = struct.pack("f", value)
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == packed:
            return short
    return float(f"{value:.9g}")


def write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


READERS: Final[dict[str, Reader]] = {
    "string": read_string,
    "bool": read_bool,
    "double": read_double,
    "float": read_float,
    "bytes": read_bytes,
}
WRITERS: Final[dict[str, Writer]] = {
    "double": write_double,
    "float": write_float,
    "bytes": write_bytes,
}
