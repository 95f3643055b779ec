"""Locks on runs: every write to a run or its children first locks the run's row.

The lock is an UPDATE that gives the row a new version. Writers of one run therefore wait for each other,
and what a writer reads after the lock stays true until it commits. Children (tags, params, metrics,
inputs) are written after their run, so all writers lock rows in the same order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidParameter, NotFound

from ..database import Prepared, Tx, must_exist, new_version
from ..schema.tracking import experiments, runs
from .experiments import ACTIVE

_SET_VERSION = (
    sa.update(runs)
    .where(
        runs.c.run_uuid == sa.bindparam("of_uuid"),
        # EXISTS: with IN, SQLite reads the ids of all the workspace's experiments first.
        sa.exists().where(
            experiments.c.id == runs.c.experiment_id,
            experiments.c.workspace_id == sa.bindparam("of_workspace"),
        ),
    )
    .values(version=sa.bindparam("new_version", type_=runs.c.version.type))
)
_LOCK = Prepared(_SET_VERSION.returning(*runs.c), "of_uuid", "of_workspace", "new_version")
_SET_VERSION_OF_CACHED = _SET_VERSION.where(
    runs.c.id == sa.bindparam("of_id", type_=runs.c.id.type),
    runs.c.lifecycle_stage == sa.literal_column(f"'{ACTIVE}'"),
)
_LOCK_CACHED = Prepared(
    must_exist(_SET_VERSION_OF_CACHED.returning(runs.c.id).cte("run")),
    *("of_uuid", "of_workspace", "new_version", "of_id"),
)


class LockedRun(NamedTuple):
    """The columns of a run that never change, so they may come from the row cache."""

    id: int
    run_uuid: str
    experiment_id: int


def lock_active(tx: Tx, run_id: str) -> LockedRun:
    """Lock an active run for a write.

    Raise ``NotFound`` if the run does not exist and ``InvalidParameter`` if it is deleted. If the run is in
    the row cache, the lock itself checks this: the statement fails, and ``Database.run`` repeats the
    transaction without the cache.
    """
    key = ("run", tx.workspace, run_id)
    run: LockedRun | None = tx.cached_row(key)
    if run:
        tx.run(_LOCK_CACHED, run_id, tx.workspace, new_version(), run.id)
        return run
    row = lock_active_row(tx, run_id)
    run = LockedRun(row.id, row.run_uuid, row.experiment_id)
    tx.cache_row(key, run)
    return run


def lock_active_row(tx: Tx, run_id: str) -> sa.Row[Any]:
    """Lock an active run as ``lock_active`` does, and return its whole row."""
    row = lock(tx, run_id)
    if row.lifecycle_stage != ACTIVE:
        raise InvalidParameter(
            f"The run {run_id} must be in the 'active' state. Current state is {row.lifecycle_stage}."
        )
    return row


def lock(tx: Tx, run_id: str) -> sa.Row[Any]:
    """Lock a run, active or deleted, and return its row. Raise ``NotFound`` if it does not exist.

    The row's new version also makes the run's cached JSON text out of date (``run_json``).
    """
    return require(tx.first(_LOCK, run_id, tx.workspace, new_version()), run_id)


def require(row: sa.Row[Any] | None, run_id: str) -> sa.Row[Any]:
    """Return the row. Raise ``NotFound`` if it is None."""
    if row is None:
        raise NotFound(f"Run with id={run_id} not found")
    return row


__all__ = ["LockedRun", "lock", "lock_active", "lock_active_row", "require"]
