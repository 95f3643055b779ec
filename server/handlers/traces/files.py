"""Files of traces: ``traces.json``, which exists only in answers, and attachments.

An upload of ``traces.json`` to the artifacts of a trace is taken into the span store. The handlers of
artifacts ask here first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from trackway.client_compat import artifact_paths
from trackway.client_compat.errors import NotFound
from trackway.client_compat.extra_traces import GetTraceArtifact
from trackway.client_compat.traces import spans, trace_files
from trackway.server.auth import trace_permissions as policy
from trackway.server.dispatch import Context
from trackway.server.edge import files
from trackway.server.edge.otlp import MAX_SPANS
from trackway.server.edge.transfers import Transfer, transfers
from trackway.server.request_body import RequestBody, Reservation, large_body_slot
from trackway.server.responses import Answer, Headers, Stream
from trackway.storage.artifacts.locations import Place
from trackway.storage.traces import arrivals, infos, reading, rows
from trackway.storage.traces import files as stored
from trackway.storage.traces.arrivals import NewTrace

from .spans import is_small, joined, lines_of, send

# A larger file stays a file: parsed, it would take ten times its size.
_MAX_FILE_BYTES = 32 * 2**20
_CHUNK_BYTES = 2**20
# Where clients upload what is attached to spans, below the artifacts of the trace.
_ATTACHMENTS = "attachments"
_TEXT_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Disposition", "attachment; filename=traces.json"),
    ("X-Content-Type-Options", "nosniff"),
]


@transfers(GetTraceArtifact, can=policy.read_trace)
def get_trace_artifact(ctx: Transfer, req: GetTraceArtifact) -> Answer | Stream:
    """Return the spans as a file, or a file that is attached to the trace."""
    row = ctx.run(lambda tx: rows.find(tx, req.request_id), write=False)
    if row is None:
        raise NotFound(f"Trace with ID {req.request_id} is not found.")
    if not req.path and (row.next_chunk or not row.spans_location):
        return _send(ctx, row.trace_id, _TEXT_HEADERS)
    path = f"{_ATTACHMENTS}/{artifact_paths.check(req.path)}" if req.path else trace_files.NAME
    location = ctx.run(lambda tx: infos.location_of(tx, row), write=False)
    return files.send(ctx, ctx.backend.artifacts.place(location).at(path))


def is_virtual(ctx: Context, place: Place) -> bool:
    """Return whether a place is a file ``traces.json`` whose spans the server has."""
    return bool(trace_files.trace_id_of(place.path)) and _trace_id(ctx, place) is not None


def is_folder(ctx: Context, place: Place) -> bool:
    """Return whether a place is the folder of artifacts of a trace whose spans are in the database."""
    if not trace_files.trace_id_of_folder(place.path):
        return False
    row = ctx.run(lambda tx: stored.owner(tx, ctx.backend.artifacts, place), write=False)
    return row is not None and stored.are_in_database(row)


def download(ctx: Transfer, place: Place) -> Answer | Stream | None:
    """Return the response with the file at a place, if it is a virtual one."""
    trace_id = _trace_id(ctx, place) if trace_files.trace_id_of(place.path) else None
    if trace_id is None:
        return None
    return _send(ctx, trace_id, [("Content-Type", "application/json"), *_TEXT_HEADERS[1:]])


def experiment_of(ctx: Context, place: Place) -> int | None:
    """Return the experiment that stores the spans of a file ``traces.json``; None for any other file."""
    if not trace_files.trace_id_of(place.path):
        return None
    return ctx.run(lambda tx: stored.experiment_of(tx, ctx.backend.artifacts, place), write=False)


class Upload:
    """An upload of ``traces.json``. ``source`` has its contents if the spans could not be read from it."""

    def __init__(
        self, ctx: Transfer, place: Place, body: RequestBody, reservation: Reservation | None
    ) -> None:
        self.trace_id = trace_files.trace_id_of(place.path) or ""
        data = bytearray()
        limit = min(_MAX_FILE_BYTES, ctx.config.max_request_size)
        is_large = body.length is not None and body.length > limit
        while not is_large and (part := body.read(_CHUNK_BYTES)):
            if reservation:
                reservation.take(len(part))
            data += part
            is_large = len(data) > limit
        self.trace = None if is_large else self._parsed(bytes(data))
        self.source = _Replayed(bytes(data), body)

    def _parsed(self, data: bytes) -> NewTrace | None:
        try:
            with large_body_slot(data):
                return arrivals.from_file(data, self.trace_id, MAX_SPANS)
        except arrivals.Unreadable:
            return None


class _Replayed:
    """A body of which a part has been read already."""

    def __init__(self, begin: bytes, rest: RequestBody) -> None:
        self._begin = memoryview(begin)
        self._rest = rest

    def read(self, size: int) -> bytes:
        if self._begin:
            part, self._begin = self._begin[:size], self._begin[size:]
            return bytes(part)
        return self._rest.read(size)


def _trace_id(ctx: Context, place: Place) -> str | None:
    row = ctx.run(lambda tx: stored.owner(tx, ctx.backend.artifacts, place), write=False)
    return str(row.trace_id) if row is not None and stored.has_spans(row) else None


def _send(ctx: Transfer, trace_id: str, headers: Headers) -> Answer | Stream:
    """Return a response with the spans of a trace, in the form that the client reads."""
    found = ctx.run(lambda tx: rows.require(reading.get(tx, trace_id), trace_id), write=False)
    lines: Iterable[bytes] = lines_of(ctx, found)
    if is_small(found.chunks):
        lines = sorted(lines, key=lambda line: spans.order_of(json.loads(line)))
    if trace_files.is_of_version_2(ctx.request.environ.get("HTTP_USER_AGENT", "")):
        return send(ctx, headers, found.chunks, b"", trace_files.of_version_2(map(json.loads, lines)), b"")
    return send(ctx, headers, found.chunks, b'{"spans": [', joined(lines), b"]}")
