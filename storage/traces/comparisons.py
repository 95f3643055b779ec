"""Comparisons of traces as SQL conditions, and where an index has the traces for which they are true.

The parser knows tags, metadata and attributes. Some of them are stored in other tables, or are made of
columns; ``rewritten`` gives these kinds of their own:

    run        ``run_id``: the metadata ``mlflow.sourceRun``, or a link to the run
    prompt     a link to a version of a prompt
    derived    tags that are columns: where the artifacts and the spans are
    reserved   metadata that is columns: token usage and cost
    spans      what must be true of one span (``span_filters``)
    kinds      a span of one of these kinds exists
    texts      the trace may contain these texts (``text_index``)
    constant   true or false
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.filters import And, Comparison, Node, Not, Or
from trackway.client_compat.searchable_traces import TRACES

from .. import search
from ..database import Tx
from ..schema import tracking
from ..schema.traces import assessments, spans, trace_metadata, trace_prompts, trace_runs, trace_tags, traces
from ..schema.tracking import SHORT_VALUE
from ..search import Column, compare
from . import infos, links, rows, text_index

ASSESSED = ("feedback", "expectation")
# A list of kinds is part of the statement's text.
MAX_KINDS = 20_000
# Between the texts of a column that joins several.
SEPARATOR = "\x1f"
_RESERVED = {infos.TOKEN_USAGE: rows.TOKENS, infos.COST: rows.COSTS}
_MADE_OF_COLUMNS = (infos.ARTIFACT_LOCATION, infos.SPANS_LOCATION)
# For these a link to a run counts as much as the metadata.
_BY_LINK = ("=", "IN", "LIKE", "ILIKE", "RLIKE")

_artifacts: Column = (
    sa.select(sa.func.rtrim(tracking.experiments.c.artifact_location, "/"))
    .where(tracking.experiments.c.id == traces.c.experiment_id)
    .correlate(traces)
    .scalar_subquery()
    .concat("/traces/")
    .concat(traces.c.trace_id)
    .concat("/artifacts")
)
DERIVED: dict[str, Column] = {
    infos.ARTIFACT_LOCATION: sa.type_coerce(_artifacts, traces.c.trace_id.type),
    infos.SPANS_LOCATION: sa.func.nullif(traces.c.spans_location, "", type_=traces.c.spans_location.type),
}


def constant(value: bool) -> Comparison:
    return Comparison("constant", "", "=", value)


def rewritten(node: Node) -> Node:
    """Return the filter with the kinds of comparisons that are stored elsewhere."""
    match node:
        case And(parts):
            return And(tuple(map(rewritten, parts)))
        case Or(parts):
            return Or(tuple(map(rewritten, parts)))
        case Not(part):
            return Not(rewritten(part))
        case Comparison(kind, key, op, value):
            return Comparison(_kind(kind, key, op), key, op, value)
    raise AssertionError(node)


def _kind(kind: str, key: str, op: str) -> str:
    if kind == "metadata":
        if key in _RESERVED:
            return "reserved"
        return "run" if key == infos.SOURCE_RUN and op in _BY_LINK else kind
    if kind == "tag":
        if key == links.PROMPTS:
            return "prompt"
        return "derived" if key in _MADE_OF_COLUMNS else kind
    return kind


def texts_of(node: Comparison) -> Column:
    """Return a column with the text that RLIKE compares, or with all of them, joined by ``SEPARATOR``."""
    if node.kind == "attribute":
        return ENTITY.attributes[node.key]
    if node.kind == "derived":
        return DERIVED[node.key]
    if node.kind in ENTITY.children:
        found = search.conditions.rows_of(ENTITY, node.kind)
        c = found.selected_columns
        return found.with_only_columns(c.value).where(c.key == node.key).correlate(traces).scalar_subquery()
    return reduce(operator.add, (_joined_texts(found) for found in _SEVERAL_TEXTS[node.kind](node)))


def _joined_texts(found: sa.Select[Any]) -> Column:
    [column] = found.selected_columns
    joined = found.with_only_columns(sa.func.aggregate_strings(column, SEPARATOR))
    return sa.func.coalesce(joined.scalar_subquery(), "").concat(SEPARATOR)


def _run_texts(node: Comparison) -> list[sa.Select[Any]]:
    return [_source_run(), _linked_run()]


def _assessed_texts(node: Comparison) -> list[sa.Select[Any]]:
    direct, of_session = _assessed_rows(Comparison(node.kind, node.key, "IS NOT NULL", None))
    return [direct, of_session]


_SEVERAL_TEXTS: dict[str, Callable[[Comparison], list[sa.Select[Any]]]] = {
    "run": _run_texts,
    **dict.fromkeys(ASSESSED, _assessed_texts),
}


def _source_run() -> sa.Select[Any]:
    c = trace_metadata.c
    return sa.select(c.value).where(c.trace_id == traces.c.id, c.key == infos.SOURCE_RUN).correlate(traces)


def _linked_run() -> sa.Select[Any]:
    return sa.select(trace_runs.c.run_uuid).where(trace_runs.c.trace_id == traces.c.id).correlate(traces)


def _run(node: Comparison) -> Column:
    either = []
    for found in (_source_run(), _linked_run()):
        [column] = found.selected_columns
        either.append(found.where(compare(column, node.op, node.value)).exists())
    return sa.or_(*either)


def _prompt(node: Comparison) -> Column:
    values = node.value if isinstance(node.value, tuple) else (node.value,)
    names = [str(value).rpartition("/")[::2] for value in values]
    c = trace_prompts.c
    is_wanted: Column
    if node.op == "BETWEEN":
        is_wanted = (c.name + "/" + c.version).between(*values)
    else:
        [(name, version)] = names
        is_wanted = sa.and_(c.name == name, c.version == version)
    return sa.select(c.name).where(c.trace_id == traces.c.id, is_wanted).correlate(traces).exists()


def _derived(node: Comparison) -> Column:
    return _presence(DERIVED[node.key], node)


def _presence(column: Column, node: Comparison) -> Column:
    if node.op == "IS NULL":
        return column.is_(None)
    return column.is_not(None) if node.op == "IS NOT NULL" else compare(column, node.op, node.value)


def _reserved(node: Comparison) -> Column:
    """Compare token usage or cost: with the text that clients read, see ``infos.promoted``."""
    columns = {name: traces.c[name] for name in _RESERVED[node.key]}
    has_any = sa.or_(*(column.is_not(None) for column in columns.values()))
    if node.op == "IS NULL":
        return sa.not_(has_any)
    if node.op == "IS NOT NULL":
        return has_any
    wanted = _values_in(str(node.value), columns)
    if wanted is None:
        return sa.false() if node.op == "=" else has_any
    is_equal = sa.and_(*(c == wanted[name] if name in wanted else c.is_(None) for name, c in columns.items()))
    return is_equal if node.op == "=" else sa.and_(has_any, sa.not_(sa.func.coalesce(is_equal, sa.false())))


def _values_in(text: str, columns: dict[str, Any]) -> dict[str, Any] | None:
    """Return the values in a text if it is written as the server writes it, else None."""
    try:
        values = json.loads(text)
        is_ours = bool(values) and values.keys() <= columns.keys()
        in_order = {name: values[name] for name in columns if name in values}
    except (ValueError, RecursionError, AttributeError, TypeError):
        return None
    if not is_ours or json.dumps(in_order) != text:
        return None
    is_number = all(
        isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1 << 63 for v in values.values()
    )
    return in_order if is_number else None


def _assessment_conditions(c: Any, node: Comparison) -> list[Column]:
    conditions: list[Column] = [c.kind == node.kind, c.name == node.key, c.is_valid == sa.true()]
    if node.op in ("IS NULL", "IS NOT NULL"):
        return conditions
    values = node.value if isinstance(node.value, tuple) else (node.value,)
    if all(isinstance(value, int | float) for value in values):
        return [*conditions, c.is_number == sa.true(), compare(c.number, node.op, node.value)]
    return [*conditions, compare(c.text, node.op, node.value)]


def _assessed_rows(node: Comparison) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Return queries for the texts of the assessments of a trace: its own, and those of its session."""
    own = sa.select(assessments.c.text).where(
        assessments.c.trace_id == traces.c.id, *_assessment_conditions(assessments.c, node)
    )
    other = assessments.alias("of_session")
    c = trace_metadata.c
    of_session = sa.select(other.c.text).where(
        c.trace_id == traces.c.id,
        c.key == infos.SESSION,
        other.c.experiment_id == traces.c.experiment_id,
        other.c.session == c.value,
        *_assessment_conditions(other.c, node),
    )
    return own.correlate(traces), of_session.correlate(traces)


