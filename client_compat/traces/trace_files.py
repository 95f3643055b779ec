"""``traces.json``: the file in which clients without OTLP upload the spans of a trace, and read them.

Five generations of the file exist:

    2.14               ids are "0x..." and stand inside "context"
    2.15 to 2.22       the same without "0x"
    3.0 to 3.4, 3.5.1  the stored form (``spans``): base64 ids, attributes are JSON texts
    3.5.0              the same with hexadecimal ids ("tr-..." for the trace), and the status without prefix
    TypeScript SDK     the same with attributes that are no JSON texts, and a wrong trace id
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from . import spans
from .spans import Span

NAME = "traces.json"
_PATH = re.compile(rf"(?:.*/)?traces/([^/]+)/artifacts(/{re.escape(NAME)})?", re.DOTALL)
_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8
_ID_OF_MLFLOW_3 = re.compile(r"tr-([0-9a-f]{32})")
_HEX = re.compile(r"(?:tr-|0x)?([0-9a-fA-F]+)")
_CODES = ("STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR")
_MAX_TIME = (1 << 63) - 1
_VERSION_2 = re.compile(r"mlflow-python-client/2\.")


class Unreadable(Exception):
    """The file is no ``traces.json`` of any generation."""


def trace_id_of(path: str) -> str | None:
    """Return whose file the path of an artifact is, or None if its name is another one."""
    found = _PATH.fullmatch(path)
    return found[1] if found and found[2] else None


def trace_id_of_folder(path: str) -> str | None:
    """Return whose artifacts a folder of artifacts has, by its name, or None."""
    found = _PATH.fullmatch(path)
    return found[1] if found and not found[2] else None


def parse(body: bytes, trace_id: str) -> list[Span]:
    """Return the spans in a file of the trace with this id, in the stored form. Raise ``Unreadable``.

    The id is that of the file's path: the one in the file may be another.
    """
    try:
        # Python's clients write bare NaN and Infinity, which other clients cannot read.
        found = json.loads(body, parse_constant=str)["spans"]
        return [_span(raw, trace_id) for raw in found]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(str(error)) from None


def is_of_version_2(user_agent: str) -> bool:
    """Return whether a client reads only the files of MLflow 2."""
    return _VERSION_2.match(user_agent) is not None


def of_version_2(found: Iterable[Span]) -> Iterator[bytes]:
    """Yield the parts of a file that clients of MLflow 2 read."""
    inputs = outputs = None
    yield b'{"spans": ['
    for number, span in enumerate(found):
        if not span["parent_span_id"]:
            inputs, outputs = (span["attributes"].get(key) for key in (spans.INPUTS, spans.OUTPUTS))
        yield (b", " if number else b"") + _bytes(_old_form(span))
    yield b'], "request": ' + _bytes(inputs) + b', "response": ' + _bytes(outputs) + b"}"


def _bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _old_form(span: Span) -> dict[str, Any]:
    parent = span["parent_span_id"]
    return {
        "name": span["name"],
        "context": {"span_id": spans.hex_of(span["span_id"]), "trace_id": spans.hex_of(span["trace_id"])},
        "parent_id": spans.hex_of(parent) if parent else None,
        "start_time": span["start_time_unix_nano"],
        "end_time": span["end_time_unix_nano"],
        "status_code": spans.status(span),
        "status_message": span["status"].get("message") or "",
        "attributes": span["attributes"],
        "events": [
            {
                "name": event["name"],
                "timestamp": event["time_unix_nano"],
                "attributes": event.get("attributes") or {},
            }
            for event in span["events"]
        ],
    }


def _span(raw: Mapping[str, Any], trace_id: str) -> Span:
    is_old = "context" in raw
    ids = raw["context"] if is_old else raw
    parent = raw["parent_id"] if is_old else raw.get("parent_span_id")
    end = raw["end_time"] if is_old else raw.get("end_time_unix_nano")
    status = {} if is_old else raw.get("status") or {}
    code, message = (
        (raw["status_code"], raw["status_message"]) if is_old else (status.get("code"), status.get("message"))
    )
    return {
        "trace_id": b64encode(_trace_id(trace_id, ids["trace_id"])).decode(),
        "span_id": b64encode(_id(ids["span_id"], _SPAN_ID_BYTES)).decode(),
        "parent_span_id": b64encode(_id(parent, _SPAN_ID_BYTES)).decode() if parent else None,
        "name": spans.storable(str(raw["name"])),
        "start_time_unix_nano": _time(raw["start_time" if is_old else "start_time_unix_nano"]),
        "end_time_unix_nano": _time(end) if end else None,
        "events": [
            _event(event, "timestamp" if is_old else "time_unix_nano") for event in raw.get("events") or ()
        ],
        "status": {"code": _code(code), "message": str(message or "")},
        "attributes": _attributes(raw["attributes"] or {}, trace_id),
        "links": [_link(link) for link in raw.get("links") or ()],
    }


def _trace_id(trace_id: str, in_file: object) -> bytes:
    """Return OpenTelemetry's id of the trace: that in MLflow's id, if it has one, else that in the file."""
    if found := _ID_OF_MLFLOW_3.fullmatch(trace_id):
        return bytes.fromhex(found[1])
    try:
        return _id(in_file, _TRACE_ID_BYTES)
    except ValueError:
        return blake2b(trace_id.encode(), digest_size=_TRACE_ID_BYTES).digest()


def _id(text: object, size: int) -> bytes:
    """Return an id in base64, which ends in "=" for both sizes, or in hexadecimal digits."""
    text = str(text)
    if text.endswith("="):
        made = b64decode(text, validate=True)
    elif found := _HEX.fullmatch(text):
        made = bytes.fromhex(found[1].zfill(2 * size))
    else:
        made = b""
    if len(made) != size:
        raise ValueError(f"{text!r} is no id of {size} bytes")
    return made


def _time(value: Any) -> int:
    number = int(value)
    if not 0 <= number <= _MAX_TIME:
        raise ValueError(f"{number} is no time in nanoseconds since 1970")
    return number


def _code(code: object) -> str:
    text = str(code or "UNSET").removeprefix("STATUS_CODE_")
    full = f"STATUS_CODE_{text}"
    return full if full in _CODES else _CODES[0]


def _attributes(found: Mapping[str, Any], trace_id: str) -> dict[str, str]:
    own_id = found.get(spans.TRACE_ID)
    are_texts = isinstance(own_id, str) and own_id.startswith('"')
    made = {str(key): _text(value, is_text=are_texts) for key, value in found.items()}
    made[spans.TRACE_ID] = json.dumps(trace_id)
    return made


def _text(value: object, *, is_text: bool) -> str:
    """Return a value as JSON text. In most files it is one already."""
    if is_text and isinstance(value, str):
        try:
            json.loads(value)
        except (ValueError, RecursionError):
            pass
        else:
            return value
    return spans.dumps(value)


def _event(event: Mapping[str, Any], time: str) -> dict[str, Any]:
    return {
        "name": spans.storable(str(event["name"])),
        "time_unix_nano": _time(event[time]),
        "attributes": dict(event.get("attributes") or {}),
    }


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": str(link["trace_id"]),
        "span_id": str(link["span_id"]),
        "attributes": dict(link.get("attributes") or {}) or None,
    }
