"""The rules of an experiment for new traces, and what rules would change in stored traces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from trackway.client_compat.traces import ingest_rules
from trackway.client_compat.traces.attributes import INPUTS, OUTPUTS
from trackway.client_compat.traces.ingest_rules import IngestRules

from ..database import Prepared, Tx
from ..schema.traces import traces
from ..schema.tracking import experiment_tags
from ..tracking import experiments
from . import bodies

_TEXT = Prepared(
    sa.select(experiment_tags.c.value).where(
        experiment_tags.c.experiment_id == sa.bindparam("experiment"),
        experiment_tags.c.key == sa.bindparam("tag"),
    ),
    *("experiment", "tag"),
)
# What clients copy from a trace's inputs and outputs to its metadata.
_COPIES = {"mlflow.traceInputs": INPUTS, "mlflow.traceOutputs": OUTPUTS}


class Trial(NamedTuple):
    """What rules would do with stored traces: how many they are, would be kept, and would be changed."""

    traces: int
    kept: int
    spans: int
    masked_spans: int
    masked_values: int


def of_experiment(tx: Tx, experiment_id: int) -> IngestRules:
    """Return the rules of an experiment, given by its number. Text that is no rules counts as none."""
    row = tx.first(_TEXT, experiment_id, ingest_rules.TAG)
    return ingest_rules.NONE if row is None else ingest_rules.parse(row.value)


def mask_tags(tags: Mapping[str, str], rules: IngestRules) -> dict[str, str]:
    """Return the tags of a trace masked."""
    return {key: rules.mask_text(text, key) or "" for key, text in tags.items()}


def mask_metadata(metadata: Mapping[str, str], rules: IngestRules) -> dict[str, str]:
    """Return the metadata of a trace with the copies of its inputs and outputs masked."""
    return {key: rules.mask_text(text, _COPIES.get(key, key)) or "" for key, text in metadata.items()}


def try_rules(tx: Tx, experiment_id: str, rules: IngestRules, limit: int) -> Trial:
    """Return what the rules would do with the newest traces of an experiment. Nothing is changed."""
    experiment = experiments.find(tx, experiment_id)
    newest = (
        sa.select(traces.c.id, traces.c.trace_id)
        .where(traces.c.experiment_id == experiment.id)
        .order_by(traces.c.request_time.desc(), traces.c.trace_id)
        .limit(limit)
    )
    found = tx.execute(newest).all()
    kept = span_count = masked_spans = masked_values = 0
    for row in found:
        kept += rules.keeps(row.trace_id)
        for chunks in bodies.chunks_of(tx, [row.id]).values():
            for line in bodies.lines_of(chunks):
                changes = rules.mask_span(json.loads(line))
                span_count += 1
                masked_spans += bool(changes)
                masked_values += changes
    return Trial(len(found), kept, span_count, masked_spans, masked_values)
