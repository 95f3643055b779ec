"""Archival: the spans of old traces move from the database to files in the artifact store.

Which traces are old is said by tags of their experiment, with MLflow's names, or by their workspace. A trace
stays searchable by all but the contents of its spans. Its file is written before the database changes: a
server that is killed between the two writes the file again.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import uris

from .. import search
from ..database import Tx
from ..schema import tracking
from ..schema.traces import span_bodies, trace_tags, traces
from ..schema.tracking import experiment_tags, workspaces
from . import infos, rows, tags, text_index

RETENTION, NOW = "mlflow.trace.archivalRetention", "mlflow.trace.archiveNow"
LOCATION, FAILURE = "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([1-9]\d*)([mhd])")
# Longer than any trace is old. A database compares no number of more than 64 bits.
_MAX_MS = 1 << 62
_MAX_TRACES = 100


class Plan(NamedTuple):
    """The traces of an experiment that began before ``before_ms`` are archived.

    ``root`` is the archive of its workspace, or None: each trace's file is with its other artifacts.
    ``is_requested`` says that the tag ``mlflow.trace.archiveNow`` asks for it; it is removed afterwards.
    """

    experiment_id: int
    workspace: int
    before_ms: int
    root: str | None
    is_requested: bool


class Candidate(NamedTuple):
    """A trace that is to be archived, the folder for its file, and its chunks when it was read."""

    trace_id: str
    row_id: int
    folder: str
    next_chunk: int


def plans(tx: Tx) -> list[Plan]:
    """Return what is to be archived, in all workspaces."""
    c, w = tracking.experiments.c, workspaces.c
    wanted = sa.select(experiment_tags).where(experiment_tags.c.key.in_((RETENTION, NOW)))
    by_experiment: dict[int, dict[str, str]] = {}
    for tag in tx.execute(wanted):
        by_experiment.setdefault(tag.experiment_id, {})[tag.key] = tag.value
    query = sa.select(c.id, c.workspace_id, w.trace_archival_location, w.trace_archival_retention).join(
        workspaces, w.id == c.workspace_id
    )
    of_workspace = w.trace_archival_retention.is_not(None)
    query = query.where(sa.or_(of_workspace, search.among(c.id, sorted(by_experiment) or [-1])))
    found = []
    for row in tx.execute(query):
        given = by_experiment.get(row.id, {})
        for duration, is_requested in (
            (_duration_of(given.get(RETENTION), "value") or _ms(row.trace_archival_retention), False),
            (_duration_of(given.get(NOW), "older_than", default=0), True),
        ):
            if duration is not None:
                before_ms = tx.now_ms - duration
                found.append(
                    Plan(row.id, row.workspace_id, before_ms, row.trace_archival_location, is_requested)
                )
    return found


def candidates(tx: Tx, plan: Plan) -> list[Candidate]:
    """Return some of the traces that the plan archives, the oldest first; none when all are archived."""
    has_failed = sa.exists().where(trace_tags.c.trace_id == traces.c.id, trace_tags.c.key == FAILURE)
    query = (
        sa.select(
            traces.c.trace_id, traces.c.id, traces.c.next_chunk, tracking.experiments.c.artifact_location
        )
        .join(tracking.experiments)
        .where(
            traces.c.experiment_id == plan.experiment_id,
            traces.c.request_time < plan.before_ms,
            traces.c.state != rows.IN_PROGRESS,
            traces.c.spans_location == rows.IN_DATABASE,
            traces.c.next_chunk > 0,
            ~has_failed,
        )
        .order_by(traces.c.request_time, traces.c.trace_id)
        .limit(_MAX_TRACES)
    )
    return [
        Candidate(row.trace_id, row.id, _folder(plan, row.artifact_location, row.trace_id), row.next_chunk)
        for row in tx.execute(query)
    ]


def is_unchanged(tx: Tx, candidate: Candidate) -> bool:
    """Return whether the trace is as it was when it was read, and not archived."""
    return _is_unchanged(rows.find(tx, candidate.trace_id), candidate)


def _is_unchanged(row: Any, candidate: Candidate) -> bool:
    is_here = row is not None and row.spans_location == rows.IN_DATABASE
    return is_here and row.next_chunk == candidate.next_chunk


def finish(tx: Tx, candidate: Candidate) -> bool:
    """Delete the spans of a trace whose file has been written. Return False if it has changed meanwhile."""
    row = rows.lock(tx, candidate.trace_id)
    if not _is_unchanged(row, candidate):
        return False
    text_index.remove(tx, [row.id])
    tx.execute(sa.delete(span_bodies).where(span_bodies.c.trace_id == row.id))
    rows.update(tx, row.id, {"spans_location": rows.IN_ARCHIVE, "is_indexed": True})
    tags.write(tx, row.id, {LOCATION: candidate.folder})
    return True


def fail(tx: Tx, candidate: Candidate, reason: str) -> None:
    """Mark a trace that cannot be archived; it is not tried again as long as it has this tag."""
    tags.write(tx, candidate.row_id, {FAILURE: reason})


def end_request(tx: Tx, plan: Plan) -> None:
    """Remove the tag that has asked for the plan, when all of its traces are archived."""
    c = experiment_tags.c
    tx.execute(sa.delete(experiment_tags).where(c.experiment_id == plan.experiment_id, c.key == NOW))


def _folder(plan: Plan, experiment_location: str, trace_id: str) -> str:
    root = experiment_location if plan.root is None else uris.append(plan.root, str(plan.experiment_id))
    return infos.artifact_location(root, trace_id)


def _duration_of(text: str | None, name: str, default: int | None = None) -> int | None:
    """Return the duration in a tag's JSON, in milliseconds; ``default`` if the tag names none."""
    if text is None:
        return None
    try:
        value = json.loads(text).get(name)
    except (ValueError, AttributeError, RecursionError):
        return None
    return default if value is None else _ms(value)


def _ms(duration: object) -> int | None:
    match = _DURATION.fullmatch(duration.strip()) if isinstance(duration, str) else None
    return min(int(match[1]) * _UNIT_MS[match[2]], _MAX_MS) if match else None
