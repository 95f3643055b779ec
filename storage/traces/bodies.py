"""The spans of traces as clients read them: compressed lines of JSON, in chunks.

A chunk holds the spans of one request. Clients that send each span by itself would leave a chunk of one span
each, which compresses badly; so small chunks are joined when the trace's root arrives, and whenever there are
many of them. A chunk that is joined gets the number of the last one: a span that was sent twice counts as it
was sent last.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from functools import cache

import sqlalchemy as sa

from trackway.client_compat.traces.spans import Span

from .. import search
from ..database import Prepared, Tx, upsert
from ..schema.traces import span_bodies

# Small chunks are joined when there are so many.
MAX_SMALL_CHUNKS = 16
# A larger chunk would gain little by being joined.
_SMALL_BYTES = 32 * 1024
# Of all lines of a chunk together. A request has at most as much.
_MAX_CHUNK_BYTES = 1 << 30
# Of the span's id in a line: 16 and 8 bytes are 24 and 12 characters of base64.
_ID_BEGIN = len('{"trace_id":"' + 24 * "=" + '","span_id":"')
_ID_END = _ID_BEGIN + 12

_COLUMNS = (span_bodies.c.chunk, span_bodies.c.body)
_IS_OF_TRACE = span_bodies.c.trace_id == sa.bindparam("row")
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


def chunks_of(tx: Tx, row_ids: Sequence[int]) -> dict[int, list[bytes]]:
    """Return the compressed chunks of each trace in their order; a trace without spans is left out."""
    if not row_ids:
        return {}
    query = (
        sa.select(span_bodies)
        .where(span_bodies.c.trace_id.in_(search.OWNERS))
        .order_by(span_bodies.c.trace_id, span_bodies.c.chunk)
    )
    found: dict[int, list[bytes]] = {}
    for row in tx.execute(query, {"owners": list(row_ids)}):
        found.setdefault(row.trace_id, []).append(row.body)
    return found


def lines_of(chunks: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the spans in chunks as lines of JSON; of a repeated span the last.

    One chunk after the other is unpacked, so that a trace of any size takes little memory.
    """
    last: dict[bytes, int] = {}
    if len(chunks) > 1:
        for number, body in enumerate(chunks):
            last.update((id_of(line), number) for line in _lines(body))
    for number, body in enumerate(chunks):
        for line in _lines(body):
            if len(chunks) == 1 or last[id_of(line)] == number:
                yield line


def id_of(line: bytes) -> bytes:
    """Return the id of the span in a line, in base64. Its place is always the same: see ``line_of``."""
    return line[_ID_BEGIN:_ID_END]


def line_of(span: Span) -> bytes:
    """Return the line of a span. It begins with the ids of the trace and of the span."""
    text = json.dumps(span, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


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
