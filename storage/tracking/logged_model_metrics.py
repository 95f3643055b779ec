"""Metrics of logged models: points that runs logged with a model's id, and their newest values.

Such a point is stored twice: with the metrics of its run (``metrics.log``), and here with those of the model.
A model has the points of all runs that evaluated it, each with its run and its dataset.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import logged_model_rules
from trackway.client_compat import messages as m
from trackway.client_compat.searchable import OrderBy

from .. import search
from ..database import Tx, excluded, insert_new, upsert
from ..schema import tracking
from ..schema.tracking import logged_model_points as points
from ..schema.tracking import logged_model_series as series
from ..schema.tracking import logged_models
from .run_locks import LockedRun

Dataset = m.SearchLoggedModels.Dataset


class Point(NamedTuple):
    """One point. The newest point of a series is the greatest in the order of these fields.

    MLflow compares the points of models by time first, those of runs by step first.
    """

    timestamp: int
    step: int
    value: float
    is_nan: bool


class _Name(NamedTuple):
    """The key of a series, without the run: one function call logs for one run."""

    logged_model_id: int
    key: str
    dataset_name: str
    dataset_digest: str


_FIND_MODELS = (
    sa.select(logged_models.c.id, logged_models.c.model_id, logged_models.c.experiment_id)
    .join(tracking.experiments)
    .where(
        logged_models.c.model_id.in_(sa.bindparam("model_ids", expanding=True)),
        tracking.experiments.c.workspace_id == sa.bindparam("workspace"),
    )
)
_ADVANCE = upsert(
    series,
    *Point._fields,
    key=("logged_model_id", "key", "run_id", "dataset_name", "dataset_digest"),
    where=sa.tuple_(*(excluded(series)[name] for name in Point._fields[:3]))
    > sa.tuple_(*(series.c[name] for name in Point._fields[:3])),
)
_SERIES = sa.select(series.c.id, *(series.c[name] for name in _Name._fields)).where(
    series.c.run_id == sa.bindparam("run"),
    series.c.logged_model_id.in_(sa.bindparam("logged_models", expanding=True)),
    series.c.key.in_(sa.bindparam("keys", expanding=True)),
)
_ADD_POINTS = insert_new(points)
_POINTS_OF_MODELS = (
    sa.select(
        *(series.c[name] for name in _Name._fields),
        *(points.c[name] for name in Point._fields),
        tracking.runs.c.run_uuid,
    )
    .select_from(
        series.join(points, points.c.series_id == series.c.id).join(
            tracking.runs, tracking.runs.c.id == series.c.run_id
        )
    )
    .order_by(series.c.key, points.c.timestamp, points.c.step, series.c.id, points.c.value)
)


def log(tx: Tx, run: LockedRun, metrics: Sequence[tuple[m.Metric, Point]]) -> None:
    """Append points of a locked run to the logged models that the metrics name.

    Raise ``NotFound`` if a model does not exist. Deleted models get metrics too, as in MLflow. Idempotent:
    the whole point, with its series, is its key.
    """
    models = _find_models(tx, {metric.model_id or "" for metric, _ in metrics})
    experiments = {model.id: model.experiment_id for model in models.values()}
    new = [(_name(models[metric.model_id].id, metric), point) for metric, point in metrics]
    latest: dict[_Name, Point] = {}
    for name, point in new:
        if name not in latest or point > latest[name]:
            latest[name] = point
    tx.execute(
        _ADVANCE,
        # A series belongs to one run, and the run is locked: no other transaction writes these rows.
        [
            {
                "run_id": run.id,
                "experiment_id": experiments[name.logged_model_id],
                **name._asdict(),
                **point._asdict(),
            }
            for name, point in latest.items()
        ],
    )
    parameters = {
        "run": run.id,
        "logged_models": list(experiments),
        "keys": list({name.key for name in latest}),
    }
    series_ids = {_Name._make(row[1:]): row.id for row in tx.execute(_SERIES, parameters)}
    tx.execute(_ADD_POINTS, [{"series_id": series_ids[name], **point._asdict()} for name, point in new])


def of_models(tx: Tx, logged_model_ids: Sequence[int]) -> dict[int, list[m.Metric]]:
    """Return all points of several models, by model, in the order of key, timestamp and step.

    Each has its run and dataset, but no ``model_id``: the caller sets that. One statement reads them all.
    """
    found: dict[int, list[m.Metric]] = {}
    if not logged_model_ids:
        return found
    is_of_models = search.among(series.c.logged_model_id, logged_model_ids)
    for row in tx.execute(_POINTS_OF_MODELS.where(is_of_models)):
        metric = m.Metric(
            key=row.key,
            value=math.nan if row.is_nan else row.value,
            timestamp=row.timestamp,
            step=row.step,
            dataset_name=row.dataset_name or None,
            dataset_digest=row.dataset_digest or None,
            run_id=row.run_uuid,
        )
        found.setdefault(row.logged_model_id, []).append(metric)
    return found


def has_dataset(datasets: Sequence[Dataset]) -> sa.ColumnElement[bool]:
    """Return the condition of a search for models: the model has a metric on one of the datasets."""
    return sa.exists().where(series.c.logged_model_id == logged_models.c.id, _on_any(datasets))


def compared(datasets: Sequence[Dataset]) -> sa.Select[Any]:
    """Return a query for the metrics of a model that a search for models compares.

    These are all of its points, not only the newest, as in MLflow. If ``datasets`` are given, only points on
    one of them.
    """
    query = sa.select(series.c.key, points.c.value, points.c.is_nan).where(
        series.c.logged_model_id == logged_models.c.id, points.c.series_id == series.c.id
    )
    return query.where(_on_any(datasets)) if datasets else query


def newest(table: sa.FromClause, by: OrderBy) -> sa.ColumnElement[bool]:
    """Return the condition that picks the series by which a search orders a model.

    It is the one with the newest point, by time, then step; if several runs have such a point, the run that
    logged the metric first. If the order names a dataset, only series on that dataset are considered.
    """
    newer = series.alias(f"newer_than_{table.name}")  # type: ignore[attr-defined]
    is_newer = sa.tuple_(newer.c.timestamp, newer.c.step, -newer.c.id) > sa.tuple_(
        table.c.timestamp, table.c.step, -table.c.id
    )
    wanted = {"dataset_name": by.dataset_name, "dataset_digest": by.dataset_digest}
    return sa.and_(
        *(table.c[name] == value for name, value in wanted.items() if value),
        ~sa.exists().where(
            newer.c.logged_model_id == table.c.logged_model_id,
            newer.c.key == table.c.key,
            *(newer.c[name] == value for name, value in wanted.items() if value),
            is_newer,
        ),
    )


def _on_any(datasets: Sequence[Dataset]) -> sa.ColumnElement[bool]:
    """Return the condition that a series is on one of the datasets.

    A dataset without a digest stands for all its digests, as MLflow documents; its own server finds none.
    """
    return sa.or_(
        *(
            sa.and_(
                series.c.dataset_name == dataset.dataset_name,
                *([series.c.dataset_digest == dataset.dataset_digest] if dataset.dataset_digest else []),
            )
            for dataset in datasets
        )
    )


def _find_models(tx: Tx, model_ids: Collection[str]) -> dict[str | None, sa.Row[Any]]:
    rows = tx.execute(_FIND_MODELS, {"model_ids": list(model_ids), "workspace": tx.workspace})
    models: dict[str | None, sa.Row[Any]] = {row.model_id: row for row in rows}
    if unknown := sorted(set(model_ids) - models.keys()):
        raise logged_model_rules.not_found(unknown[0])
    return models


def _name(logged_model_id: int, metric: m.Metric) -> _Name:
    return _Name(logged_model_id, metric.key or "", metric.dataset_name or "", metric.dataset_digest or "")
