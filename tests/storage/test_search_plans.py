"""How searches are read, as the database explains it: best and newest off an index, not by sorting all."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import log_metrics, make_experiment, make_logged_model, make_run, point
from trackway.client_compat import messages as m
from trackway.storage.database import Database, Tx
from trackway.storage.search import planner
from trackway.storage.tracking import logged_models, runs

OFF_METRIC = "USING COVERING INDEX ix_series_by_value (experiment_id=? AND key=? AND is_nan=?)"
OFF_START_TIME = "USING INDEX ix_runs_newest (experiment_id=? AND lifecycle_stage=?)"


@pytest.fixture(scope="module")
def dialect() -> str:
    """PostgreSQL reads small tables whole, whatever indexes they have."""
    return "sqlite"


def plan(database: Database, tx: Tx, find_page: Any, search: Any, table: str) -> list[str]:
    """How the database finds the page's rows of the table: one line for each thing it looks at."""
    runs._search.cache_clear()  # what another test found out of an experiment of this id
    asked: list[tuple[str, Any]] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    find_page(tx, search)
    [statement, parameters] = next(each for each in asked if each[0].startswith(f"SELECT {table}.id"))
    cursor = tx.connection.connection.cursor()
    cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return [row[3] for row in cursor.fetchall()]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_the_best_runs_of_an_experiment(database: Database, tx: Tx, direction: str) -> None:
    experiment = make_experiment(tx)
    make_run(tx, experiment, metrics={"loss": 1})
    search = m.SearchRuns(
        experiment_ids=[experiment],
        filter="metrics.other > 1 AND params.p LIKE '1'",
        order_by=[f"metrics.loss {direction}"],
        max_results=10,
    )
    first, *_, last = plan(database, tx, runs.find_page, search, "runs")
    assert OFF_METRIC in first
    assert last == "USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY"  # among equal values only


def test_the_newest_runs_of_an_experiment(database: Database, tx: Tx) -> None:
    search = m.SearchRuns(experiment_ids=[make_experiment(tx)], max_results=10)
    [only] = plan(database, tx, runs.find_page, search, "runs")
    assert OFF_START_TIME in only


@pytest.mark.parametrize("order", [[], ["metrics.loss DESC"]])
@pytest.mark.parametrize("kind", ["params", "tags"])
def test_few_runs_with_the_value(database: Database, tx: Tx, kind: str, order: list[str]) -> None:
    experiment = make_experiment(tx)
    make_run(tx, experiment, metrics={"loss": 1}, **{kind: {"seed": "17"}})
    search = m.SearchRuns(
        experiment_ids=[experiment], filter=f"{kind}.seed = '17'", order_by=order, max_results=10
    )
    first, *_ = plan(database, tx, runs.find_page, search, "runs")
    assert first == "SEARCH runs USING INTEGER PRIMARY KEY (rowid=?)"


@pytest.mark.parametrize(("order", "off"), [([], OFF_START_TIME), (["metrics.loss DESC"], OFF_METRIC)])
def test_many_runs_with_the_value_of_a_param(
    database: Database, tx: Tx, monkeypatch: pytest.MonkeyPatch, order: list[str], off: str
) -> None:
    experiment = make_experiment(tx)
    for _ in range(3):
        make_run(tx, experiment, metrics={"loss": 1}, params={"lr": "1"})
    monkeypatch.setattr(planner, "_MAX_IDS", 2)
    search = m.SearchRuns(
        experiment_ids=[experiment], filter="params.lr = '1'", order_by=order, max_results=9
    )
    first, *others = plan(database, tx, runs.find_page, search, "runs")
    assert off in first
    assert "SEARCH params USING COVERING INDEX ix_params_by_value (key=? AND value=?)" in others
    assert not [line for line in others if "params EXISTS" in line]


@pytest.mark.parametrize(("size", "is_set"), [(1, False), (5, True)])
def test_a_set_is_made_where_a_page_needs_many_rows_for_its_members(
    database: Database, tx: Tx, monkeypatch: pytest.MonkeyPatch, size: int, is_set: bool
) -> None:
    monkeypatch.setattr(planner, "_MAX_IDS", 2)
    experiment = make_experiment(tx)
    for number in range(20):
        make_run(tx, experiment, tags={"team": str(number % 2)})
    search = m.SearchRuns(experiment_ids=[experiment], filter="tags.team = '1'", max_results=size)
    read = plan(database, tx, runs.find_page, search, "runs")
    made = "SEARCH run_tags USING COVERING INDEX ix_run_tags_by_value (key=? AND value=?)"
    assert (made in read) == is_set


@pytest.mark.parametrize("dataset", [None, "iris"])
def test_the_best_logged_models_of_an_experiment(database: Database, tx: Tx, dataset: str | None) -> None:
    experiment = make_experiment(tx)
    model = make_logged_model(tx, experiment)
    log_metrics(tx, make_run(tx, experiment), point("loss", 1, model=model, dataset="iris/d1"))
    best = m.SearchLoggedModels.OrderBy(field_name="metrics.loss", dataset_name=dataset)
    search = m.SearchLoggedModels(experiment_ids=[experiment], order_by=[best])
    first, *_, last = plan(database, tx, logged_models.find_page, search, "logged_models")
    assert "USING INDEX ix_logged_model_series_by_value (experiment_id=? AND key=? AND is_nan=?)" in first
    assert last == "USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY"


def test_the_newest_logged_models_of_an_experiment(database: Database, tx: Tx) -> None:
    search = m.SearchLoggedModels(experiment_ids=[make_experiment(tx)])
    [only] = plan(database, tx, logged_models.find_page, search, "logged_models")
    assert "USING INDEX ix_logged_models_newest (experiment_id=? AND lifecycle_stage=?)" in only
