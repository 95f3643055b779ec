"""Deletion of traces: by id, or the oldest ones."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from trackway.client_compat import rules

from .. import jobs, search
from ..database import Tx
from ..schema.traces import traces
from ..schema.tracking import experiments
from . import text_index

# The kind of job that deletes the files of traces. Its payload has the artifact location of an experiment,
# and the ids of up to ``_STEP`` traces.
DELETE_FILES = "trace.delete_files"
# The traces of one statement, and of one job.
_STEP = 500


def choose(
    tx: Tx,
    experiment_id: str,
    *,
    trace_ids: Sequence[str] = (),
    before_ms: int | None = None,
    limit: int | None = None,
) -> list[str]:
    """Return the ids of the traces of an experiment that a request deletes, the oldest first.

    These are the traces with the ids, or those that began at ``before_ms`` or earlier.
    """
    number = rules.parse_experiment_id(experiment_id)
    query = (
        sa.select(traces.c.trace_id)
        .join(experiments)
        .where(experiments.c.workspace_id == tx.workspace, traces.c.experiment_id == number)
        .order_by(traces.c.request_time, traces.c.trace_id)
    )
    if trace_ids:
        query = query.where(traces.c.trace_id.in_(search.inline(list(trace_ids))))
    if before_ms is not None:
        query = query.where(traces.c.request_time <= before_ms)
    if limit is not None:
        query = query.limit(limit)
    return list(tx.execute(query).scalars())


def delete(tx: Tx, trace_ids: Sequence[str]) -> int:
    """Delete traces with all that belongs to them; return how many there were.

    Their files are deleted by jobs, after this transaction has committed.
    """
    of_workspace = sa.select(experiments.c.id).where(experiments.c.workspace_id == tx.workspace)
    deleted: dict[int, list[str]] = {}
    for first in range(0, len(trace_ids), _STEP):
        chosen = traces.c.trace_id.in_(search.inline(list(trace_ids[first : first + _STEP])))
        is_chosen = (chosen, traces.c.experiment_id.in_(of_workspace))
        _remove_from_index(tx, sa.select(traces.c.id).where(*is_chosen))
        gone = sa.delete(traces).where(*is_chosen)
        for row in tx.execute(gone.returning(traces.c.trace_id, traces.c.experiment_id)):
            deleted.setdefault(row.experiment_id, []).append(row.trace_id)
    for experiment_id, ids in deleted.items():
        location = tx.execute(
            sa.select(experiments.c.artifact_location).where(experiments.c.id == experiment_id)
        ).scalar_one()
        parts = [ids[first : first + _STEP] for first in range(0, len(ids), _STEP)]
        jobs.add(tx, DELETE_FILES, [{"location": location, "traces": part} for part in parts])
    return sum(map(len, deleted.values()))


def delete_of_experiment(tx: Tx, experiment_id: int, limit: int) -> int:
    """Delete up to ``limit`` traces of an experiment, given by its number, without their files."""
    some = sa.select(traces.c.id).where(traces.c.experiment_id == experiment_id).limit(limit)
    _remove_from_index(tx, some)
    return tx.execute(sa.delete(traces).where(traces.c.id.in_(some))).rowcount


def absent(tx: Tx, trace_ids: Sequence[str]) -> list[str]:
    """Return those of the ids that no trace has, of any workspace."""
    query = sa.select(traces.c.trace_id).where(traces.c.trace_id.in_(search.inline(list(trace_ids))))
    present = set(tx.execute(query).scalars())
    return [trace_id for trace_id in trace_ids if trace_id not in present]


def _remove_from_index(tx: Tx, query: sa.Select[tuple[int]]) -> None:
    if text_index.needs_removal(tx):
        text_index.remove(tx, tx.execute(query).scalars().all())
