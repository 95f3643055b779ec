"""Deletion of traces: by id, or the oldest ones."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from trackway.client_compat import rules

from .. import jobs, search
from ..database import Tx
from ..schema.traces import trace_tags, traces
from ..schema.tracking import experiments
from . import archival, infos, rows, text_index

# The kind of job that deletes the files of traces. Its payload has the artifact location of an experiment, or
# an archive of one, and the ids of up to ``_STEP`` traces.
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
    number = 0
    for first in range(0, len(trace_ids), _STEP):
        is_chosen = sa.and_(
            traces.c.trace_id.in_(search.inline(list(trace_ids[first : first + _STEP]))),
            traces.c.experiment_id.in_(of_workspace),
        )
        _delete_archives(tx, is_chosen)
        if text_index.needs_removal(tx):
            text_index.remove(tx, tx.execute(sa.select(traces.c.id).where(is_chosen)).scalars().all())
        by_experiment: dict[int, list[str]] = {}
        gone = sa.delete(traces).where(is_chosen).returning(traces.c.trace_id, traces.c.experiment_id)
        for row in tx.execute(gone):
            by_experiment.setdefault(row.experiment_id, []).append(row.trace_id)
        for experiment_id, ids in by_experiment.items():
            location = sa.select(experiments.c.artifact_location).where(experiments.c.id == experiment_id)
            _delete_files(tx, tx.execute(location).scalar_one(), ids)
            number += len(ids)
    return number


def delete_of_experiment(tx: Tx, experiment_id: int, limit: int) -> int:
    """Delete up to ``limit`` traces of an experiment, given by its number; return how many there were.

    Of their files only archives that are elsewhere than the experiment's artifacts are deleted.
    """
    some = sa.select(traces.c.id).where(traces.c.experiment_id == experiment_id).limit(limit)
    ids = list(tx.execute(some).scalars())
    is_chosen = traces.c.id.in_(search.inline(ids))
    _delete_archives(tx, is_chosen)
    text_index.remove(tx, ids)
    return tx.execute(sa.delete(traces).where(is_chosen)).rowcount if ids else 0


def _delete_archives(tx: Tx, is_chosen: sa.ColumnElement[bool]) -> None:
    """Add jobs that delete the archives of traces elsewhere than at the artifacts of their experiment."""
    query = (
        sa.select(traces.c.trace_id, experiments.c.artifact_location, trace_tags.c.value)
        .join(experiments, experiments.c.id == traces.c.experiment_id)
        .join(trace_tags, trace_tags.c.trace_id == traces.c.id)
        .where(is_chosen, traces.c.spans_location == rows.IN_ARCHIVE, trace_tags.c.key == archival.LOCATION)
    )
    by_root: dict[str, list[str]] = {}
    for row in tx.execute(query):
        root = row.value.removesuffix(infos.artifact_location("/", row.trace_id))
        if root not in (row.value, row.artifact_location):
            by_root.setdefault(root, []).append(row.trace_id)
    for root, ids in by_root.items():
        _delete_files(tx, root, ids)


def _delete_files(tx: Tx, location: str, trace_ids: list[str]) -> None:
    jobs.add(tx, DELETE_FILES, [{"location": location, "traces": trace_ids}])


def absent(tx: Tx, trace_ids: Sequence[str]) -> list[str]:
    """Return those of the ids that no trace has, of any workspace."""
    query = sa.select(traces.c.trace_id).where(traces.c.trace_id.in_(search.inline(list(trace_ids))))
    present = set(tx.execute(query).scalars())
    return [trace_id for trace_id in trace_ids if trace_id not in present]
