"""The `google.*` types that MLflow's messages hold, between JSON and Python.

Times and durations are nanoseconds, a FieldMask is a list of snake_case paths, a Value is plain JSON.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

from .scalars import Reader, Writer, Wrong, read_double, read_string
from .wire import NULL

# As protobuf: deeper JSON is an attack or a mistake.
MAX_DEPTH: Final = 100

_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))\Z", re.ASCII
)
_DURATION: Final = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s\Z", re.ASCII)
_SECOND: Final = 1_000_000_000


def _read_timestamp(value: Any) -> int:
    """RFC 3339 to nanoseconds since the epoch."""
    match = _TIMESTAMP.match(value) if type(value) is str else None
    if match is None:
        raise Wrong(value, "It must be a time like 2025-04-15T08:49:18.699Z.")
    try:
        moment = datetime.fromisoformat(match.group(1)).replace(tzinfo=UTC)
    except ValueError:
        raise Wrong(value, "It must be a time like 2025-04-15T08:49:18.699Z.") from None
    seconds = int((moment - _EPOCH).total_seconds())
    if match.group(3):
        offset = int(match.group(4)) * 3600 + int(match.group(5)) * 60
        seconds -= offset if match.group(3) == "+" else -offset
    return seconds * _SECOND + int((match.group(2) or "").ljust(9, "0"))


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _read_duration(value: Any) -> int:
    """Seconds like "1.5s" to nanoseconds."""
    match = _DURATION.match(value) if type(value) is str else None
    if match is None:
        raise Wrong(value, "It must be a duration like 1.5s.")
    total = int(match.group(2)) * _SECOND + int((match.group(3) or "").ljust(9, "0"))
    return -total if match.group(1) else total


def _read_field_mask(value: Any) -> list[str]:
    if type(value) is not str:
        raise Wrong(value, 'It must be field names with commas, like "name,valid".')
    return [re.sub("[A-Z]", lambda m: "_" + m.group().lower(), path) for path in value.split(",") if path]


def _read_value(value: Any, depth: int = 0) -> Any:
    """Any JSON. Numbers become floats, as a google.protobuf.Value holds them."""
    if depth > MAX_DEPTH:
        raise Wrong("...", f"It is nested deeper than {MAX_DEPTH}.")
    if value is None or type(value) is bool:
        return value
    if type(value) is str:
        return read_string(value)
    if type(value) in (int, float):
        number = read_double(value)
        if not isfinite(number):
            raise Wrong(value)
        return number
    if type(value) is list:
        return [_read_value(item, depth + 1) for item in value]
    if type(value) is dict:
        return {read_string(key): _read_value(item, depth + 1) for key, item in value.items()}
    raise Wrong(value)


def _read_struct(value: Any) -> Any:
    if type(value) is not dict:
        raise Wrong(value)
    return _read_value(value)


def _read_list_value(value: Any) -> Any:
    if type(value) is not list:
        raise Wrong(value)
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
