"""What a request of OTLP brings: batches of spans of one resource, whatever the encoding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from . import attributes as names
from . import spans
from .spans import Span

# The programs whose `service.name` MLflow copies to the root spans.
_KNOWN_SERVICES = frozenset({"claude-code", "codex_cli_rs", "codex_vscode", "gemini-cli", "qwen-code"})
_NO_TAGS = ("telemetry.sdk.", "mlflow.")
_SHOWN = 5


class Undecodable(Exception):
    """A body that is not OTLP. `str()` is MLflow's sentence for the `detail` of its response."""


class Rejected(Exception):
    """A span that cannot be stored. `str()` says why."""


class Batch(NamedTuple):
    """The spans of one resource.

    `tags` are the resource's attributes as tags of the traces; `spans` are pairs of MLflow's trace id and the
    span; `rejected` has a sentence for each span that cannot be stored.
    """

    tags: dict[str, str]
    spans: list[tuple[str, Span]]
    rejected: list[str]


def rejections(batches: Iterable[Batch]) -> tuple[int, str]:
    """Return `rejected_spans` and `error_message` of the response's partial_success; (0, "") if none was."""
    found = [sentence for batch in batches for sentence in batch.rejected]
    shown = list(dict.fromkeys(found))[:_SHOWN]
    return len(found), " ".join(shown)


def tags_of(resource: dict[str, Any]) -> dict[str, str]:
    """Return the attributes of a resource as tags of its traces."""
    return {
        names.clean(key): names.clean(spans.as_text(value))
        for key, value in resource.items()
        if key and value is not None and not key.startswith(_NO_TAGS)
    }


def make_span(
    *,
    trace_id: bytes,
    span_id: bytes,
    parent: bytes,
    name: str,
    start: int,
    end: int,
    attributes: dict[str, str],
    status: int,
    message: str,
    events: list[dict[str, Any]],
    links: list[dict[str, Any]],
    kind: int = 0,
    trace_state: str = "",
    flags: int = 0,
    scope: dict[str, str] | None = None,
    service: Any = None,
) -> tuple[str, Span]:
    """Return MLflow's trace id and the stored span for the fields of OTLP's span. Raise Rejected.

    `service` is the resource's `service.name`.
    """
    what = f"The span '{names.clean(name)[:100]}' was rejected: "
    trace = _id(trace_id, 16, what, "trace_id")
    span = _id(span_id, 8, what, "span_id")
    above = _id(parent, 8, what, "parent_span_id") if any(parent) else None
    for field, time in (("start_time_unix_nano", start), ("end_time_unix_nano", end)):
        if not 0 <= time <= spans.MAX_TIME:
            raise Rejected(f"{what}{field} is {time}, but must be from 0 to {spans.MAX_TIME}.")
    known_trace = spans.trace_id_of(trace)
    attributes[names.TRACE_ID] = f'"{known_trace}"'
    if above is None and isinstance(service, str) and service in _KNOWN_SERVICES:
        attributes["service.name"] = names.encode(service)
    made = {
        "trace_id": spans.to_base64(trace),
        "span_id": spans.to_base64(span),
        "parent_span_id": spans.to_base64(above) if above else None,
        "name": names.clean(name),
        "start_time_unix_nano": start,
        "end_time_unix_nano": end or None,
        "events": events,
        "status": make_status(status, message),
        "attributes": attributes,
        "links": links,
    }
    if 0 < kind < len(spans.KINDS):
        made["kind"] = spans.KINDS[kind]
    if trace_state:
        made["trace_state"] = names.clean(trace_state)
    if 0 < flags < 2**32:
        made["flags"] = flags
    if scope:
        made["scope"] = scope
    return known_trace, made


def make_status(code: int, message: str) -> dict[str, str]:
    """Return a span's status. As OpenTelemetry says, only an error has a message."""
    known = spans.STATUSES[code] if 0 < code < len(spans.STATUSES) else spans.UNSET
    return {"code": known, "message": names.clean(message) if known == spans.ERROR else ""}


def make_event(name: str, time: int, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"name": names.clean(name), "time_unix_nano": time, "attributes": plain(attributes)}


def make_link(trace_id: bytes, span_id: bytes, attributes: dict[str, Any]) -> dict[str, Any] | None:
    """Return a link of a span; None if its ids name no span, as such a link would fail MLflow's clients."""
    try:
        trace, span = spans.checked_id(trace_id, 16), spans.checked_id(span_id, 8)
    except ValueError:
        return None
    return {
        "trace_id": spans.trace_id_of(trace),
        "span_id": span.hex(),
        "attributes": plain(attributes) or None,
    }


def plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an event or link: plain values, which are JSON inside the span's JSON.

    Numbers that JSON lacks become texts here, because one of them would make the whole trace unreadable to
    browsers.
    """
    found: dict[str, Any] = names.clean_json(attributes, finite=True)
    return found


def make_scope(name: str, version: str) -> dict[str, str] | None:
    if not name:
        return None
    scope = {"name": names.clean(name)}
    if version:
        scope["version"] = names.clean(version)
    return scope


def _id(identifier: bytes, size: int, what: str, field: str) -> bytes:
    try:
        return spans.checked_id(identifier, size)
    except ValueError as error:
        raise Rejected(f"{what}its {field} is not valid: {error}.") from None
