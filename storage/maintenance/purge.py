"""Deleting for good what lies in the trash: rows, and where the artifacts are that go before them.

Artifacts go first, rows last: whatever stops a purge, its rows still say what is left to do. So each
item is looked at twice, before its artifacts go (``is_in_trash``) and under a lock (``delete``).
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from .. import audit
from ..artifacts.locations import Locations, Place
from ..database import Tx
from ..schema.tracking import (
    experiments,
    logged_model_points,
    logged_model_series,
    logged_models,
    points,
    runs,
    series,
)
from ..tracking.experiments import DELETED
from .trash import EXPERIMENT, MODEL, RUN, TrashItem, is_trashed


def is_in_trash(tx: Tx, item: TrashItem, before_ms: int | None) -> bool:
    """Whether it is there and still to go: nobody has restored it."""
    table = item.kind.table
    return tx.execute(sa.select(table.c.id).where(*_still(item, before_ms))).first() is not None


def folder(locations: Locations, item: TrashItem) -> Place:
    """Where its artifacts lie. Raises ``PermissionDenied`` or ``InvalidParameter`` for other stores.

    It is the folder that has the item's id for a name, as locations end in ``<id>/artifacts``.
    """
    place = locations.place(item.location)
    above, _, last = place.path.rpartition("/")
    is_own = last == "artifacts" and above.rpartition("/")[2] == item.key
    return Place(place.store, above) if is_own else place


def delete(tx: Tx, item: TrashItem, before_ms: int | None) -> bool:
    """Delete its rows, after its artifacts; False where it was restored meanwhile, or something in it was."""
    _lock(tx, item)
    # Only now: what was read in the statement that waited may be old.
    if not is_in_trash(tx, item, before_ms):
        return False
    if item.kind is RUN:
        _delete_points(tx, points, series.c.id, series.c.run_id == item.id)
        # Also those that it logged to models which stay: their series are the run's and go with it.
        of_run = logged_model_series.c.run_id == item.id
        _delete_points(tx, logged_model_points, logged_model_series.c.id, of_run)
    elif item.kind is MODEL:
        of_model = logged_model_series.c.logged_model_id == item.id
        _delete_points(tx, logged_model_points, logged_model_series.c.id, of_model)
    tx.execute(sa.delete(item.kind.table).where(item.kind.table.c.id == item.id))
    audit.record(tx, item.kind.action, f"{item.kind.noun}:{item.key}")
    return True


def _lock(tx: Tx, item: TrashItem) -> None:
    if item.with_experiment:
        home = sa.select(experiments.c.id).where(experiments.c.id == item.experiment)
        tx.execute(home.with_for_update(read=True))
    table = item.kind.table
    tx.execute(sa.select(table.c.id).where(table.c.id == item.id).with_for_update())
    if item.kind is MODEL:
        # Who logs points to a series that there is locks that series, not the model.
        of_model = logged_model_series.c.logged_model_id == item.id
        tx.execute(sa.select(logged_model_series.c.id).where(of_model).with_for_update())


def _delete_points(tx: Tx, table: sa.Table, series_id: sa.Column[int], owned: sa.ColumnElement[bool]) -> None:
    tx.execute(sa.delete(table).where(table.c.series_id.in_(sa.select(series_id).where(owned))))


def _still(item: TrashItem, before_ms: int | None) -> Iterable[sa.ColumnElement[bool]]:
    table = item.kind.table
    yield table.c.id == item.id
    if item.kind is EXPERIMENT:
        for inner in (runs, logged_models):
            yield ~sa.exists().where(inner.c.experiment_id == table.c.id)
    if item.with_experiment:
        home = experiments.c.id == item.kind.experiment
        yield sa.exists().where(home, *is_trashed(EXPERIMENT, before_ms))
        if item.kind is RUN:
            yield runs.c.lifecycle_stage == DELETED
    else:
        yield from is_trashed(item.kind, before_ms)
