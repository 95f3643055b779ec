"""Metrics: points of a run's series, their latest value, and their history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import messages as m
from trackway.client_compat import paging

from . import model_metrics, pages
from .database import Tx, insert
from .prepared import Prepared, is_among, several
from .schema import tracking
from .schema.tracking import points, series

_LARGEST = 1.7976931348623157e308  # stands for infinity, which MLflow cannot store either
# Stands for NaN in the value of a point; a series, by which runs are searched, says it beside the value.
NAN = math.inf

_KEY_IDS = sa.select(series.c.id, series.c.key).where(series.c.run_id == sa.bindparam("run"))
_IDS_OF_RUN = Prepared(_KEY_IDS, "run")
_FEW_IDS = Prepared(_KEY_IDS.where(is_among(series.c.key, "keys")), "run", "keys")
_FEW = 50
_SERIES = ("run_id", "experiment_id", "key", "step", "timestamp", "value", "is_nan")
_ADD_SERIES = insert(series)
_NEW = _ADD_SERIES.excluded
_MOVE_FORWARD = _ADD_SERIES.on_conflict_do_update(
    index_elements=[series.c.run_id, series.c.key],
    set_={name: _NEW[name] for name in _SERIES[3:]},
    where=sa.tuple_(_NEW.step, _NEW.timestamp, _NEW.value)
    > sa.tuple_(series.c.step, series.c.timestamp, series.c.value),
)
_ADVANCE = Prepared(_MOVE_FORWARD, *_SERIES)
_ADVANCE_FEW = Prepared(_MOVE_FORWARD.returning(series.c.id, series.c.key), *_SERIES)
_ADD_POINTS = Prepared(insert(points).on_conflict_do_nothing(), "series_id", "timestamp", "step", "value")
_AT_ONCE = 50
_ADD_MANY_POINTS = several(
    insert(points).on_conflict_do_nothing(), _AT_ONCE, "series_id", "timestamp", "step", "value"
)
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
_NO_LIMIT = 2**40


# What decides which of a series' points is the latest, in this order: step, timestamp, value, is_nan.
_Point = tuple[int, int, float, bool]


def log(tx: Tx, run: sa.Row[Any], metrics: Sequence[m.Metric]) -> None:
    """Append points to a run from ``runs.find_active`` and move each key's latest value forward.

    Latest is the greatest (step, timestamp, value), as in MLflow 3.17. Timestamps are
    milliseconds since the epoch. An infinity is stored as the largest double. Sending a point twice
    changes nothing: the whole point is the key. A metric with a ``model_id`` is kept for that logged
    model as well. Raises NotFound without it.
    """
    if not metrics:
        return
    new: list[tuple[str, _Point]] = []
    latest: dict[str, _Point] = {}
    for_models = []
    for metric in metrics:
        key, value, is_nan = metric.key, float(metric.value), False
        if not math.isfinite(value):
            value, is_nan = _storable(value)
        point = (metric.step, metric.timestamp, value, is_nan)
        new.append((key, point))
        if (known := latest.get(key)) is None or point > known:
            latest[key] = point
        if metric.model_id:
            for_models.append((metric, model_metrics.Point(metric.timestamp, metric.step, value, is_nan)))
    ids = _advance(tx, run, latest)
    if for_models:
        model_metrics.log(tx, run, for_models)
    rows = [
        (ids[key], timestamp, step, NAN if is_nan else value) for key, (step, timestamp, value, is_nan) in new
    ]
    # In the order of the table's key, in which SQLite appends: 2.5 ms for 1,000 points, unsorted 3.2.
    rows.sort()
    _add_points(tx, rows)


def history(
    tx: Tx, run_id: str, key: str, max_results: int | None, page_token: str | None
) -> tuple[Sequence[Any], str | None]:
    """A metric's points (timestamp, step, value) in this order, ``NAN`` last, and the token of the next page.

    Without such a run, or such a metric in it, there are none: MLflow makes no error of it either.
    """
    query = ("metric", tx.workspace, run_id, key)
    series_id = _series_id(tx, run_id, key)
    if series_id is None:
        return [], None
    limit = _NO_LIMIT if max_results is None else max_results
    if page_token:
        position = pages.position_in(page_token, query, *_ORDER)
        rows = tx.rows(_NEXT_POINTS, series_id, *position, limit + 1)
    else:
        rows = tx.rows(_FIRST_POINTS, series_id, limit + 1)
    return paging.cut(rows, limit, query, list)


def history_of_many(tx: Tx, run_ids: Sequence[str], key: str, max_results: int) -> list[m.MetricWithRunId]:
    """Points of one metric of several runs: by run id, time, step and value, ``max_results`` in all."""
    select = (
        sa.select(tracking.runs.c.run_uuid, *_ORDER)
        .select_from(_POINTS_OF_RUNS)
        .where(*_which(tx, run_ids, key))
        .order_by(tracking.runs.c.run_uuid, *_ORDER)
        .limit(max_results)
    )
    return [_with_run_id(key, row) for row in tx.execute(select)]


def sampled_history(
    tx: Tx, run_ids: Sequence[str], key: str, max_results: int, steps: tuple[int, int] | None
) -> list[m.MetricWithRunId]:
    """At most ``max_results`` points of each run, by step, for drawing its curve.

    The points are dealt into equal buckets in the order of their steps; each bucket keeps its
    lowest and its highest value, so that no spike is lost, and a run its first and last point.
    One statement, whatever the number of runs.
    """
    by_step = (points.c.step, points.c.timestamp, points.c.value)
    where = [*_which(tx, run_ids, key)]
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
    if max_results >= 4:
        keep = keep | (r.low == 1) | (r.high == 1)
    select = sa.select(r.run_uuid, r.timestamp, r.step, r.value).where(keep).order_by(r.run_uuid, r.place)
    found: dict[str, list[m.MetricWithRunId]] = {}
    for row in tx.execute(select):
        found.setdefault(row.run_uuid, []).append(_with_run_id(key, row))
    return [metric for run_id in run_ids for metric in found.get(run_id, ())]


def _advance(tx: Tx, run: sa.Row[Any], latest: dict[str, _Point]) -> dict[str, int]:
    """Create or move forward the run's series, each where the point is later than its own; ids by key."""
    rows = [(run.id, run.experiment_id, key, *point) for key, point in latest.items()]
    if len(rows) > _FEW and tx.dialect == "sqlite":
        # SQLite returns the rows of one execution at a time: 7.8 ms for 1,000, this way 4.6.
        tx.do_all(_ADVANCE, rows)
        return {row.key: row.id for row in tx.rows(_IDS_OF_RUN, run.id)}
    ids = {row.key: row.id for row in tx.do_all(_ADVANCE_FEW, rows)}
    # Those that stay where they are, are not returned.
    if others := [key for key in latest if key not in ids]:
        ids |= {row.key: row.id for row in tx.rows(_FEW_IDS, run.id, others)}
    return ids


