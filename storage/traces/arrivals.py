"""Decoded spans in the form in which ``spans`` stores them.

Decoding is done before the transaction begins: it takes longer than storing them, and SQLite has one writer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from trackway.client_compat import trace_rules
from trackway.client_compat.traces import dialects, otlp, previews, spans, trace_files
from trackway.client_compat.traces.ingest_rules import IngestRules
from trackway.client_compat.traces.otlp import Undecodable
from trackway.client_compat.traces.spans import Span
from trackway.client_compat.traces.trace_files import Unreadable

from . import bodies, infos, ingest_rules, rows
from .kinds import Kind

_TAG_PREFIX = "mlflow.traceTag."
_SESSION_KEYS, _USER_KEYS = ("session.id", "gen_ai.conversation.id"), ("user.id",)
_LLM_TYPES = ("LLM", "CHAT_MODEL")
_MAX_MODEL_LENGTH = 500


class NewSpan(NamedTuple):
    """A span that arrives. ``usage`` and ``cost`` have a value or None for each of TOKENS and COSTS."""

    span_id: int
    parent_id: int | None
    kind: Kind
    start_ns: int
    end_ns: int | None
    usage: tuple[int | None, ...] | None
    cost: tuple[float | None, ...] | None
    line: bytes


class Root(NamedTuple):
    """What a trace's root says about the trace; None: nothing."""

    name: str
    state: str
    request_preview: str | None
    response_preview: str | None


class NewTrace(NamedTuple):
    """The spans of one trace in a request. ``tags`` and ``metadata`` are written where it has none yet."""

    trace_id: str
    spans: Sequence[NewSpan]
    root: Root | None
    tags: Mapping[str, str]
    metadata: Mapping[str, str]


class Decoded(NamedTuple):
    """The traces of a request, the number of their spans, and how many spans were refused and why."""

    traces: list[NewTrace]
    number: int
    rejected: int = 0
    reason: str = ""

    def with_rejected(self, number: int, reason: str) -> Decoded:
        """Return the same with more refused spans."""
        return self._replace(rejected=self.rejected + number, reason=self.reason or reason)

    def partial_success(self) -> bytes:
        """Return the response in protobuf that says which spans were refused."""
        return otlp.partial_success(self.rejected, self.reason)


def decode(body: bytes, *, is_json: bool, limit: int) -> Decoded:
    """Return the traces in the body of a request of OTLP. Raise ``Undecodable``.

    Spans beyond ``limit`` are refused.
    """
    export = otlp.decode(body, is_json=is_json)
    rejected, reason = export.rejected, export.reason
    by_trace: dict[str, list[Span]] = {}
    resources: dict[str, dict[str, Any]] = {}
    count = 0
    for batch in export.batches:
        for trace_id, span in batch.spans:
            if count == limit:
                rejected += 1
                reason = reason or f"A request may have at most {limit} spans"
                continue
            count += 1
            dialects.translate(span, batch.resource)
            by_trace.setdefault(trace_id, []).append(span)
            resources.setdefault(trace_id, {}).update(batch.resource)
    made = [new_trace(trace_id, found, resources[trace_id]) for trace_id, found in by_trace.items()]
    return Decoded(made, count, rejected, reason)


def from_file(body: bytes, trace_id: str, limit: int) -> NewTrace:
    """Return the spans in a file ``traces.json`` of a trace. Raise ``Unreadable``."""
    found = trace_files.parse(body, trace_id)
    if not 0 < len(found) <= limit:
        raise Unreadable(f"{len(found)} spans")
    for span in found:
        dialects.translate(span, {})
    return new_trace(trace_id, found, {})


def new_trace(trace_id: str, found: Iterable[Span], resource: Mapping[str, Any]) -> NewTrace:
    """Return spans of one trace as they are stored. Of a repeated span the last one counts."""
    by_id = {span["span_id"]: span for span in found}
    root = next((span for span in by_id.values() if not span["parent_span_id"]), None)
    return NewTrace(
        trace_id,
        [_new_span(span) for span in by_id.values()],
        root_of(root, list(by_id.values())) if root else None,
        trace_rules.new_tags({**_resource_tags(resource), **(_root_tags(root) if root else {})}),
        trace_rules.new_metadata(_metadata(by_id.values())),
    )


