"""The stored span: a dictionary exactly as MLflow serves it in `get-trace-artifact` and in `traces.json`.

    trace_id, span_id                   base64 of 16 and 8 bytes; always the first two keys
    parent_span_id                      base64 of 8 bytes; None for a root
    name
    start_time_unix_nano                nanoseconds since the epoch
    end_time_unix_nano                  the same; None while the span is open
    events                              [{name, time_unix_nano, attributes}], with plain values
    status                              {code, message}; code is STATUS_CODE_UNSET, _OK or _ERROR
    attributes                          {key: JSON text}
    links                               [{trace_id, span_id, attributes}]; ids as `tr-` + hex, and hex

MLflow drops the rest of OTLP's span. We keep it, where it is not the default: `kind` (SPAN_KIND_CLIENT),
`trace_state`, `flags`, and `scope` {name, version}. MLflow's clients ignore keys that they do not know.

The getters below never raise: an attribute may hold anything.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable
from typing import Any

from . import attributes as names

Span = dict[str, Any]

STATUS_PREFIX = "STATUS_CODE_"
UNSET, OK, ERROR = STATUSES = tuple(f"{STATUS_PREFIX}{name}" for name in ("UNSET", "OK", "ERROR"))
KINDS = tuple(f"SPAN_KIND_{name}" for name in "UNSPECIFIED INTERNAL SERVER CLIENT PRODUCER CONSUMER".split())
TRACE_ID_PREFIX = "tr-"
# Times are kept in signed columns of 64 bits; the greatest is in the year 2262.
MAX_TIME = 2**63 - 1
# JSON readers hold whole numbers exactly up to here; sums of such numbers fit into 64 bits.
MAX_TOKENS = 2**53 - 1
TOKENS = ("input_tokens", "output_tokens", "total_tokens")
CACHE_TOKENS = (
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation_input_tokens_above_1hr",
)
COSTS = ("input_cost", "output_cost", "total_cost")

_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]+")


def to_base64(identifier: bytes) -> str:
    return binascii.b2a_base64(identifier, newline=False).decode()


def to_hex(identifier: str) -> str:
    """Return the hex digits of an id in base64; raise ValueError if it is none."""
    return base64.b64decode(identifier, validate=True).hex()


def from_hex(digits: str, size: int) -> bytes:
    """Return the `size` bytes of hex digits (upper case and `0x` are allowed, short ones are filled up).

    Raise ValueError if they are none or too many.
    """
    if not isinstance(digits, str) or not _HEX.fullmatch(digits):
        raise ValueError(f"{digits!r} is not hexadecimal")
    return checked_id(bytes.fromhex(digits.removeprefix("0x").zfill(2 * size)), size)


def checked_id(identifier: bytes, size: int) -> bytes:
    """Return an id filled up to `size` bytes; raise ValueError if it is empty, zero or too long."""
    if not any(identifier):
        raise ValueError("it is empty or zero")
    if len(identifier) > size:
        raise ValueError(f"it has {len(identifier)} bytes, at most {size} are allowed")
    return identifier.rjust(size, b"\0")


def trace_id_of(otel_id: bytes) -> str:
    """Return MLflow's trace id for OpenTelemetry's of 16 bytes: `tr-` and 32 hex digits."""
    return TRACE_ID_PREFIX + otel_id.hex()


def number_of(span_id: str) -> int:
    """Return a span's id, given in base64, as a signed number of 8 bytes."""
    return int.from_bytes(base64.b64decode(span_id), signed=True)


def is_root(span: Span) -> bool:
    return not span["parent_span_id"]


def status(span: Span) -> str:
    """Return UNSET, OK or ERROR."""
    code: str = span["status"]["code"]
    return code.removeprefix(STATUS_PREFIX)


def in_order(spans: Iterable[Span]) -> list[Span]:
    """Return the spans of a trace in MLflow's order: roots first, then by their start."""
    return sorted(spans, key=order_of)


def order_of(span: Span) -> tuple[bool, int, str]:
    """Return the place of a span in this order."""
    return not is_root(span), span["start_time_unix_nano"], span["span_id"]


def span_type(span: Span) -> str:
    return _text(span, names.TYPE) or "UNKNOWN"


def model(span: Span) -> str | None:
    return _text(span, names.MODEL)


def provider(span: Span) -> str | None:
    return _text(span, names.PROVIDER)


def usage(span: Span) -> dict[str, int] | None:
    """Return the span's own token counts, those that are whole numbers from 0 to 2^53 - 1."""
    return checked_usage(names.decode(span["attributes"].get(names.USAGE)))


def cost(span: Span) -> dict[str, float] | None:
    """Return the span's own cost in US dollars, those of its parts that are finite numbers."""
    return checked_cost(names.decode(span["attributes"].get(names.COST)))


def checked_usage(found: Any) -> dict[str, int] | None:
    if not isinstance(found, dict):
        return None
    counts = {key: found.get(key) for key in (*TOKENS, *CACHE_TOKENS)}
    return {key: count for key, number in counts.items() if (count := as_count(number)) is not None}


def checked_cost(found: Any) -> dict[str, float] | None:
    if not isinstance(found, dict):
        return None
    numbers = {key: found.get(key) for key in COSTS}
    return {
        key: float(number)
        for key, number in numbers.items()
        if isinstance(number, int | float) and not isinstance(number, bool) and _is_finite(number)
    }


def as_count(value: Any) -> int | None:
    """Return a count of tokens, given as a number or as the text of one; None if it is none."""
    if isinstance(value, str) and len(value) < 32:
        if value.isdecimal() and value.isascii():
            value = int(value)
            return value if value <= MAX_TOKENS else None
        value = names.decode(value.strip())
        value = names.decode(value) if isinstance(value, str) else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS:
        return value
    return None


def session(span: Span) -> str | None:
    return _text(span, names.SESSION) or _text(span, names.CONVERSATION)


def user(span: Span) -> str | None:
    return _text(span, names.USER)


def trace_tags(span: Span) -> dict[str, str]:
    """Return the tags that a root span sets on its trace: attributes named `mlflow.traceTag.<key>`."""
    prefix = names.TAG_PREFIX
    found = {key[len(prefix) :]: value for key, value in span["attributes"].items() if key.startswith(prefix)}
    return {key: as_text(names.decode(value)) for key, value in found.items() if key}


def as_text(value: Any) -> str:
    """Return a value as the text of a tag: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else names.dump(value)


def _text(span: Span, key: str) -> str | None:
    value = span["attributes"].get(key)
    if value is None:
        return None
    found = names.decode(value)
    if found is None or found == "":
        return None
    return as_text(found)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number that no float can hold
        return False
