"""Experiments and their tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from trackway.client_compat import messages as m
from trackway.client_compat import rules, searchable, uris
from trackway.client_compat.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from trackway.client_compat.filters import parse_order_by

from .. import search
from ..database import Prepared, Tx, insert_new, must_exist, new_version, upsert
from ..schema.tracking import experiment_tags, experiments, runs, workspaces
from ..search import pages

ACTIVE, DELETED = "active", "deleted"
# Clients log to this one when they name none.
DEFAULT_EXPERIMENT = 0
STAGES = {"ACTIVE_ONLY": [ACTIVE], "DELETED_ONLY": [DELETED], "ALL": [ACTIVE, DELETED]}

_COLUMNS = (*experiments.c, workspaces.c.name.label("workspace"))
_INSERT = insert_new(experiments).returning(experiments.c.id)
_SET_TAG = upsert(experiment_tags, "value")
_FIND_ONE = (
    sa.select(*_COLUMNS)
    .join(workspaces)
    .where(experiments.c.workspace_id == sa.bindparam("workspace"), experiments.c.id == sa.bindparam("id"))
)
_EXISTS = Prepared(
    sa.select(experiments.c.id).where(
        experiments.c.workspace_id == sa.bindparam("workspace"), experiments.c.id == sa.bindparam("id")
    ),
    *("workspace", "id"),
)
_FIND = {
    "": Prepared(_FIND_ONE, "workspace", "id"),
    "share": Prepared(_FIND_ONE.with_for_update(read=True, of=experiments), "workspace", "id"),
    "update": Prepared(_FIND_ONE.with_for_update(key_share=True, of=experiments), "workspace", "id"),
}
_MUST_EXIST = Prepared(
    must_exist(
        sa.select(experiments.c.id)
        .where(
            experiments.c.workspace_id == sa.bindparam("workspace"),
            experiments.c.id == sa.bindparam("id"),
            experiments.c.artifact_location == sa.bindparam("artifact_location"),
            experiments.c.lifecycle_stage == sa.literal_column(f"'{ACTIVE}'"),
        )
        .with_for_update(read=True)
        .cte("experiment")
    ),
    *("workspace", "id", "artifact_location"),
)
_SEARCH = search.Entity(
    searchable.EXPERIMENTS,
    owner=experiments.c.id,
    attributes={
        "experiment_id": experiments.c.id,
        "name": experiments.c.name,
        "creation_time": experiments.c.creation_time,
        "last_update_time": experiments.c.last_update_time,
    },
    children={"tag": search.Child(experiment_tags, experiment_tags.c.experiment_id)},
)


def create(tx: Tx, name: str, artifact_location: str | None, tags: list[m.ExperimentTag], root: str) -> str:
    """Make an experiment and return its id; without a location it gets ``<root>/<id>``.

    Names stay taken while an experiment of that name lies in the trash, as in MLflow.
    """
    location = uris.absolute(artifact_location) if artifact_location else ""
    row = tx.execute(
        _INSERT,
        {
            "workspace_id": tx.workspace,
            "name": name,
            "artifact_location": location,
            "lifecycle_stage": ACTIVE,
            "creation_time": tx.now_ms,
            "last_update_time": tx.now_ms,
        },
    ).first()
    if row is None:
        raise _name_taken(tx, name)
    if not location:
        tx.execute(
            sa.update(experiments)
            .where(experiments.c.id == row.id)
            .values(artifact_location=uris.append(root, str(row.id)))
        )
    if tags:
        _set_tags(tx, row.id, {tag.key or "": tag.value or "" for tag in tags})
    return str(row.id)


def get(tx: Tx, experiment_id: str) -> m.Experiment:
    row = find(tx, experiment_id)
    return _messages(tx, [row])[0]


def get_by_name(tx: Tx, name: str) -> m.Experiment:
    """The experiment of that name, deleted ones included."""
    row = tx.execute(
        sa.select(*_COLUMNS)
        .join(workspaces)
        .where(experiments.c.workspace_id == tx.workspace, experiments.c.name == name)
    ).first()
    if row is None:
        raise NotFound(f"Could not find experiment with name '{name}'")
    return _messages(tx, [row])[0]


def find(tx: Tx, experiment_id: str, *, view: str = "ALL", lock: str = "") -> sa.Row[Any]:
    """The experiment's row, the default one's for "".

    ``lock`` is "share" (it must not change) or "update" (we will change it).
    """
    number = _number(experiment_id)
    row: sa.Row[Any] | None = None
    if abs(number) < 1 << 63:
        row = tx.first(_FIND[lock], tx.workspace, number)
    if row is not None and row.lifecycle_stage not in STAGES[view]:
        row = None
    if row is None:
        raise NotFound(f"No Experiment with id={number} exists")
    return row


def find_active(tx: Tx, experiment_id: str, *, lock: str = "share") -> sa.Row[Any]:
    row = find(tx, experiment_id, lock=lock)
    if row.lifecycle_stage != ACTIVE:
        raise InvalidParameter(
            f"The experiment {row.id} must be in the 'active' state. Current state is {row.lifecycle_stage}."
        )
    return row


def _number(experiment_id: str) -> int:
    """Of one experiment; an empty id is the default one's, as in MLflow, which refuses it in lists."""
    return rules.parse_experiment_id(experiment_id) if experiment_id else DEFAULT_EXPERIMENT


