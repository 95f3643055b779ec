"""What lies in the trash and may go for good: runs, logged models, and experiments with all in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidParameter

from .. import search
from ..database import Tx
from ..schema.tracking import experiments, logged_models, runs
from ..tracking.experiments import ACTIVE, DEFAULT_EXPERIMENT, DELETED


class Kind(NamedTuple):
    """Something that can lie in the trash: its names, and where its rows say what."""

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
    """One thing that is to go. One that goes ``with_experiment`` does so whatever its own age or, for a
    model, stage: deleting an experiment does not put its models into the trash."""

    kind: Kind
    id: int
    key: str
    experiment: int
    location: str
    with_experiment: bool = False

    def __str__(self) -> str:
        return f"{self.kind.name} {self.key}"


class Trash(NamedTuple):
    """What is to go, an experiment behind all that is in it; and sentences on what has to stay."""

    items: list[TrashItem]
    kept: list[str]


class Selection(NamedTuple):
    """Ids as on the wire."""

    run_ids: Sequence[str] = ()
    model_ids: Sequence[str] = ()
    experiment_ids: Sequence[str] = ()


def find(tx: Tx, before_ms: int | None = None, selection: Selection | None = None) -> Trash:
    """What came into the trash up to ``before_ms``: all of it, or what is selected and nothing else.

    Raises ``InvalidParameter`` with a line for each that is selected and cannot go.
    """
    if selection is None:
        gone = [_in_trash(tx, kind, before_ms) for kind in (RUN, MODEL, EXPERIMENT)]
        kept: list[str] = []
        doomed = _removable(tx, gone[2], kept)
    else:
        refused: list[str] = []
        gone = [
            _find_selected(tx, kind, keys, before_ms, refused)
            for kind, keys in zip((RUN, MODEL, EXPERIMENT), selection, strict=True)
        ]
        doomed = _removable(tx, gone[2], refused)
        if refused:
            raise InvalidParameter("\n".join(refused))
        kept = []
    inside = [experiment.id for experiment in doomed]
    return Trash(
        [
            *_with(gone[0], _inside(tx, RUN, inside)),
            *_with(gone[1], _inside(tx, MODEL, inside)),
            *doomed,
        ],
        kept,
    )


def is_trashed(kind: Kind, before_ms: int | None) -> Iterable[sa.ColumnElement[bool]]:
    """Whether one of a kind is in the trash, and came there up to ``before_ms``."""
    yield kind.table.c.lifecycle_stage == DELETED
    if before_ms is not None:
        yield kind.trashed <= before_ms


def _in_trash(tx: Tx, kind: Kind, before_ms: int | None) -> list[TrashItem]:
    return [_item(kind, row) for row in _rows(tx, kind, *is_trashed(kind, before_ms))]


def _inside(tx: Tx, kind: Kind, experiment_ids: Sequence[int]) -> list[TrashItem]:
    """All of a kind in experiments, none of whose runs is active."""
    if not experiment_ids:
        return []
    rows = _rows(tx, kind, kind.experiment.in_(search.inline(experiment_ids)))
    return [_item(kind, row)._replace(with_experiment=True) for row in rows]


def _with(some: list[TrashItem], others: list[TrashItem]) -> list[TrashItem]:
    """Both, each once; who is in the trash for its own sake needs no experiment to go."""
    known = {item.id for item in some}
    return some + [item for item in others if item.id not in known]


def _find_selected(
    tx: Tx, kind: Kind, keys: Sequence[str], before_ms: int | None, refused: list[str]
) -> list[TrashItem]:
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
        elif row.lifecycle_stage != DELETED:
            refused.append(f"{name} is not in the trash: only what has been deleted can be purged.")
        elif before_ms is not None and (row.trashed is None or row.trashed > before_ms):
            since = "at an unknown time" if row.trashed is None else _moment(row.trashed)
            limit = _moment(before_ms)
            refused.append(f"{name} was deleted {since}; only what was deleted before {limit} is old enough.")
        else:
            items.append(_item(kind, row))
    return items


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdecimal() and int(key) < 1 << 63


def _removable(tx: Tx, found: list[TrashItem], kept: list[str]) -> list[TrashItem]:
    """Those of the experiments that can go; of the others ``kept`` gets a sentence each."""
    if not found:
        return []
    ids = search.inline([item.id for item in found])
    active = sa.select(runs.c.experiment_id, sa.func.min(runs.c.run_uuid).label("run_id")).where(
        runs.c.experiment_id.in_(ids), runs.c.lifecycle_stage == ACTIVE
    )
    lively = {row.experiment_id: row.run_id for row in tx.execute(active.group_by(runs.c.experiment_id))}
    removable = []
    for item in found:
        if item.id == DEFAULT_EXPERIMENT:
            kept.append("Experiment 0 stays: clients log there when they name no experiment.")
        elif run_id := lively.get(item.id):
            kept.append(
                f"Experiment {item.key} stays: its run {run_id} is active. Delete the run, or restore "
                "the experiment."
            )
        else:
            removable.append(item)
    return removable


def _rows(tx: Tx, kind: Kind, *where: sa.ColumnElement[bool]) -> Sequence[sa.Row[Any]]:
    """Those of the workspace, the oldest first."""
    home = experiments.alias("home")
    is_visible = sa.exists().where(home.c.id == kind.experiment, home.c.workspace_id == tx.workspace)
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


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(" ", "seconds").replace("+00:00", " UTC")
