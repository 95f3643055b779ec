"""``traces.json``: the file in which clients without OTLP upload the spans of a trace, and read them.

Five generations of the file exist:

    2.14               ids are "0x..." and stand inside "context"
    2.15 to 2.22       the same without "0x"
    3.0 to 3.4, 3.5.1  the stored form (``spans``): base64 ids, attributes are JSON texts
    3.5.0              the same with hexadecimal ids ("tr-..." for the trace), and the status without prefix
    TypeScript SDK     the same with attributes that are no JSON texts, and a wrong trace id
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from . import attributes as names
from . import spans
from .batches import make_scope, plain
from .spans import Span

NAME = "traces.json"
_PATH = re.compile(rf"(?:.*/)?traces/([^/]+)/artifacts(/{re.escape(NAME)})?", re.DOTALL)
_SCOPE = ("name", "version")
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
            inputs, outputs = (span["attributes"].get(key) for key in (names.INPUTS, names.OUTPUTS))
        yield (b", " if number else b"") + _bytes(_old_form(span))
    yield b'], "request": ' + _bytes(inputs) + b', "response": ' + _bytes(outputs) + b"}"


def _bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _old_form(span: Span) -> dict[str, Any]:
    parent = span["parent_span_id"]
    return {
        "name": span["name"],
        "context": {"span_id": spans.to_hex(span["span_id"]), "trace_id": spans.to_hex(span["trace_id"])},
        "parent_id": spans.to_hex(parent) if parent else None,
        "start_time": span["start_time_unix_nano"],
        "end_time": span["end_time_unix_nano"],
        "status_code": spans.status(span),
        "status_message": span["status"]["message"],
        "attributes": span["attributes"],
        "events": [
            {
                "name": event["name"],
                "timestamp": event["time_unix_nano"],
                "attributes": event["attributes"],
            }
            for event in span["events"]
        ],
    }


def _span(item: Any, trace_id: str) -> Span:
    context = item.get("context")
    if context is None:
        own, span_id, parent = item["trace_id"], item["span_id"], item["parent_span_id"]
        start, end = item["start_time_unix_nano"], item.get("end_time_unix_nano")
        status = item.get("status") or {}
        code, message = status.get("code"), status.get("message")
        time = "time_unix_nano"
    else:
        own, span_id, parent = context["trace_id"], context["span_id"], item.get("parent_id")
        start, end = item["start_time"], item.get("end_time")
        code, message = item.get("status_code"), item.get("status_message")
        time = "timestamp"
    made: Span = {
        "trace_id": spans.to_base64(_trace_id(trace_id, own)),
        "span_id": spans.to_base64(_id(span_id, 8)),
        "parent_span_id": spans.to_base64(_id(parent, 8)) if parent else None,
        "name": names.clean(str(item["name"])),
        "start_time_unix_nano": _time(start),
        "end_time_unix_nano": _time(end or 0) or None,
        "events": [_event(event, time) for event in item.get("events") or []],
        "status": _status(code, message),
        "attributes": _attributes(item.get("attributes") or {}, trace_id),
        "links": [_link(link) for link in item.get("links") or []],
    }
    if item.get("kind") in spans.KINDS[1:]:
        made["kind"] = item["kind"]
    if isinstance(state := item.get("trace_state"), str) and state:
        made["trace_state"] = names.clean(state)
    if isinstance(flags := item.get("flags"), int) and 0 < flags < 2**32:
        made["flags"] = int(flags)
    given = item.get("scope")
    if isinstance(given, dict) and (scope := make_scope(*(str(given.get(key) or "") for key in _SCOPE))):
        made["scope"] = scope
    return made


def _id(found: Any, size: int) -> bytes:
    """Return an id in base64 (of exactly `size` bytes) or in hex; raise ValueError."""
    text = str(found)
    # Sixteen hex digits are base64 as well, of 12 bytes; so the length decides.
    if len(text) == 4 * ((size + 2) // 3) and text.endswith("="):
        return spans.checked_id(base64.b64decode(text, validate=True), size)
    return spans.from_hex(text.removeprefix(spans.TRACE_ID_PREFIX), size)


def _trace_id(trace_id: str, own: Any) -> bytes:
    """Return OpenTelemetry's trace id for a trace."""
    digits = trace_id.removeprefix(spans.TRACE_ID_PREFIX)
    for found in (trace_id, own) if digits != trace_id else (own, trace_id):
        try:
            return _id(found, 16)
        except ValueError:
            continue
    # An id that is not OpenTelemetry's at all: any 16 bytes do that are the same for all its spans.
    return hashlib.sha256(trace_id.encode()).digest()[:16]


def _time(found: Any) -> int:
    time = int(found)
    if not 0 <= time <= spans.MAX_TIME:
        raise ValueError(f"the time {time} is not from 0 to {spans.MAX_TIME}")
    return time


def _event(event: dict[str, Any], time: str) -> dict[str, Any]:
    return {
        "name": names.clean(str(event["name"])),
        "time_unix_nano": _time(event[time]),
        "attributes": plain(event.get("attributes") or {}),
    }


def _link(link: dict[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": names.clean(str(link["trace_id"])),
        "span_id": names.clean(str(link["span_id"])),
        "attributes": plain(link.get("attributes") or {}) or None,
    }


def _status(code: Any, message: Any) -> dict[str, str]:
    text = str(code or "UNSET")
    known = text if text in spans.STATUSES else f"STATUS_CODE_{text}"
    if known not in spans.STATUSES:
        known = spans.UNSET
    return {"code": known, "message": names.clean(str(message or "")) if known == spans.ERROR else ""}


def _attributes(found: dict[str, Any], trace_id: str) -> dict[str, str]:
    own = found.get(names.TRACE_ID)
    # Python's clients write texts alone, with the id in quotes; TypeScript's writes the values themselves.
    is_encoded = isinstance(own, str) and own.startswith('"')
    is_encoded = is_encoded and all(isinstance(value, str) for value in found.values())
    made = {
        names.clean(key): _kept(value) if is_encoded else names.encode(value) for key, value in found.items()
    }
    made[names.TRACE_ID] = names.dump_text(trace_id)
    return made


def _kept(text: str) -> str:
    """Return JSON text as it is, if it can be stored; else as the text that it is."""
    value = names.decode(text)
    if isinstance(value, str | dict | list) or value is text:
        return names.encode_text(text)
    return text