def _add_points(tx: Tx, rows: list[tuple[int, int, int, float]]) -> None:
    if tx.dialect == "sqlite":
        # 50 to a statement: 2.8 ms of CPU for a batch of 1,000, one by one 3.3.
        whole = len(rows) - len(rows) % _AT_ONCE
        parts = [rows[start : start + _AT_ONCE] for start in range(0, whole, _AT_ONCE)]
        tx.do_all(_ADD_MANY_POINTS, [list(chain.from_iterable(part)) for part in parts])
        rows = rows[whole:]
    tx.do_all(_ADD_POINTS, rows)


def _storable(value: float) -> tuple[float, bool]:
    """What is stored for NaN or an infinity, and whether it is NaN."""
    return (0.0, True) if math.isnan(value) else (math.copysign(_LARGEST, value), False)


def _series_id(tx: Tx, run_id: str, key: str) -> int | None:
    found: int | None = tx.execute(
        sa.select(series.c.id).select_from(_SERIES_OF_RUNS).where(*_which(tx, [run_id], key))
    ).scalar()
    return found


def _which(tx: Tx, run_ids: Sequence[str], key: str) -> list[sa.ColumnElement[bool]]:
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


def _literal(column: Any, value: Any) -> sa.ColumnElement[Any]:
    return sa.literal(value, column.type)
