"""What is known of a model version: the values of facts, with one statement for each kind of fact.

Facts about a version's run and logged model are read in the version's workspace only: the ids of both are
what a client said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.governance.approval_rules import APPROVE, REJECT
from trackway.client_compat.governance.evaluation import Found
from trackway.client_compat.governance.facts import Fact

from ..database import Tx
from ..schema import registry, tracking
from ..schema.tracking import logged_model_series, logged_models, runs, series
from . import approvals

_MS_PER_HOUR = 3_600_000
# The metrics of a version: those of its logged model, or those of its run.
_OF_MODEL, _OF_RUN = 0, 1


def read(tx: Tx, facts: Collection[Fact], version: sa.Row[Any], target: str) -> dict[Fact, Found]:
    """Return what is found for facts of a version, for a target such as "alias:production".

    ``version`` is a row as ``model_versions.find`` returns it.
    """
    found = _of_version(tx, [fact for fact in facts if not fact.alias], version, target)
    for alias in dict.fromkeys(fact.alias for fact in facts if fact.alias):
        asked = [fact for fact in facts if fact.alias == alias]
        named = _named_by(tx, version.model_id, alias)
        if named is None:
            note = f"the alias {alias!r} names no version yet"
            found |= dict.fromkeys(asked, Found(None, "no_version", note))
        else:
            values = _of_version(tx, asked, named, target)
            found |= {fact: value._replace(version=named.version) for fact, value in values.items()}
    return found


def _named_by(tx: Tx, model_id: int, alias: str) -> sa.Row[Any] | None:
    versions, aliases = registry.model_versions, registry.registered_model_aliases
    names = sa.and_(aliases.c.model_id == versions.c.model_id, aliases.c.version == versions.c.version)
    query = sa.select(versions).join(aliases, names)
    return tx.execute(query.where(aliases.c.model_id == model_id, aliases.c.alias == alias)).first()


def _of_version(tx: Tx, facts: Iterable[Fact], version: sa.Row[Any], target: str) -> dict[Fact, Found]:
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(fact.group.partition(".")[0], []).append(fact)
    found: dict[Fact, Found] = {}
    for group, asked in groups.items():
        found |= _READERS[group](tx, asked, version, target)
    return found


def _metrics(tx: Tx, facts: list[Fact], version: sa.Row[Any], _target: str) -> dict[Fact, Found]:
    keys = sorted({fact.key for fact in facts})
    values: dict[str, tuple[Any, ...]] = {}
    of_model = _models_metrics(tx, version, keys).where(logged_model_series.c.dataset_name == "")
    of_run = (
        sa.select(
            sa.literal(_OF_RUN).label("rank"),
            *(series.c[name] for name in ("key", "timestamp", "step", "value", "is_nan")),
        )
        .join(runs, runs.c.id == series.c.run_id)
        .join(tracking.experiments, tracking.experiments.c.id == runs.c.experiment_id)
        .where(
            runs.c.run_uuid == version.run_id,
            tracking.experiments.c.workspace_id == tx.workspace,
            series.c.key.in_(keys),
        )
    )
    # The newest metric of the logged model. One that was logged with a dataset is a fact of "on".
    for row in tx.execute(sa.union_all(of_model, of_run)):
        order = (-row.rank, row.timestamp, row.step, row.value)
        if row.key not in values or order > values[row.key][0]:
            values[row.key] = (order, _number(row))
    note = "neither its logged model nor its run has this metric"
    return {
        fact: Found(values[fact.key][1]) if fact.key in values else Found(None, "absent", note)
        for fact in facts
    }


def _metrics_on(tx: Tx, facts: list[Fact], version: sa.Row[Any], _target: str) -> dict[Fact, Found]:
    table = logged_model_series.c
    names = sorted({fact.dataset for fact in facts})
    query = (
        _models_metrics(tx, version, sorted({fact.key for fact in facts}))
        .add_columns(table.dataset_name, table.dataset_digest)
        .where(sa.or_(table.dataset_name.in_(names), table.dataset_digest.in_(names)))
    )
    rows = tx.execute(query).all()
    found = {}
    for fact in facts:
        matching = [
            row
            for row in rows
            if row.key == fact.key and fact.dataset in (row.dataset_name, row.dataset_digest)
        ]
        newest = max(matching, key=lambda row: (row.timestamp, row.step, row.value), default=None)
        note = f"its logged model has no metric {fact.key!r} on the dataset {fact.dataset!r}"
        found[fact] = Found(None, "absent", note) if newest is None else Found(_number(newest))
    return found


def _models_metrics(tx: Tx, version: sa.Row[Any], keys: list[str]) -> sa.Select[Any]:
    """Return the query for the newest values of a logged model's metrics, of each run and dataset."""
    table = logged_model_series.c
    return (
        sa.select(
            sa.literal(_OF_MODEL).label("rank"),
            *(table[name] for name in ("key", "timestamp", "step", "value", "is_nan")),
        )
        .join(logged_models, logged_models.c.id == table.logged_model_id)
        .join(tracking.experiments, tracking.experiments.c.id == logged_models.c.experiment_id)
        .where(
            logged_models.c.model_id == version.logged_model_id,
            tracking.experiments.c.workspace_id == tx.workspace,
            table.key.in_(keys),
        )
    )