def masked(trace: NewTrace, rules: IngestRules) -> NewTrace:
    """Return a trace with its spans masked by the rules of its experiment, and with them its previews."""
    found = [json.loads(span.line) for span in trace.spans]
    for span in found:
        rules.mask_span(span)
    again = new_trace(trace.trace_id, found, {})
    tags = {key: rules.mask_text(value, key) or "" for key, value in trace.tags.items()}
    return again._replace(tags=tags, metadata=ingest_rules.mask_metadata(again.metadata, rules))


def root_of(root: Span, found: list[Span]) -> Root:
    """Return what a trace's root says about the trace.

    If it has no inputs or outputs, as with plain OpenTelemetry, those of the first and the last call of a
    model are shown.
    """
    state = "ERROR" if spans.status(root) == "ERROR" else "OK"
    calls = sorted(
        (span for span in found if spans.span_type(span) in _LLM_TYPES),
        key=lambda span: span["start_time_unix_nano"],
    )
    return Root(
        root["name"],
        state,
        _first_preview([root, *calls], spans.INPUTS, previews.USER),
        _first_preview([root, *reversed(calls)], spans.OUTPUTS, previews.ASSISTANT),
    )


def _first_preview(found: Iterable[Span], key: str, role: str) -> str | None:
    shown = (previews.preview(span["attributes"].get(key), role) for span in found)
    return next(filter(None, shown), None)


def _new_span(span: Span) -> NewSpan:
    span_id = spans.number_of(span["span_id"])
    assert span_id is not None
    kind = Kind(
        span["name"],
        spans.span_type(span),
        spans.status(span),
        spans.text_attribute(span, spans.MODEL)[:_MAX_MODEL_LENGTH],
        spans.text_attribute(span, spans.PROVIDER)[:_MAX_MODEL_LENGTH],
    )
    return NewSpan(
        span_id,
        spans.number_of(span["parent_span_id"]),
        kind,
        span["start_time_unix_nano"],
        span["end_time_unix_nano"],
        _numbers(span, spans.USAGE, rows.TOKENS, rows.count_of),
        _numbers(span, spans.COST, rows.COSTS, rows.amount_of),
        bodies.line_of(span),
    )


def _numbers(span: Span, key: str, names: tuple[str, ...], number: Any) -> tuple[Any, ...] | None:
    if key not in span["attributes"]:
        return None
    found = spans.attribute(span, key)
    if not isinstance(found, dict):
        return None
    values = tuple(number(found.get(name)) for name in names)
    return values if any(value is not None for value in values) else None


def _resource_tags(resource: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that the attributes of a resource become. Values that are no text become JSON."""
    return {
        spans.storable(key): spans.storable(value if isinstance(value, str) else spans.dumps(value))
        for key, value in resource.items()
        if not key.startswith(("telemetry.sdk.", "mlflow.")) and value is not None
    }


def _root_tags(root: Span) -> dict[str, str]:
    return {
        spans.storable(key.removeprefix(_TAG_PREFIX)): spans.text_attribute(root, key)
        for key in root["attributes"]
        if key.startswith(_TAG_PREFIX)
    }


def _metadata(found: Iterable[Span]) -> dict[str, str]:
    """Return the session and the user that the spans name."""
    metadata: dict[str, str] = {}
    for span in found:
        for name, keys in ((infos.SESSION, _SESSION_KEYS), (infos.USER, _USER_KEYS)):
            for key in keys:
                if name not in metadata and (value := spans.text_attribute(span, key)):
                    metadata[name] = value
    return metadata


__all__ = [
    "Decoded",
    "NewSpan",
    "NewTrace",
    "Root",
    "Undecodable",
    "Unreadable",
    "decode",
    "from_file",
    "masked",
    "new_trace",
]
