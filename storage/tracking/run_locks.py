"""Runs about to be written to. Their writers wait for each other, so what they then read stays true."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidParameter, NotFound

from ..database import Prepared, Tx, must_exist, new_version
from ..schema.tracking import experiments, runs
from .experiments import ACTIVE

_CHANGE = (
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
_LOCK = Prepared(_CHANGE.returning(*runs.c), "of_uuid", "of_workspace", "new_version")
_SEEN = _CHANGE.where(
    runs.c.id == sa.bindparam("of_id", type_=runs.c.id.type),
    runs.c.lifecycle_stage == sa.literal_column(f"'{ACTIVE}'"),
)
_MUST_EXIST = Prepared(
    must_exist(_SEEN.returning(runs.c.id).cte("run")), "of_uuid", "of_workspace", "new_version", "of_id"
)


class LockedRun(NamedTuple):
    """What never changes of a run."""

    id: int
    run_uuid: str
    experiment_id: int


def lock_active(tx: Tx, run_id: str) -> LockedRun:
    """A run to write to: locked, and refused when it is deleted."""
    key = ("run", tx.workspace, run_id)
    run: LockedRun | None = tx.cached_row(key)
    if run:
        tx.run(_MUST_EXIST, run_id, tx.workspace, new_version(), run.id)
        return run
    row = lock_active_row(tx, run_id)
    run = LockedRun(row.id, row.run_uuid, row.experiment_id)
    tx.cache_row(key, run)
    return run


def lock_active_row(tx: Tx, run_id: str) -> sa.Row[Any]:
    """All of a run that ``find`` finds."""
    row = lock(tx, run_id)
    if row.lifecycle_stage != ACTIVE:
        raise InvalidParameter(
            f"The run {run_id} must be in the 'active' state. Current state is {row.lifecycle_stage}."
        )
    return row


def lock(tx: Tx, run_id: str) -> sa.Row[Any]:
    """The run's row, deleted or not, marked as another than those who read it know."""
    return require(tx.first(_LOCK, run_id, tx.workspace, new_version()), run_id)


def require(row: sa.Row[Any] | None, run_id: str) -> sa.Row[Any]:
    if row is None:
        raise NotFound(f"Run with id={run_id} not found")
    return row


__all__ = ["LockedRun", "lock", "lock_active", "lock_active_row", "require"]
