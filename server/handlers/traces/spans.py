"""Traces with their spans: spans come in by OTLP, and go out as whole traces."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from trackway.client_compat import codec
from trackway.client_compat import genai_messages as g
from trackway.client_compat.errors import NotFound
from trackway.client_compat.extra_traces import ExportTraces
from trackway.client_compat.traces import archive_file, json_form
from trackway.client_compat.traces import spans as stored
from trackway.client_compat.wire import Message
from trackway.server.auth import trace_permissions as policy
from trackway.server.dispatch import Context, handles
from trackway.server.edge import waiting
from trackway.server.edge.transfers import Transfer, transfers
from trackway.server.responses import JSON_TYPE, Answer, Headers, Stream
from trackway.storage.traces import bodies, reading, spans

from .infos import may_log, readable, withheld

# Seconds between the attempts to read a trace that lacks spans: clients send spans in the background.
_DELAYS_S = (1.0, 2.0)
# The spans of a larger trace, compressed, are not sorted: they are unpacked while they are sent.
_MAX_SORTED_BYTES = 2**20


@handles(ExportTraces, can=policy.log_spans, appends=lambda request: True)
def export_traces(ctx: Context, req: ExportTraces) -> ExportTraces.Response:
    """Store spans. The response says how many the rules of the experiment left out."""
    left_out = spans.store(ctx.tx, req.experiment_id or "", req.traces, req.run_id or "", may_log(ctx))
    return ExportTraces.Response(left_out=left_out)


@transfers(g.GetTrace, can=policy.read_trace)
def get_trace(ctx: Transfer, req: g.GetTrace) -> Answer | Stream:
    """Return a trace with its spans. One that lacks spans is read again before the answer is 404."""
    trace_id = req.trace_id or ""
    for delay_s in (*_DELAYS_S, None):
        found = ctx.run(lambda tx: reading.get(tx, trace_id), write=False)
        if found is None:
            raise NotFound(f"Trace with ID {trace_id} is not found.")
        if found.is_complete or req.allow_partial:
            withheld(ctx, found.info)
            return send(ctx, [JSON_TYPE], found.chunks, b'{"trace":', _text(ctx, found), b"}")
        if delay_s is not None:
            with waiting.for_database():
                time.sleep(delay_s)
    raise NotFound(f"Trace with ID {trace_id} is not fully exported yet, please try again later.")


@handles(g.BatchGetTraces, can=policy.read_traces, transaction="none")
def get_traces(ctx: Context, req: g.BatchGetTraces) -> Message:
    """Return those of the traces that exist, are complete, and may be read by the caller."""
    found = ctx.run(lambda tx: reading.get_many(tx, req.trace_ids), write=False)
    found = [whole for whole in found if whole.is_complete]
    allowed = {info.trace_id for info in readable(ctx, [whole.info for whole in found])}
    texts = [b"".join(_text(ctx, whole)) for whole in found if whole.info.trace_id in allowed]
    return codec.rendered_page(g.BatchGetTraces.Response, "traces", texts, None)


def send(
    ctx: Transfer, headers: Headers, chunks: Sequence[bytes], begin: bytes, parts: Iterable[bytes], end: bytes
) -> Answer | Stream:
    """Return a response with the parts as its body; those of large chunks are made while they are sent."""
    if is_small(chunks):
        return Answer(200, list(headers), b"".join((begin, *parts, end)))

    def body() -> Iterator[bytes]:
        yield begin
        yield from parts
        yield end

    return ctx.download(200, list(headers), body(), lambda: None, None)


def lines_of(ctx: Context, whole: reading.Whole) -> Iterator[bytes]:
    """Yield the spans of a trace as lines of JSON, those of an archived one from its file."""
    if not whole.archive:
        yield from bodies.lines_of(whole.chunks)
        return
    place = ctx.backend.artifacts.place(whole.archive).at(archive_file.NAME)
    with closing(place.store.open(place.path)) as file:
        data = b"".join(file.chunks(0, file.size))
    yield from map(bodies.line_of, archive_file.load(data))


def _text(ctx: Context, whole: reading.Whole) -> Iterator[bytes]:
    """Yield the parts of a trace as JSON text."""
    yield b'{"trace_info":%b,"spans":[' % codec.dumps(whole.info)
    found = map(json.loads, lines_of(ctx, whole))
    ordered = stored.in_order(found) if is_small(whole.chunks) else found
    yield from joined(json.dumps(json_form.of_span(span), separators=(",", ":")).encode() for span in ordered)
    yield b"]}"


def joined(parts: Iterable[bytes]) -> Iterator[bytes]:
    for number, part in enumerate(parts):
        yield b"," + part if number else part


def is_small(chunks: Sequence[bytes]) -> bool:
    return sum(map(len, chunks)) <= _MAX_SORTED_BYTES
