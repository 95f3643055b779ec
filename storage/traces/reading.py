"""Whole traces: the info and the spans, as JSON text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from trackway.client_compat import genai_messages as g

from ..database import Tx
from . import bodies, infos, rows


class Whole(NamedTuple):
    """A trace and its spans. ``is_complete`` is false if the client has said that there are more spans."""

    info: g.TraceInfoV3
    spans: list[bodies.Span]

    @property
    def is_complete(self) -> bool:
        expected = infos.number_of_spans(self.info)
        return expected is None or len(self.spans) >= expected


def get(tx: Tx, trace_id: str) -> Whole | None:
    """Return a trace with its spans, or None if it does not exist."""
    return next(iter(get_many(tx, [trace_id])), None)


def get_many(tx: Tx, trace_ids: Sequence[str]) -> list[Whole]:
    """Return those of the traces that exist, in the order of the ids."""
    found: list[Any] = rows.find_many(tx, trace_ids)
    spans = bodies.read_many(tx, [row.id for row in found])
    made = infos.messages(tx, found)
    return [Whole(info, spans.get(row.id, [])) for row, info in zip(found, made, strict=True)]
