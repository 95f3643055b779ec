"""Metrics of logged models, on every database."""

from __future__ import annotations

import math
import random

import pytest
import sqlalchemy as sa

from tests.databases import statements_of
from tests.factories import (
    START_MS,
    get_run,
    log_metrics,
    make_experiment,
    make_logged_model,
    make_run,
    point,
)
from trackway.client_compat import messages as m
from trackway.client_compat.errors import NotFound
from trackway.storage.database import Database, Tx
from trackway.storage.schema.tracking import logged_model_series
from trackway.storage.tracking import logged_models, metrics

LARGEST = 1.7976931348623157e308


def metrics_of(tx: Tx, model_id: str) -> list[m.Metric]:
    data = logged_models.get(tx, model_id).data
    assert data
    return data.metrics


def newest(tx: Tx, model_id: str) -> dict[tuple[str, str, str], float]:
    """The newest value of each of the model's series, by key and dataset."""
    row = logged_models.find(tx, model_id)
    series = logged_model_series
    found = tx.execute(sa.select(series).where(series.c.logged_model_id == row.id))
    return {(r.key, r.dataset_name, r.dataset_digest): r.value for r in found}


def test_a_point_belongs_to_its_run_and_to_its_model(tx: Tx) -> None:
    run, model = make_run(tx), make_logged_model(tx)
    log_metrics(tx, run, point("acc", 0.5, step=3, model=model, dataset="iris/d1"), point("loss", 2))
    assert metrics_of(tx, model) == [
        m.Metric(
            key="acc",
            value=0.5,
            timestamp=START_MS,
            step=3,
            model_id=model,
            run_id=run,
            dataset_name="iris",
            dataset_digest="d1",
        )
    ]
    # As in MLflow, the run's own answer says nothing of the model.
    data = get_run(tx, run).data
    assert data
    assert data.metrics[0] == m.Metric(key="acc", value=0.5, timestamp=START_MS, step=3)
    assert [found.key for found in data.metrics] == ["acc", "loss"]


def test_every_point_comes_back_by_key_and_time(tx: Tx) -> None:
    first, second, model = make_run(tx), make_run(tx), make_logged_model(tx)
    log_metrics(
        tx,
        first,
        point("loss", 3, step=1, timestamp=5, model=model),
        point("loss", 2, step=2, timestamp=6, model=model),
        point("acc", 0.5, timestamp=9, model=model),
    )
    log_metrics(tx, second, point("loss", 1, timestamp=5, step=0, model=model, dataset="iris/d1"))
    found = [(x.key, x.timestamp, x.step, x.value, x.run_id) for x in metrics_of(tx, model)]
    assert found == [
        ("acc", 9, 0, 0.5, first),
        ("loss", 5, 0, 1, second),
        ("loss", 5, 1, 3, first),
        ("loss", 6, 2, 2, first),
    ]


def test_a_resent_batch_changes_nothing(tx: Tx) -> None:
    run, model = make_run(tx), make_logged_model(tx)
    batch = [point("loss", 1, model=model), point("loss", 1, model=model), point("acc", 2, model=model)]
    for _ in range(2):
        log_metrics(tx, run, *batch)
    assert [found.key for found in metrics_of(tx, model)] == ["acc", "loss"]


@pytest.mark.parametrize(
    "other",
    [
        {"value": 0.6},  # MLflow's server answers with an SQL error
        {"step": 2},
        {"timestamp": 1},
        {"dataset": "iris/d1"},
        {"dataset": "iris/d2"},
    ],
)
def test_a_point_that_differs_in_anything_is_a_point_of_its_own(tx: Tx, other: dict[str, object]) -> None:
    run, model = make_run(tx), make_logged_model(tx)
    logged = {"value": 0.5, "step": 1, "timestamp": START_MS, "dataset": "iris/d0"}
    for values in (logged, {**logged, **other}):
        log_metrics(tx, run, point("loss", model=model, **values))  # type: ignore[arg-type]
    assert len(metrics_of(tx, model)) == 2


def test_nan_stays_nan_and_infinity_becomes_the_largest_number(tx: Tx) -> None:
    run, model = make_run(tx), make_logged_model(tx)
    log_metrics(tx, run, point("inf", -math.inf, model=model), point("nan", math.nan, model=model))
    inf, nan = metrics_of(tx, model)
    assert inf.value == -LARGEST
    assert nan.value is not None
    assert math.isnan(nan.value)


def test_the_newest_value_is_decided_by_time_then_step_then_value(tx: Tx) -> None:
    points = [(time, step, value) for time in (1, 2) for step in (-3, 0, 7) for value in (-1.0, 5.0)]
    random.Random(1).shuffle(points)
    run, model, batched = make_run(tx), make_logged_model(tx), make_logged_model(tx)
    for time, step, value in points:
        log_metrics(tx, run, point("loss", value, step=step, timestamp=time, model=model))
    log_metrics(tx, run, *(point("loss", v, step=s, timestamp=t, model=batched) for t, s, v in points))
    log_metrics(tx, run, point("loss", 99.0, step=8, timestamp=1, model=batched))
    for each in (model, batched):
        assert newest(tx, each) == {("loss", "", ""): 5.0}


def test_one_batch_may_speak_of_several_models_and_datasets(tx: Tx) -> None:
    run, a, b = make_run(tx), make_logged_model(tx), make_logged_model(tx)
    log_metrics(
        tx,
        run,
        *(
            point(f"m{i}", i, model=model, dataset=d)
            for i in range(60)
            for model in (a, b)
            for d in ("x/1", "")
        ),
        point("m0", 5),
    )
    assert len(metrics_of(tx, a)) == len(metrics_of(tx, b)) == 120
    assert newest(tx, a)["m7", "x", "1"] == newest(tx, b)["m7", "", ""] == 7


@pytest.mark.parametrize("known", [True, False])
def test_an_unknown_model_refuses_the_whole_batch(database: Database, known: bool) -> None:
    with database.begin(write=True) as tx:
        run, model = make_run(tx), make_logged_model(tx)
    batch = [point("ok", 1), point("loss", 1, model="m-nope")]
    if known:
        batch.append(point("loss", 1, model=model))
    with (
        pytest.raises(NotFound, match="Logged model with ID 'm-nope' not found"),
        database.begin(write=True) as tx,
    ):
        log_metrics(tx, run, *batch)
    with database.begin(write=False) as tx:
        assert metrics_of(tx, model) == []
        assert metrics.history(tx, run, "ok", None, None) == ([], None)


def test_a_model_of_another_workspace_is_unknown(tx: Tx) -> None:
    foreign = tx.workspace + 1
    run, tx.workspace = make_run(tx), foreign
    model, tx.workspace = make_logged_model(tx, make_experiment(tx)), foreign - 1
    with pytest.raises(NotFound, match="Logged model with ID"):
        log_metrics(tx, run, point("loss", 1, model=model))


@pytest.mark.parametrize("size", [1, 10, 500])
def test_logging_takes_the_same_statements_whatever_the_size(database: Database, tx: Tx, size: int) -> None:
    run, model = make_run(tx), make_logged_model(tx)
    log_metrics(tx, run, point("first", 0))
    statements = statements_of(database)
    log_metrics(tx, run, *(point("m", i, step=i, model=model) for i in range(size)))
    # The run; the run's series moved, and its points; the model, its series twice, its points.
    assert len(statements) == (7 if tx.dialect == "sqlite" else 6)  # PostgreSQL moves and adds in one
