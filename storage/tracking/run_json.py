"""Runs with everything logged to them, as messages and as the JSON text that responses contain.

The texts are cached under the version of the run's row. Every write to a run or its children changes that
version (``run_locks``), so a text whose version is the row's is up to date.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trackway.client_compat import codec
from trackway.client_compat import messages as m

from .. import search
from ..database import Tx
from ..schema.tracking import params, run_tags, series
from . import inputs
from .experiments import DELETED, PURGING


def dumps(tx: Tx, rows: Sequence[Any]) -> list[bytes]:
    """Return the JSON text of the run of each row, in the order of the rows.

    Only the runs without a cached text of their version are read from the database. Raise ``TooManyRows`` as
    ``messages`` does.
    """
    cache = tx.text_cache
    texts = cache.get((row.id, row.version) for row in rows)
    missing = [row for row, text in zip(rows, texts, strict=True) if text is None]
    new = iter(messages(tx, missing))
    for index, row in enumerate(rows):
        if texts[index] is None:
            text = texts[index] = codec.dumps(next(new))
            cache.put(row.id, row.version, text)
    return [text for text in texts if text is not None]


def messages(tx: Tx, rows: Sequence[Any]) -> list[m.Run]:
    """Return the run of each row, in the order of the rows, with all its children.

    Each kind of child is read with one statement, however many runs there are. Raise ``TooManyRows`` if
    several runs have too many children together.
    """
    ids = [row.id for row in rows]
    metrics = search.children_of(tx, series, series.c.run_id, ids, is_limited=True)
    run_params = search.children_of(tx, params, params.c.run_id, ids, is_limited=True)
    tags = search.children_of(tx, run_tags, run_tags.c.run_id, ids, is_limited=True)
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
    """Return the attributes of a run, from its row."""
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
        lifecycle_stage=DELETED if row.lifecycle_stage == PURGING else row.lifecycle_stage,
    )