def _number(row: sa.Row[Any]) -> float:
    return float("nan") if row.is_nan else float(row.value)


def _params(tx: Tx, facts: list[Fact], version: sa.Row[Any], _target: str) -> dict[Fact, Found]:
    keys = sorted({fact.key for fact in facts})
    table = tracking.logged_model_params
    of_model = _in_workspace(
        tx,
        sa.select(sa.literal(_OF_MODEL).label("rank"), table.c.key, table.c.value)
        .join(logged_models, logged_models.c.id == table.c.logged_model_id)
        .where(logged_models.c.model_id == version.logged_model_id, table.c.key.in_(keys)),
        logged_models.c.experiment_id,
    )
    of_run = _of_run(tx, tracking.params, version, keys)
    return _nearest(tx, facts, of_model, of_run, "neither its logged model nor its run has this parameter")


def _tags(tx: Tx, facts: list[Fact], version: sa.Row[Any], _target: str) -> dict[Fact, Found]:
    keys = sorted({fact.key for fact in facts})
    table = registry.model_version_tags
    of_version = sa.select(sa.literal(_OF_MODEL).label("rank"), table.c.key, table.c.value).where(
        table.c.version_id == version.id, table.c.key.in_(keys)
    )
    of_run = _of_run(tx, tracking.run_tags, version, keys)
    return _nearest(tx, facts, of_version, of_run, "neither it nor its run has this tag")


def _of_run(tx: Tx, table: sa.Table, version: sa.Row[Any], keys: list[str]) -> sa.Select[Any]:
    """Return the query for values of a version's run."""
    query = (
        sa.select(sa.literal(_OF_RUN).label("rank"), table.c.key, table.c.value)
        .join(runs, runs.c.id == table.c.run_id)
        .where(runs.c.run_uuid == version.run_id, table.c.key.in_(keys))
    )
    return _in_workspace(tx, query, runs.c.experiment_id)


def _in_workspace(tx: Tx, query: sa.Select[Any], experiment_id: sa.Column[Any]) -> sa.Select[Any]:
    experiments = tracking.experiments.c
    return query.join(tracking.experiments, experiments.id == experiment_id).where(
        experiments.workspace_id == tx.workspace
    )


def _nearest(
    tx: Tx, facts: list[Fact], first: sa.Select[Any], second: sa.Select[Any], note: str
) -> dict[Fact, Found]:
    """Return the texts that two queries find; for keys that both find, those of the first."""
    rows = tx.execute(sa.union_all(first, second)).all()
    values = {row.key: row.value for row in sorted(rows, key=lambda row: -row.rank)}
    return {
        fact: Found(values[fact.key]) if fact.key in values else Found(None, "absent", note) for fact in facts
    }


def _approvals(tx: Tx, facts: list[Fact], version: sa.Row[Any], target: str) -> dict[Fact, Found]:
    standing = approvals.standing(tx, version.id, target)
    yes = {user for user, decision in standing.items() if decision == APPROVE}
    values = {
        "approvals.count": len(yes),
        "approvals.others": len(yes - {version.user_id}),
        "approvals.rejected": sum(decision == REJECT for decision in standing.values()),
    }
    return {fact: Found(values[fact.group]) for fact in facts}


def _description(tx: Tx, facts: list[Fact], version: sa.Row[Any], _target: str) -> dict[Fact, Found]:
    text = version.description
    found = Found(text) if text else Found(None, "absent", "it has no description")
    return dict.fromkeys(facts, found)


def _age(tx: Tx, facts: list[Fact], version: sa.Row[Any], _target: str) -> dict[Fact, Found]:
    return dict.fromkeys(facts, Found((tx.now_ms - version.creation_time) / _MS_PER_HOUR))


_READERS: Mapping[str, Callable[[Tx, list[Fact], sa.Row[Any], str], dict[Fact, Found]]] = {
    "metrics": _metrics,
    "params": _params,
    "on": _metrics_on,
    "tags": _tags,
    "description": _description,
    "age_hours": _age,
    "approvals": _approvals,
}
