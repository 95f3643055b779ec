"""Searching runs: filters, orders and pages, on every database."""

from __future__ import annotations

import math

import pytest

from tests.databases import statements_of
from tests.factories import among_many, find_runs, make_experiment, make_run
from trackway.client_compat import messages as m
from trackway.client_compat import paging
from trackway.client_compat.errors import InvalidParameter
from trackway.storage.database import Database, Tx
from trackway.storage.tracking import runs


def names(tx: Tx, experiment: str, filter: str = "", *order_by: str, **request: object) -> str:
    """The names of the runs found, in order, as one word."""
    search = m.SearchRuns(
        experiment_ids=[experiment],
        filter=filter,
        order_by=list(order_by),
        **{"max_results": 1000, **request},  # type: ignore[arg-type]
    )
    return "".join(run.info.run_name or "" for run in find_runs(tx, search)[0] if run.info)


@pytest.fixture
def experiment(tx: Tx) -> str:
    made = make_experiment(tx)
    for name, loss, lr, team in (
        ("a", 0.1, "0.1", "red"),
        ("b", 0.5, "0.01", "Red"),
        ("c", math.nan, "0.1", None),
        ("d", None, None, "blue"),
        ("e", -math.inf, "1e-3", "red_x"),
    ):
        make_run(
            tx,
            made,
            name=name,
            metrics={} if loss is None else {"loss": loss},
            params={"lr": lr} if lr else {},
            tags={"team": team} if team else {},
            end_time=5 if name in "ab" else None,
            status="FINISHED" if name in "ab" else None,
        )
    return made


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("metrics.loss < 1", "abe"),
        ("metrics.loss >= 0.1 AND params.lr = '0.1'", "a"),
        ("metrics.loss != 0.5", "ace"),  # NaN differs from every number
        ("metrics.loss = 0", ""),  # and is none, although it is kept as 0
        ("params.lr != '0.1'", "be"),  # only runs that have the key
        ("params.lr LIKE '0.%'", "abc"),
        ("tags.team LIKE 'red%'", "ae"),
        ("tags.team ILIKE 'RED'", "ab"),
        ("tags.team LIKE 'red\\_x'", ""),  # no escape character
        ("tags.team IS NULL", "c"),
        ("tags.team IS NOT NULL", "abde"),
        ("params.`lr` IS NULL", "d"),
        ("attributes.status = 'FINISHED'", "ab"),
        ("status != 'FINISHED'", "cde"),
        ("run_name = 'a'", "a"),
        ("tags.`mlflow.runName` = 'a'", "a"),
        ("end_time > 4", "ab"),
        ("end_time != 4", "ab"),
        ("user_id = 'alice' and run_name LIKE '%'", "abcde"),
        # Beyond MLflow's language.
        ("tags.team = 'red' OR tags.team = 'blue'", "ad"),
        ("NOT tags.team = 'red'", "bcde"),
        ("NOT end_time > 4", "cde"),
        ("NOT (metrics.loss < 1 OR params.lr = '0.1')", "d"),
        ("metrics.loss BETWEEN 0.1 AND 0.5", "ab"),
    ],
)
def test_a_filter_finds(tx: Tx, experiment: str, filter: str, found: str) -> None:
    assert names(tx, experiment, filter, "run_name") == found
    assert names(tx, experiment, among_many(filter), "run_name") == found


@pytest.mark.parametrize("join", ["AND", "OR"])
@pytest.mark.parametrize("negate", ["", "NOT "])
def test_many_comparisons_are_made_by_one_subquery(
    database: Database, tx: Tx, experiment: str, join: str, negate: str
) -> None:
    statements = statements_of(database)
    kinds = ("tags.team ILIKE 'x{}'", "params.lr LIKE '{}'", "metrics.loss > {}", "metrics.other{} < 1")
    comparisons = [negate + kinds[number % 4].format(number) for number in range(500)]
    found = names(tx, experiment, f" {join} ".join(comparisons))
    assert found == ("abcde"[::-1] if negate else "")
    [statement] = [each for each in statements if each.startswith("WITH")]
    assert statement.count("EXISTS") == 1


def test_a_deep_filter_of_many_comparisons(tx: Tx, experiment: str) -> None:
    filter = "tags.team = 'red'"
    for depth in range(25):
        # Each level is true if the one inside it is false.
        others = " AND ".join(f"tags.team != 'x{depth}{number}'" for number in range(9))
        filter = f"NOT ({filter}) AND ({others} OR metrics.loss > {depth})"
        assert names(tx, experiment, filter, "run_name") == ("bde" if depth % 2 == 0 else "a")


@pytest.mark.parametrize(
    ("order_by", "found"),
    [
        ("metrics.loss ASC", "eabcd"),  # NaN after the numbers, runs without it last
        ("metrics.loss DESC", "baecd"),
        ("params.lr ASC", "bcaed"),
        ("params.lr DESC", "ecabd"),
        ("tags.team ASC", "bdaec"),
        ("attributes.end_time DESC", "baedc"),
        ("run_name DESC", "edcba"),
        ("start_time ASC", "abcde"),
        ("created", "abcde"),
    ],
)
def test_an_order_is_total_and_what_is_missing_comes_last(
    tx: Tx, experiment: str, order_by: str, found: str
) -> None:
    assert names(tx, experiment, "", order_by) == found
    one_by_one, token = "", None
    while True:
        search = m.SearchRuns(
            experiment_ids=[experiment], order_by=[order_by], max_results=1, page_token=token
        )
        page, token = find_runs(tx, search)
        one_by_one += "".join(run.info.run_name or "" for run in page if run.info)
        if token is None:
            break
    assert one_by_one == found


