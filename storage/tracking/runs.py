"""Runs: read, search, change, delete and restore them; their tags and params.

Every function that writes locks the run's row first, or takes a ``LockedRun`` from its caller.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import messages as m
from trackway.client_compat import rules, searchable
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.client_compat.filters import parse_order_by

from .. import search
from ..database import Prepared, Tx, in_list, insert_new, update_by_id, upsert
from ..schema import tracking
from ..schema.tracking import params, run_tags, runs, series
from ..search import pages
from ..search.visible import ShownRuns
from . import experiments, inputs, run_json, run_locks, verified_tags
from .experiments import ACTIVE, DELETED, PURGING, STAGES
from .run_locks import LockedRun

SET_TAG = Prepared(upsert(run_tags, "value"), "run_id", "key", "value")
_BY_UUID = (
    sa.select(runs)
    .join(tracking.experiments)
    .where(
        runs.c.run_uuid == sa.bindparam("run_uuid"),
        tracking.experiments.c.workspace_id == sa.bindparam("workspace"),
    )
)
_FIND = Prepared(_BY_UUID, "run_uuid", "workspace")
_STORED_PARAMS = Prepared(
    sa.select(params.c.key, params.c.value).where(
        params.c.run_id == sa.bindparam("run"), in_list(params.c.key, "keys")
    ),
    *("run", "keys"),
)
_ADD_PARAMS = Prepared(insert_new(params).returning(params.c.key), "run_id", "key", "value")

_SEARCH = search.Entity(
    searchable.RUNS,
    owner=runs.c.id,
    attributes={
        "run_id": runs.c.run_uuid,
        "run_name": runs.c.name,
        "user_id": runs.c.user_id,
        "status": runs.c.status,
        "start_time": runs.c.start_time,
        "end_time": runs.c.end_time,
        "artifact_uri": runs.c.artifact_uri,
    },
    children={
        "metric": search.Child(
            series,
            series.c.run_id,
            is_nan=series.c.is_nan,
            repeats=(series.c.experiment_id, runs.c.experiment_id),
        ),
        "param": search.Child(params, params.c.run_id, by_value=True),
        "tag": search.Child(run_tags, run_tags.c.run_id, by_value=True),
        "dataset": search.Child(
            tracking.dataset_inputs, tracking.dataset_inputs.c.run_id, compared=inputs.COMPARED
        ),
    },
    nullable={"end_time"},
)


def find(tx: Tx, run_id: str) -> sa.Row[Any]:
    """Return the run's row, active or deleted. Raise ``NotFound`` if it does not exist."""
    return run_locks.require(tx.first(_FIND, run_id, tx.workspace), run_id)


def get(tx: Tx, run_id: str) -> bytes:
    """Return the run with everything logged to it, as JSON text."""
    return run_json.dumps(tx, [find(tx, run_id)])[0]


def find_page(
    tx: Tx,
    req: m.SearchRuns,
    experiment_ids: Sequence[str] | None = None,
    shown: ShownRuns | None = None,
) -> tuple[list[bytes], str | None]:
    """Return a page of runs of the experiments, each as JSON text, and the token of the next page.

    ``experiment_ids`` are those of the request whose runs the caller may read, by default all; with
    ``shown`` only these are found. The order is newest first, unless the request has an ``order_by``.
    """
    ids = experiments.existing_ids(tx, req.experiment_ids if experiment_ids is None else experiment_ids)
    texts = (req.filter or "", *req.order_by)
    # The UI and scripts repeat the same search many times. Long searches are rarely repeated: not cached.
    only = shown.ids if shown else None
    view = "ACTIVE_ONLY" if shown else req.run_view_type or "ACTIVE_ONLY"
    is_short = sum(map(len, texts)) + len(ids) + len(only or ()) <= 1000
    make_search = _search if is_short else _search.__wrapped__
    found = make_search(tx.workspace, view, tuple(ids), only, *texts)
    return found.fetch_results(
        tx, req.max_results or 0, req.page_token, partial(run_json.dumps, tx), size_of=len
    )


@functools.lru_cache(maxsize=32)
def _search(
    workspace: int, view: str, ids: tuple[int, ...], only: tuple[str, ...] | None, filter: str, *order_by: str
) -> pages.Search:
    scope = [search.among(runs.c.lifecycle_stage, STAGES[view])]
    if only is not None:
        scope.append(search.among(runs.c.run_uuid, only))
    return pages.Search(
        _SEARCH,
        sa.select(runs),
        within=(runs.c.experiment_id, ids),
        scope=scope,
        query=("runs", workspace, view, *ids, *(only or ())),
        filter=filter,
        order=parse_order_by(order_by, searchable.RUNS),
    )


