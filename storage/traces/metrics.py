"""Statistics of traces, spans and assessments: one statement for a query.

Percentiles are exact. PostgreSQL computes them; of SQLite, which cannot, each group's values are fetched as
one text, which is several times as fast as to fetch a row for each value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import genai_messages as g
from trackway.client_compat import paging, rules
from trackway.client_compat import trace_metric_rules as metric_rules
from trackway.client_compat.trace_metric_rules import (
    ASSESSMENTS,
    COUNT,
    PERCENTILE,
    SPANS,
    TIME_BUCKET,
    TRACES,
    Aggregation,
    Filter,
    Query,
)

from .. import search
from ..database import Tx
from ..schema import tracking
from ..schema.base import Float64, Int64, String
from ..schema.traces import assessments, span_kinds, spans, trace_metadata, trace_runs, trace_tags, traces
from ..search import keyset
from . import infos, rows

_Column = sa.ColumnElement[Any]
_NS_PER_MS = 1_000_000
_MAX_INT = (1 << 63) - 1
# Times that can be written as dates, with the beginnings of their buckets: from the year 1000 to 9999.
_FIRST_MS, _LAST_MS = -30_610_224_000_000, 253_402_300_799_999
_VALUES = "sorted_values"

_names = trace_tags.alias("names")
_sessions = trace_metadata.alias("sessions")
_SESSION_OF = sa.and_(_sessions.c.trace_id == traces.c.id, _sessions.c.key == infos.SESSION)
_SPAN_COSTS = rows.COSTS


class _View(NamedTuple):
    """What a view counts: the rows, and the columns by metric, dimension and filter."""

    rows: sa.FromClause
    experiment: _Column
    values: Mapping[str, _Column]
    dimensions: Mapping[str, _Column]
    fields: Mapping[str, _Column] = {}
    where: tuple[_Column, ...] = ()


def _named(column: _Column) -> _Column:
    """Return a column of span_kinds in which an empty text means that there is none."""
    # A literal: PostgreSQL compares the expressions of GROUP BY with those of SELECT, parameters included.
    return sa.func.nullif(column, sa.literal_column("''"), type_=String)


_VIEWS: Mapping[str, _View] = {
    TRACES: _View(
        traces,
        traces.c.experiment_id,
        {
            "trace_count": traces.c.id,
            "session_count": sa.distinct(_sessions.c.value),
            "latency": traces.c.duration,
            **{name: traces.c[name] for name in rows.TOKENS},
        },
        {"trace_name": _names.c.value, "trace_status": traces.c.state},
    ),
    SPANS: _View(
        traces.join(spans).join(span_kinds),
        traces.c.experiment_id,
        {
            "span_count": spans.c.span_id,
            "latency": (spans.c.end_ns - spans.c.start_ns) // sa.literal_column(str(_NS_PER_MS), Int64),
            **{name: spans.c[name] for name in _SPAN_COSTS},
        },
        {
            "span_name": span_kinds.c.name,
            "span_type": span_kinds.c.type,
            "span_status": span_kinds.c.status,
            "span_model_name": _named(span_kinds.c.model),
            "span_model_provider": _named(span_kinds.c.provider),
        },
        {"name": span_kinds.c.name, "status": span_kinds.c.status, "type": span_kinds.c.type},
    ),
    ASSESSMENTS: _View(
        assessments.join(traces),
        assessments.c.experiment_id,
        {"assessment_count": assessments.c.id, "assessment_value": assessments.c.number},
        {"assessment_name": assessments.c.name, "assessment_value": assessments.c.value},
        {"name": assessments.c.name, "type": assessments.c.kind},
        (assessments.c.is_valid,),
    ),
}


def query(tx: Tx, req: g.QueryTraceMetrics) -> tuple[list[g.MetricDataPoint], str | None]:
    """Return a page of data points and the token of the next page, or None.

    The points are in the order of their times and dimensions. Raise ``InvalidParameter``.
    """
    asked = metric_rules.read(req)
    experiment_ids = sorted({rules.parse_experiment_id(found) for found in req.experiment_ids})
    if not asked.size or not experiment_ids:
        return [], None
    grouped, select = _select(tx, asked, experiment_ids)
    scope = (experiment_ids, *asked._replace(size=0))
    if grouped:
        select = select.group_by(*grouped.values()).order_by(*grouped.values())
        if req.page_token:
            select = select.where(_after(req.page_token, scope, list(grouped.values())))
        select = select.limit(asked.size + 1)
    found = tx.execute(select).all()
    page, token = paging.cut(found, asked.size, scope, lambda row: list(row[: len(grouped)]))
    points = (_point(asked, row._mapping) for row in page)
    return [point for point in points if point.values], token


def _select(tx: Tx, asked: Query, experiment_ids: list[int]) -> tuple[dict[str, _Column], sa.Select[Any]]:
    """Return the columns that the rows are grouped by, by label, and the query without its grouping."""
    view = _VIEWS[asked.view]
    is_by_span_time = asked.metric in _SPAN_COSTS
    table, experiment = view.rows, view.experiment
    bounds = _in_time(asked, is_by_span_time)
    if asked.view == SPANS and not bounds and all(one.noun == "span" for one in asked.filters):
        # All spans of the experiment: they are counted without their traces, which is faster.
        table, experiment = spans.join(span_kinds), span_kinds.c.experiment_id
    if "trace_name" in asked.dimensions:
        is_name = sa.and_(_names.c.trace_id == traces.c.id, _names.c.key == infos.NAME)
        table = table.join(_names, is_name)
    value = view.values[asked.metric]
    if asked.metric == "session_count":
        table = table.join(_sessions, _SESSION_OF)
    where = [_in_experiments(tx, experiment, experiment_ids), *view.where, *bounds]
    if asked.metric not in ("trace_count", "session_count", "span_count", "assessment_count"):
        where.append(value.is_not(None))
    where += [_condition(view, one) for one in asked.filters]
    grouped: dict[str, _Column] = {}
    if asked.interval_s:
        unit = 1000 * _NS_PER_MS if asked.view == SPANS else 1000
        time = spans.c.start_ns if asked.view == SPANS else traces.c.request_time
        grouped[TIME_BUCKET] = _bucket(time, asked.interval_s * unit)
    for name in asked.dimensions:
        grouped[name] = view.dimensions[name]
        if name.startswith("span_model"):
            where.append(grouped[name].is_not(None))
    columns: list[_Column] = [column.label(name) for name, column in grouped.items()]
    columns += _aggregates(tx.dialect, asked.aggregations, value)
    return grouped, sa.select(*columns).select_from(table).where(*where)


def _in_experiments(tx: Tx, column: _Column, experiment_ids: list[int]) -> _Column:
    c = tracking.experiments.c
    known = [found for found in experiment_ids if abs(found) <= _MAX_INT]
    return column.in_(sa.select(c.id).where(c.workspace_id == tx.workspace, c.id.in_(search.inline(known))))


def _in_time(asked: Query, is_by_span_time: bool) -> list[_Column]:
    """Return the conditions of the bounds: of the trace's time, or of the span's for costs."""
    start, end = asked.start_ms, asked.end_ms
    if asked.interval_s:
        assert start is not None
        assert end is not None
        start, end = max(start, _FIRST_MS), min(end, _LAST_MS)
    column: _Column = traces.c.request_time
    if is_by_span_time:
        column = spans.c.start_ns
        start = None if start is None else max(min(start * _NS_PER_MS, _MAX_INT), -_MAX_INT)
        end = None if end is None else max(min((end + 1) * _NS_PER_MS - 1, _MAX_INT), -_MAX_INT)
    conditions = []
    if start is not None:
        conditions.append(column >= start)
    if end is not None:
        conditions.append(column <= end)
    return conditions


def _bucket(time: _Column, width: int) -> _Column:
    """Return the beginning of the bucket that a time is in. SQL's remainder has the sign of the dividend."""
    size = sa.literal_column(str(width), Int64)
    return sa.type_coerce(time - ((time % size) + size) % size, Int64)


