"""Readers and writers of the `google.protobuf` types that MLflow's messages contain.

In Python, timestamps and durations are nanoseconds, a FieldMask is a list of snake_case paths, and a Value is
plain JSON.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

from .scalars import BadValue, Reader, Writer, read_double, read_string
from .wire import NULL

# Protobuf's limit. Deeper JSON is an attack or a mistake.
MAX_DEPTH: Final = 100

_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))\Z", re.ASCII
)
_DURATION: Final = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s\Z", re.ASCII)
_SECOND: Final = 1_000_000_000


def _read_timestamp(value: Any) -> int:
    """Return nanoseconds since the epoch for an RFC 3339 timestamp."""
    match = _TIMESTAMP.match(value) if type(value) is str else None
    if match is None:
        raise BadValue(value, "It must be a time like 2025-04-15T08:49:18.699Z.")
    try:
        moment = datetime.fromisoformat(match.group(1)).replace(tzinfo=UTC)
    except ValueError:
        raise BadValue(value, "It must be a time like 2025-04-15T08:49:18.699Z.") from None
    seconds = int((moment - _EPOCH).total_seconds())
    if match.group(3):
        offset = int(match.group(4)) * 3600 + int(match.group(5)) * 60
        seconds -= offset if match.group(3) == "+" else -offset
    return seconds * _SECOND + int((match.group(2) or "").ljust(9, "0"))


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _read_duration(value: Any) -> int:
    """Return nanoseconds for a number of seconds like "1.5s"."""
    match = _DURATION.match(value) if type(value) is str else None
    if match is None:
        raise BadValue(value, "It must be a duration like 1.5s.")
    total = int(match.group(2)) * _SECOND + int((match.group(3) or "").ljust(9, "0"))
    return -total if match.group(1) else total


def _read_field_mask(value: Any) -> list[str]:
    if type(value) is not str:
        raise BadValue(value, 'It must be field names separated by commas, like "name,valid".')
    return [re.sub("[A-Z]", lambda m: "_" + m.group().lower(), path) for path in value.split(",") if path]


def _read_value(value: Any, depth: int = 0) -> Any:
    """Return any JSON value, its numbers as floats: a google.protobuf.Value has no integers."""
    if depth > MAX_DEPTH:
        raise BadValue("...", f"It is nested deeper than {MAX_DEPTH}.")
    if value is None or type(value) is bool:
        return value
    if type(value) is str:
        return read_string(value)
    if type(value) in (int, float):
        number = read_double(value)
        if not isfinite(number):
            raise BadValue(value)
        return number
    if type(value) is list:
        return [_read_value(item, depth + 1) for item in value]
    if type(value) is dict:
        return {read_string(key): _read_value(item, depth + 1) for key, item in value.items()}
    raise BadValue(value)


def _read_struct(value: Any) -> Any:
    if type(value) is not dict:
        raise BadValue(value)
    return _read_value(value)


def _read_list_value(value: Any) -> Any:
    if type(value) is not list:
        raise BadValue(value)
    return _read_value(value)


def _fraction(nanoseconds: int) -> str:
    if nanoseconds == 0:
        return ""
    text = f".{nanoseconds:09d}"
    while text.endswith("000"):
        text = text[:-3]
    return text


def _write_timestamp(value: int) -> str:
    seconds, nanoseconds = divmod(value, _SECOND)
    days, second = divmod(seconds, 86_400)
    day = datetime.fromordinal(_EPOCH.toordinal() + days)
    hour, rest = divmod(second, 3600)
    clock = f"{hour:02d}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{day.year:04d}-{day.month:02d}-{day.day:02d}T{clock}{_fraction(nanoseconds)}Z"


def _write_duration(value: int) -> str:
    seconds, nanoseconds = divmod(abs(value), _SECOND)
    return f"{'-' if value < 0 else ''}{seconds}{_fraction(nanoseconds)}s"


def _write_field_mask(value: list[str]) -> str:
    return ",".join(re.sub("_([a-z])", lambda m: m.group(1).upper(), path) for path in value)


def _write_value(value: Any) -> Any:
    return None if value is NULL else value


READERS: Final[dict[str, Reader]] = {
    "google.Timestamp": _read_timestamp,
    "google.Duration": _read_duration,
    "google.FieldMask": _read_field_mask,
    "google.Value": _read_value,
    "google.Struct": _read_struct,
    "google.ListValue": _read_list_value,
}
WRITERS: Final[dict[str, Writer]] = {
    "google.Timestamp": _write_timestamp,
    "google.Duration": _write_duration,
    "google.FieldMask": _write_field_mask,
    "google.Value": _write_value,
    "google.Struct": _write_value,
    "google.ListValue": _write_value,
}
