"""Storing spans, of any number of traces, in any order and as often as they are sent.

Invariant: the result does not depend on the order in which a trace's spans and what its client says of it
(``start``) arrive. What the client has said is marked in the row (``rows.Given``); spans fill the rest.
Traces are locked in the order of their ids, so that two requests with the same traces cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidState
from trackway.client_compat.traces.ingest_rules import IngestRules

from ..database import Prepared, Tx, upsert
from ..schema.traces import spans
from ..tracking import experiments
from . import arrivals, bodies, infos, ingest_rules, kinds, links, rows, sums, tags
from .arrivals import NewSpan, NewTrace
from .rows import Given

# Says of an experiment, given by its number, whether the caller may log traces to it.
MayLog = Callable[[int], bool]
_NS_PER_MS = 1_000_000
_UNSET_STATES = (rows.IN_PROGRESS, "STATE_UNSPECIFIED")
_COLUMNS = ("trace_id", "span_id", "parent_id", "kind_id", "start_ns", "end_ns", *rows.TOKENS, *rows.COSTS)
_WRITE = Prepared(upsert(spans, *_COLUMNS[2:]), *_COLUMNS)
_NODES = Prepared(
    sa.select(*(spans.c[name] for name in ("span_id", "parent_id", *rows.TOKENS, *rows.COSTS))).where(
        spans.c.trace_id == sa.bindparam("row")
    ),
    "row",
)
# The sums over a trace's spans are made again whenever spans arrive. Of a trace in very many pieces they are
# made at each of the first pieces, then at every hundredth, and when its root arrives.
_SUMMED_PIECES = 200
_SUMMED_EVERY = 100


def anywhere(experiment_id: int) -> bool:
    """The ``MayLog`` of a caller who may log traces to all experiments."""
    return True


def store(
    tx: Tx, experiment_id: str, new: Sequence[NewTrace], run_id: str = "", may_log: MayLog = anywhere
) -> int:
    """Store spans; return how many the rules of the experiment left out.

    Traces whose root is among them are linked to the run, if one is given. Spans of a trace that another
    experiment has are stored there, as in MLflow 3.17: clients 3.5 to 3.11 send the spans below a root to
    their current experiment, whatever the root says.

    Raise ``NotFound`` if the experiment does not exist, ``InvalidParameter`` if one of the traces is in an
    experiment to which the caller may not log, and ``InvalidState`` if the spans of one have been archived.
    """
    experiment = experiments.find(tx, experiment_id, lock="share")
    rules = ingest_rules.of_experiment(tx, experiment.id)
    kept = _kept(tx, experiment.id, new, rules)
    left_out = sum(len(trace.spans) for trace in new) - sum(len(trace.spans) for trace in kept)
    new = sorted(kept, key=lambda trace: trace.trace_id)
    if rules.masks:
        new = [arrivals.masked(trace, rules) for trace in new]
    kind_ids = kinds.ids_of(tx, experiment.id, (span.kind for trace in new for span in trace.spans))
    with_root = []
    for trace in new:
        row_id = _store_trace(tx, experiment.id, trace, kind_ids, may_log)
        if trace.root:
            with_root.append(row_id)
    if run_id:
        links.add_run(tx, with_root, run_id)
    return left_out


def store_again(tx: Tx, experiment_id: int, trace: NewTrace, rules: IngestRules) -> None:
    """Store the spans of a trace that is new in an experiment, by its rules."""
    if rules.masks:
        trace = arrivals.masked(trace, rules)
    kind_ids = kinds.ids_of(tx, experiment_id, (span.kind for span in trace.spans))
    _store_trace(tx, experiment_id, trace, kind_ids, anywhere)


def _kept(tx: Tx, experiment_id: int, new: Sequence[NewTrace], rules: IngestRules) -> Sequence[NewTrace]:
    """Return the traces that the sampling rule keeps, and those that are in another experiment already."""
    left_out = [trace.trace_id for trace in new if not rules.keeps(trace.trace_id)]
    found = rows.find_many(tx, left_out) if left_out else []
    gone = set(left_out) - {row.trace_id for row in found if row.experiment_id != experiment_id}
    return [trace for trace in new if trace.trace_id not in gone]


def _store_trace(
    tx: Tx, experiment_id: int, trace: NewTrace, kind_ids: Mapping[kinds.Kind, int], may_log: MayLog
) -> int:
    row_id, row = rows.lock_or_insert(tx, trace.trace_id, experiment_id, lambda: _first_values(trace))
    if row is not None and row.experiment_id != experiment_id:
        if not may_log(row.experiment_id):
            raise rows.in_another_experiment(trace.trace_id)
        rules = ingest_rules.of_experiment(tx, row.experiment_id)
        if rules.masks:
            trace = arrivals.masked(trace, rules)
        kind_ids = kinds.ids_of(tx, row.experiment_id, (span.kind for span in trace.spans))
    chunk = 0 if row is None else row.next_chunk
    if row is not None and row.spans_location == rows.IN_ARCHIVE:
        raise InvalidState(f"Cannot log spans to archived traces: '{trace.trace_id}'.")
    tx.run_many(_WRITE, sorted(_span_row(row_id, span, kind_ids) for span in trace.spans))
    lines = [span.line for span in trace.spans]
    if chunk and (trace.root or chunk % bodies.MAX_SMALL_CHUNKS == 0):
        bodies.join(tx, row_id, chunk, lines)
    else:
        bodies.append(tx, row_id, chunk, lines)
    if row is not None:
        rows.update(tx, row_id, _later_values(tx, row, trace))
    given = {infos.NAME: trace.root.name} if trace.root and trace.root.name else {}
    tags.write(tx, row_id, given | dict(trace.tags), replace=False)
    tags.write_metadata(tx, row_id, trace.metadata, replace=False)
    return row_id


def _span_row(row_id: int, span: NewSpan, kind_ids: Mapping[kinds.Kind, int]) -> tuple[Any, ...]:
    usage = span.usage or (None,) * len(rows.TOKENS)
    cost = span.cost or (None,) * len(rows.COSTS)
    return (
        *(row_id, span.span_id, span.parent_id, kind_ids[span.kind], span.start_ns, span.end_ns),
        *(*usage, *cost),
    )


def _first_values(trace: NewTrace) -> dict[str, Any]:
    """Return the columns of a trace of which nothing is stored yet."""
    start, end = _times(trace.spans)
    values = {
        "request_time": start,
        "duration": _duration(start, end),
        "state": trace.root.state if trace.root else rows.IN_PROGRESS,
        "next_chunk": 1,
        "is_indexed": False,
        **_summed(sums.Node(span.span_id, span.parent_id, span.usage, span.cost) for span in trace.spans),
    }
    if trace.root:
        values["request_preview"] = trace.root.request_preview
        values["response_preview"] = trace.root.response_preview
    return values


def _later_values(tx: Tx, row: Any, trace: NewTrace) -> dict[str, Any]:
    """Return the columns that change when spans of a stored trace arrive."""
    values: dict[str, Any] = {
        "next_chunk": row.next_chunk + 1,
        "is_indexed": False,
        "update_time": tx.now_ms,
        "spans_location": rows.IN_DATABASE,
    }
    if not row.given & Given.TIMES:
        start, end = _times(trace.spans)
        if row.next_chunk:
            old_end = None if row.duration is None else row.request_time + row.duration
            start = min(filter(None, (start, row.request_time)), default=0)
            end = max(filter(None, (end, old_end)), default=None)
        values |= {"request_time": start, "duration": _duration(start, end)}
    if trace.root:
        if row.state in _UNSET_STATES:
            values["state"] = trace.root.state
        for name, bit in (
            ("request_preview", Given.REQUEST_PREVIEW),
            ("response_preview", Given.RESPONSE_PREVIEW),
        ):
            if not row.given & bit and (text := getattr(trace.root, name)):
                values[name] = text
    if trace.root or row.next_chunk < _SUMMED_PIECES or row.next_chunk % _SUMMED_EVERY == 0:
        values |= _new_sums(tx, row, trace)
    return values


def _new_sums(tx: Tx, row: Any, trace: NewTrace) -> dict[str, Any]:
    """Return the sums over all spans of a trace, those that the client has not given itself."""
    is_open = {Given.TOKENS: rows.TOKENS, Given.COST: rows.COSTS}
    names = [name for bit, group in is_open.items() if not row.given & bit for name in group]
    has_sums = any(getattr(row, name) is not None for name in names)
    if not names or not (has_sums or any(span.usage or span.cost for span in trace.spans)):
        return {}
    # The new spans are stored already.
    count = len(rows.TOKENS)
    nodes = (sums.Node(node[0], node[1], _known(node[2 : 2 + count]), _known(node[2 + count :]))
             for node in tx.rows(_NODES, row.id))  # fmt: skip
    return {name: value for name, value in _summed(nodes).items() if name in names}


def _known(values: tuple[Any, ...]) -> tuple[Any, ...] | None:
    return values if any(value is not None for value in values) else None


def _summed(nodes: Iterable[sums.Node]) -> dict[str, Any]:
    usage, cost = sums.of_tree(nodes)
    return {
        **dict(zip(rows.TOKENS, usage or (None,) * len(rows.TOKENS), strict=True)),
        **dict(zip(rows.COSTS, cost or (None,) * len(rows.COSTS), strict=True)),
    }


def _times(new: Sequence[NewSpan]) -> tuple[int, int | None]:
    """Return when the first span began and the last one ended, in milliseconds; None if none has ended."""
    end = max((span.end_ns for span in new if span.end_ns is not None), default=None)
    # A start of 0 is missing, not in 1970.
    start = min((span.start_ns for span in new if span.start_ns), default=0) // _NS_PER_MS
    return start, None if end is None else end // _NS_PER_MS


def _duration(start: int, end: int | None) -> int | None:
    """Return the time between, in milliseconds. A span may end before it starts, as clocks are adjusted."""
    return None if end is None else max(end - start, 0)
