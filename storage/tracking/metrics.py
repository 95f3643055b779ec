"""Metrics of runs: log them and read their history.

``metric_points`` has the statements that store points and the latest value of each metric.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import messages as m
from trackway.client_compat import paging

from ..database import Prepared, Tx
from ..schema import tracking
from ..schema.tracking import points, series
from ..search import keyset, page_bytes
from . import logged_model_metrics
from .metric_points import NAN as NAN
from .metric_points import Point, append
from .run_locks import LockedRun

_MAX_DOUBLE = 1.7976931348623157e308  # stored instead of infinity, as in MLflow
_SERIES_OF_RUNS = tracking.runs.join(tracking.experiments).join(series, series.c.run_id == tracking.runs.c.id)
_POINTS_OF_RUNS = _SERIES_OF_RUNS.join(points, points.c.series_id == series.c.id)
_ORDER = (points.c.timestamp, points.c.step, points.c.value)
_POINTS_OF_SERIES = (
    sa.select(*_ORDER)
    .where(points.c.series_id == sa.bindparam("series", type_=points.c.series_id.type))
    .order_by(*_ORDER)
    .limit(sa.bindparam("most"))
)
_AFTER = [sa.bindparam(f"after_{column.name}", type_=column.type) for column in _ORDER]
_NEXT_POINTS = Prepared(
    _POINTS_OF_SERIES.where(sa.tuple_(*_ORDER) > sa.tuple_(*_AFTER)),
    *("series", *(value.key for value in _AFTER), "most"),
)
_FIRST_POINTS = Prepared(_POINTS_OF_SERIES, "series", "most")
# The JSON of a point is at most this long, without its key.
_POINT_BYTES = 110
_MIN_BUCKETED = 6  # samples of this size have the ends of the curve and at least two buckets


def log(tx: Tx, run: LockedRun, metrics: Sequence[m.Metric]) -> None:
    """Append points to a locked run and update the latest value of each metric.

    The latest value is that of the greatest (step, timestamp, value), as in MLflow 3.17. Timestamps are
    milliseconds since the epoch. An infinity is stored as the largest double of its sign. A metric with a
    ``model_id`` is also stored for that logged model; raise ``NotFound`` if the model does not exist.
    Idempotent: the whole point is its key.
    """
    if not metrics:
        return
    new: list[tuple[str, Point]] = []
    for_models = []
    for metric in metrics:
        value, is_nan = float(metric.value), False
        if not math.isfinite(value):
            value, is_nan = _storable(value)
        new.append((metric.key, Point(metric.step, metric.timestamp, value, is_nan)))
        if metric.model_id:
            for_models.append(
                (metric, logged_model_metrics.Point(metric.timestamp, metric.step, value, is_nan))
            )
    append(tx, run, new)
    if for_models:
        logged_model_metrics.log(tx, run, for_models)


def history(
    tx: Tx, run_id: str, key: str, max_results: int | None, page_token: str | None
) -> tuple[Sequence[Any], str | None]:
    """Return a page of a metric's points and the token of the next page.

    A point is (timestamp, step, value); they are sorted in this order. The value ``NAN`` means NaN and
    comes last. A page has at most ``max_results`` points, and fewer if it would have too many bytes. Return
    no points if there is no such run or metric: MLflow does not raise an error either.
    """
    query = ("metric", tx.workspace, run_id, key)
    series_id = _series_id(tx, run_id, key)
    if series_id is None:
        return [], None
    fitting = page_bytes.MAX_PAGE_BYTES // (_POINT_BYTES + len(json.dumps(key)))
    limit = fitting if max_results is None else min(max_results, fitting)
    if page_token:
        position = keyset.read(page_token, query, *_ORDER)
        rows = tx.rows(_NEXT_POINTS, series_id, *position, limit + 1)
    else:
        rows = tx.rows(_FIRST_POINTS, series_id, limit + 1)
    return paging.cut(rows, limit, query, list)


def history_of_many(tx: Tx, run_ids: Sequence[str], key: str, max_results: int) -> list[m.MetricWithRunId]:
    """Return points of one metric of several runs, in the order of run id, timestamp, step and value.

    At most ``max_results`` in all. Runs that do not exist are ignored.
    """
    select = (
        sa.select(tracking.runs.c.run_uuid, *_ORDER)
        .select_from(_POINTS_OF_RUNS)
        .where(*_is_metric_of(tx, run_ids, key))
        .order_by(tracking.runs.c.run_uuid, *_ORDER)
        .limit(max_results)
    )
    return [_with_run_id(key, row) for row in tx.execute(select)]


def sampled_history(
    tx: Tx, run_ids: Sequence[str], key: str, max_results: int, steps: tuple[int, int] | None
) -> list[m.MetricWithRunId]:
    """Return points of one metric of several runs for drawing curves, at most ``max_results`` of each run.

    The order is that of ``run_ids``, then of steps. ``steps`` limits them to a first and a last step.
    A run with more points is sampled: its points are divided into equal buckets in the order of their steps.
    The lowest and highest value of each bucket are returned, so that no peak is lost, and the first and
    last point of the run. If ``max_results`` allows one bucket only, points at equal distances are returned
    instead: the extremes of a rising curve are its ends. One statement reads all runs.
    """
    by_step = (points.c.step, points.c.timestamp, points.c.value)
    where = [*_is_metric_of(tx, run_ids, key)]
    if steps is not None:
        where.append(points.c.step.between(*steps))
    numbered = (
        sa.select(
            tracking.runs.c.run_uuid,
            *_ORDER,
            sa.func.row_number().over(partition_by=series.c.id, order_by=by_step).label("place"),
            sa.func.count().over(partition_by=series.c.id).label("total"),
            sa.func.ntile(max(1, (max_results - 2) // 2))
            .over(partition_by=series.c.id, order_by=by_step)
            .label("bucket"),
        )
        .select_from(_POINTS_OF_RUNS)
        .where(*where)
        .cte("numbered")
    )
    n = numbered.c
    bucket = (n.run_uuid, n.bucket)
    lowest, highest = (n.value, n.place), (n.value == NAN, n.value.desc(), n.place)
    ranked = sa.select(
        n.run_uuid,
        n.timestamp,
        n.step,
        n.value,
        n.place,
        n.total,
        sa.func.row_number().over(partition_by=bucket, order_by=lowest).label("low"),
        sa.func.row_number().over(partition_by=bucket, order_by=highest).label("high"),
    ).cte("ranked")
    r = ranked.c
    is_end = (r.place == r.total) if max_results == 1 else (r.place == 1) | (r.place == r.total)
    keep = (r.total <= max_results) | is_end
    if max_results >= _MIN_BUCKETED:
        keep = keep | (r.low == 1) | (r.high == 1)
    elif max_results > 2:
        # ``max_results`` groups of neighbours, the last point alone in the last one: the first of each group.
        group, group_before = (
            (place * (max_results - 1)) // sa.func.nullif(r.total - 1, 0)
            for place in (r.place - 1, r.place - 2)
        )
        keep = keep | (group != group_before)
    select = sa.select(r.run_uuid, r.timestamp, r.step, r.value).where(keep).order_by(r.run_uuid, r.place)
    found: dict[str, list[m.MetricWithRunId]] = {}
    for row in tx.execute(select):
        found.setdefault(row.run_uuid, []).append(_with_run_id(key, row))
    return [metric for run_id in run_ids for metric in found.get(run_id, ())]


def _storable(value: float) -> tuple[float, bool]:
    """Return the value to store for NaN or an infinity, and whether it is NaN."""
    return (0.0, True) if math.isnan(value) else (math.copysign(_MAX_DOUBLE, value), False)


def _series_id(tx: Tx, run_id: str, key: str) -> int | None:
    found: int | None = tx.execute(
        sa.select(series.c.id).select_from(_SERIES_OF_RUNS).where(*_is_metric_of(tx, [run_id], key))
    ).scalar()
    return found


def _is_metric_of(tx: Tx, run_ids: Sequence[str], key: str) -> list[sa.ColumnElement[bool]]:
    return [
        tracking.experiments.c.workspace_id == tx.workspace,
        tracking.runs.c.run_uuid.in_(list(run_ids)),
        series.c.key == key,
    ]


def _with_run_id(key: str, row: Any) -> m.MetricWithRunId:
    value = math.nan if row.value == NAN else row.value
    return m.MetricWithRunId(
        key=key, value=value, timestamp=row.timestamp, step=row.step, run_id=row.run_uuid
    )
