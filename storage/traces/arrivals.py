"""Decoded spans in the form in which ``spans`` stores them.

Decoding is done before the transaction begins: it takes longer than storing them, and SQLite has one writer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from trackway.client_compat import trace_rules
from trackway.client_compat.traces import attributes as names
from trackway.client_compat.traces import otlp, previews, spans, trace_files, translation
from trackway.client_compat.traces.ingest_rules import IngestRules
from trackway.client_compat.traces.otlp import Undecodable
from trackway.client_compat.traces.spans import Span
from trackway.client_compat.traces.trace_files import Unreadable

from . import bodies, infos, ingest_rules, rows
from .kinds import Kind

_LLM_TYPES = ("LLM", "CHAT_MODEL")
_MAX_MODEL_LENGTH = 500
# The attributes that translation can make.
_MADE = (
    *(names.TYPE, names.INPUTS, names.OUTPUTS, names.USAGE, names.MODEL, names.PROVIDER, names.COST),
    *(names.FORMAT, names.TOOLS),
)


class NewSpan(NamedTuple):
    """A span that arrives. ``usage`` and ``cost`` have a value or None for each of TOKENS and COSTS.

    ``translated`` are the attributes that were made of others, in the dialects of other libraries.
    """

    span_id: int
    parent_id: int | None
    kind: Kind
    start_ns: int
    end_ns: int | None
    usage: tuple[int | None, ...] | None
    cost: tuple[float | None, ...] | None
    line: bytes
    translated: Sequence[str] = ()


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
        return otlp.encode_response(self.rejected, self.reason)


def decode(body: bytes, *, is_json: bool, limit: int) -> Decoded:
    """Return the traces in the body of a request of OTLP. Raise ``Undecodable``.

    Spans beyond ``limit`` are refused.
    """
    batches = otlp.decode(body, is_json=is_json)
    rejected, reason = otlp.rejections(batches)
    by_trace: dict[str, list[Span]] = {}
    tags: dict[str, dict[str, str]] = {}
    count = 0
    for batch in batches:
        for trace_id, span in batch.spans:
            if count == limit:
                rejected += 1
                reason = reason or f"A request may have at most {limit} spans"
                continue
            count += 1
            by_trace.setdefault(trace_id, []).append(span)
            tags.setdefault(trace_id, {}).update(batch.tags)
    made = [new_trace(trace_id, found, tags[trace_id]) for trace_id, found in by_trace.items()]
    return Decoded(made, count, rejected, reason)


def from_file(body: bytes, trace_id: str, limit: int) -> NewTrace:
    """Return the spans in a file ``traces.json`` of a trace. Raise ``Unreadable``."""
    found = trace_files.parse(body, trace_id)
    if not 0 < len(found) <= limit:
        raise Unreadable(f"{len(found)} spans")
    return new_trace(trace_id, found, {})


def from_lines(trace_id: str, lines: Iterable[bytes]) -> NewTrace:
    """Return the stored spans of a trace, given as lines of JSON, as they have arrived."""
    found = [json.loads(line) for line in lines]
    again = new_trace(trace_id, found, {})
    made = map(_translated, found)
    return again._replace(
        spans=[new._replace(translated=keys) for new, keys in zip(again.spans, made, strict=True)]
    )


def _translated(span: Span) -> list[str]:
    """Return the attributes of a stored span that were made of others: those that are made again."""
    attributes = span["attributes"]
    bare = {key: text for key, text in attributes.items() if key not in _MADE}
    return [
        key for key in translation.translate({**span, "attributes": bare}) if bare[key] == attributes.get(key)
    ]


def new_trace(trace_id: str, found: Iterable[Span], tags: Mapping[str, str]) -> NewTrace:
    """Translate spans of one trace, and return them as they are stored.

    Of a repeated span the last one counts. ``tags`` are those of the trace's resource.
    """
    by_id = {span["span_id"]: span for span in found}
    made = [_new_span(span) for span in by_id.values()]
    ordered = spans.in_order(by_id.values())
    root = ordered[0] if spans.is_root(ordered[0]) else None
    return NewTrace(
        trace_id,
        made,
        root_of(root, ordered) if root else None,
        trace_rules.new_tags({**tags, **(spans.trace_tags(root) if root else {})}),
        trace_rules.new_metadata(_metadata(ordered)),
    )


def masked(trace: NewTrace, rules: IngestRules) -> NewTrace:
    """Return a trace with its spans masked by the rules of its experiment, and with them its previews.

    What was made of attributes is made again of the masked ones, and then masked itself: so it shows nothing
    that a rule masks in either of them.
    """
    found, made = [], []
    for new in trace.spans:
        span = json.loads(new.line)
        for key in new.translated:
            del span["attributes"][key]
        rules.mask_span(span)
        translated = translation.translate(span)
        rules.mask_span(span, translated)
        found.append(span)
        made.append(translated)
    again = new_trace(trace.trace_id, found, {})
    return again._replace(
        spans=[new._replace(translated=keys) for new, keys in zip(again.spans, made, strict=True)],
        # Tags of the root's attributes are made again of the masked ones, too.
        tags=ingest_rules.mask_tags({**trace.tags, **again.tags}, rules),
        metadata=ingest_rules.mask_metadata(again.metadata, rules),
    )


def root_of(root: Span, found: list[Span]) -> Root:
    """Return what a trace's root says about the trace; ``found`` are its spans in the order of their start.

    If it has no inputs or outputs, as with plain OpenTelemetry, those of the first and the last call of a
    model are shown.
    """
    state = "OK" if root["end_time_unix_nano"] else rows.IN_PROGRESS
    if spans.status(root) == "ERROR":
        state = "ERROR"
    calls = [span for span in found if not spans.is_root(span) and spans.span_type(span) in _LLM_TYPES]
    return Root(
        root["name"],
        state,
        _first_preview([root, *calls], names.INPUTS, previews.request),
        _first_preview([root, *reversed(calls)], names.OUTPUTS, previews.response),
    )


def _first_preview(
    found: Iterable[Span], key: str, preview: Callable[[str | None], str | None]
) -> str | None:
    shown = (preview(span["attributes"].get(key)) for span in found)
    return next(filter(None, shown), None)


def _new_span(span: Span) -> NewSpan:
    translated = translation.translate(span)
    parent = span["parent_span_id"]
    usage, cost = spans.usage(span), spans.cost(span)
    kind = Kind(
        span["name"],
        spans.span_type(span),
        spans.status(span),
        (spans.model(span) or "")[:_MAX_MODEL_LENGTH],
        (spans.provider(span) or "")[:_MAX_MODEL_LENGTH],
    )
    return NewSpan(
        spans.number_of(span["span_id"]),
        spans.number_of(parent) if parent else None,
        kind,
        span["start_time_unix_nano"],
        span["end_time_unix_nano"],
        tuple(map(usage.get, rows.TOKENS)) if usage else None,
        tuple(map(cost.get, rows.COSTS)) if cost else None,
        bodies.line_of(span),
        translated,
    )


def _metadata(found: Iterable[Span]) -> dict[str, str]:
    """Return the session and the user that the spans name, the first ones."""
    metadata: dict[str, str] = {}
    for span in found:
        for name, value in ((infos.SESSION, spans.session(span)), (infos.USER, spans.user(span))):
            if value:
                metadata.setdefault(name, value)
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
    "from_lines",
    "masked",
    "new_trace",
]
