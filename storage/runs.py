"""Runs: their life, their tags and params, and finding them."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import messages as m
from trackway.client_compat import names, rules, searchable, uris
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.client_compat.filters import parse_order_by

from . import experiments, inputs, search
from .database import Tx, insert, upsert
from .experiments import ACTIVE, DELETED, STAGES
from .schema import tracking
from .schema.tracking import params, run_tags, runs, series

_INSERT = insert(runs).returning(runs.c.id)
_SET_TAG = upsert(run_tags, "value")
_FIND = (
    sa.select(runs)
    .join(tracking.experiments)
    .where(
        runs.c.run_uuid == sa.bindparam("run_uuid"),
        tracking.experiments.c.workspace_id == sa.bindparam("workspace"),
    )
)
# Writers of one run wait for each other here, so what they then read of it stays true until they commit.
_FIND_LOCKED = _FIND.with_for_update(key_share=True, of=runs)
_KEPT_PARAMS = sa.select(params.c.key, params.c.value).where(
    params.c.run_id == sa.bindparam("run"), params.c.key.in_(sa.bindparam("keys", expanding=True))
)

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
        "param": search.Child(params, params.c.run_id),
        "tag": search.Child(run_tags, run_tags.c.run_id),
    },
    special={"dataset": inputs.used_by_run},
    nullable={"end_time"},
)


def create(tx: Tx, req: m.CreateRun) -> m.Run:
    """Start a run. Its name is the request's, else its ``mlflow.runName`` tag's, else a random one."""
    experiment = experiments.find_active(tx, req.experiment_id or "")
    tags = {tag.key or "": tag.value or "" for tag in req.tags}
    tag_name = tags.get(rules.RUN_NAME_TAG)
    if req.run_name and tag_name and req.run_name != tag_name:
        raise InvalidParameter(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with "
            f"different values (run_name='{req.run_name}', mlflow.runName='{tag_name}')."
        )
    name = req.run_name or tag_name or names.random_run_name()
    tags[rules.RUN_NAME_TAG] = name
    run_uuid = uuid.uuid4().hex
    values = {
        "run_uuid": run_uuid,
        "experiment_id": experiment.id,
        "name": name,
        "user_id": req.user_id or "",
        "status": "RUNNING",
        "start_time": req.start_time or 0,
        "end_time": None,
        "lifecycle_stage": ACTIVE,
        "artifact_uri": uris.append(experiment.artifact_location, run_uuid, "artifacts"),
    }
    row_id = tx.execute(_INSERT, values).scalar_one()
    tx.execute(_SET_TAG, [{"run_id": row_id, "key": key, "value": value} for key, value in tags.items()])
    return m.Run(
        info=_info(values),
        data=m.RunData(tags=[m.RunTag(key=key, value=value) for key, value in tags.items()]),
        inputs=m.RunInputs(),
    )


def find(tx: Tx, run_id: str) -> sa.Row[Any]:
    """The run's row, whatever its state."""
    return _find(tx, _FIND, run_id)


def find_active(tx: Tx, run_id: str) -> sa.Row[Any]:
    """The row of a run about to be written to: locked, and refused when the run is deleted."""
    row = _find(tx, _FIND_LOCKED, run_id)
    if row.lifecycle_stage != ACTIVE:
        raise InvalidParameter(
            f"The run {run_id} must be in the 'active' state. Current state is {row.lifecycle_stage}."
        )
    return row


def get(tx: Tx, run_id: str) -> m.Run:
    return _messages(tx, [find(tx, run_id)])[0]


def find_page(tx: Tx, req: m.SearchRuns) -> tuple[list[m.Run], str | None]:
    """A page of runs with all their data, newest first unless ordered otherwise, and the next token."""
    view = req.run_view_type or "ACTIVE_ONLY"
    ids = experiments.visible_ids(tx, req.experiment_ids)
    page = search.Page(
        _SEARCH,
        sa.select(runs),
        scope=(search.among(runs.c.experiment_id, ids), search.among(runs.c.lifecycle_stage, STAGES[view])),
        query=("runs", tx.workspace, view, *ids),
        filter=req.filter,
        order=parse_order_by(req.order_by, searchable.RUNS),
    )
    rows, token = page.fetch(tx, req.max_results or 0, req.page_token)
    return _messages(tx, rows), token


def update(tx: Tx, req: m.UpdateRun) -> m.RunInfo:
    """Change status, end time or name, each if given; an empty name changes nothing."""
    row = find_active(tx, req.run_id or "")
    changes: dict[str, Any] = {}
    if req.status is not None:
        changes["status"] = req.status
    if req.end_time is not None:
        changes["end_time"] = req.end_time
    if req.run_name:
        changes["name"] = req.run_name
        tx.execute(_SET_TAG, {"run_id": row.id, "key": rules.RUN_NAME_TAG, "value": req.run_name})
    _change(tx, row.id, changes)
    return _info({**row._mapping, **changes})


def delete(tx: Tx, run_id: str) -> None:
    """Put the run into the trash; again is fine."""
    row = _find(tx, _FIND_LOCKED, run_id)
    _change(tx, row.id, {"lifecycle_stage": DELETED, "deleted_time": tx.now_ms})


