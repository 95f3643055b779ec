"""Traces for tests, made with the storage functions."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tests.factories import START_MS
from trackway.storage.database import Tx
from trackway.storage.schema.traces import assessments, traces
from trackway.storage.traces import arrivals, bodies, infos, spans
from trackway.storage.traces.kinds import Kind

_numbers = itertools.count(1)


def span(
    name: str = "root",
    type: str = "UNKNOWN",
    status: str = "OK",
    *,
    start_ms: int = START_MS,
    end_ms: int | None = START_MS + 1000,
    span_id: int | None = None,
    **attributes: Any,
) -> arrivals.NewSpan:
    """Return a span; its attributes are given as values, not as JSON."""
    number = next(_numbers) if span_id is None else span_id
    written = {key: json.dumps(value, ensure_ascii=False) for key, value in attributes.items()}
    line = {
        "trace_id": 24 * "A",
        "span_id": f"{number:011}=",
        "name": name,
        "status": {"code": f"STATUS_CODE_{status}", "message": ""},
        "attributes": {"mlflow.spanType": json.dumps(type), **written},
        "events": [],
    }
    text = bodies.line_of(line)
    kind = Kind(name, type, status)
    return arrivals.NewSpan(number, None, kind, start_ms * 10**6, end_ms and end_ms * 10**6, None, None, text)


def make_trace(
    tx: Tx,
    *all_spans: arrivals.NewSpan,
    experiment_id: str = "0",
    trace_id: str | None = None,
    name: str = "",
    state: str = "OK",
    time_ms: int | None = None,
    duration: int | None = 1000,
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    run_id: str = "",
    **columns: Any,
) -> str:
    """Store a trace with its spans. Return its id. By default it begins a second after the one before."""
    number = next(_numbers)
    trace_id = trace_id or f"tr-{number:032x}"
    began = START_MS + 1000 * number if time_ms is None else time_ms
    root = arrivals.Root(name, state, None, None)
    new = arrivals.NewTrace(trace_id, all_spans or (span(),), root, dict(tags or {}), dict(metadata or {}))
    spans.store(tx, experiment_id, [new], run_id)
    columns |= {"request_time": began, "duration": duration, "state": state}
    tx.execute(sa.update(traces).where(traces.c.trace_id == trace_id).values(columns))
    return trace_id


def assess(tx: Tx, trace_id: str, name: str, value: Any, kind: str = "feedback", **columns: Any) -> None:
    """Give a trace an assessment. In ``columns`` are others of its columns, such as ``is_valid``."""
    row = tx.execute(sa.select(traces).where(traces.c.trace_id == trace_id)).one()
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    values = {
        "assessment_id": f"a-{next(_numbers):032x}",
        "trace_id": row.id,
        "experiment_id": row.experiment_id,
        "name": name,
        "kind": kind,
        "value": json.dumps(value),
        "text": value if isinstance(value, str) else json.dumps(value),
        "number": value if is_number else None,
        "is_number": is_number,
        "source_type": "HUMAN",
        "is_valid": True,
        "creation_time": START_MS,
        "last_update_time": START_MS,
    }
    tx.execute(sa.insert(assessments), values | columns)


def ids(found: Sequence[Any]) -> list[str]:
    return [row.trace_id for row in found]


SESSION = infos.SESSION
