"""Data for tests. The ``make_`` functions create one thing with the storage functions, and return its id."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping

import sqlalchemy as sa

from trackway.client_compat import codec
from trackway.client_compat import messages as m
from trackway.client_compat.model_sources import Source
from trackway.storage.database import Database, Tx
from trackway.storage.registry import aliases, model_versions, registered_models
from trackway.storage.schema import registry, tracking
from trackway.storage.tracking import experiments, logged_models, metrics, run_creation, run_locks, runs

ARTIFACT_ROOT = "mlflow-artifacts:/"
START_MS = 1_700_000_000_000
_numbers = itertools.count(1)


def at(tx: Tx, time_ms: int) -> Tx:
    """Set the time of the transaction. Return the transaction."""
    tx._now_ms = time_ms
    return tx


def make_experiment(
    tx: Tx,
    name: str | None = None,
    *,
    artifact_location: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Create an experiment, by default with a unique name. Return its id."""
    tag_list = [m.ExperimentTag(key=key, value=value) for key, value in (tags or {}).items()]
    return experiments.create(
        tx, name or f"experiment {next(_numbers)}", artifact_location, tag_list, ARTIFACT_ROOT
    )


def make_run(
    tx: Tx,
    experiment_id: str = "0",
    *,
    name: str | None = None,
    start_time: int | None = None,
    end_time: int | None = None,
    status: str | None = None,
    user: str = "alice",
    metrics: Mapping[str, float] | None = None,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Create a run. Return its id. The default start time is a second after the previous one."""
    started = START_MS + 1000 * next(_numbers) if start_time is None else start_time
    run = run_creation.create(
        tx,
        m.CreateRun(
            experiment_id=experiment_id,
            user_id=user,
            run_name=name,
            start_time=started,
            tags=[m.RunTag(key=key, value=value) for key, value in (tags or {}).items()],
        ),
    )
    assert run.info
    assert run.info.run_id
    run_id = run.info.run_id
    log_metrics(tx, run_id, *(point(key, value) for key, value in (metrics or {}).items()))
    log_params(tx, run_id, params or {})
    if status or end_time is not None:
        runs.update(tx, m.UpdateRun(run_id=run_id, status=status, end_time=end_time))
    return run_id


def among_many(filter: str | None) -> str:
    """Return a filter that finds the same and has many comparisons."""
    others = " OR ".join(f"tags.missing{number} = 'x'" for number in range(20))
    return f"NOT ({others})" if filter is None else f"({filter}) AND NOT ({others})"


def get_run(tx: Tx, run_id: str) -> m.Run:
    return codec.decode(m.Run, json.loads(runs.get(tx, run_id)))


def find_runs(tx: Tx, search: m.SearchRuns) -> tuple[list[m.Run], str | None]:
    found, token = runs.find_page(tx, search)
    return [codec.decode(m.Run, json.loads(text)) for text in found], token


def make_logged_model(
    tx: Tx,
    experiment_id: str = "0",
    *,
    name: str | None = None,
    model_type: str | None = None,
    source_run_id: str | None = None,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Create a logged model. Return its id."""
    model = logged_models.create(
        tx,
        m.CreateLoggedModel(
            experiment_id=experiment_id,
            name=name,
            model_type=model_type,
            source_run_id=source_run_id,
            params=[m.LoggedModelParameter(key=key, value=value) for key, value in (params or {}).items()],
            tags=[m.LoggedModelTag(key=key, value=value) for key, value in (tags or {}).items()],
        ),
    )
    assert model.info
    assert model.info.model_id
    return model.info.model_id


def make_registered_model(
    tx: Tx,
    name: str | None = None,
    *,
    versions: int = 0,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Create a registered model, by default with a unique name. Return its name."""
    name = name or f"model {next(_numbers)}"
    new = [m.RegisteredModelTag(key=key, value=value) for key, value in (tags or {}).items()]
    registered_models.create(tx, m.CreateRegisteredModel(name=name, description=description, tags=new))
    for _ in range(versions):
        make_version(tx, name)
    return name


def make_many_models(tx: Tx, count: int, versions: int = 3) -> None:
    """Create models "model 0000" and so on, with versions, a tag and an alias. Version 1 is in Production.

    Every tenth has the tag team "vision", the others "taste". The rows are inserted with few statements.
    """
    models = [
        {
            "id": 1_000_000 + number,
            "workspace_id": tx.workspace,
            "name": f"model {number:04}",
            "creation_time": START_MS,
            "last_updated_time": START_MS + number,
            "last_version": versions,
        }
        for number in range(count)
    ]
    made = [
        {
            "id": 100 * model["id"] + version,
            "model_id": model["id"],
            "version": version,
            "creation_time": START_MS,
            "last_updated_time": START_MS + version,
            "current_stage": "Production" if version == 1 else "None",
            "source": "s3://bucket/model",
            "storage_location": "s3://bucket/model",
            "run_id": f"run {model['id'] % 10}",
            "run_link": "",
            "logged_model_id": "",
        }
        for model in models
        for version in range(1, versions + 1)
    ]
    teams = ["taste" if model["id"] % 10 else "vision" for model in models]
    tags = [{"model_id": m["id"], "key": "team", "value": t} for m, t in zip(models, teams, strict=True)]
    tx.execute(sa.insert(registry.registered_models), models)
    tx.execute(sa.insert(registry.model_versions), made)
    tx.execute(sa.insert(registry.registered_model_tags), tags)
    tx.execute(
        sa.insert(registry.model_version_tags),
        [{"version_id": v["id"], "key": "n", "value": str(v["version"])} for v in made],
    )
    tx.execute(
        sa.insert(registry.registered_model_aliases),
        [{"model_id": model["id"], "alias": "champion", "version": 1} for model in models],
    )


def make_version(
    tx: Tx,
    name: str,
    *,
    source: str = "s3://bucket/model",
    location: str | None = None,
    run_id: str = "",
    logged_model: str = "",
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    alias: str | None = None,
) -> str:
    """Create a version of an existing model. Return its number as text."""
    new = [m.ModelVersionTag(key=key, value=value) for key, value in (tags or {}).items()]
    version = model_versions.create(
        tx,
        m.CreateModelVersion(name=name, source=source, description=description, tags=new),
        Source(source, location or source, run_id, logged_model),
    ).version
    assert version
    if alias:
        aliases.put(tx, name, alias, version)
    return version


def point(
    key: str,
    value: float,
    *,
    step: int = 0,
    timestamp: int = START_MS,
    model: str | None = None,
    dataset: str | None = None,
) -> m.Metric:
    """Return a metric message. ``model`` is a logged model's id, ``dataset`` is "name/digest"."""
    name, _, digest = (dataset or "").partition("/")
    return m.Metric(
        key=key,
        value=value,
        step=step,
        timestamp=timestamp,
        model_id=model,
        dataset_name=name or None,
        dataset_digest=digest or None,
    )


def log_metrics(tx: Tx, run_id: str, *points: m.Metric) -> None:
    metrics.log(tx, run_locks.lock_active(tx, run_id), points)


def log_params(tx: Tx, run_id: str, params: Mapping[str, str]) -> None:
    new = [m.Param(key=key, value=value) for key, value in params.items()]
    runs.log_params(tx, run_locks.lock_active(tx, run_id), new)


def set_tags(tx: Tx, run_id: str, tags: Mapping[str, str]) -> None:
    new = [m.RunTag(key=key, value=value) for key, value in tags.items()]
    runs.set_tags(tx, run_locks.lock_active(tx, run_id), new)


def make_noise(database: Database) -> None:
    """Fill a second workspace with the names, keys and values that tests use in the first.

    A query that does not filter by workspace finds these rows too, and a test fails.
    """
    with database.begin(write=True) as tx:
        workspace = tx.execute(
            sa.insert(tracking.workspaces).values(name="noise").returning(tracking.workspaces.c.id)
        ).scalar_one()
    with database.begin(write=True, workspace=workspace) as tx:
        for name in ("Default", "a", "b", "test", "experiment"):
            experiment_id = make_experiment(tx, name, tags={"team": "vision", "k": "v"})
            for number in range(4):
                run_id = make_run(
                    tx,
                    experiment_id,
                    name="run",
                    start_time=START_MS + number,
                    status="FINISHED",
                    metrics={"loss": 0.5, "accuracy": float(number), "m": 1.0},
                    params={"lr": "0.1", "p": "1"},
                    tags={"k": "v", "team": "vision"},
                )
                log_metrics(tx, run_id, *(point("loss", 1 / (step + 1), step=step) for step in range(1, 6)))
            for model in ("model", "a", "b"):
                tags, params = {"k": "v", "team": "vision"}, {"lr": "0.1", "p": "1"}
                model_id = make_logged_model(tx, experiment_id, name=model, tags=tags, params=params)
                log_metrics(tx, run_id, point("loss", 0.5, model=model_id, dataset="iris/d1"))
            runs.delete(tx, run_id)
        experiments.delete(tx, experiment_id)
        for name in ("a", "b", "model"):
            make_registered_model(tx, name, tags={"k": "v", "team": "vision"})
            for alias in ("first", "champion"):
                make_version(tx, name, run_id=run_id, tags={"k": "v", "team": "vision"}, alias=alias)