def restore(tx: Tx, run_id: str) -> None:
    """Take the run out of the trash; again is fine."""
    row = _find(tx, _FIND_LOCKED, run_id)
    _change(tx, row.id, {"lifecycle_stage": ACTIVE, "deleted_time": None})


def set_tags(tx: Tx, run: sa.Row[Any], tags: Sequence[m.RunTag]) -> None:
    """Set tags on a run from ``find_active``; of a key given twice the last value holds.

    ``mlflow.runName`` is the run's name: an empty one changes nothing.
    """
    values = {tag.key or "": tag.value or "" for tag in tags}
    if rules.RUN_NAME_TAG in values:
        if name := values[rules.RUN_NAME_TAG]:
            _change(tx, run.id, {"name": name})
        else:
            del values[rules.RUN_NAME_TAG]
    if values:
        tx.execute(
            _SET_TAG, [{"run_id": run.id, "key": key, "value": value} for key, value in values.items()]
        )


def delete_tag(tx: Tx, run_id: str, key: str) -> None:
    row = find_active(tx, run_id)
    gone = tx.execute(sa.delete(run_tags).where(run_tags.c.run_id == row.id, run_tags.c.key == key))
    if not gone.rowcount:
        raise NotFound(f"No tag with name: {key} in run with id {run_id}")


def tag(tx: Tx, run: sa.Row[Any], key: str) -> str | None:
    """The value of one of the run's tags, None where it has no such tag."""
    value: str | None = tx.execute(
        sa.select(run_tags.c.value).where(run_tags.c.run_id == run.id, run_tags.c.key == key)
    ).scalar()
    return value


def log_params(tx: Tx, run: sa.Row[Any], new: Sequence[m.Param]) -> None:
    """Store params of a run from ``find_active``; the same value again is fine, another is refused."""
    if not new:
        return
    which = {"run": run.id, "keys": [param.key for param in new]}
    kept = {row.key: row.value for row in tx.execute(_KEPT_PARAMS, which)}
    changed = [
        {"key": p.key, "old_value": kept[p.key], "new_value": p.value}
        for p in new
        if p.key in kept and kept[p.key] != p.value
    ]
    if changed:
        raise InvalidParameter(_changed_params(changed, run.run_uuid))
    rows = [{"run_id": run.id, "key": p.key, "value": p.value} for p in new if p.key not in kept]
    if rows:
        tx.execute(sa.insert(params), rows)


def _changed_params(changed: list[dict[str, Any]], run_id: str) -> str:
    if len(changed) == 1:
        key, old, new = changed[0].values()
        return (
            f"Changing param values is not allowed. Param with key='{key}' was already logged "
            f"with value='{old}' for run ID='{run_id}'. Attempted logging new value '{new}'."
        )
    return (
        f"Changing param values is not allowed. Params were already logged='{changed}' for run ID='{run_id}'."
    )


def _find(tx: Tx, query: sa.Select[Any], run_id: str) -> sa.Row[Any]:
    row = tx.execute(query, {"run_uuid": run_id, "workspace": tx.workspace}).first()
    if row is None:
        raise NotFound(f"Run with id={run_id} not found")
    return row


def _change(tx: Tx, row_id: int, values: dict[str, Any]) -> None:
    if values:
        tx.execute(_changing(*values), {"row": row_id, **values})


@functools.cache
def _changing(*columns: str) -> sa.Update:
    return sa.update(runs).where(runs.c.id == sa.bindparam("row")).values(dict.fromkeys(columns))


def _info(row: Any) -> m.RunInfo:
    return m.RunInfo(
        run_uuid=row["run_uuid"],
        run_id=row["run_uuid"],
        run_name=row["name"],
        experiment_id=str(row["experiment_id"]),
        user_id=row["user_id"],
        status=row["status"],
        start_time=row["start_time"],
        end_time=row["end_time"] or None,
        artifact_uri=row["artifact_uri"],
        lifecycle_stage=row["lifecycle_stage"],
    )


def _messages(tx: Tx, rows: Sequence[Any]) -> list[m.Run]:
    """Runs with everything logged to them: one statement for each kind of child."""
    ids = [row.id for row in rows]
    metrics = search.children_of(tx, series, series.c.run_id, ids)
    run_params = search.children_of(tx, params, params.c.run_id, ids)
    tags = search.children_of(tx, run_tags, run_tags.c.run_id, ids)
    dataset_inputs = inputs.datasets_of(tx, ids)
    models_in, models_out = inputs.models_of(tx, ids)
    return [
        m.Run(
            info=_info(row._mapping),
            data=m.RunData(
                metrics=[
                    m.Metric(
                        key=s.key,
                        value=float("nan") if s.is_nan else s.value,
                        timestamp=s.timestamp,
                        step=s.step,
                    )
                    for s in metrics.get(row.id, ())
                ],
                params=[m.Param(key=p.key, value=p.value) for p in run_params.get(row.id, ())],
                tags=[m.RunTag(key=t.key, value=t.value) for t in tags.get(row.id, ())],
            ),
            inputs=m.RunInputs(
                dataset_inputs=dataset_inputs.get(row.id, []), model_inputs=models_in.get(row.id, [])
            ),
            outputs=m.RunOutputs(model_outputs=models_out.get(row.id, [])),
        )
        for row in rows
    ]
