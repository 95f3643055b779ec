"""Traces as clients read them, without their spans: ``TraceInfoV3``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import genai_messages as g
from trackway.client_compat import uris

from .. import search
from ..database import Tx
from ..schema import tracking
from ..schema.traces import trace_metadata, trace_tags
from . import assessments, rows

TOKEN_USAGE, COST = "mlflow.trace.tokenUsage", "mlflow.trace.cost"
SESSION, USER, SOURCE_RUN = "mlflow.trace.session", "mlflow.trace.user", "mlflow.sourceRun"
IS_FINAL, SIZE = "mlflow.trace.infoFinalized", "mlflow.trace.sizeStats"
ARTIFACT_LOCATION, SPANS_LOCATION = "mlflow.artifactLocation", "mlflow.trace.spansLocation"
NAME = "mlflow.traceName"
_NS_PER_MS = 1_000_000


def get(tx: Tx, trace_id: str) -> g.TraceInfoV3:
    """Return a trace. Raise ``NotFound`` if it does not exist."""
    return messages(tx, [rows.require(rows.find(tx, trace_id), trace_id)])[0]


def get_many(tx: Tx, trace_ids: Sequence[str]) -> list[g.TraceInfoV3]:
    """Return those of the traces that exist, in the order of the ids."""
    return messages(tx, rows.find_many(tx, trace_ids))


def messages(tx: Tx, found: Sequence[Any]) -> list[g.TraceInfoV3]:
    """Return the traces of rows with their tags, metadata and assessments: one statement for each."""
    ids = [row.id for row in found]
    tags = search.children_of(tx, trace_tags, trace_tags.c.trace_id, ids)
    values = search.children_of(tx, trace_metadata, trace_metadata.c.trace_id, ids)
    assessed = assessments.of_traces(tx, found)
    locations = _locations(tx, {row.experiment_id for row in found})
    return [
        _message(
            row,
            tags.get(row.id, ()),
            values.get(row.id, ()),
            assessed.get(row.id, []),
            locations[row.experiment_id],
        )
        for row in found
    ]


def number_of_spans(info: g.TraceInfoV3) -> int | None:
    """Return how many spans the trace has, if its client has said it."""
    try:
        number = json.loads(info.trace_metadata.get(SIZE) or "{}").get("num_spans")
    except (ValueError, AttributeError, RecursionError):
        return None
    return number if isinstance(number, int) else None


def artifact_location(experiment_location: str, trace_id: str) -> str:
    """Return where the artifacts of a trace are."""
    return uris.append(experiment_location, "traces", trace_id, "artifacts")


def location_of(tx: Tx, row: Any) -> str:
    """Return where the artifacts of the trace of a row are."""
    return artifact_location(_locations(tx, {row.experiment_id})[row.experiment_id], row.trace_id)


def _message(
    row: Any, tags: Sequence[Any], values: Sequence[Any], assessed: list[g.Assessment], location: str
) -> g.TraceInfoV3:
    metadata = {value.key: value.value for value in values}
    metadata |= promoted(row)
    return g.TraceInfoV3(
        trace_id=row.trace_id,
        client_request_id=row.client_request_id,
        trace_location=g.TraceLocation(
            type=g.TraceLocation.TraceLocationType.MLFLOW_EXPERIMENT,
            mlflow_experiment=g.TraceLocation.MlflowExperimentLocation(experiment_id=str(row.experiment_id)),
        ),
        request_preview=row.request_preview,
        response_preview=row.response_preview,
        request_time=row.request_time * _NS_PER_MS,
        execution_duration=None if row.duration is None else row.duration * _NS_PER_MS,
        state=row.state,
        trace_metadata=metadata,
        assessments=assessed,
        tags={
            **{tag.key: tag.value for tag in tags},
            ARTIFACT_LOCATION: artifact_location(location, row.trace_id),
            **({SPANS_LOCATION: row.spans_location} if row.spans_location else {}),
        },
    )


def promoted(row: Any) -> dict[str, str]:
    """Return the metadata that is stored in columns: token usage and cost, as JSON text."""
    found = {}
    for key, names in ((TOKEN_USAGE, rows.TOKENS), (COST, rows.COSTS)):
        values = {name: value for name in names if (value := getattr(row, name)) is not None}
        if values:
            found[key] = json.dumps(values)
    return found


def _locations(tx: Tx, experiment_ids: set[int]) -> dict[int, str]:
    """Return the artifact locations of experiments."""
    c = tracking.experiments.c
    query = sa.select(c.id, c.artifact_location).where(search.among(c.id, sorted(experiment_ids)))
    return {row.id: row.artifact_location for row in tx.execute(query)} if experiment_ids else {}
