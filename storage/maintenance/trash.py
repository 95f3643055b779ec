"""The trash: find the deleted runs, logged models and experiments that can be purged.

An experiment is purged with everything in it, unless one of its runs is active.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidParameter

from .. import search
from ..database import Tx
from ..schema.tracking import experiments, logged_models, runs
from ..tracking.experiments import ACTIVE, DEFAULT_EXPERIMENT, DELETED, PURGING
from . import registered_files

# An item is PURGING if an earlier purge of it was stopped.
IN_TRASH = (DELETED, PURGING)


class Kind(NamedTuple):
    """A kind of item in the trash.

    ``name`` is used in messages, ``noun`` and ``action`` in the audit log. The columns are those of the id on
    the wire, the experiment, the artifact location and the time of deletion.
    """

    name: str
    noun: str
    action: str
    table: sa.Table
    key: sa.Column[Any]
    experiment: sa.Column[int]
    location: sa.Column[str]
    trashed: sa.Column[int]


RUN = Kind(
    name="run",
    noun="run",
    action="PurgeRun",
    table=runs,
    key=runs.c.run_uuid,
    experiment=runs.c.experiment_id,
    location=runs.c.artifact_uri,
    trashed=runs.c.deleted_time,
)
MODEL = Kind(
    name="logged model",
    noun="logged_model",
    action="PurgeLoggedModel",
    table=logged_models,
    key=logged_models.c.model_id,
    experiment=logged_models.c.experiment_id,
    location=logged_models.c.artifact_location,
    trashed=logged_models.c.deleted_time,
)
EXPERIMENT = Kind(
    name="experiment",
    noun="experiment",
    action="PurgeExperiment",
    table=experiments,
    key=experiments.c.id,
    experiment=experiments.c.id,
    location=experiments.c.artifact_location,
    trashed=experiments.c.last_update_time,
)


class TrashItem(NamedTuple):
    """One item to purge.

    An item ``with_experiment`` is purged because its experiment is, whatever its own time of deletion. A
    logged model is then purged even if it is active: deleting an experiment does not delete its models.
    """

    kind: Kind
    id: int
    key: str
    experiment: int
    location: str
    with_experiment: bool = False

    def __str__(self) -> str:
        return f"{self.kind.name} {self.key}"


class Trash(NamedTuple):
    """The items to purge, experiments after their contents, and a sentence for each experiment kept."""

    items: list[TrashItem]
    kept: list[str]


class Selection(NamedTuple):
    """The items to purge, by their ids as on the wire."""

    run_ids: Sequence[str] = ()
    model_ids: Sequence[str] = ()
    experiment_ids: Sequence[str] = ()


def find(
    tx: Tx,
    before_ms: int | None = None,
    selection: Selection | None = None,
    *,
    with_registered: bool = False,
) -> Trash:
    """Return the items to purge, and a sentence for each experiment that cannot be purged.

    These are the items that were deleted up to ``before_ms``, or at any time if it is None, and the contents
    of deleted experiments. With a ``selection`` only the selected items are considered; raise
    ``InvalidParameter`` with one line for each of them that cannot be purged. Items whose files a registered
    model version uses are kept, unless ``with_registered``.
    """
    if selection is None:
        trashed = [_in_trash(tx, kind, before_ms) for kind in (RUN, MODEL, EXPERIMENT)]
        kept: list[str] = []
        removable = _removable(tx, trashed[2], kept)
    else:
        refused: list[str] = []
        trashed = [
            _find_selected(tx, kind, keys, before_ms, refused)
            for kind, keys in zip((RUN, MODEL, EXPERIMENT), selection, strict=True)
        ]
        removable = _removable(tx, trashed[2], refused)
        if refused:
            raise InvalidParameter("\n".join(refused))
        kept = []
    experiment_ids = [experiment.id for experiment in removable]
    items = [
        *_merge(trashed[0], _contents(tx, RUN, experiment_ids)),
        *_merge(trashed[1], _contents(tx, MODEL, experiment_ids)),
    ]
    if not with_registered and (in_use := registered_files.uses(tx, items)):
        sentences = [
            f"{item.kind.name.capitalize()} {item.key} is not purged: {in_use[item]} uses its files "
            "(--with-registered purges it all the same)."
            for item in items
            if item in in_use
        ]
        if selection is not None:
            raise InvalidParameter("\n".join(sentences))
        kept += sentences
        items = [item for item in items if item not in in_use]
        homes = {item.experiment for item in in_use}
        removable = [experiment for experiment in removable if experiment.id not in homes]
    return Trash([*items, *removable], kept)


def is_trashed(kind: Kind, before_ms: int | None) -> Iterable[sa.ColumnElement[bool]]:
    """Return the conditions that an item is in the trash and was deleted up to ``before_ms``."""
    yield kind.table.c.lifecycle_stage.in_(IN_TRASH)
    if before_ms is not None:
        yield kind.trashed <= before_ms


def _in_trash(tx: Tx, kind: Kind, before_ms: int | None) -> list[TrashItem]:
    return [_item(kind, row) for row in _rows(tx, kind, *is_trashed(kind, before_ms))]


def _contents(tx: Tx, kind: Kind, experiment_ids: Sequence[int]) -> list[TrashItem]:
    """Return all items of a kind in the experiments, active logged models included."""
    if not experiment_ids:
        return []
    rows = _rows(tx, kind, kind.experiment.in_(search.inline(experiment_ids)))
    return [_item(kind, row)._replace(with_experiment=True) for row in rows]


def _merge(items: list[TrashItem], others: list[TrashItem]) -> list[TrashItem]:
    """Return the items of both lists, each once.

    An item in both is taken from ``items``: it is in the trash itself, so it may be purged without its
    experiment.
    """
    ids = {item.id for item in items}
    return items + [item for item in others if item.id not in ids]


def _find_selected(
    tx: Tx, kind: Kind, keys: Sequence[str], before_ms: int | None, refused: list[str]
) -> list[TrashItem]:
    """Return the selected items of a kind; add a sentence to ``refused`` for each that cannot be purged."""
    if not keys:
        return []
    wanted = [key for key in keys if kind is not EXPERIMENT or _is_number(key)]
    values = list(map(int, wanted)) if kind is EXPERIMENT else wanted
    found = {str(row.key): row for row in _rows(tx, kind, kind.key.in_(values))}
    items = []
    for key in dict.fromkeys(keys):
        row, name = found.get(key), f"{kind.name.capitalize()} {key}"
        if row is None:
            refused.append(f"{name} does not exist.")
        elif row.lifecycle_stage not in IN_TRASH:
            refused.append(f"{name} is not in the trash: delete it before you purge it.")
        elif before_ms is not None and (row.trashed is None or row.trashed > before_ms):
            time = "an unknown time" if row.trashed is None else _format_time(row.trashed)
            limit = _format_time(before_ms)
            refused.append(f"{name} was deleted at {time}, but must have been deleted before {limit}.")
        else:
            items.append(_item(kind, row))
    return items


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdecimal() and int(key) < 1 << 63


def _removable(tx: Tx, found: list[TrashItem], kept: list[str]) -> list[TrashItem]:
    """Return the experiments that can be purged; add a sentence to ``kept`` for each of the others."""
    if not found:
        return []
    ids = search.inline([item.id for item in found])
    active = sa.select(runs.c.experiment_id, sa.func.min(runs.c.run_uuid).label("run_id")).where(
        runs.c.experiment_id.in_(ids), runs.c.lifecycle_stage == ACTIVE
    )
    active_runs = {row.experiment_id: row.run_id for row in tx.execute(active.group_by(runs.c.experiment_id))}
    removable = []
    for item in found:
        if item.id == DEFAULT_EXPERIMENT:
            kept.append("Experiment 0 is never purged: clients that name no experiment log to it.")
        elif run_id := active_runs.get(item.id):
            kept.append(
                f"Experiment {item.key} is not purged: its run {run_id} is active. Delete the run, or "
                "restore the experiment."
            )
        else:
            removable.append(item)
    return removable


def _rows(tx: Tx, kind: Kind, *where: sa.ColumnElement[bool]) -> Sequence[sa.Row[Any]]:
    """Return the rows of a kind in the workspace that meet the conditions, in the order of their ids."""
    experiment = experiments.alias("home")
    is_visible = sa.exists().where(
        experiment.c.id == kind.experiment, experiment.c.workspace_id == tx.workspace
    )
    query = sa.select(
        kind.table.c.id,
        kind.key.label("key"),
        kind.experiment.label("experiment"),
        kind.location.label("location"),
        kind.table.c.lifecycle_stage,
        kind.trashed.label("trashed"),
    )
    return tx.execute(query.where(is_visible, *where).order_by(kind.table.c.id)).all()


def _item(kind: Kind, row: sa.Row[Any]) -> TrashItem:
    return TrashItem(kind, row.id, str(row.key), row.experiment, row.location)


def _format_time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(" ", "seconds").replace("+00:00", " UTC")
