"""Metrics of logged models: points that runs logged with a model's id, and their newest values.

A run's own metrics keep such a point as well (``metrics.log``); here it is kept once more for the
model, which sees the points of all runs that evaluated it, each with its run and its dataset.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import logged_model_rules
from trackway.client_compat import messages as m
from trackway.client_compat.filters import Comparison
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
    """What decides which of a series' points is the newest, in this order: MLflow's for models,
    where runs compare steps before times."""

    timestamp: int
    step: int
    value: float
    is_nan: bool


class _Name(NamedTuple):
    """One series of the run that logs."""

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
    """Append points to the models that the metrics name, as seen by a run from ``active_runs.find``.

    Raises NotFound for a model that does not exist; deleted ones take metrics, as in MLflow.
    Sending a point twice changes nothing: series and point are the key.
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
        # A series belongs to one run, whose row is locked: nobody else writes these rows.
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
    which = {"run": run.id, "logged_models": list(experiments), "keys": list({name.key for name in latest})}
    series_ids = {_Name._make(row[1:]): row.id for row in tx.execute(_SERIES, which)}
    tx.execute(_ADD_POINTS, [{"series_id": series_ids[name], **point._asdict()} for name, point in new])


def of_models(tx: Tx, logged_model_ids: Sequence[int]) -> dict[int, list[m.Metric]]:
    """Every point of several models with its run and dataset, by key and time: one statement.

    Without ``model_id``, which the caller knows.
    """
    found: dict[int, list[m.Metric]] = {}
    if not logged_model_ids:
        return found
    which = search.among(series.c.logged_model_id, logged_model_ids)
    for row in tx.execute(_POINTS_OF_MODELS.where(which)):
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
    """The model has a metric on one of the datasets, in a search for models."""
    return sa.exists().where(series.c.logged_model_id == logged_models.c.id, _on_any(datasets))


def matches(comparison: Comparison, datasets: Sequence[Dataset]) -> sa.ColumnElement[bool]:
    """``metrics.<key>`` in a search for models: any point counts, not the newest alone, as in MLflow."""
    exists = sa.exists().where(
        series.c.logged_model_id == logged_models.c.id,
        series.c.key == comparison.key,
        points.c.series_id == series.c.id,
        search.compare_metric(points.c.value, points.c.is_nan, comparison.op, comparison.value),
    )
    return exists.where(_on_any(datasets)) if datasets else exists


def newest(table: sa.FromClause, by: OrderBy) -> sa.ColumnElement[bool]:
    """Of a model's series of one metric the one to order by: the newest, on the dataset if one is named.

    By time, then step; of runs that agree in both the first one to log the metric.
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
    """Without a digest any digest will do, as MLflow documents it; its server then finds nothing."""
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
