"""Deletion of traces: by id, or the oldest ones."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from trackway.client_compat import rules

from .. import search
from ..database import Tx
from ..schema import tracking
from ..schema.traces import traces
from . import text_index


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
        .join(tracking.experiments)
        .where(tracking.experiments.c.workspace_id == tx.workspace, traces.c.experiment_id == number)
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
    """Delete traces with all that belongs to them; return how many there were."""
    if not trace_ids:
        return 0
    of_workspace = sa.select(tracking.experiments.c.id).where(
        tracking.experiments.c.workspace_id == tx.workspace
    )
    chosen = (
        traces.c.trace_id.in_(search.inline(list(trace_ids))),
        traces.c.experiment_id.in_(of_workspace),
    )
    if text_index.needs_removal(tx):
        text_index.remove(tx, tx.execute(sa.select(traces.c.id).where(*chosen)).scalars().all())
    return tx.execute(sa.delete(traces).where(*chosen)).rowcount