def _assessed(node: Comparison) -> Column:
    found = sa.or_(*(query.exists() for query in _assessed_rows(node)))
    return sa.not_(found) if node.op == "IS NULL" else found


def _issue(node: Comparison) -> Column:
    c = assessments.c
    names = compare(c.name, node.op, node.value)
    found = sa.select(c.id).where(c.trace_id == traces.c.id, c.kind == "issue", names)
    return found.correlate(traces).exists()


def _kinds(node: Comparison) -> Column:
    kind_ids: Any = node.value
    if not kind_ids:
        return sa.false()
    # A trace has few spans. Without + 0, SQLite would look up each kind instead.
    is_wanted = (spans.c.kind_id + 0).in_(search.inline(kind_ids))
    found = sa.select(spans.c.kind_id).where(spans.c.trace_id == traces.c.id, is_wanted)
    return found.correlate(traces).exists()


def _true(node: Comparison) -> Column:
    return sa.true()


def _constant(node: Comparison) -> Column:
    return sa.true() if node.value else sa.false()


ENTITY = search.Entity(
    TRACES,
    owner=traces.c.id,
    attributes={
        "timestamp_ms": traces.c.request_time,
        "execution_time_ms": traces.c.duration,
        "end_time_ms": traces.c.request_time + sa.func.coalesce(traces.c.duration, 0),
        "status": traces.c.state,
        "request_id": traces.c.trace_id,
        "client_request_id": traces.c.client_request_id,
        "experiment_id": traces.c.experiment_id,
    },
    children={
        "tag": search.Child(trace_tags, trace_tags.c.trace_id, by_value=True),
        "metadata": search.Child(trace_metadata, trace_metadata.c.trace_id, by_value=True),
    },
    special={
        "run": _run,
        "prompt": _prompt,
        "derived": _derived,
        "reserved": _reserved,
        "issue": _issue,
        "kinds": _kinds,
        "texts": _true,
        "constant": _constant,
        **dict.fromkeys(ASSESSED, _assessed),
    },
    nullable={"execution_time_ms"},
)


