"""Correlation of two filters: whether they are true of the same traces more often than by chance.

The measure is NPMI (normalized pointwise mutual information): -1 never together, 0 independent, 1 always
together. The rules for counts of zero are those of MLflow 3.17 (``mlflow/store/analytics``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import genai_messages as g
from trackway.client_compat.errors import InvalidParameter

from .. import search
from ..database import Tx
from ..schema.traces import traces
from ..search import many
from ..tracking import experiments
from . import bodies
from .checks import Checked
from .comparisons import ENTITY
from .search import checked
from .span_texts import reader_of

# Added to each count, so that few traces do not show a strong correlation: Jeffreys' prior.
_SMOOTHING = 0.5
# Traces whose spans, or whose texts, Python checks in one request.
_MAX_SPANS_READ, _MAX_READ = 10_000, 200_000
_SPANS_AT_A_TIME, _READ_AT_A_TIME = 200, 5000


class Counts(NamedTuple):
    """How many traces there are, and of how many of them the filters are true."""

    total: int
    first: int
    second: int
    both: int


def calculate(tx: Tx, req: g.CalculateTraceFilterCorrelation) -> g.CalculateTraceFilterCorrelation.Response:
    """Return the counts and the correlation, which is left out if it is undefined.

    Raise ``InvalidParameter`` if a filter is not valid, or if too many traces would have to be read.
    """
    counts = count(tx, req.experiment_ids, req.base_filter or "", req.filter_string1, req.filter_string2)
    return g.CalculateTraceFilterCorrelation.Response(
        npmi=-1.0 if counts.first and counts.second and not counts.both else npmi(counts, 0),
        npmi_smoothed=npmi(counts, _SMOOTHING),
        filter1_count=counts.first,
        filter2_count=counts.second,
        joint_count=counts.both,
        total_count=counts.total,
    )


def npmi(counts: Counts, smoothing: float) -> float | None:
    """Return the correlation, each of the four counts increased by ``smoothing``; None if undefined."""
    if not counts.first or not counts.second or not (counts.both or smoothing):
        return None
    if counts.both == counts.total:
        return 1.0
    both = counts.both + smoothing
    total = math.log(counts.total + 4 * smoothing)
    shared = math.log(both)
    expected = math.log(counts.first + 2 * smoothing) + math.log(counts.second + 2 * smoothing)
    return max(-1.0, min(1.0, (shared + total - expected) / (total - shared)))


def count(tx: Tx, experiment_ids: Sequence[str], base: str, first: str, second: str) -> Counts:
    """Count the traces of which ``base`` is true, and those of which the filters are true as well."""
    ids = experiments.existing_ids(tx, experiment_ids)
    parts = [checked(tx, ids, text) for text in (base, first, second)]
    if not ids:
        return Counts(0, 0, 0, 0)
    if any(part and part.check for part in parts):
        return _count_checked(tx, ids, parts)
    of_first, of_second = map(_condition, parts[1:])
    counted = (sa.true(), of_first, of_second, sa.and_(of_first, of_second))
    columns = (sa.func.coalesce(sa.func.sum(sa.case((each, 1), else_=0)), 0) for each in counted)
    return Counts(*map(int, tx.execute(sa.select(*columns).where(_scope(ids), _condition(parts[0]))).one()))


def _scope(ids: Sequence[int]) -> sa.ColumnElement[bool]:
    return search.among(traces.c.experiment_id, ids)


def _condition(part: Checked | None) -> sa.ColumnElement[bool]:
    """Return the SQL condition of a filter, which leaves out no trace of which it is true."""
    return sa.true() if part is None else sa.and_(*many.conditions(ENTITY, part.condition.parts))


def _count_checked(tx: Tx, ids: Sequence[int], parts: Sequence[Checked | None]) -> Counts:
    total = first = second = both = 0
    for row, spans in _candidates(tx, ids, parts):
        place = 3
        verdicts = []
        for number, part in enumerate(parts):
            columns = part.columns if part else []
            values = row[place : place + len(columns)]
            place += len(columns)
            is_candidate = number == 0 or bool(row[number])
            verdicts.append(is_candidate and (not part or not part.check or part.check(values, spans)))
        if verdicts[0]:
            total += 1
            first += verdicts[1]
            second += verdicts[2]
            both += verdicts[1] and verdicts[2]
    return Counts(total, first, second, both)


def _candidates(tx: Tx, ids: Sequence[int], parts: Sequence[Checked | None]) -> Iterator[tuple[Any, Any]]:
    """Yield the traces for which the base filter may be true, each with a function that returns its spans.

    A row has the trace's number, whether the first and the second filter may be true, and the columns that
    the checks need. Raise ``InvalidParameter`` if there are too many.
    """
    reads_spans = any(part and part.reads_spans for part in parts)
    limit, at_a_time = (_MAX_SPANS_READ, _SPANS_AT_A_TIME) if reads_spans else (_MAX_READ, _READ_AT_A_TIME)
    may_be = [sa.case((_condition(part), 1), else_=0) for part in parts[1:]]
    columns = [column for part in parts if part for column in part.columns]
    labelled = (column.label(f"column_{number}") for number, column in enumerate([*may_be, *columns]))
    query = sa.select(traces.c.id, *labelled).where(_scope(ids), _condition(parts[0]))
    query = query.order_by(traces.c.id).limit(at_a_time)
    last, read = -1, 0
    while True:
        rows = tx.execute(query.where(traces.c.id > last)).all()
        read += len(rows)
        if read > limit:
            raise InvalidParameter(
                f"More than {limit} traces would have to be read to compare the filters: they name texts or "
                "regular expressions. Restrict the traces by base_filter, for example by their time: "
                "timestamp_ms > 1700000000000."
            )
        chunks = bodies.chunks_of(tx, [row.id for row in rows]) if reads_spans else {}
        for row in rows:
            yield row, reader_of(chunks.get(row.id, ()))
        if len(rows) < at_a_time:
            return
        last = rows[-1].id
