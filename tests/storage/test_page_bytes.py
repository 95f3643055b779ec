"""A page of large results ends early, with the token of the next page; all pages together have them all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.factories import (
    find_runs,
    log_metrics,
    make_experiment,
    make_logged_model,
    make_registered_model,
    make_run,
    point,
)
from trackway.client_compat import messages as m
from trackway.storage.database import Tx
from trackway.storage.registry import model_versions, registered_models
from trackway.storage.search import conditions, page_bytes
from trackway.storage.tracking import experiments, logged_models, metrics

VALUE = "x" * 3000


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two results of 3,000 bytes fit in a page, three do not. Children of two rows are read at a time."""
    monkeypatch.setattr(page_bytes, "MAX_PAGE_BYTES", 8000)
    monkeypatch.setattr(page_bytes, "_STEP", 2)


def pages(find: Callable[[str | None], tuple[list[object], str | None]]) -> list[int]:
    """The number of results of each page."""
    sizes, token = [], None
    while True:
        found, token = find(token)
        sizes.append(len(found))
        if token is None:
            return sizes


@pytest.fixture
def experiment(tx: Tx) -> str:
    return make_experiment(tx)


def search_runs(tx: Tx, experiment: str, size: int = 1000) -> list[int]:
    def find(token: str | None) -> tuple[list[object], str | None]:
        request = m.SearchRuns(experiment_ids=[experiment], max_results=size, page_token=token)
        found, token = find_runs(tx, request)
        seen.extend(run.info.run_id for run in found if run.info)
        return list(found), token

    seen: list[str | None] = []
    sizes = pages(find)
    assert len(set(seen)) == len(seen)
    return sizes


def test_runs(tx: Tx, experiment: str) -> None:
    for number in range(5):
        make_run(tx, experiment, tags={"t": VALUE}, params={"p": str(number)})
    assert search_runs(tx, experiment) == [2, 2, 1]
    assert search_runs(tx, experiment) == [2, 2, 1], "from the text cache"
    assert search_runs(tx, experiment, size=1) == [1, 1, 1, 1, 1]


def test_a_result_that_is_larger_than_a_page_is_a_page(tx: Tx, experiment: str) -> None:
    for _ in range(3):
        make_run(tx, experiment, tags={"t": 5 * VALUE})
    assert search_runs(tx, experiment) == [1, 1, 1]


def test_the_children_of_runs_with_many_are_read_for_fewer_runs_at_a_time(
    tx: Tx, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditions._children.cache_clear()
    monkeypatch.setattr(conditions, "_MAX_CHILDREN", 10)
    try:
        for _ in range(4):
            make_run(tx, experiment, metrics={f"m{number}": number for number in range(8)})
        assert search_runs(tx, experiment) == [4]
    finally:
        conditions._children.cache_clear()


def test_experiments(tx: Tx) -> None:
    for _ in range(5):
        make_experiment(tx, tags={"size": "large", "t": VALUE})
    request = {"filter": "tags.size = 'large'", "max_results": 1000}
    sizes = pages(lambda token: experiments.find_page(tx, m.SearchExperiments(page_token=token, **request)))
    assert sizes == [2, 2, 1]


def test_logged_models(tx: Tx, experiment: str) -> None:
    for _ in range(5):
        make_logged_model(tx, experiment, tags={"t": VALUE})
    sizes = pages(
        lambda token: logged_models.find_page(
            tx, m.SearchLoggedModels(experiment_ids=[experiment], page_token=token)
        )
    )
    assert sizes == [2, 2, 1]


def test_registered_models_and_their_versions(tx: Tx) -> None:
    for number in range(5):
        make_registered_model(tx, f"large {number}", versions=1, tags={"t": VALUE})
        model_versions.set_tag(tx, f"large {number}", "1", "t", VALUE)
    request = {"filter": "name LIKE 'large %'", "max_results": 1000}
    assert pages(
        lambda token: model_versions.find_page(tx, m.SearchModelVersions(page_token=token, **request))
    ) == [2, 2, 1]
    models = pages(
        lambda token: registered_models.find_page(tx, m.SearchRegisteredModels(page_token=token, **request))
    )
    assert sum(models) == 5
    assert len(models) > 1


def test_the_history_of_a_metric(tx: Tx, experiment: str) -> None:
    run = make_run(tx, experiment)
    log_metrics(tx, run, *(point("loss", step, step=step) for step in range(150)))
    sizes = pages(lambda token: metrics.history(tx, run, "loss", None, token))  # type: ignore[arg-type, return-value]
    assert sizes == [68, 68, 14]
    assert pages(lambda token: metrics.history(tx, run, "loss", 100, token))[0] == 68  # type: ignore[arg-type, return-value]
