"""Purge: delete the rows of an item of the trash for good; find the folder of its artifacts.

A run or logged model is purged in three steps: ``claim`` marks its row as PURGING under a lock, after which
it cannot be restored; the caller deletes its artifacts; ``delete`` deletes its rows. If a purge is stopped,
the remaining rows show what is left to do, and the next purge continues.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from .. import audit, usage
from ..access import owners
from ..artifacts.locations import Locations, Place
from ..database import Tx, new_version
from ..schema.tracking import (
    experiments,
    logged_model_points,
    logged_model_series,
    logged_models,
    points,
    runs,
    series,
)
from ..traces import deletion
from ..tracking.experiments import DELETED, PURGING
from .trash import EXPERIMENT, MODEL, RUN, TrashItem, is_trashed


def is_in_trash(tx: Tx, item: TrashItem, before_ms: int | None) -> bool:
    """Return whether the item still exists and may be purged: it may have been restored meanwhile."""
    table = item.kind.table
    return tx.execute(sa.select(table.c.id).where(*_is_purgeable(item, before_ms))).first() is not None


def folder(locations: Locations, item: TrashItem) -> Place:
    """Return the folder of the item's artifacts.

    Of an experiment this is the folder of its traces: its other artifacts are those of its runs and models.
    Locations of runs and models end in ``<id>/artifacts``: the folder is then ``<id>``. Any other location is
    returned unchanged. Raise ``PermissionDenied`` or ``InvalidParameter`` if the location is not in an
    artifact store of this server.
    """
    place = locations.place(item.location)
    if item.kind is EXPERIMENT:
        return place.at("traces")
    parent, _, last = place.path.rpartition("/")
    is_own = last == "artifacts" and parent.rpartition("/")[2] == item.key
    return Place(place.store, parent) if is_own else place


def claim(tx: Tx, item: TrashItem, before_ms: int | None) -> bool:
    """Mark a run or logged model as PURGING. Return False if it, or its experiment, left the trash."""
    _lock(tx, item)
    # Check in a new statement: the one that waited for the lock may have read the rows as they were before.
    if not is_in_trash(tx, item, before_ms):
        return False
    table = item.kind.table
    changes: dict[str, object] = {"lifecycle_stage": PURGING}
    if item.kind is RUN:
        changes["version"] = new_version()
    tx.execute(sa.update(table).where(table.c.id == item.id).values(changes))
    return True


def delete(tx: Tx, item: TrashItem, before_ms: int | None) -> bool:
    """Delete the item's rows, after its artifacts, and add a row to the audit log.

    Return False, and delete nothing, if the item was restored and not claimed, if it is an experiment that
    contains something, or if another purge has deleted it.
    """
    _lock(tx, item)
    if not is_in_trash(tx, item, before_ms):
        return False
    point_count = 0
    if item.kind is RUN:
        point_count = _delete_points(tx, points, series.c.id, series.c.run_id == item.id)
        # Also the points that the run logged for logged models that are not purged: their series belong to
        # the run and are deleted with it.
        of_run = logged_model_series.c.run_id == item.id
        _delete_points(tx, logged_model_points, logged_model_series.c.id, of_run)
    elif item.kind is MODEL:
        of_model = logged_model_series.c.logged_model_id == item.id
        _delete_points(tx, logged_model_points, logged_model_series.c.id, of_model)
    tx.execute(sa.delete(item.kind.table).where(item.kind.table.c.id == item.id))
    if item.kind is not MODEL:
        kind = usage.RUNS if item.kind is RUN else usage.EXPERIMENTS
        usage.add(tx, {(tx.workspace, kind): -1, (tx.workspace, usage.POINTS): -point_count})
    if item.kind is EXPERIMENT:
        # SQLite gives the greatest id again.
        owners.forget_experiment(tx, str(item.id))
    audit.record(tx, item.kind.action, f"{item.kind.noun}:{item.key}")
    return True


def delete_traces(tx: Tx, item: TrashItem, before_ms: int | None, limit: int) -> int:
    """Delete up to ``limit`` traces of an experiment that is purged; return how many.

    Call it until it returns 0, before ``delete``: one transaction with all of them would take too long.
    """
    _lock(tx, item)
    if not is_in_trash(tx, item, before_ms):
        return 0
    return deletion.delete_of_experiment(tx, item.id, limit)


def _lock(tx: Tx, item: TrashItem) -> None:
    if item.with_experiment:
        experiment = sa.select(experiments.c.id).where(experiments.c.id == item.experiment)
        tx.execute(experiment.with_for_update(read=True))
    table = item.kind.table
    tx.execute(sa.select(table.c.id).where(table.c.id == item.id).with_for_update())
    if item.kind is MODEL:
        # A transaction that logs points to an existing series locks only the series, not the model.
        of_model = logged_model_series.c.logged_model_id == item.id
        tx.execute(sa.select(logged_model_series.c.id).where(of_model).with_for_update())


def _delete_points(tx: Tx, table: sa.Table, series_id: sa.Column[int], owned: sa.ColumnElement[bool]) -> int:
    """Delete the points of some series. Return how many there were."""
    deleted = tx.execute(sa.delete(table).where(table.c.series_id.in_(sa.select(series_id).where(owned))))
    return deleted.rowcount


def _is_purgeable(item: TrashItem, before_ms: int | None) -> Iterable[sa.ColumnElement[bool]]:
    table = item.kind.table
    yield table.c.id == item.id
    if item.kind is EXPERIMENT:
        for child in (runs, logged_models):
            yield ~sa.exists().where(child.c.experiment_id == table.c.id)
        yield from is_trashed(item.kind, before_ms)
        return
    if item.with_experiment:
        is_its_experiment = experiments.c.id == item.kind.experiment
        in_trash: sa.ColumnElement[bool] = sa.exists().where(
            is_its_experiment, *is_trashed(EXPERIMENT, before_ms)
        )
        if item.kind is RUN:
            in_trash = sa.and_(in_trash, runs.c.lifecycle_stage == DELETED)
    else:
        in_trash = sa.and_(*is_trashed(item.kind, before_ms))
    yield sa.or_(table.c.lifecycle_stage == PURGING, in_trash)
