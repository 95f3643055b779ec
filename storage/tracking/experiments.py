"""Experiments: create, read, search, rename, delete and restore them; their tags.

Invariant: a transaction that adds a run or a logged model first takes a shared lock on its experiment
(``lock_parent``), so the experiment stays active, at the same artifact location, until the commit. On
PostgreSQL the experiment may come from the row cache; the lock is then a ``must_exist`` statement, which
fails if the experiment was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
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
from ..search.visible import EVERYTHING, Visible

ACTIVE, DELETED = "active", "deleted"
# A run or logged model whose artifacts `trackway gc` is deleting. It cannot be restored; clients see it as
# deleted.
PURGING = "purging"
# Clients that name no experiment log to this one.
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
_LOCK_CACHED = Prepared(
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
    """Create an experiment and return its id.

    Without an ``artifact_location`` its artifacts go to ``<root>/<id>``. Raise ``AlreadyExists`` if an
    experiment of the workspace has the name, even one in the trash, as in MLflow.
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
        raise _name_taken_error(tx, name)
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
    """Return the experiment, active or deleted, with its tags. Raise ``NotFound`` if it does not exist."""
    row = find(tx, experiment_id)
    return _messages(tx, [row])[0]


def get_by_name(tx: Tx, name: str) -> m.Experiment:
    """Return the experiment of that name, active or deleted. Raise ``NotFound`` if there is none."""
    row = tx.execute(
        sa.select(*_COLUMNS)
        .join(workspaces)
        .where(experiments.c.workspace_id == tx.workspace, experiments.c.name == name)
    ).first()
    if row is None:
        raise NotFound(f"Could not find experiment with name '{name}'")
    return _messages(tx, [row])[0]


def find(tx: Tx, experiment_id: str, *, view: str = "ALL", lock: str = "") -> sa.Row[Any]:
    """Return the experiment's row.

    ``lock`` is "share" (no other transaction may change the row) or "update" (the caller changes it).
    Raise ``NotFound`` if the experiment does not exist or is not in the ``view``.
    """
    number = rules.parse_experiment_id(experiment_id)
    row: sa.Row[Any] | None = None
    if abs(number) < 1 << 63:
        row = tx.first(_FIND[lock], tx.workspace, number)
    if row is not None and row.lifecycle_stage not in STAGES[view]:
        row = None
    if row is None:
        raise NotFound(f"No Experiment with id={number} exists")
    return row


def find_active(tx: Tx, experiment_id: str, *, lock: str = "share") -> sa.Row[Any]:
    """Return the row of an active experiment, locked. Raise ``InvalidParameter`` if it is deleted."""
    row = find(tx, experiment_id, lock=lock)
    if row.lifecycle_stage != ACTIVE:
        raise InvalidParameter(
            f"The experiment {row.id} must be in the 'active' state. Current state is {row.lifecycle_stage}."
        )
    return row


class Parent(NamedTuple):
    """The columns of an experiment that a new run or model needs. They may come from the row cache."""

    id: int
    artifact_location: str


def lock_parent(tx: Tx, experiment_id: str) -> Parent:
    """Lock an active experiment, shared, to add a run or a logged model to it.

    Raise ``NotFound`` if the experiment does not exist and ``InvalidParameter`` if it is deleted. If it is
    in the row cache, the lock itself checks this: the statement fails, and ``Database.run`` repeats the
    transaction without the cache.
    """
    key = ("experiment", tx.workspace, rules.parse_experiment_id(experiment_id))
    parent: Parent | None = tx.cached_row(key)
    if parent:
        tx.run(_LOCK_CACHED, tx.workspace, *parent)
        return parent
    row = find_active(tx, experiment_id)
    parent = Parent(row.id, row.artifact_location)
    tx.cache_row(key, parent)
    return parent


def existing_ids(tx: Tx, experiment_ids: Sequence[str]) -> list[int]:
    """Return those of the ids that exist in the workspace, each once.

    Raise ``InvalidParameter`` for an id that is not a number.
    """
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


