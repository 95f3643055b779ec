"""Traces with their spans: spans come in by OTLP, and go out as whole traces or as a file."""

from __future__ import annotations

import json
import time

from trackway.client_compat import artifact_paths, codec
from trackway.client_compat import genai_messages as g
from trackway.client_compat.errors import NotFound
from trackway.client_compat.extra_traces import ExportTraces, GetTraceArtifact
from trackway.client_compat.traces import json_form
from trackway.client_compat.wire import Message, Rendered
from trackway.server.auth import trace_permissions as policy
from trackway.server.dispatch import Context, handles
from trackway.server.edge import files, waiting
from trackway.server.edge.transfers import Transfer, transfers
from trackway.server.responses import Answer, Stream
from trackway.storage.traces import bodies, infos, reading, rows, spans

from .infos import readable

# Seconds between the attempts to read a trace that lacks spans: clients send spans in the background.
_DELAYS_S = (1.0, 2.0)
_FILE_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Disposition", "attachment; filename=traces.json"),
    ("X-Content-Type-Options", "nosniff"),
]


@handles(ExportTraces, can=policy.log_spans, appends=lambda request: True)
def export_traces(ctx: Context, req: ExportTraces) -> ExportTraces.Response:
    spans.store(ctx.tx, req.experiment_id or "", req.traces, req.run_id or "")
    return ExportTraces.Response()


@handles(g.GetTrace, can=policy.read_trace, transaction="none")
def get_trace(ctx: Context, req: g.GetTrace) -> Message:
    """Return a trace with its spans. One that lacks spans is read again before the answer is 404."""
    trace_id = req.trace_id or ""
    for delay_s in (*_DELAYS_S, None):
        found = ctx.run(lambda tx: reading.get(tx, trace_id), write=False)
        if found is None:
            raise NotFound(f"Trace with ID {trace_id} is not found.")
        if found.is_complete or req.allow_partial:
            return Rendered(g.GetTrace.Response, b'{"trace":%b}' % _text(found))
        if delay_s is not None:
            with waiting.for_database():
                time.sleep(delay_s)
    raise NotFound(f"Trace with ID {trace_id} is not fully exported yet, please try again later.")


@handles(g.BatchGetTraces, can=policy.read_traces)
def get_traces(ctx: Context, req: g.BatchGetTraces) -> Message:
    """Return those of the traces that exist, are complete, and may be read by the caller."""
    found = [whole for whole in reading.get_many(ctx.tx, req.trace_ids) if whole.is_complete]
    allowed = {info.trace_id for info in readable(ctx, [whole.info for whole in found])}
    texts = [_text(whole) for whole in found if whole.info.trace_id in allowed]
    return codec.rendered_page(g.BatchGetTraces.Response, "traces", texts, None)


@transfers(GetTraceArtifact, can=policy.read_trace)
def get_trace_artifact(ctx: Transfer, req: GetTraceArtifact) -> Answer | Stream:
    """Return the spans as a file, or a file that is attached to the trace."""
    row = ctx.run(lambda tx: rows.require(rows.find(tx, req.request_id), req.request_id), write=False)
    if req.path:
        location = ctx.run(lambda tx: infos.location_of(tx, row), write=False)
        return files.send(ctx, ctx.backend.artifacts.place(location).at(artifact_paths.check(req.path)))
    lines = ctx.run(lambda tx: bodies.read_lines(tx, row.id), write=False)
    return Answer(200, list(_FILE_HEADERS), b'{"spans": [' + b", ".join(lines) + b"]}")


def _text(whole: reading.Whole) -> bytes:
    spans = [json_form.of_span(span) for span in json_form.in_order(whole.spans)]
    text = json.dumps(spans, separators=(",", ":")).encode()
    return b'{"trace_info":%b,"spans":%b}' % (codec.dumps(whole.info), text)
