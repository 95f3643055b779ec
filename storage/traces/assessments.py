"""Assessments of traces: feedback, expectations, and references to issues.

Invariant: an assessment is valid unless another one of the same trace overrides it. All writes lock the trace
first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import assessment_rules as rules
from trackway.client_compat import genai_messages as g
from trackway.client_compat.errors import AlreadyExists, InvalidParameter, NotFound
from trackway.client_compat.traces.ingest_rules import IngestRules

from .. import search
from ..database import Prepared, Tx, insert_new, update_by_id, upsert
from ..schema.traces import assessments
from . import ingest_rules, rows

_NS_PER_MS = 1_000_000
_UNKNOWN_SOURCE = g.AssessmentSource.SourceType.SOURCE_TYPE_UNSPECIFIED
_COLUMNS = tuple(column.name for column in assessments.columns if column.name != "id")
_KEY = ("trace_id", "assessment_id")
_REPLACED = tuple(name for name in _COLUMNS if name not in (*_KEY, "experiment_id", "is_valid"))
_INSERT = Prepared(insert_new(assessments).returning(assessments.c.id), *_COLUMNS)
_REPLACE = Prepared(upsert(assessments, *_REPLACED, key=_KEY), *_COLUMNS)
_THIS = sa.and_(
    assessments.c.trace_id == sa.bindparam("row"), assessments.c.assessment_id == sa.bindparam("key")
)
_FIND = Prepared(sa.select(assessments).where(_THIS), "row", "key")
_DELETE = Prepared(sa.delete(assessments).where(_THIS), "row", "key")
_INVALIDATE = Prepared(
    sa.update(assessments).where(_THIS).values(is_valid=sa.false()).returning(assessments.c.id), "row", "key"
)
# Of those that override an assessment which is deleted: they override now what it has overridden.
_OVERRIDE_INSTEAD = Prepared(
    sa.update(assessments)
    .where(assessments.c.trace_id == sa.bindparam("row"), assessments.c.overrides == sa.bindparam("key"))
    .values(overrides=sa.bindparam("instead")),
    *("row", "key", "instead"),
)
_other = assessments.alias("other")
_IS_OVERRIDDEN = sa.exists().where(
    _other.c.trace_id == assessments.c.trace_id, _other.c.overrides == assessments.c.assessment_id
)
_REVALIDATE = Prepared(
    sa.update(assessments).where(_THIS, ~_IS_OVERRIDDEN).values(is_valid=sa.true()), "row", "key"
)


def create(tx: Tx, trace_id: str, new: g.Assessment) -> g.Assessment:
    """Add an assessment to a trace. The one that it overrides becomes invalid.

    Raise ``NotFound`` if the trace or the overridden assessment does not exist, ``AlreadyExists`` if the
    trace has an assessment with this id, ``InvalidParameter`` if it says nothing.
    """
    rules.check(new)
    rules.content(new)
    trace = rows.require(rows.lock(tx, trace_id), trace_id)
    ingest = ingest_rules.of_experiment(tx, trace.experiment_id)
    assessment_id = new.assessment_id or rules.new_id()
    if new.overrides and tx.first(_INVALIDATE, trace.id, new.overrides) is None:
        raise _not_found(trace_id, new.overrides)
    row = _row(tx, trace, assessment_id, new, rules.content(new, ingest), ingest)
    if tx.first(_INSERT, *row) is None:
        raise AlreadyExists(f"Assessment with ID '{assessment_id}' already exists for trace '{trace_id}'.")
    return _message(trace_id, tx.first(_FIND, trace.id, assessment_id))


def add(tx: Tx, trace: Any, new: Sequence[g.Assessment]) -> None:
    """Add the assessments that a client sends with a trace, whose row is locked, or replace them.

    Raise ``InvalidParameter`` if one of them says nothing.
    """
    if not new:
        return
    found = {}
    ingest = ingest_rules.of_experiment(tx, trace.experiment_id)
    for assessment in new:
        rules.check(assessment)
        said = rules.content(assessment, ingest)
        assessment_id = rules.id_of(trace.trace_id, assessment, said)
        found[assessment_id] = _row(tx, trace, assessment_id, assessment, said, ingest)
    tx.run_many(_REPLACE, [found[assessment_id] for assessment_id in sorted(found)])
    for overridden in sorted({assessment.overrides for assessment in new if assessment.overrides}):
        tx.first(_INVALIDATE, trace.id, overridden)


def get(tx: Tx, trace_id: str, assessment_id: str) -> g.Assessment:
    """Return an assessment. Raise ``NotFound`` if it or the trace does not exist."""
    return _message(trace_id, _require(tx, rows.find(tx, trace_id), trace_id, assessment_id))


def update(
    tx: Tx, trace_id: str, assessment_id: str, new: g.Assessment, fields: Sequence[str]
) -> g.Assessment:
    """Change the named fields of an assessment, and return it. Metadata are merged.

    Raise ``NotFound`` if it or the trace does not exist, ``InvalidParameter`` if a field cannot be changed.
    """
    rules.check_mask(fields)
    trace = rows.lock(tx, trace_id)
    row = _require(tx, trace, trace_id, assessment_id)
    ingest = ingest_rules.of_experiment(tx, trace.experiment_id)
    changes: dict[str, Any] = {"last_update_time": tx.now_ms}
    if "assessment_name" in fields:
        rules.check_name(new.assessment_name or "")
        changes["name"] = ingest.mask_name(new.assessment_name) or ""
    for kind in (rules.FEEDBACK, rules.EXPECTATION):
        if kind in fields:
            changes |= _new_content(row, kind, new, ingest)
    if "rationale" in fields:
        changes["rationale"] = ingest.mask_assessed(new.rationale) or ""
    if "metadata" in fields:
        merged = _metadata_of(row) | ingest_rules.mask_metadata(new.metadata, ingest)
        rules.check_metadata(merged)
        changes |= _metadata_columns(merged)
    tx.run(update_by_id(assessments, *changes), row.id, *changes.values())
    return _message(trace_id, tx.first(_FIND, trace.id, assessment_id))


def delete(tx: Tx, trace_id: str, assessment_id: str) -> None:
    """Delete an assessment, if there is one. The one that it overrode is valid again."""
    trace = rows.lock(tx, trace_id)
    row = tx.first(_FIND, trace.id, assessment_id) if trace else None
    if row is None:
        return
    tx.run(_DELETE, trace.id, assessment_id)
    tx.run(_OVERRIDE_INSTEAD, trace.id, assessment_id, row.overrides)
    if row.overrides:
        tx.run(_REVALIDATE, trace.id, row.overrides)


def of_traces(tx: Tx, traces: Sequence[Any]) -> dict[int, list[g.Assessment]]:
    """Return the assessments of traces, given by their rows, by the rows' numbers; the oldest first.

    Traces without any are left out.
    """
    c = assessments.c
    ids = {trace.id: trace.trace_id for trace in traces}
    found = search.children_of(tx, assessments, c.trace_id, list(ids), c.creation_time, c.id)
    return {row_id: [_message(ids[row_id], row) for row in group] for row_id, group in found.items()}


def _require(tx: Tx, trace: Any, trace_id: str, assessment_id: str) -> Any:
    if trace is None:
        raise NotFound(f"Trace with request_id '{trace_id}' not found")
    row = tx.first(_FIND, trace.id, assessment_id)
    if row is None:
        raise _not_found(trace_id, assessment_id)
    return row


def _not_found(trace_id: str, assessment_id: str) -> NotFound:
    return NotFound(f"Assessment with ID '{assessment_id}' not found for trace '{trace_id}'")


def _new_content(row: Any, kind: str, new: g.Assessment, ingest: IngestRules) -> dict[str, Any]:
    """Return the columns of a new value. Raise ``InvalidParameter`` unless the assessment is of the kind."""
    if row.kind != kind:
        what = "expectation" if kind == rules.EXPECTATION else "feedback"
        a = "an" if row.kind in (rules.EXPECTATION, rules.ISSUE) else "a"
        raise InvalidParameter(f"Cannot update {what} value on {a} {row.kind.capitalize()} assessment.")
    only = g.Assessment(
        feedback=new.feedback or g.Feedback() if kind == rules.FEEDBACK else None,
        expectation=new.expectation or g.Expectation() if kind == rules.EXPECTATION else None,
        error=new.error,
    )
    return rules.content(only, ingest)._asdict()


def _row(
    tx: Tx, trace: Any, assessment_id: str, new: g.Assessment, said: rules.Content, ingest: IngestRules
) -> list[Any]:
    source = new.source or g.AssessmentSource()
    values = {
        "assessment_id": assessment_id,
        "trace_id": trace.id,
        "experiment_id": trace.experiment_id,
        "name": ingest.mask_name(new.assessment_name) or "",
        **said._asdict(),
        "rationale": ingest.mask_assessed(new.rationale) or None,
        "source_type": source.source_type or _UNKNOWN_SOURCE,
        "source_id": ingest.mask_name(source.source_id) or None,
        **_metadata_columns(ingest_rules.mask_metadata(new.metadata, ingest)),
        "span_id": new.span_id or None,
        "overrides": new.overrides or None,
        "is_valid": True,
        "creation_time": (new.create_time or 0) // _NS_PER_MS or tx.now_ms,
        "last_update_time": (new.last_update_time or 0) // _NS_PER_MS or tx.now_ms,
    }
    return [values[name] for name in _COLUMNS]


def _metadata_columns(metadata: dict[str, str]) -> dict[str, str | None]:
    return {
        "metadata": json.dumps(metadata) if metadata else None,
        "session": metadata.get(rules.SESSION),
        "run_uuid": metadata.get(rules.SOURCE_RUN),
    }


def _metadata_of(row: Any) -> dict[str, str]:
    found: dict[str, str] = json.loads(row.metadata) if row.metadata else {}
    return found


def _message(trace_id: str, row: Any) -> g.Assessment:
    return g.Assessment(
        assessment_id=row.assessment_id,
        assessment_name=row.name,
        trace_id=trace_id,
        span_id=row.span_id,
        source=g.AssessmentSource(source_type=row.source_type, source_id=row.source_id),
        create_time=row.creation_time * _NS_PER_MS,
        last_update_time=row.last_update_time * _NS_PER_MS,
        **rules.message(row.kind, row.value, row.error),
        rationale=row.rationale,
        metadata=_metadata_of(row),
        overrides=row.overrides,
        valid=bool(row.is_valid),
    )
