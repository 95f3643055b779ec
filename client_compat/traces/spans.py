"""The stored form of a span: the dictionary that MLflow's clients read from a file ``traces.json``.

    trace_id, span_id       base64 of 16 and of 8 bytes
    parent_span_id          likewise; None: a root
    name
    start_time_unix_nano
    end_time_unix_nano      None: the span has not ended
    events                  [{name, time_unix_nano, attributes: {key: value}}]
    status                  {code: STATUS_CODE_UNSET | _OK | _ERROR, message}
    attributes              {key: JSON text}
    links                   [{trace_id: "tr-...", span_id: hex, attributes}]

Beyond MLflow's, what it loses of OpenTelemetry's, where it is not the default: ``kind``, ``trace_state``,
``flags``, ``scope`` {name, version}.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

Span = dict[str, Any]

TYPE = "mlflow.spanType"
INPUTS, OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"
USAGE, COST = "mlflow.chat.tokenUsage", "mlflow.llm.cost"
MODEL, PROVIDER = "mlflow.llm.model", "mlflow.llm.provider"
TRACE_ID = "mlflow.traceRequestId"
UNKNOWN = "UNKNOWN"
# Nested values deeper than this are not looked into.
MAX_DEPTH = 50
_STATUS_PREFIX = "STATUS_CODE_"
UNSTORABLE = str.maketrans({"\x00": "\N{REPLACEMENT CHARACTER}"})


def storable(text: str) -> str:
    """Return the text without what databases cannot store: NUL, and halves of characters."""
    if "\x00" in text:
        text = text.translate(UNSTORABLE)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text


def dumps(value: object) -> str:
    """Return a value as the JSON text of an attribute. Text that is a JSON object, list or string stays."""
    if isinstance(value, str):
        stripped = value.strip()
        if stripped[:1] in ("{", "[", '"') and stripped[-1:] in ("}", "]", '"') and _is_json(stripped):
            return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return json.dumps(str(type(value)))


def loads(text: object) -> Any:
    """Return the value of an attribute, or the text itself if it is no JSON."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def attribute(span: Span, key: str) -> Any:
    """Return the value of an attribute; None if the span lacks it."""
    text = span["attributes"].get(key)
    return None if text is None else loads(text)


def text_attribute(span: Span, key: str) -> str:
    """Return the value of an attribute as text; empty if the span lacks it."""
    found = attribute(span, key)
    return "" if found is None else storable(str(found))


def span_type(span: Span) -> str:
    return text_attribute(span, TYPE) or UNKNOWN


def status(span: Span) -> str:
    """Return UNSET, OK or ERROR."""
    code: str = span["status"]["code"]
    return code.removeprefix(_STATUS_PREFIX)


def number_of(span_id: str | None) -> int | None:
    """Return a span's id, given in base64, as a signed number of 8 bytes."""
    return int.from_bytes(b64decode(span_id), signed=True) if span_id else None


def base64_of(hex_id: str) -> str:
    return b64encode(bytes.fromhex(hex_id)).decode()


def hex_of(base64_id: str) -> str:
    return b64decode(base64_id).hex()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
