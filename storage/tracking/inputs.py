"""Inputs and outputs of runs: datasets and logged models that runs read, logged models that they created.

Logged models are stored by id only; whether they exist is not checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import messages as m

from .. import search
from ..database import Tx, insert_new, upsert
from ..schema.tracking import dataset_input_tags, dataset_inputs, datasets, run_models, runs
from . import experiments
from .run_locks import LockedRun

CONTEXT_TAG = "mlflow.data.context"
_MAX_SUMMARIES = 1000  # MLflow's limit

_ADD_DATASET = insert_new(datasets)
_ADD_INPUT = sa.insert(dataset_inputs).returning(dataset_inputs.c.id)
_ADD_MODEL = upsert(run_models, "step")

_IS_CONTEXT = sa.and_(
    dataset_input_tags.c.input_id == dataset_inputs.c.id, dataset_input_tags.c.key == CONTEXT_TAG
)
_CONTEXTS_OF_RUN = sa.select(dataset_inputs.c.dataset_id, dataset_input_tags.c.value).select_from(
    dataset_inputs.outerjoin(dataset_input_tags, _IS_CONTEXT)
)
_DATASETS_OF = (
    sa.select(
        dataset_inputs.c.run_id,
        dataset_inputs.c.id,
        *(column for column in datasets.c if column is not datasets.c.id),
        dataset_input_tags.c.key.label("tag_key"),
        dataset_input_tags.c.value.label("tag_value"),
    )
    .select_from(dataset_inputs.join(datasets).outerjoin(dataset_input_tags))
    .where(dataset_inputs.c.run_id.in_(search.OWNERS))
    .order_by(dataset_inputs.c.id, dataset_input_tags.c.key)
)


def log_datasets(tx: Tx, run: LockedRun, given: Sequence[m.DatasetInput]) -> None:
    """Store datasets as inputs of a locked run.

    A dataset is identified by experiment, name and digest. A run has it as an input once for each context
    (the tag ``mlflow.data.context``), where MLflow keeps the first context only. An input that the run has
    already is left as it is, with its tags; so is a dataset that is given again without a context. Of inputs
    given twice the first one is stored.
    """
    by_dataset: dict[tuple[str, str], dict[str, m.DatasetInput]] = {}
    for item in given:
        assert item.dataset is not None
        by_context = by_dataset.setdefault((item.dataset.name or "", item.dataset.digest or ""), {})
        context = next((tag.value for tag in item.tags if tag.key == CONTEXT_TAG), "")
        if context or not by_context:
            by_context.setdefault(context, item)
    if not by_dataset:
        return
    ids = _dataset_ids(tx, run, [next(iter(items.values())).dataset for items in by_dataset.values()])
    known: dict[int, set[str]] = {}
    for row in tx.execute(_CONTEXTS_OF_RUN.where(dataset_inputs.c.run_id == run.id)):
        known.setdefault(row.dataset_id, set()).add(row.value or "")
    tags: list[dict[str, Any]] = []
    for pair, by_context in by_dataset.items():
        contexts = known.get(ids[pair], set())
        for context, item in by_context.items():
            if context in contexts or (contexts and not context):
                continue
            added = tx.execute(_ADD_INPUT, {"run_id": run.id, "dataset_id": ids[pair]}).scalar()
            values = {tag.key: tag.value for tag in item.tags}
            tags += [{"input_id": added, "key": key, "value": value} for key, value in values.items()]
    if tags:
        tx.execute(sa.insert(dataset_input_tags), tags)


def _dataset_ids(tx: Tx, run: LockedRun, wanted: Sequence[m.Dataset | None]) -> dict[tuple[str, str], int]:
    """Add the datasets that the experiment does not have. Return the ids of all, by name and digest."""
    rows = [
        {
            "experiment_id": run.experiment_id,
            "name": dataset.name or "",
            "digest": dataset.digest or "",
            "source_type": dataset.source_type or "",
            "source": dataset.source or "",
            "schema": dataset.schema,
            "profile": dataset.profile,
        }
        for dataset in wanted
        if dataset is not None
    ]
    # In the order of their keys: two writers then lock rows in the same order and cannot deadlock.
    rows.sort(key=lambda row: (row["name"], row["digest"]))
    tx.execute(_ADD_DATASET, rows)
    stored = tx.execute(
        sa.select(datasets.c.id, datasets.c.name, datasets.c.digest).where(
            datasets.c.experiment_id == run.experiment_id,
            datasets.c.name.in_({row["name"] for row in rows}),
            datasets.c.digest.in_({row["digest"] for row in rows}),
        )
    )
    return {(row.name, row.digest): row.id for row in stored}


def log_models(tx: Tx, run: LockedRun, direction: str, models: Sequence[tuple[str, int]]) -> None:
    """Store logged models, each an (id, step), as inputs or outputs of a locked run.

    ``direction`` is "in" for models that the run read, "out" for models that it created. A model that is
    stored already gets the new step.
    """
    if models:
        tx.execute(
            _ADD_MODEL,
            [
                {"run_id": run.id, "direction": direction, "model_id": model_id, "step": step}
                for model_id, step in models
            ],
        )


def summaries(tx: Tx, experiment_ids: list[str]) -> list[m.DatasetSummary]:
    """Return the distinct (experiment, name, digest, context) of the inputs of the experiments' runs.

    They are in this order, at most 1,000. Experiments that do not exist are ignored.
    """
    ids = experiments.existing_ids(tx, experiment_ids)
    columns = (datasets.c.experiment_id, datasets.c.name, datasets.c.digest, dataset_input_tags.c.value)
    select = (
        sa.select(*columns)
        .select_from(datasets.join(dataset_inputs).outerjoin(dataset_input_tags, _IS_CONTEXT))
        .where(datasets.c.experiment_id.in_(ids))
        .distinct()
        .order_by(*columns)
        .limit(_MAX_SUMMARIES)
    )
    return [
        m.DatasetSummary(
            experiment_id=str(row.experiment_id), name=row.name, digest=row.digest, context=row.value
        )
        for row in tx.execute(select)
    ]


def datasets_of(tx: Tx, run_ids: Sequence[int]) -> dict[int, list[m.DatasetInput]]:
    """Return the datasets of several runs with their tags, by run, in the order in which they were stored."""
    if not run_ids:
        return {}
    by_run: dict[int, dict[int, m.DatasetInput]] = {}
    for row in tx.execute(_DATASETS_OF, {"owners": run_ids}):
        item = by_run.setdefault(row.run_id, {}).get(row.id)
        if item is None:
            item = by_run[row.run_id][row.id] = m.DatasetInput(
                dataset=m.Dataset(
                    name=row.name,
                    digest=row.digest,
                    source_type=row.source_type,
                    source=row.source,
                    schema=row.schema,
                    profile=row.profile,
                )
            )
        if row.tag_key is not None:
            item.tags.append(m.InputTag(key=row.tag_key, value=row.tag_value))
    return {run_id: list(items.values()) for run_id, items in by_run.items()}


def models_of(
    tx: Tx, run_ids: Sequence[int]
) -> tuple[dict[int, list[m.ModelInput]], dict[int, list[m.ModelOutput]]]:
    """Return the logged models that several runs read and those that they created, each by run."""
    read: dict[int, list[m.ModelInput]] = {}
    created: dict[int, list[m.ModelOutput]] = {}
    rows = search.children_of(
        tx, run_models, run_models.c.run_id, run_ids, run_models.c.step, run_models.c.model_id
    )
    for run_id, models in rows.items():
        read[run_id] = [m.ModelInput(model_id=row.model_id) for row in models if row.direction == "in"]
        created[run_id] = [
            m.ModelOutput(model_id=row.model_id, step=row.step) for row in models if row.direction == "out"
        ]
    return read, created


def _compared() -> sa.Select[Any]:
    """Return a query for what a search for runs compares as ``datasets.name``, ``.digest`` and ``.context``.

    A comparison is true of a run if one of its datasets fits.
    """
    of_run = dataset_inputs.c.run_id == runs.c.id
    described = [
        sa.select(sa.literal_column(f"'{key}'", sa.Text).label("key"), datasets.c[key].label("value")).where(
            of_run, datasets.c.id == dataset_inputs.c.dataset_id
        )
        for key in ("name", "digest")
    ]
    tagged = sa.select(sa.literal_column("'context'", sa.Text), dataset_input_tags.c.value).where(
        of_run, _IS_CONTEXT
    )
    every = sa.union_all(*(part.correlate(runs) for part in (*described, tagged))).subquery()
    return sa.select(every.c.key, every.c.value)


COMPARED = _compared()