class Parent(NamedTuple):
    """Where an experiment's runs belong, and their artifacts."""

    id: int
    artifact_location: str


def lock_parent(tx: Tx, experiment_id: str) -> Parent:
    """An active experiment about to get a run or a model: it must not change meanwhile."""
    key = ("experiment", tx.workspace, _number(experiment_id))
    parent: Parent | None = tx.cached_row(key)
    if parent:
        tx.run(_MUST_EXIST, tx.workspace, *parent)
        return parent
    row = find_active(tx, experiment_id)
    parent = Parent(row.id, row.artifact_location)
    tx.cache_row(key, parent)
    return parent


def existing_ids(tx: Tx, experiment_ids: list[str]) -> list[int]:
    """Those of the ids that exist in the workspace."""
    numbers = [rules.parse_experiment_id(text) for text in experiment_ids]
    numbers = [number for number in numbers if abs(number) < 1 << 63]
    if not numbers:
        return []
    if len(numbers) == 1:
        [number] = numbers
        if not tx.text_cache.knows_experiment(tx.workspace, number):
            if tx.first(_EXISTS, tx.workspace, number) is None:
                return []
            tx.text_cache.add_experiment(tx.workspace, number)
        return numbers
    query = sa.select(experiments.c.id).where(
        experiments.c.workspace_id == tx.workspace, experiments.c.id.in_(search.inline(numbers))
    )
    return sorted(tx.execute(query).scalars())


def find_page(tx: Tx, req: m.SearchExperiments) -> tuple[list[m.Experiment], str | None]:
    """A page of experiments and the token of the next, newest first unless ordered otherwise."""
    found = pages.Search(
        _SEARCH,
        sa.select(*_COLUMNS).join(workspaces),
        scope=(
            experiments.c.workspace_id == tx.workspace,
            experiments.c.lifecycle_stage.in_(STAGES[req.view_type or "ACTIVE_ONLY"]),
        ),
        query=("experiments", tx.workspace, req.view_type),
        filter=req.filter,
        order=parse_order_by(req.order_by, searchable.EXPERIMENTS),
    )
    rows, token = found.fetch(tx, req.max_results or 0, req.page_token)
    return _messages(tx, rows), token


