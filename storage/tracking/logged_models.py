"""Logged models of MLflow 3: create, read, search, finalize and delete them; their params and tags."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import logged_model_rules as rules
from trackway.client_compat import messages as m
from trackway.client_compat import names, searchable, uris
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.client_compat.filters import comparisons, order_by_messages, parse_filter

from .. import search
from ..database import Tx, insert_new, upsert
from ..schema import tracking
from ..schema.tracking import logged_model_params, logged_model_series, logged_model_tags, logged_models, runs
from ..search import pages
from ..search.visible import ShownRuns
from . import experiments, logged_model_metrics
from .experiments import ACTIVE, DELETED

_INSERT = sa.insert(logged_models).returning(logged_models.c.id)
_SET_TAG = upsert(logged_model_tags, "value")
_ADD_PARAM = insert_new(logged_model_params)
_FIND = (
    sa.select(logged_models)
    .join(tracking.experiments)
    .where(
        logged_models.c.model_id == sa.bindparam("model_id"),
        tracking.experiments.c.workspace_id == sa.bindparam("workspace"),
    )
)
_FIND_LOCKED = _FIND.with_for_update(key_share=True, of=logged_models)

# MLflow's page size for max_results=0.
_DEFAULT_PAGE_SIZE = 100
# The limit of a page of runs. MLflow has no limit for pages of models.
_MAX_PAGE_SIZE = 50_000
_STATUSES_IN_ORDER = ("UNSPECIFIED", "PENDING", "READY", "FAILED")
_SEARCH = search.Entity(
    searchable.LOGGED_MODELS,
    owner=logged_models.c.id,
    attributes={
        **{
            name: logged_models.c[name]
            for name in (
                *("name", "model_id", "model_type", "status", "source_run_id", "artifact_location"),
                *("lifecycle_stage", "status_message", "creation_timestamp_ms", "last_updated_timestamp_ms"),
            )
        },
        "experiment_id": sa.cast(logged_models.c.experiment_id, sa.Text),
    },
    children={
        "metric": search.Child(
            logged_model_series,
            logged_model_series.c.logged_model_id,
            is_nan=logged_model_series.c.is_nan,
            narrow=logged_model_metrics.newest,
            repeats=(logged_model_series.c.experiment_id, logged_models.c.experiment_id),
        ),
        "param": search.Child(logged_model_params, logged_model_params.c.logged_model_id),
        "tag": search.Child(logged_model_tags, logged_model_tags.c.logged_model_id),
    },
    nullable={"status_message"},
    sorts={
        "experiment_id": logged_models.c.experiment_id,
        "status": sa.case(
            {status: rank for rank, status in enumerate(_STATUSES_IN_ORDER)}, value=logged_models.c.status
        ),
    },
)


def create(tx: Tx, req: m.CreateLoggedModel) -> m.LoggedModel:
    """Create a model in status PENDING, before its files are written. Without a name it gets a random one.

    Whether the run ``source_run_id`` exists is not checked, as in MLflow.
    """
    experiment = experiments.lock_parent(tx, req.experiment_id)
    model_id = f"m-{uuid.uuid4().hex}"
    values = {
        "model_id": model_id,
        "experiment_id": experiment.id,
        "name": req.name or names.random_run_name(),
        "artifact_location": uris.append(experiment.artifact_location, "models", model_id, "artifacts"),
        "creation_timestamp_ms": tx.now_ms,
        "last_updated_timestamp_ms": tx.now_ms,
        "status": "PENDING",
        "lifecycle_stage": ACTIVE,
        "model_type": req.model_type or "",
        "source_run_id": req.source_run_id or "",
    }
    row_id = tx.execute(_INSERT, values).scalar_one()
    _log_params(tx, row_id, req.params)
    _set_tags(tx, row_id, {tag.key: tag.value for tag in req.tags})
    return get(tx, model_id)


def find(tx: Tx, model_id: str, *, lock: bool = False, deleted: bool = True) -> sa.Row[Any]:
    """Return the model's row, locked for a change if ``lock``.

    Raise ``NotFound`` if the model does not exist or, without ``deleted``, is in the trash. MLflow allows
    changes to deleted models.
    """
    statement = _FIND_LOCKED if lock else _FIND
    row = tx.execute(statement, {"model_id": model_id, "workspace": tx.workspace}).first()
    if row is None or (row.lifecycle_stage != ACTIVE and not deleted):
        raise rules.not_found(model_id)
    return row


def location_in_run(tx: Tx, experiment_id: int, run_id: str, name: str) -> str | None:
    """Return the artifact location of the newest active model of that name that the run created, or None."""
    query = (
        sa.select(logged_models.c.artifact_location)
        .where(
            logged_models.c.experiment_id == experiment_id,
            logged_models.c.lifecycle_stage == ACTIVE,
            logged_models.c.name == name,
            logged_models.c.source_run_id == run_id,
        )
        .order_by(logged_models.c.creation_timestamp_ms.desc(), logged_models.c.model_id)
        .limit(1)
    )
    return tx.execute(query).scalar()


def get(tx: Tx, model_id: str, *, deleted: bool = False) -> m.LoggedModel:
    """Return the model with its params, tags and metrics; a model in the trash only if ``deleted``."""
    return _messages(tx, [find(tx, model_id, deleted=deleted)])[0]


def find_page(
    tx: Tx,
    req: m.SearchLoggedModels,
    experiment_ids: Sequence[str] | None = None,
    shown: ShownRuns | None = None,
) -> tuple[list[m.LoggedModel], str | None]:
    """Return a page of active models of the experiments and the token of the next page.

    ``experiment_ids`` are those of the request whose models the caller may read, by default all;
    with ``shown`` only those that one of these runs made are found. The order is newest first, unless the
    request has an ``order_by``. If the request has ``datasets``, the filter compares
    only metrics on them; a filter without a metric finds models that have any metric on one of them. A page
    may be shorter than ``max_results`` although there are more.
    """
    ids = experiments.existing_ids(tx, req.experiment_ids if experiment_ids is None else experiment_ids)
    scope = [
        search.among(logged_models.c.experiment_id, ids),
        logged_models.c.lifecycle_stage == ACTIVE,
    ]
    made_by = shown.ids if shown else None
    if made_by is not None:
        active = sa.select(runs.c.run_uuid).where(
            search.among(runs.c.run_uuid, made_by), runs.c.lifecycle_stage == ACTIVE
        )
        scope.append(logged_models.c.source_run_id.in_(active))
    compared = comparisons(parse_filter(req.filter, searchable.LOGGED_MODELS))
    if req.datasets and not any(comparison.kind == "metric" for comparison in compared):
        scope.append(logged_model_metrics.has_dataset(req.datasets))
    metric = replace(_SEARCH.children["metric"], compared=logged_model_metrics.compared(req.datasets))
    found = pages.Search(
        replace(_SEARCH, children={**_SEARCH.children, "metric": metric}),
        sa.select(logged_models).select_from(logged_models),
        scope=scope,
        query=("logged models", tx.workspace, *ids, *(made_by or ()), *map(str, req.datasets)),
        filter=req.filter,
        order=order_by_messages(req.order_by, searchable.LOGGED_MODELS),
    )
    size = min(req.max_results or _DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE)
    models, token = found.fetch_results(tx, size, rules.open_token(req), partial(_messages, tx))
    return models, rules.seal_token(token, req)


def finalize(tx: Tx, model_id: str, status: str) -> m.LoggedModel:
    """Set the model's status, given as on the wire, and return the model. Any status may follow any other."""
    row = find(tx, model_id, lock=True)
    changes = {"status": rules.STATUS_OF_WIRE[status], "last_updated_timestamp_ms": tx.now_ms}
    _update_columns(tx, row.id, changes)
    return get(tx, model_id, deleted=True)


