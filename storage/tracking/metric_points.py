"""Points appended to a run's metrics: each series made or moved forward, and the points beneath it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..database import Prepared, Tx, excluded, in_list, insert_new, multi_row, must_exist, upsert
from ..schema.tracking import points, series
from .run_locks import LockedRun

# Stands for NaN in the value of a point; a series, by which runs are searched, says it beside the value.
NAN = math.inf


class Point(NamedTuple):
    """What decides which of a series' points is the latest, in this order; a NaN's value is 0."""

    step: int
    timestamp: int
    value: float
    is_nan: bool


def append(tx: Tx, run: LockedRun, new: Sequence[tuple[str, Point]]) -> None:
    """Add points, each with its key, and move each key's latest forward where one of them is later.

    The run's row is locked. A point that is there already changes nothing: the whole point is its key.
    """
    if tx.dialect == "postgresql":
        if len(new) == 1:
            _append_one(tx, run, *new[0])
        else:
            _append_in_one(tx, run, list(dict.fromkeys(new)))
    else:
        _append_by_ids(tx, run, new)


def _latest(new: Sequence[tuple[str, Point]]) -> dict[str, Point]:
    """The latest point of each key."""
    latest: dict[str, Point] = {}
    for key, point in new:
        if (known := latest.get(key)) is None or point > known:
            latest[key] = point
    return latest


_SERIES = ("run_id", "experiment_id", "key", *Point._fields)
_POINTS = ("series_id", "timestamp", "step", "value")


def _order(columns: Any) -> list[Any]:
    return [columns[name] for name in ("step", "timestamp", "value")]


def _is_later(one: Any, other: Any) -> sa.ColumnElement[bool]:
    """Whether the point in some columns is later than that in others."""
    return sa.tuple_(*_order(one)) > sa.tuple_(*_order(other))


# PostgreSQL: one statement that returns nothing, so it needs no round trip of its own. As nobody else
# writes to the run, what is there need not be asked of each row as it is inserted (ON CONFLICT), which
# costs a second search of the index and a second record of the row: 1,000 metrics 10 % more of its CPU,
# one metric 24 %.


def _in_one() -> sa.Insert:
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
    # What is later than the latest is new for certain; the others are looked for.
    added = of_made.union_all(of_known.where(_is_later(given.c, known.c) | ~is_there))
    return sa.insert(points).from_select(list(_POINTS), added).add_cte(moved)


_IN_ONE = Prepared(
    _in_one(), "run", "experiment", "keys", *(f"{name}s" for name in Point._fields), "is_latests"
)


def _append_in_one(tx: Tx, run: LockedRun, new: Sequence[tuple[str, Point]]) -> None:
    latest = _latest(new)
    is_latest = [point is latest[key] for key, point in new]
    keys, added = zip(*new, strict=True)
    arrays = map(list, zip(*added, strict=True))
    tx.run(_IN_ONE, run.id, run.experiment_id, list(keys), *arrays, is_latest)


# One point of a series that was seen, which is what a training loop logs. The statement need not be ready for
# a new series: without it, `runs/log-metric` has 0.85 of the rate at 1, 8 and 32 connections (PostgreSQL 18).


def _one_more() -> sa.Select[Any]:
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


_ONE_MORE = Prepared(_one_more(), "run_id", "key", *Point._fields)


def _append_one(tx: Tx, run: LockedRun, key: str, point: Point) -> None:
    seen = ("series", run.id, key)
    if tx.cached_row(seen):
        tx.run(_ONE_MORE, run.id, key, *point)
    else:
        _append_in_one(tx, run, [(key, point)])
        tx.cache_row(seen, True)


# SQLite, where a statement costs little and an INSERT cannot stand within another.


def _moving_forward() -> Any:
    """Makes the series of a row, or moves it forward."""
    is_later = _is_later(excluded(series), series.c)
    return upsert(series, *Point._fields, key=("run_id", "key"), where=is_later)


_KEY_IDS = sa.select(series.c.id, series.c.key).where(series.c.run_id == sa.bindparam("run"))
_IDS_OF_RUN = Prepared(_KEY_IDS, "run")
_FEW_IDS = Prepared(_KEY_IDS.where(in_list(series.c.key, "keys")), "run", "keys")
_FEW = 50
_ADVANCE = Prepared(_moving_forward(), *_SERIES)
_ADVANCE_FEW = Prepared(_moving_forward().returning(series.c.id, series.c.key), *_SERIES)
_ADD_POINTS = Prepared(insert_new(points), *_POINTS)
_AT_ONCE = 50
_ADD_MANY_POINTS = multi_row(insert_new(points), _AT_ONCE, *_POINTS)


def _append_by_ids(tx: Tx, run: LockedRun, new: Sequence[tuple[str, Point]]) -> None:
    ids = _advance(tx, run, _latest(new))
    rows = [
        (ids[key], timestamp, step, NAN if is_nan else value) for key, (step, timestamp, value, is_nan) in new
    ]
    # In the order of the table's key, in which SQLite appends: 2.5 ms for 1,000 points, unsorted 3.2.
    rows.sort()
    # 50 to a statement: 2.8 ms of CPU for a batch of 1,000, one by one 3.3.
    whole = len(rows) - len(rows) % _AT_ONCE
    parts = [rows[start : start + _AT_ONCE] for start in range(0, whole, _AT_ONCE)]
    tx.run_many(_ADD_MANY_POINTS, [list(chain.from_iterable(part)) for part in parts])
    tx.run_many(_ADD_POINTS, rows[whole:])


def _advance(tx: Tx, run: LockedRun, latest: Mapping[str, Point]) -> dict[str, int]:
    """Create or move forward the run's series, each where the point is later than its own; ids by key."""
    rows = [(run.id, run.experiment_id, key, *point) for key, point in latest.items()]
    if len(rows) > _FEW:
        # SQLite returns the rows of one execution at a time: 7.8 ms for 1,000, this way 4.6.
        tx.run_many(_ADVANCE, rows)
        return {row.key: row.id for row in tx.rows(_IDS_OF_RUN, run.id)}
    ids = {row.key: row.id for row in tx.run_many(_ADVANCE_FEW, rows)}
    # Those that stay where they are, are not returned.
    if others := [key for key in latest if key not in ids]:
        ids |= {row.key: row.id for row in tx.rows(_FEW_IDS, run.id, others)}
    return ids


__all__ = ["NAN", "Point", "append"]