def rename(tx: Tx, experiment_id: str, name: str) -> None:
    row = find(tx, experiment_id, lock="update")
    if row.lifecycle_stage != ACTIVE:
        raise InvalidState("Cannot rename a non-active experiment.")
    holder = tx.execute(
        sa.select(experiments.c.id).where(
            experiments.c.workspace_id == tx.workspace, experiments.c.name == name
        )
    ).scalar()
    if holder not in (None, row.id):
        raise _name_taken(tx, name)
    renamed = sa.update(experiments).where(experiments.c.id == row.id)
    try:
        tx.execute(renamed.values(name=name, last_update_time=tx.now_ms))
    except IntegrityError:  # somebody took the name after the look above
        raise _taken(name) from None


def delete(tx: Tx, experiment_id: str) -> None:
    """Put the experiment into the trash, its runs with it."""
    row = find(tx, experiment_id, view="ACTIVE_ONLY", lock="update")
    _set_stage(tx, row.id, DELETED, deleted_time=tx.now_ms)


def restore(tx: Tx, experiment_id: str) -> None:
    """Take the experiment out of the trash with all its runs, those deleted one by one included."""
    row = find(tx, experiment_id, view="DELETED_ONLY", lock="update")
    _set_stage(tx, row.id, ACTIVE, deleted_time=None)


def set_tag(tx: Tx, experiment_id: str, key: str, value: str) -> None:
    row = find_active(tx, experiment_id)
    if key.startswith(rules.CUSTOM_VIEW_PREFIX):
        kept = tx.execute(
            sa.select(experiment_tags.c.key).where(experiment_tags.c.experiment_id == row.id)
        ).scalars()
        rules.check_custom_views([*({*kept} - {key}), key], experiment_id)
    _set_tags(tx, row.id, {key: value})


def delete_tag(tx: Tx, experiment_id: str, key: str) -> None:
    row = find_active(tx, experiment_id)
    gone = tx.execute(
        sa.delete(experiment_tags).where(
            experiment_tags.c.experiment_id == row.id, experiment_tags.c.key == key
        )
    )
    if not gone.rowcount:
        raise NotFound(f"No tag with name: {key} in experiment with id {experiment_id}")


def _set_tags(tx: Tx, experiment_id: int, tags: dict[str, str]) -> None:
    # In the order of their keys, so that two writers meet in the same order and cannot deadlock.
    tx.execute(
        _SET_TAG,
        [{"experiment_id": experiment_id, "key": key, "value": tags[key]} for key in sorted(tags)],
    )


def _set_stage(tx: Tx, experiment_id: int, stage: str, deleted_time: int | None) -> None:
    tx.execute(
        sa.update(experiments)
        .where(experiments.c.id == experiment_id)
        .values(lifecycle_stage=stage, last_update_time=tx.now_ms)
    )
    tx.execute(
        sa.update(runs)
        .where(runs.c.experiment_id == experiment_id)
        .values(lifecycle_stage=stage, deleted_time=deleted_time, version=new_version())
    )


def _name_taken(tx: Tx, name: str) -> AlreadyExists:
    stage = tx.execute(
        sa.select(experiments.c.lifecycle_stage).where(
            experiments.c.workspace_id == tx.workspace, experiments.c.name == name
        )
    ).scalar()
    return _taken(name, is_deleted=stage == DELETED)


def _taken(name: str, is_deleted: bool = False) -> AlreadyExists:
    advice = (
        "It is deleted: restore it, or rename it after restoring, to free the name."
        if is_deleted
        else "Use another name, or get the existing one by its name."
    )
    return AlreadyExists(f"Experiment(name={name}) already exists. {advice}")


def _messages(tx: Tx, rows: Sequence[sa.Row[Any]]) -> list[m.Experiment]:
    tags = search.children_of(tx, experiment_tags, experiment_tags.c.experiment_id, [row.id for row in rows])
    return [
        m.Experiment(
            experiment_id=str(row.id),
            name=row.name,
            artifact_location=row.artifact_location,
            lifecycle_stage=row.lifecycle_stage,
            creation_time=row.creation_time,
            last_update_time=row.last_update_time,
            workspace=row.workspace,
            tags=[m.ExperimentTag(key=tag.key, value=tag.value) for tag in tags.get(row.id, ())],
        )
        for row in rows
    ]
