"""Attributes of spans: the names that MLflow gives a meaning, and the JSON text in which a value is kept.

The text of every value can be written to any database and sent in any response: characters that PostgreSQL
or UTF-8 cannot hold (NUL, single surrogates) are replaced by U+FFFD.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring  # the encoder of `json.dumps(ensure_ascii=False)` for one string
from typing import Any

TRACE_ID = "mlflow.traceRequestId"
TYPE = "mlflow.spanType"
INPUTS = "mlflow.spanInputs"
OUTPUTS = "mlflow.spanOutputs"
USAGE = "mlflow.chat.tokenUsage"
TOOLS = "mlflow.chat.tools"
MODEL = "mlflow.llm.model"
PROVIDER = "mlflow.llm.provider"
COST = "mlflow.llm.cost"
FORMAT = "mlflow.message.format"
TAG_PREFIX = "mlflow.traceTag."
SESSION = "session.id"
CONVERSATION = "gen_ai.conversation.id"
USER = "user.id"

_OPENERS = frozenset('"[{ \t\r\n')
_ESCAPES = re.compile(r"\\u(?:0000|[dD][89abAB])")
_MAX_DEPTH = 100


def encode(value: Any) -> str:
    """Return the JSON text in which an attribute's value is kept.

    A text that is itself the JSON of an object, a list or a text is kept as it is: MLflow's clients send
    their own attributes encoded. All other text is encoded, `1` as `"1"`.
    """
    if isinstance(value, str):
        return encode_text(value)
    return dump(value)


def encode_text(value: str) -> str:
    if value[:1] in _OPENERS:
        try:
            parsed = _STRICT.decode(value)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, str | list | dict):
            return value if _is_clean_json(value, parsed) else dump(parsed)
    return dump_text(value)


def dump_text(value: str) -> str:
    """Return a text as JSON text."""
    return encode_basestring(clean(value))


def dump(value: Any) -> str:
    """Return a value of JSON types (and bytes, as base64) as JSON text, in the form of Python's `json`.

    NaN and infinite numbers are written as Python writes them; so MLflow's client reads back what it sent.
    """
    try:
        text = _ENCODER.encode(value)
    except RecursionError:
        text = None
    if text is None or "\\u0000" in text or not _is_encodable(text):
        text = _ENCODER.encode(clean_json(value))
    return text


def decode(text: Any) -> Any:
    """Return the value of an attribute's text; a text that is not JSON is its own value."""
    if not isinstance(text, str):
        return text
    try:
        value, end = _scan(text, 0)
        return value if end == len(text) else json.loads(text)
    except (StopIteration, ValueError, RecursionError):
        pass
    try:
        return json.loads(text)  # with white space around it, or an error
    except (ValueError, RecursionError):
        return text


def dump_numbers(numbers: Mapping[str, float]) -> str:
    """Return finite numbers by plain names as JSON text, as `dump` does, but faster."""
    return "{" + ", ".join([f'"{key}": {number!r}' for key, number in numbers.items()]) + "}"


def clean(text: str) -> str:
    """Replace characters that PostgreSQL or UTF-8 cannot hold (NUL, single surrogates) by U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if not _is_encodable(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def clean_json(value: Any, *, finite: bool = False, depth: int = _MAX_DEPTH) -> Any:
    """Return a value of JSON types, with its texts clean and its bytes as base64.

    With `finite`, numbers that JSON lacks become the texts NaN, Infinity and -Infinity, as in protobuf.
    Objects and lists that are nested more than 100 deep are replaced by a text that says so.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return non_finite(value) if finite and not math.isfinite(value) else value
    if isinstance(value, bytes):
        return _as_json(value)
    if isinstance(value, dict | list) and depth <= 0:
        return "(nested too deep)"
    if isinstance(value, dict):
        return {
            clean(str(key)): clean_json(item, finite=finite, depth=depth - 1) for key, item in value.items()
        }
    if isinstance(value, list):
        return [clean_json(item, finite=finite, depth=depth - 1) for item in value]
    return value


def non_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _is_clean_json(text: str, parsed: Any) -> bool:
    if "\0" in text or not _is_encodable(text):
        return False
    if "\\u" not in text or not _ESCAPES.search(text):
        return True
    # Escaped pairs of surrogates are common and harmless, single ones are not.
    try:
        plain = _ENCODER.encode(parsed)
    except RecursionError:
        return False
    return "\\u0000" not in plain and _is_encodable(plain)


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_json(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return clean(str(value))


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


# The compiled scanner: most texts are short, and most of the time of `json.loads` is spent around it.
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_as_json)
# Python's reader takes NaN, which no other reader of JSON does: such a text is no JSON.
_STRICT = json.JSONDecoder(parse_constant=_refuse)
