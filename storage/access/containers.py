"""The experiments and models of a request's resources, whose permissions decide about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import access_rules
from trackway.client_compat.errors import InvalidParameter

from ..database import Prepared, Tx
from ..registry import tags
from ..schema.registry import registered_models
from ..schema.traces import traces
from ..schema.tracking import experiments, logged_models, runs


def _of(key: sa.Column[Any]) -> Prepared:
    """Return the statement that finds the experiment of a resource by its id, which is in the column."""
    return Prepared(
        sa.select(key.table.c.experiment_id)
        .join(experiments, experiments.c.id == key.table.c.experiment_id)
        .where(key == sa.bindparam("key"), experiments.c.workspace_id == sa.bindparam("workspace")),
        *("key", "workspace"),
    )


_OF_RUN = _of(runs.c.run_uuid)
_OF_LOGGED_MODEL = _of(logged_models.c.model_id)
_OF_TRACE = _of(traces.c.trace_id)


def of_runs(tx: Tx, run_ids: Sequence[str]) -> list[str]:
    """Return the ids of the runs' experiments; none for a run that does not exist."""
    return _experiments(tx, _OF_RUN, run_ids)


def of_logged_models(tx: Tx, model_ids: Sequence[str]) -> list[str]:
    """Return the ids of the logged models' experiments; none for a model that does not exist."""
    return _experiments(tx, _OF_LOGGED_MODEL, model_ids)


def of_traces(tx: Tx, trace_ids: Sequence[str]) -> list[str]:
    """Return the ids of the traces' experiments; none for a trace that does not exist.

    They are read each time: a trace may move to another experiment (``traces.moves``).
    """
    found = (tx.first(_OF_TRACE, trace_id, tx.workspace) for trace_id in trace_ids)
    return [str(row.experiment_id) for row in found if row is not None]


def _experiments(tx: Tx, statement: Prepared, keys: Sequence[str]) -> list[str]:
    """Return the experiments of these keys. Those that were found before need no statement.

    A run or logged model stays in its experiment. One that is gone since, or has moved with its
    experiment to another workspace, is not found by the handler.
    """
    found = []
    for key in keys:
        experiment_id = tx.containers.get((statement, tx.workspace, key))
        if experiment_id is None:
            row = tx.first(statement, key, tx.workspace)
            if row is None:
                continue
            experiment_id = str(row.experiment_id)
            tx.containers.put((statement, tx.workspace, key), experiment_id)
        found.append(experiment_id)
    return found


def named(tx: Tx, names: Sequence[str]) -> list[str]:
    """Return the ids of the experiments with these names; none for a name that no experiment has."""
    query = sa.select(experiments.c.id).where(
        experiments.c.workspace_id == tx.workspace, experiments.c.name.in_(names)
    )
    return [str(row.id) for row in tx.execute(query)]


def ids_of(tx: Tx, names: Sequence[str]) -> list[str]:
    """Return the ids of experiments that are given by name or id. Raise ``InvalidParameter``.

    An id need not exist: who may not read an experiment must not learn whether it does.
    """
    ids = []
    for name in names:
        found = named(tx, [name])
        if not found and not access_rules.is_experiment_id(name):
            raise InvalidParameter(
                f"There is no experiment named {name!r}, and it is no id of an experiment."
            )
        ids += found or [name]
    return ids


def is_prompt(tx: Tx, name: str) -> bool:
    """Return whether the registered model is a prompt. One that does not exist is none."""
    query = sa.select(registered_models.c.id).where(
        registered_models.c.workspace_id == tx.workspace, registered_models.c.name == name
    )
    row = tx.execute(query).first()
    return row is not None and tags.is_prompt(tx, row.id)