def _aggregates(dialect: str, wanted: tuple[Aggregation, ...], value: _Column) -> list[_Column]:
    simple: Mapping[str, Callable[[_Column], _Column]] = {
        COUNT: sa.func.count,
        "AVG": sa.func.avg,
        "MIN": sa.func.min,
        "MAX": sa.func.max,
        # As a float: the sum of integers may be too large for one.
        "SUM": lambda column: sa.func.sum(sa.cast(column, Float64)),
    }
    found: list[_Column] = []
    for one in wanted:
        if one.percentile is None:
            found.append(simple[one.type](value).label(one.label))
        elif dialect == "postgresql":
            share = sa.literal_column(repr(one.percentile / 100), Float64)
            found.append(sa.func.percentile_cont(share).within_group(value).label(one.label))
    if dialect == "sqlite" and any(one.type == PERCENTILE for one in wanted):
        is_float = isinstance(value.type, sa.Float)
        # SQLite writes 15 digits of a float, of which some have 17.
        text = sa.func.printf("%!.17g", value) if is_float else value
        found.append(sa.func.group_concat(text, ",").label(_VALUES))
    return found


def _condition(view: _View, one: Filter) -> _Column:
    if one.noun != "trace":
        return view.fields[one.field] == one.value
    if one.field == "status":
        return traces.c.state == one.value
    if one.field == "tag":
        if one.key == infos.SPANS_LOCATION:
            return traces.c.spans_location == one.value
        return _has(trace_tags, one)
    if one.key == infos.SOURCE_RUN:
        linked = sa.exists().where(trace_runs.c.trace_id == traces.c.id, trace_runs.c.run_uuid == one.value)
        return sa.or_(_has(trace_metadata, one), linked)
    return _has(trace_metadata, one)


def _has(table: sa.Table, one: Filter) -> _Column:
    other = table.alias()
    return sa.exists().where(
        other.c.trace_id == traces.c.id, other.c.key == one.key, other.c.value == one.value
    )


def _after(token: str, scope: tuple[object, ...], grouped: list[_Column]) -> _Column:
    position = keyset.read(token, scope, *grouped)
    left, right = sa.tuple_(*grouped), sa.tuple_(*position)
    return grouped[0] > position[0] if len(grouped) == 1 else left > right


def _point(asked: Query, row: sa.RowMapping) -> g.MetricDataPoint:
    dimensions = {name: row[name] for name in asked.dimensions}
    if asked.interval_s:
        unit = 1000 * _NS_PER_MS if asked.view == SPANS else 1000
        time = datetime.fromtimestamp(row[TIME_BUCKET] // unit, UTC).isoformat()
        dimensions = {TIME_BUCKET: time, **dimensions}
    values = {}
    fetched = row.get(_VALUES)
    ordered = sorted(map(float, fetched.split(","))) if fetched else []
    for one in asked.aggregations:
        if one.label in row:
            value = row[one.label]
        else:
            value = metric_rules.percentile(ordered, one.percentile or 0) if ordered else None
        if value is not None:
            values[one.label] = float(value)
    return g.MetricDataPoint(metric_name=asked.metric, dimensions=dimensions, values=values)
