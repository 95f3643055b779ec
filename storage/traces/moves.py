"""Moving a trace to the experiment that its client says.

Clients of MLflow 3.5 to 3.11 send the spans below a root to their current experiment, and these may come
first: then the trace is there until the client says where it belongs. As in MLflow 3.17 it moves; unlike
there, only as long as no client has said something about it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from trackway.client_compat.traces.ingest_rules import IngestRules

from ..database import Tx
from ..schema.traces import assessments as assessed
from ..schema.traces import span_bodies, trace_metadata, trace_tags
from . import arrivals, assessments, bodies, infos, ingest_rules, rows, spans, tags, text_index


def move(tx: Tx, row: Any, experiment_id: int, rules: IngestRules, may_log: spans.MayLog) -> Any:
    """Move the trace of a locked row to an experiment, whose rules mask its texts. Return the new row.

    Raise ``InvalidParameter`` if a client has said already where the trace belongs, if its spans are not in
    the database, or if the caller may not log traces to the experiment where it is.
    """
    can_move = row.spans_location == rows.IN_DATABASE and not _is_begun(tx, row)
    if not (can_move and may_log(row.experiment_id)):
        raise rows.in_another_experiment(row.trace_id)
    lines = list(bodies.lines_of(bodies.chunks_of(tx, [row.id]).get(row.id, [])))
    # Removed as they are: the text index needs the texts that it has been given.
    text_index.remove(tx, [row.id])
    tx.execute(sa.delete(span_bodies).where(span_bodies.c.trace_id == row.id))
    rows.update(tx, row.id, {"experiment_id": experiment_id})
    a = assessed.c
    tx.execute(sa.update(assessed).where(a.trace_id == row.id).values(experiment_id=experiment_id))
    if rules.masks:
        _mask(tx, rows.find(tx, row.trace_id), rules)
    if lines:
        # The kinds of the spans are those of the new experiment.
        spans.store_again(tx, experiment_id, arrivals.from_lines(row.trace_id, lines), rules)
    return rows.lock(tx, row.trace_id)


def _is_begun(tx: Tx, row: Any) -> bool:
    """Return whether a client has said something about the trace: then it has said its experiment, too."""
    c = trace_metadata.c
    said = sa.select(c.key).where(c.trace_id == row.id, c.key == infos.IS_FINAL)
    return bool(row.given) or tx.execute(said).first() is not None


def _mask(tx: Tx, row: Any, rules: IngestRules) -> None:
    """Mask what is stored of a trace beside its spans."""
    tags.write(tx, row.id, ingest_rules.mask_tags(_values_of(tx, trace_tags, row.id), rules))
    values = _values_of(tx, trace_metadata, row.id)
    tags.write_metadata(tx, row.id, ingest_rules.mask_metadata(values, rules))
    assessments.add(tx, row, assessments.of_traces(tx, [row]).get(row.id, []))


def _values_of(tx: Tx, table: sa.Table, row_id: int) -> dict[str, str]:
    found = tx.execute(sa.select(table.c.key, table.c.value).where(table.c.trace_id == row_id))
    return {row.key: row.value for row in found}
