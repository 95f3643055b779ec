"""The spans of traces as clients read them: compressed lines of JSON, in chunks.

A chunk holds the spans of one request. Clients that send each span by itself would leave a chunk of one span
each, which compresses badly; so small chunks are joined when the trace's root arrives, and whenever there are
many of them. A chunk that is joined gets the number of the last one: a span that was sent twice counts as it
was sent last.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from ..database import Prepared, Tx, upsert
from ..schema.traces import span_bodies

Span = dict[str, Any]

# Small chunks are joined when there are so many.
MAX_SMALL_CHUNKS = 16
# A larger chunk would gain little by being joined.
_SMALL_BYTES = 32 * 1024
# Of all lines of a chunk together. A request has at most as much.
_MAX_CHUNK_BYTES = 1 << 30

_COLUMNS = (span_bodies.c.chunk, span_bodies.c.body)
_IS_OF_TRACE = span_bodies.c.trace_id == sa.bindparam("row")
_CHUNKS = Prepared(sa.select(*_COLUMNS).where(_IS_OF_TRACE).order_by(span_bodies.c.chunk), "row")
_last_large = (
    sa.select(sa.func.coalesce(sa.func.max(span_bodies.c.chunk), -1))
    .where(_IS_OF_TRACE, sa.func.length(span_bodies.c.body) > _SMALL_BYTES)
    .scalar_subquery()
)
# Only those after the last large one: their spans may replace its spans, not the other way round.
_IS_SMALL = span_bodies.c.chunk > _last_large
_SMALL = Prepared(sa.select(*_COLUMNS).where(_IS_OF_TRACE, _IS_SMALL).order_by(span_bodies.c.chunk), "row")
_WRITE = Prepared(upsert(span_bodies, "body"), "trace_id", "chunk", "body")
_DELETE_FROM = Prepared(
    sa.delete(span_bodies).where(_IS_OF_TRACE, span_bodies.c.chunk >= sa.bindparam("first")),
    *("row", "first"),
)


def append(tx: Tx, row_id: int, chunk: int, lines: Sequence[bytes]) -> None:
    """Store spans, each a line of JSON, as the chunk with this number."""
    tx.run(_WRITE, row_id, chunk, _codec().compress(b"\n".join(lines)))


def join(tx: Tx, row_id: int, chunk: int, lines: Sequence[bytes]) -> None:
    """Store spans as the chunk with this number, together with those of the small chunks just before it."""
    small = tx.rows(_SMALL, row_id)
    if small:
        # Later spans replace earlier ones with the same id.
        before = [line for row in small for line in _lines(row.body)]
        lines = list({id_of(line): line for line in (*before, *lines)}.values())
        tx.run(_DELETE_FROM, row_id, small[0].chunk)
    append(tx, row_id, chunk, lines)


def read(tx: Tx, row_id: int) -> list[Span]:
    """Return the spans of a trace in the order in which they arrived first."""
    return [json.loads(line) for line in read_lines(tx, row_id)]


def read_lines(tx: Tx, row_id: int) -> list[bytes]:
    """Return the spans of a trace as lines of JSON."""
    return unique(tx.rows(_CHUNKS, row_id))


def read_many(tx: Tx, row_ids: Sequence[int]) -> dict[int, list[Span]]:
    """Return the spans of each trace; a trace without spans is left out. One statement reads all."""
    if not row_ids:
        return {}
    query = (
        sa.select(span_bodies)
        .where(span_bodies.c.trace_id.in_(sa.bindparam("owners", expanding=True, literal_execute=True)))
        .order_by(span_bodies.c.trace_id, span_bodies.c.chunk)
    )
    chunks: dict[int, list[Any]] = {}
    for row in tx.execute(query, {"owners": list(row_ids)}):
        chunks.setdefault(row.trace_id, []).append(row)
    return {row_id: [json.loads(line) for line in unique(found)] for row_id, found in chunks.items()}


def unique(chunks: Iterable[Any]) -> list[bytes]:
    """Return the lines of all chunks, which are rows in their order; of a repeated span the last."""
    lines = [_lines(row.body) for row in chunks]
    if len(lines) == 1:
        return lines[0]
    return list({id_of(line): line for chunk in lines for line in chunk}.values())


def id_of(line: bytes) -> str:
    """Return the id of the span in a line."""
    span_id: str = json.loads(line)["span_id"]
    return span_id


def _lines(body: bytes) -> list[bytes]:
    return _codec().decompress(body, max_output_size=_MAX_CHUNK_BYTES).split(b"\n")


class _Codec(threading.local):
    """The compressor and decompressor of a thread: they may not be shared."""

    def __init__(self) -> None:
        import zstandard

        self.compress = zstandard.ZstdCompressor(level=3).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


@cache
def _codec() -> _Codec:
    return _Codec()
