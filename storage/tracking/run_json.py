"""Runs with everything logged to them: as messages, and as the JSON text that answers hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trackway.client_compat import codec
from trackway.client_compat import messages as m

from .. import search
from ..database import Tx
from ..schema.tracking import params, run_tags, series
from . import inputs


def dumps(tx: Tx, rows: Sequence[Any]) -> list[bytes]:
    """The JSON of each run, given by its row; made anew only for those that were written to since."""
    kept = tx.text_cache
    found = kept.get((row.id, row.version) for row in rows)
    missing = [row for row, text in zip(rows, found, strict=True) if text is None]
    made = iter(messages(tx, missing))
    for place, row in enumerate(rows):
        if found[place] is None:
            text = found[place] = codec.dumps(next(made))
            kept.put(row.id, row.version, text)
    return [text for text in found if text is not None]


def messages(tx: Tx, rows: Sequence[Any]) -> list[m.Run]:
    """Each run, given by its row: one statement for each kind of child, whatever the number of runs."""
    ids = [row.id for row in rows]
    metrics = search.children_of(tx, series, series.c.run_id, ids)
    run_params = search.children_of(tx, params, params.c.run_id, ids)
    tags = search.children_of(tx, run_tags, run_tags.c.run_id, ids)
    dataset_inputs = inputs.datasets_of(tx, ids)
    models_in, models_out = inputs.models_of(tx, ids)
    return [
        m.Run(
            info=info(row),
            data=m.RunData(
                metrics=[
                    m.Metric(
                        key=s.key,
                        value=float("nan") if s.is_nan else s.value,
                        timestamp=s.timestamp,
                        step=s.step,
                    )
                    for s in metrics.get(row.id, ())
                ],
                params=[m.Param(key=p.key, value=p.value) for p in run_params.get(row.id, ())],
                tags=[m.RunTag(key=t.key, value=t.value) for t in tags.get(row.id, ())],
            ),
            inputs=m.RunInputs(
                dataset_inputs=dataset_inputs.get(row.id, []), model_inputs=models_in.get(row.id, [])
            ),
            outputs=m.RunOutputs(model_outputs=models_out.get(row.id, [])),
        )
        for row in rows
    ]


def info(row: Any) -> m.RunInfo:
    return m.RunInfo(
        run_uuid=row.run_uuid,
        run_id=row.run_uuid,
        run_name=row.name,
        experiment_id=str(row.experiment_id),
        user_id=row.user_id,
        status=row.status,
        start_time=row.start_time,
        end_time=row.end_time or None,
        artifact_uri=row.artifact_uri,
        lifecycle_stage=row.lifecycle_stage,
    )