def test_several_orders_and_the_newest_first_without_any(tx: Tx, experiment: str) -> None:
    assert names(tx, experiment, "", "attributes.status", "metrics.loss DESC") == "baecd"
    assert names(tx, experiment) == "edcba"


def test_equal_start_times_go_by_run_id_across_pages(tx: Tx) -> None:
    experiment = make_experiment(tx)
    made = sorted(make_run(tx, experiment, start_time=5) for _ in range(9))
    seen: list[str] = []
    search = m.SearchRuns(experiment_ids=[experiment], max_results=2)
    while True:
        page, search.page_token = find_runs(tx, search)
        seen += [run.info.run_id or "" for run in page if run.info]
        if not search.page_token:
            break
    assert seen == made


def test_pages_stay_right_while_runs_are_added(tx: Tx) -> None:
    experiment = make_experiment(tx)
    made = [make_run(tx, experiment) for _ in range(10)]
    search = m.SearchRuns(experiment_ids=[experiment], max_results=3)
    seen: list[str] = []
    while True:
        page, search.page_token = find_runs(tx, search)
        seen += [run.info.run_id or "" for run in page if run.info]
        make_run(tx, experiment)  # newer than all: belongs to pages that were read already
        if not search.page_token:
            break
    assert seen == made[::-1]


def test_only_the_asked_for_stage_is_found(tx: Tx, experiment: str) -> None:
    gone = make_run(tx, experiment, name="x")
    runs.delete(tx, gone)
    assert names(tx, experiment, "", "run_name") == "abcde"
    assert names(tx, experiment, run_view_type="DELETED_ONLY") == "x"
    assert names(tx, experiment, "", "run_name", run_view_type="ALL") == "abcdex"


def test_several_experiments_are_searched_together_and_unknown_ones_passed_over(
    tx: Tx, experiment: str
) -> None:
    other = make_experiment(tx)
    make_run(tx, other, name="z")
    search = m.SearchRuns(
        experiment_ids=[experiment, other, "99999", "9" * 30], order_by=["run_name"], max_results=9
    )
    found = find_runs(tx, search)[0]
    assert "".join(run.info.run_name or "" for run in found if run.info) == "abcdez"


def test_no_experiments_no_runs(tx: Tx) -> None:
    assert find_runs(tx, m.SearchRuns(max_results=5)) == ([], None)


@pytest.mark.parametrize("change", [{"filter": "metrics.loss > 0"}, {"order_by": ["run_name"]}])
def test_a_token_of_another_search_is_refused(tx: Tx, experiment: str, change: dict[str, object]) -> None:
    token = find_runs(tx, m.SearchRuns(experiment_ids=[experiment], max_results=1))[1]
    request = {"experiment_ids": [experiment], "max_results": 1, "page_token": token, **change}
    with pytest.raises(InvalidParameter, match="Invalid page token"):
        find_runs(tx, m.SearchRuns(**request))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "position",
    [
        [],
        [0.5],
        [0, 0.5, 3, "x", "y"],
        ["0", 0.5, 3, "x"],
        [True, 0.5, 3, "x"],
        [2**31, 0.5, 3, "x"],
        [0, 1, 3, "x"],
        [0, 0.5, 2**63, "x"],
        [0, 0.5, 3.5, "x"],
        [0, 0.5, 3, 4],
        [0, 0.5, 3, "\x00"],
        [0, 0.5, 3, "\ud800"],
    ],
)
def test_a_token_with_a_position_that_no_page_has_is_refused(
    tx: Tx, experiment: str, position: paging.Position, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = paging.encode
    monkeypatch.setattr(paging, "encode", lambda query, _: encode(query, position))
    search = m.SearchRuns(experiment_ids=[experiment], order_by=["metrics.loss"], max_results=1)
    search.page_token = find_runs(tx, search)[1]
    with pytest.raises(InvalidParameter, match="Invalid page token"):
        find_runs(tx, search)


def test_an_order_by_more_metrics_than_a_statement_can_join_is_refused(tx: Tx, experiment: str) -> None:
    assert names(tx, experiment, "", *(f"metrics.m{number}" for number in range(32)))
    with pytest.raises(InvalidParameter, match="at most 32"):
        names(tx, experiment, "", *(f"metrics.m{number}" for number in range(33)))


@pytest.mark.parametrize("size", [1, 5, 50])
def test_a_page_takes_the_same_statements_whatever_its_size(database: Database, tx: Tx, size: int) -> None:
    experiment = make_experiment(tx)
    for number in range(size):
        make_run(tx, experiment, metrics={"m": number}, params={"p": "1"}, tags={"t": "1"})
    statements = statements_of(database)
    search = m.SearchRuns(experiment_ids=[experiment], filter="metrics.m >= 0", max_results=100)
    assert len(find_runs(tx, search)[0]) == size
    assert len(statements) == 7  # experiments, runs, and one for each kind of child
