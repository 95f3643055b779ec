"""The statements that append points to the metrics of a run and keep the latest point of each series.

Invariants:

- The run's row is locked before (``run_locks``), so no other transaction writes its series and points.
- A point is its own key: appending it twice changes nothing.
- The row of a series holds its latest point, the greatest in the order step, timestamp, value.
- A statement that relies on a series from the row cache includes ``must_exist``: it fails if the series is
  gone, and ``Database.run`` repeats the transaction without the cache.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..database import Prepared, Tx, excluded, in_list, insert_new, multi_row, must_exist, upsert
from ..schema.tracking import points, series
from .run_locks import LockedRun

# The stored value of a NaN point: ``metrics.log`` never passes an infinite value. A series has a column
# ``is_nan`` instead, because searches compare its value.
NAN = math.inf


class Point(NamedTuple):
    """One point; NaN has value 0.

    The latest point of a series is the greatest in the order of these fields.
    """

    step: int
    timestamp: int
    value: float
    is_nan: bool


def append(tx: Tx, run: LockedRun, new: Sequence[tuple[str, Point]]) -> None:
    """Append points, each with its metric's key, to a locked run.

    The latest point of a series is replaced if one of the new points is later. Idempotent: a point that is
    stored already changes nothing.
    """
    if tx.dialect == "postgresql":
        if len(new) == 1:
            _append_one(tx, run, *new[0])
        else:
            _append_batch(tx, run, list(dict.fromkeys(new)))
    else:
        _append_sqlite(tx, run, new)


def _latest(new: Sequence[tuple[str, Point]]) -> dict[str, Point]:
    """Return the latest of the given points, by key."""
    latest: dict[str, Point] = {}
    for key, point in new:
        if (other := latest.get(key)) is None or point > other:
            latest[key] = point
    return latest


_SERIES = ("run_id", "experiment_id", "key", *Point._fields)
_POINTS = ("series_id", "timestamp", "step", "value")


def _order(columns: Any) -> list[Any]:
    return [columns[name] for name in ("step", "timestamp", "value")]


def _is_later(one: Any, other: Any) -> sa.ColumnElement[bool]:
    """Return the condition that the point in the columns ``one`` is later than that in ``other``."""
    return sa.tuple_(*_order(one)) > sa.tuple_(*_order(other))


# PostgreSQL: one statement that returns no rows, so the pipeline sends it together with a later statement or
# the commit: it needs no round trip of its own. It does without ON CONFLICT, which searches the index twice
# and writes two WAL records for each row. No other transaction writes to the locked run, so the statement
# can look for existing rows itself. With ON CONFLICT, PostgreSQL used 10 % more CPU for 1,000 metrics and
# 24 % more for one metric.


def _append_batch_statement() -> sa.Insert:
    """Build the statement for any number of points, which are passed as arrays, one for each column."""
    columns = {name: series.c[name].type for name in ("key", *Point._fields)} | {"is_latest": sa.Boolean()}
    arrays = {name: sa.bindparam(f"{name}s", type_=sa.ARRAY(kind)) for name, kind in columns.items()}
    rows = sa.func.unnest(*arrays.values()).table_valued(*(sa.column(*column) for column in columns.items()))
    given = sa.select(*rows.render_derived().c).cte("given")
    run, experiment = (sa.bindparam(name, type_=series.c.run_id.type) for name in ("run", "experiment"))
    is_of_run = series.c.run_id == run
    known = (
        sa.select(series.c.id, series.c.key, *_order(series.c))
        .where(is_of_run, series.c.key == sa.any_(arrays["key"]))
        .cte("known")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    moved = (
        sa.update(series)
        .values({name: given.c[name] for name in Point._fields})
        .where(is_of_run, series.c.key == given.c.key, given.c.is_latest, _is_later(given.c, series.c))
        .cte("moved")
    )
    new = sa.select(run, experiment, given.c.key, *(given.c[name] for name in Point._fields)).where(
        given.c.is_latest, ~sa.exists().where(known.c.key == given.c.key)
    )
    made = sa.insert(series).from_select(list(_SERIES), new).returning(series.c.id, series.c.key).cte("made")

    value = sa.case((given.c.is_nan, sa.literal(NAN, points.c.value.type)), else_=given.c.value)
    point = (given.c.timestamp, given.c.step, value)
    of_made = sa.select(made.c.id, *point).select_from(given.join(made, made.c.key == given.c.key))
    of_known = sa.select(known.c.id, *point).select_from(given.join(known, known.c.key == given.c.key))
    is_there = sa.exists().where(
        points.c.series_id == known.c.id,
        *(points.c[name] == part for name, part in zip(_POINTS[1:], point, strict=True)),
    )
    # A point later than the latest one cannot exist yet. For the others the statement checks it.
    added = of_made.union_all(of_known.where(_is_later(given.c, known.c) | ~is_there))
    return sa.insert(points).from_select(list(_POINTS), added).add_cte(moved)


_APPEND_BATCH = Prepared(
    _append_batch_statement(),
    *("run", "experiment", "keys", *(f"{name}s" for name in Point._fields), "is_latests"),
)


def _append_batch(tx: Tx, run: LockedRun, new: Sequence[tuple[str, Point]]) -> None:
    latest = _latest(new)
    is_latest = [point is latest[key] for key, point in new]
    keys, added = zip(*new, strict=True)
    arrays = map(list, zip(*added, strict=True))
    tx.run(_APPEND_BATCH, run.id, run.experiment_id, list(keys), *arrays, is_latest)


# One point of a series in the row cache: this is what a training loop logs. The statement is shorter, because
# the series exists; with ``must_exist`` it fails if the series is gone. Without this statement
# `runs/log-metric` had 0.85 of the rate at 1, 8 and 32 connections (PostgreSQL 18).


def _append_one_statement() -> sa.Select[Any]:
    new = {name: sa.bindparam(name, type_=series.c[name].type) for name in Point._fields}
    of_series = {name: sa.bindparam(name, type_=series.c[name].type) for name in ("run_id", "key")}
    is_later = sa.tuple_(*_order(new)) > sa.tuple_(*_order(series.c))
    latest = {name: sa.case((is_later, value), else_=series.c[name]) for name, value in new.items()}
    moved = (
        sa.update(series)
        .where(*(series.c[name] == value for name, value in of_series.items()))
        .values(latest)
        .returning(series.c.id)
        .cte("moved")
    )
    stored = sa.case((new["is_nan"], sa.literal(NAN, points.c.value.type)), else_=new["value"])
    row = sa.select(moved.c.id, new["timestamp"], new["step"], stored)
    return must_exist(moved).add_cte(insert_new(points).from_select(list(_POINTS), row).cte("added"))


_APPEND_ONE = Prepared(_append_one_statement(), "run_id", "key", *Point._fields)


def _append_one(tx: Tx, run: LockedRun, key: str, point: Point) -> None:
    cache_key = ("series", run.id, key)
    if tx.cached_row(cache_key):
        tx.run(_APPEND_ONE, run.id, key, *point)
    else:
        _append_batch(tx, run, [(key, point)])
        tx.cache_row(cache_key, True)


# SQLite: several short statements. A statement costs little there, and a CTE cannot contain an INSERT.


def _series_upsert() -> Any:
    """Return the statement that inserts a series, or replaces its latest point if the new one is later."""
    is_later = _is_later(excluded(series), series.c)
    return upsert(series, *Point._fields, key=("run_id", "key"), where=is_later)


_KEY_IDS = sa.select(series.c.id, series.c.key).where(series.c.run_id == sa.bindparam("run"))
_IDS_OF_RUN = Prepared(_KEY_IDS, "run")
_SOME_IDS_OF_RUN = Prepared(_KEY_IDS.where(in_list(series.c.key, "keys")), "run", "keys")
_MAX_RETURNING = 50
_UPSERT_SERIES = Prepared(_series_upsert(), *_SERIES)
_UPSERT_SERIES_RETURNING = Prepared(_series_upsert().returning(series.c.id, series.c.key), *_SERIES)
_ADD_POINT = Prepared(insert_new(points), *_POINTS)
_BATCH_ROWS = 50
_ADD_POINT_BATCH = multi_row(insert_new(points), _BATCH_ROWS, *_POINTS)


def _append_sqlite(tx: Tx, run: LockedRun, new: Sequence[tuple[str, Point]]) -> None:
    ids = _upsert_series(tx, run, _latest(new))
    rows = [
        (ids[key], timestamp, step, NAN if is_nan else value) for key, (step, timestamp, value, is_nan) in new
    ]
    # SQLite inserts faster in the order of the table's key: 2.5 ms for 1,000 points, 3.2 ms unsorted.
    rows.sort()
    # 50 points a statement: 2.8 ms of CPU for a batch of 1,000, 3.3 ms with one point a statement.
    whole = len(rows) - len(rows) % _BATCH_ROWS
    parts = [rows[start : start + _BATCH_ROWS] for start in range(0, whole, _BATCH_ROWS)]
    tx.run_many(_ADD_POINT_BATCH, [list(chain.from_iterable(part)) for part in parts])
    tx.run_many(_ADD_POINT, rows[whole:])


def _upsert_series(tx: Tx, run: LockedRun, latest: Mapping[str, Point]) -> dict[str, int]:
    """Insert the run's new series, update the latest point of the others; return the ids by key."""
    rows = [(run.id, run.experiment_id, key, *point) for key, point in latest.items()]
    if len(rows) > _MAX_RETURNING:
        # RETURNING needs one execution for each row: 7.8 ms for 1,000 rows, 4.6 ms with a SELECT afterwards.
        tx.run_many(_UPSERT_SERIES, rows)
        return {row.key: row.id for row in tx.rows(_IDS_OF_RUN, run.id)}
    ids = {row.key: row.id for row in tx.run_many(_UPSERT_SERIES_RETURNING, rows)}
    # RETURNING leaves out the series that were not changed.
    if others := [key for key in latest if key not in ids]:
        ids |= {row.key: row.id for row in tx.rows(_SOME_IDS_OF_RUN, run.id, others)}
    return ids


__all__ = ["NAN", "Point", "append"]