def find_page(
    tx: Tx, req: m.SearchExperiments, visible: Visible = EVERYTHING
) -> tuple[list[m.Experiment], str | None]:
    """Return a page of the experiments that are visible and the token of the next page.

    The order is newest first, unless the request has an ``order_by``.
    """
    found = pages.Search(
        _SEARCH,
        sa.select(*_COLUMNS).join(workspaces),
        scope=(
            experiments.c.workspace_id == tx.workspace,
            experiments.c.lifecycle_stage.in_(STAGES[req.view_type or "ACTIVE_ONLY"]),
            *visible.conditions(experiments.c.id, int),
        ),
        query=("experiments", tx.workspace, req.view_type),
        filter=req.filter,
        order=parse_order_by(req.order_by, searchable.EXPERIMENTS),
    )
    return found.fetch_results(tx, req.max_results or 0, req.page_token, partial(_messages, tx))


def rename(tx: Tx, experiment_id: str, name: str) -> None:
    """Give an active experiment another name.

    Raise ``InvalidState`` if it is deleted and ``AlreadyExists`` if another experiment has the name.
    """
    row = find(tx, experiment_id, lock="update")
    if row.lifecycle_stage != ACTIVE:
        raise InvalidState("Cannot rename a non-active experiment.")
    holder = tx.execute(
        sa.select(experiments.c.id).where(
            experiments.c.workspace_id == tx.workspace, experiments.c.name == name
        )
    ).scalar()
    if holder not in (None, row.id):
        raise _name_taken_error(tx, name)
    renamed = sa.update(experiments).where(experiments.c.id == row.id)
    try:
        tx.execute(renamed.values(name=name, last_update_time=tx.now_ms))
    except IntegrityError:  # another transaction took the name after the check above
        raise _already_exists(name) from None


def delete(tx: Tx, experiment_id: str) -> None:
    """Move the experiment and its runs to the trash. Raise ``NotFound`` if it is there already."""
    row = find(tx, experiment_id, view="ACTIVE_ONLY", lock="update")
    _set_stage(tx, row.id, DELETED, deleted_time=tx.now_ms)


def active_locations(tx: Tx) -> list[tuple[int, str]]:
    """Return id and artifact location of the experiments that are not in the trash."""
    query = sa.select(experiments.c.id, experiments.c.artifact_location).where(
        experiments.c.workspace_id == tx.workspace, experiments.c.lifecycle_stage == ACTIVE
    )
    return [(row.id, row.artifact_location) for row in tx.execute(query)]


def restore(tx: Tx, experiment_id: str) -> None:
    """Take the experiment and all its runs out of the trash, also runs that were deleted on their own.

    Raise ``NotFound`` if the experiment is not in the trash.
    """
    row = find(tx, experiment_id, view="DELETED_ONLY", lock="update")
    _set_stage(tx, row.id, ACTIVE, deleted_time=None)


def set_tag(tx: Tx, experiment_id: str, key: str, value: str) -> None:
    """Set a tag of an active experiment.

    Raise ``InvalidParameter`` if the experiment would get more than 50 custom views of MLflow's UI, which
    are stored as tags.
    """
    row = find_active(tx, experiment_id)
    if key.startswith(rules.CUSTOM_VIEW_PREFIX):
        stored = tx.execute(
            sa.select(experiment_tags.c.key).where(experiment_tags.c.experiment_id == row.id)
        ).scalars()
        rules.check_custom_views([*({*stored} - {key}), key], experiment_id)
    _set_tags(tx, row.id, {key: value})


def delete_tag(tx: Tx, experiment_id: str, key: str) -> None:
    """Delete a tag of an active experiment. Raise ``NotFound`` if it has no such tag."""
    row = find_active(tx, experiment_id)
    deleted = tx.execute(
        sa.delete(experiment_tags).where(
            experiment_tags.c.experiment_id == row.id, experiment_tags.c.key == key
        )
    )
    if not deleted.rowcount:
        raise NotFound(f"No tag with name: {key} in experiment with id {experiment_id}")


def _set_tags(tx: Tx, experiment_id: int, tags: dict[str, str]) -> None:
    # In the order of their keys: two writers then lock rows in the same order and cannot deadlock.
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
        .where(runs.c.experiment_id == experiment_id, runs.c.lifecycle_stage != PURGING)
        .values(lifecycle_stage=stage, deleted_time=deleted_time, version=new_version())
    )


def _name_taken_error(tx: Tx, name: str) -> AlreadyExists:
    """Return the error, with advice that depends on whether the other experiment is in the trash."""
    stage = tx.execute(
        sa.select(experiments.c.lifecycle_stage).where(
            experiments.c.workspace_id == tx.workspace, experiments.c.name == name
        )
    ).scalar()
    return _already_exists(name, is_deleted=stage == DELETED)


def _already_exists(name: str, is_deleted: bool = False) -> AlreadyExists:
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
