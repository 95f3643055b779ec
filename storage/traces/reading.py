"""Whole traces: the info and the spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import genai_messages as g

from .. import search
from ..database import Tx
from ..schema.traces import spans
from . import archival, bodies, infos, rows


class Whole(NamedTuple):
    """A trace and its spans in compressed chunks (``bodies.lines_of``).

    ``is_complete`` is false if the client has said that there are more spans. ``archive`` is the folder of
    the file with the spans if they are archived, else empty.
    """

    info: g.TraceInfoV3
    chunks: list[bytes]
    is_complete: bool
    archive: str


def get(tx: Tx, trace_id: str) -> Whole | None:
    """Return a trace with its spans, or None if it does not exist."""
    return next(iter(get_many(tx, [trace_id])), None)


def get_many(tx: Tx, trace_ids: Sequence[str]) -> list[Whole]:
    """Return those of the traces that exist, in the order of the ids."""
    found: list[Any] = rows.find_many(tx, trace_ids)
    ids = [row.id for row in found]
    chunks = bodies.chunks_of(tx, ids)
    counts = _counts(tx, ids)
    return [
        Whole(
            info,
            chunks.get(row.id, []),
            counts.get(row.id, 0) >= (infos.number_of_spans(info) or 0),
            info.tags.get(archival.LOCATION, "") if row.spans_location == rows.IN_ARCHIVE else "",
        )
        for row, info in zip(found, infos.messages(tx, found), strict=True)
    ]


def _counts(tx: Tx, row_ids: Sequence[int]) -> dict[int, int]:
    """Return the number of spans of each trace."""
    if not row_ids:
        return {}
    number = sa.func.count().label("number")
    query = sa.select(spans.c.trace_id, number).where(spans.c.trace_id.in_(search.OWNERS))
    rows_ = tx.execute(query.group_by(spans.c.trace_id), {"owners": list(row_ids)})
    return {row.trace_id: row.number for row in rows_}