def delete(tx: Tx, model_id: str) -> None:
    """Move the model to the trash. One that is there already only gets a new deletion time.

    Runs still have it among their outputs.
    """
    row = find(tx, model_id, lock=True)
    changes = {"lifecycle_stage": DELETED, "deleted_time": tx.now_ms, "last_updated_timestamp_ms": tx.now_ms}
    _update_columns(tx, row.id, changes)


def log_params(tx: Tx, model_id: str, params: Sequence[m.LoggedModelParameter]) -> None:
    """Store params of a model.

    A param that is stored with the same value is left as it is. Raise ``InvalidParameter`` if one is stored
    with another value; then none of them is stored.
    """
    _log_params(tx, find(tx, model_id, lock=True).id, params)


def set_tags(tx: Tx, model_id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a model."""
    _set_tags(tx, find(tx, model_id, lock=True).id, tags)


def delete_tag(tx: Tx, model_id: str, key: str) -> None:
    """Delete a tag of a model. Raise ``NotFound`` if the model has no such tag."""
    row = find(tx, model_id, lock=True)
    deleted = tx.execute(
        sa.delete(logged_model_tags).where(
            logged_model_tags.c.logged_model_id == row.id, logged_model_tags.c.key == key
        )
    )
    if not deleted.rowcount:
        raise NotFound(f"No tag with key {key!r} found for model with ID {model_id!r}.")


def _update_columns(tx: Tx, row_id: int, values: dict[str, Any]) -> None:
    tx.execute(sa.update(logged_models).where(logged_models.c.id == row_id).values(values))


def _set_tags(tx: Tx, row_id: int, tags: Mapping[str, str]) -> None:
    if tags:
        tx.execute(
            _SET_TAG,
            [{"logged_model_id": row_id, "key": key, "value": value} for key, value in tags.items()],
        )


def _log_params(tx: Tx, row_id: int, params: Sequence[m.LoggedModelParameter]) -> None:
    if not params:
        return
    stored = {
        row.key: row.value
        for row in tx.execute(
            sa.select(logged_model_params).where(logged_model_params.c.logged_model_id == row_id)
        )
    }
    for param in params:
        if stored.setdefault(param.key, param.value) != param.value:
            raise InvalidParameter(
                "Changing param values is not allowed. "
                f"Param with key='{param.key}' was already logged with value='{stored[param.key]}' for the "
                f"logged model. Attempted logging new value '{param.value}'."
            )
    tx.execute(
        _ADD_PARAM, [{"logged_model_id": row_id, "key": param.key, "value": param.value} for param in params]
    )


def _messages(tx: Tx, rows: Sequence[Any]) -> list[m.LoggedModel]:
    """Return the models with all their params, tags and metrics. Each kind is read with one statement."""
    ids = [row.id for row in rows]
    params = search.children_of(tx, logged_model_params, logged_model_params.c.logged_model_id, ids)
    tags = search.children_of(tx, logged_model_tags, logged_model_tags.c.logged_model_id, ids)
    metrics = logged_model_metrics.of_models(tx, ids)
    models = []
    for row in rows:
        for metric in metrics.get(row.id, ()):
            metric.model_id = row.model_id
        info = m.LoggedModelInfo(
            model_id=row.model_id,
            experiment_id=str(row.experiment_id),
            name=row.name,
            creation_timestamp_ms=row.creation_timestamp_ms,
            last_updated_timestamp_ms=row.last_updated_timestamp_ms,
            artifact_uri=row.artifact_location,
            status=rules.STATUS_ON_THE_WIRE[row.status],
            model_type=row.model_type,
            source_run_id=row.source_run_id,
            status_message=row.status_message,
            tags=[m.LoggedModelTag(key=tag.key, value=tag.value) for tag in tags.get(row.id, ())],
        )
        data = m.LoggedModelData(
            params=[m.LoggedModelParameter(key=p.key, value=p.value) for p in params.get(row.id, ())],
            metrics=metrics.get(row.id, []),
        )
        models.append(m.LoggedModel(info=info, data=data))
    return models