def update(tx: Tx, req: m.UpdateRun) -> m.RunInfo:
    """Set the status, end time and name of an active run, each if given; return the run's attributes.

    An empty name is ignored. A new name is also stored as the tag ``mlflow.runName``.
    """
    row = run_locks.lock_active_row(tx, req.run_id or "")
    changes: dict[str, Any] = {}
    if req.status is not None:
        changes["status"] = req.status
    if req.end_time is not None:
        changes["end_time"] = req.end_time
    if req.run_name:
        changes["name"] = req.run_name
        tx.run(SET_TAG, row.id, rules.RUN_NAME_TAG, req.run_name)
    _update_columns(tx, row.id, changes)
    return run_json.info(row._replace(**changes))


def delete(tx: Tx, run_id: str) -> None:
    """Move the run to the trash. A run that is there already only gets a new deletion time."""
    row = run_locks.lock(tx, run_id)
    if row.lifecycle_stage != PURGING:
        _update_columns(tx, row.id, {"lifecycle_stage": DELETED, "deleted_time": tx.now_ms})


def restorable_location(tx: Tx, run_id: str) -> str | None:
    """Return the artifact location of a run in the trash, or None if it cannot be restored or is active."""
    row = find(tx, run_id)
    return str(row.artifact_uri) if row.lifecycle_stage == DELETED else None


def restore(tx: Tx, run_id: str) -> None:
    """Take the run out of the trash. Idempotent. Raise ``InvalidParameter`` if it is being purged."""
    row = run_locks.lock(tx, run_id)
    if row.lifecycle_stage == PURGING:
        raise InvalidParameter(f"The run {run_id} cannot be restored: `trackway gc` is deleting it.")
    _update_columns(tx, row.id, {"lifecycle_stage": ACTIVE, "deleted_time": None})


def set_tags(tx: Tx, run: LockedRun, tags: Sequence[m.RunTag]) -> None:
    """Set tags of a locked run. Of a key given twice the last value is stored.

    The tag ``mlflow.runName`` also renames the run; with an empty value it is ignored. Raise
    ``PermissionDenied`` for a tag that only the server sets (``verified_tags``).
    """
    values = {tag.key or "": tag.value or "" for tag in tags}
    verified_tags.check(tx, run.id, values)
    if rules.RUN_NAME_TAG in values:
        if name := values[rules.RUN_NAME_TAG]:
            _update_columns(tx, run.id, {"name": name})
        else:
            del values[rules.RUN_NAME_TAG]
    tx.run_many(SET_TAG, [(run.id, key, value) for key, value in values.items()])


def delete_tag(tx: Tx, run_id: str, key: str) -> None:
    """Delete a tag of an active run.

    Raise ``NotFound`` if the run has no such tag, and ``PermissionDenied`` as ``set_tags`` does.
    """
    row = run_locks.lock_active(tx, run_id)
    verified_tags.check(tx, row.id, {key: None})
    deleted = tx.execute(sa.delete(run_tags).where(run_tags.c.run_id == row.id, run_tags.c.key == key))
    if not deleted.rowcount:
        raise NotFound(f"No tag with name: {key} in run with id {run_id}")


def tag(tx: Tx, run: LockedRun, key: str) -> str | None:
    """Return the value of a tag of the run, or None if the run has no such tag."""
    value: str | None = tx.execute(
        sa.select(run_tags.c.value).where(run_tags.c.run_id == run.id, run_tags.c.key == key)
    ).scalar()
    return value


def log_params(tx: Tx, run: LockedRun, new: Sequence[m.Param]) -> None:
    """Store params of a locked run.

    A param that is stored with the same value is left as it is. Raise ``InvalidParameter`` if one is stored
    with another value.
    """
    if not new:
        return
    added = {row.key for row in tx.run_many(_ADD_PARAMS, [(run.id, p.key, p.value) for p in new])}
    existing = [p for p in new if p.key not in added]
    if not existing:
        return
    stored = {row.key: row.value for row in tx.rows(_STORED_PARAMS, run.id, [p.key for p in existing])}
    changed = [
        {"key": p.key, "old_value": stored[p.key], "new_value": p.value}
        for p in existing
        if stored[p.key] != p.value
    ]
    if changed:
        raise InvalidParameter(_changed_params_message(changed, run.run_uuid))


def _changed_params_message(changed: list[dict[str, Any]], run_id: str) -> str:
    if len(changed) == 1:
        key, old, new = changed[0].values()
        return (
            f"Changing param values is not allowed. Param with key='{key}' was already logged "
            f"with value='{old}' for run ID='{run_id}'. Attempted logging new value '{new}'."
        )
    return (
        f"Changing param values is not allowed. Params were already logged='{changed}' for run ID='{run_id}'."
    )


def _update_columns(tx: Tx, row_id: int, values: dict[str, Any]) -> None:
    if values:
        tx.run(update_by_id(runs, *values), row_id, *values.values())