def members(tx: Tx, node: Comparison, experiment_ids: Sequence[int]) -> sa.Select[Any] | None:
    """Return a query for the numbers of the traces for which a comparison may be true, or None.

    It reads an index, and does not depend on the traces of a page. It leaves out no trace of the experiments.
    """
    if node.kind == "kinds":
        kind_ids: Any = node.value
        return sa.select(spans.c.trace_id.label("id")).where(spans.c.kind_id.in_(search.inline(kind_ids)))
    if node.kind == "texts":
        if not text_index.exists(tx):
            return None
        grams: Any = node.value
        # Without + 0, SQLite would read all traces of the experiments.
        not_indexed = sa.select(traces.c.id).where(
            text_index.IS_NOT_INDEXED, (traces.c.experiment_id + 0).in_(search.inline(experiment_ids))
        )
        found = sa.union_all(text_index.candidates(tx, grams), not_indexed).subquery()
        return sa.select(found.c.id)
    if node.op != "=":
        return None
    if node.kind == "run" and len(str(node.value)) <= SHORT_VALUE:
        metadata = trace_metadata.c
        by_metadata = sa.select(metadata.trace_id).where(
            metadata.key == infos.SOURCE_RUN,
            metadata.value == node.value,
            sa.func.length(metadata.value) <= sa.literal_column(str(SHORT_VALUE)),
        )
        by_link = sa.select(trace_runs.c.trace_id).where(trace_runs.c.run_uuid == node.value)
        found = sa.union_all(by_metadata, by_link).subquery()
        return sa.select(found.c.trace_id.label("id"))
    if node.kind == "prompt":
        name, _, version = str(node.value).rpartition("/")
        c = trace_prompts.c
        return sa.select(c.trace_id.label("id")).where(c.name == name, c.version == version)
    if node.kind == "issue":
        a = assessments.c
        return sa.select(a.trace_id.label("id")).where(
            a.experiment_id.in_(search.inline(experiment_ids)), a.name == node.value, a.kind == "issue"
        )
    return None


def assessed_ids(tx: Tx, node: Comparison, experiment_ids: Sequence[int], limit: int) -> list[int] | None:
    """Return the numbers of the traces for which a comparison of an assessment may be true.

    Return None if there are more than ``limit``, or if no index has them.
    """
    if node.op == "IS NULL":
        return None
    a, c = assessments.c, trace_metadata.c
    op = "IS NOT NULL" if node.op == "RLIKE" else node.op
    conditions = _assessment_conditions(a, Comparison(node.kind, node.key, op, node.value))
    query = sa.select(a.trace_id, a.session).where(
        a.experiment_id.in_(search.inline(experiment_ids)), *conditions
    )
    found = tx.execute(query.limit(limit + 1)).all()
    sessions = sorted({row.session for row in found if row.session is not None})
    if len(found) > limit or any(len(session) > SHORT_VALUE for session in sessions):
        return None
    ids = {row.trace_id for row in found}
    if sessions:
        is_short = sa.func.length(c.value) <= sa.literal_column(str(SHORT_VALUE))
        of_sessions = sa.select(c.trace_id).where(
            c.key == infos.SESSION, c.value.in_(search.inline(sessions)), is_short
        )
        ids.update(tx.execute(of_sessions.limit(limit + 1)).scalars())
    return None if len(ids) > limit else sorted(ids)
