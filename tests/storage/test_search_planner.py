"""A filter for a param's value finds the same, however many runs have it and however it is read."""

from __future__ import annotations

import random

import pytest

from tests.databases import statements_of
from tests.factories import find_runs, make_experiment, make_run
from trackway.client_compat import messages as m
from trackway.storage.database import Database, Tx
from trackway.storage.search import pages as search_pages
from trackway.storage.search import planner
from trackway.storage.tracking import runs

# (_MAX_IDS, _MAX_SET_MEMBERS): all read from their ids, all from sets, none of both, and mixtures. A lr has
# some 13 runs, a seed two.
WAYS = {"few": (300, 10_000), "sets": (-1, 10_000), "rows": (-1, -1), "both": (6, 12), "mixed": (6, 10_000)}
LONG = "x" * 100


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in zip(("_MAX_IDS", "_MAX_SET_MEMBERS"), WAYS[request.param], strict=True):
        monkeypatch.setattr(planner, name, value)
    runs._search.cache_clear()  # what was found out for another way
    return str(request.param)


def pages(tx: Tx, experiments: list[str], filter: str, *order_by: str) -> list[str]:
    """The names of all runs found, read in pages of four."""
    found: list[str] = []
    token = None
    while True:
        search = m.SearchRuns(
            experiment_ids=experiments,
            filter=filter,
            order_by=list(order_by),
            max_results=4,
            page_token=token,
        )
        page, token = find_runs(tx, search)
        found += [run.info.run_name or "" for run in page if run.info]
        if not token:
            return found


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("order", ["metrics.loss DESC", "metrics.loss ASC", "attributes.start_time ASC", ""])
def test_every_way_finds_the_same(tx: Tx, order: str) -> None:
    dice = random.Random(7)
    mine, other = make_experiment(tx), make_experiment(tx)
    made = []
    for number in range(40):
        lr, seed = str(dice.randrange(3)), str(number % 20)
        loss = None if number % 7 == 0 else float("nan") if number % 11 == 0 else number * 3 % 8
        make_run(
            tx,
            other if number % 9 == 0 else mine,
            name=f"{number}",
            metrics={} if loss is None else {"loss": loss, "size": number},
            params={"lr": lr, "seed": seed},
        )
        if number % 9:
            made.append((number, loss, lr, seed))

    def expected(passes: object) -> list[str]:
        found = [run for run in made if passes(*run)]  # type: ignore[operator]
        if order.startswith("metrics"):
            sign = -1 if order.endswith("DESC") else 1
            found.sort(
                key=lambda run: (
                    (2, 0) if run[1] is None else (1, 0) if run[1] != run[1] else (0, sign * run[1]),
                    -run[0],
                )
            )
        elif not order:
            found.reverse()
        return [str(run[0]) for run in found]

    def find(filter: str) -> list[str]:
        found = pages(tx, [mine], filter, *([order] if order else []))
        # From its second use on, a search's statements are compiled for good.
        assert pages(tx, [mine], filter, *([order] if order else [])) == found
        return found

    assert find("params.lr = '1'") == expected(lambda n, loss, lr, seed: lr == "1")
    assert find("params.seed = '3'") == expected(lambda n, loss, lr, seed: seed == "3")
    assert find("params.seed = '3' AND params.lr = '1'") == expected(
        lambda n, loss, lr, seed: seed == "3" and lr == "1"
    )
    # Whichever is asked for its number first.
    assert find("params.lr = '1' AND params.seed = '3'") == expected(
        lambda n, loss, lr, seed: seed == "3" and lr == "1"
    )
    assert find(
        "params.lr = '1' AND params.lr = '1' AND params.seed = '3' AND metrics.size > 20"
    ) == expected(lambda n, loss, lr, seed: seed == "3" and lr == "1" and loss is not None and n > 20)
    assert find("params.lr = '2' AND metrics.size > 20") == expected(
        lambda n, loss, lr, seed: lr == "2" and loss is not None and n > 20
    )
    assert find("params.lr = '2' OR params.seed = '5'") == expected(
        lambda n, loss, lr, seed: lr == "2" or seed == "5"
    )
    assert find("NOT params.lr = '2'") == expected(lambda n, loss, lr, seed: lr != "2")
    assert find("params.lr = 'none'") == []
    assert len(pages(tx, [mine, other], "params.lr = '1'")) > len(find("params.lr = '1'"))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("value", [LONG, LONG + "y", "ä" * 100, "\U0001f600" * 100])
def test_values_at_the_bound_of_the_index(tx: Tx, value: str) -> None:
    experiment = make_experiment(tx)
    key = "ö" * 250  # the longest, in PostgreSQL's index beside the value
    make_run(tx, experiment, name="it", params={key: value})
    make_run(tx, experiment, name="longer", params={key: value + "z"})
    make_run(tx, experiment, name="shorter", params={key: value[:-1]})
    assert pages(tx, [experiment], f'params."{key}" = "{value}"') == ["it"]


def test_many_comparisons_are_not_each_asked_for_their_number(
    database: Database, tx: Tx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "_MAX_IDS", -1)
    experiment = make_experiment(tx)
    make_run(tx, experiment, name="it", params={f"p{number}": LONG for number in range(30)})
    filter = " AND ".join(f"params.p{number} = '{LONG}'" for number in range(30))
    statements = statements_of(database)
    assert pages(tx, [experiment], filter) == ["it"]
    assert len(statements) < 20


def test_the_reading_of_a_filter_is_found_out_again_after_some_seconds(
    database: Database, tx: Tx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "_MAX_IDS", 0)
    experiment = make_experiment(tx)
    make_run(tx, experiment, params={"lr": "1"})

    def counts() -> int:
        statements = statements_of(database)
        assert len(pages(tx, [experiment], "params.lr = '1'")) == 1
        return sum("count(" in text for text in statements)

    assert [counts(), counts()] == [1, 0]
    monkeypatch.setattr(search_pages, "_PLAN_CACHED_S", -1.0)
    assert counts() == 1
