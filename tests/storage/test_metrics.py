"""Metrics as the store keeps them, on every database."""

import math
import random

import pytest

from tests.factories import START_MS, get_run, log_metrics, make_run, point
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter
from trackway.storage.database import Tx
from trackway.storage.tracking import metrics

LARGEST = 1.7976931348623157e308


@pytest.fixture(params=["sqlite", "postgresql", "partitioned"], scope="module")
def dialect(request: pytest.FixtureRequest) -> str:
    """As everywhere, and PostgreSQL with the points in partitions."""
    return str(request.param)


def history(tx: Tx, run: str, key: str = "loss") -> list[tuple[int, int, float]]:
    found, token = metrics.history(tx, run, key, None, None)
    assert token is None
    return [(p.timestamp or 0, p.step or 0, p.value or 0.0) for p in found]


def latest(tx: Tx, run: str) -> dict[str, m.Metric]:
    data = get_run(tx, run).data
    assert data
    return {metric.key or "": metric for metric in data.metrics}


def sample(tx: Tx, run: str, size: int, steps: tuple[int, int] | None = None) -> list[tuple[int, float]]:
    found = metrics.sampled_history(tx, [run], "loss", size, steps)
    return [(p.step or 0, p.value or 0.0) for p in found]


def test_a_resent_batch_changes_nothing(tx: Tx) -> None:
    run = make_run(tx)
    for _ in range(2):
        log_metrics(tx, run, point("loss", 0.5, step=1), point("loss", 0.5, step=1), point("acc", 1.0))
    assert len(history(tx, run)) == 1


@pytest.mark.parametrize(
    "other",
    [point("loss", 0.5, step=2), point("loss", 0.6, step=1), point("loss", 0.5, step=1, timestamp=1)],
)
def test_a_point_that_differs_in_anything_is_a_point_of_its_own(tx: Tx, other: m.Metric) -> None:
    run = make_run(tx)
    log_metrics(tx, run, point("loss", 0.5, step=1), other)
    assert len(history(tx, run)) == 2


def test_the_latest_value_is_decided_by_step_then_time_then_value(tx: Tx) -> None:
    points = [(step, time, value) for step in (-3, 0, 7) for time in (1, 2) for value in (-1.0, 5.0)]
    random.Random(1).shuffle(points)
    run, batched = make_run(tx), make_run(tx)
    for step, time, value in points:
        log_metrics(tx, run, point("loss", value, step=step, timestamp=time))
    log_metrics(tx, batched, *(point("loss", v, step=s, timestamp=t) for s, t, v in points))
    for each in (run, batched):
        found = latest(tx, each)["loss"]
        assert (found.step, found.timestamp, found.value) == (7, 2, 5.0)


def test_nan_and_infinity_come_back(tx: Tx) -> None:
    run = make_run(tx)
    log_metrics(
        tx,
        run,
        point("nan", math.nan),
        point("nan", math.nan),
        point("up", math.inf),
        point("down", -math.inf),
    )
    found = {key: metric.value for key, metric in latest(tx, run).items()}
    assert math.isnan(found["nan"] or 0)
    assert (found["up"], found["down"]) == (LARGEST, -LARGEST)
    assert len(history(tx, run, "nan")) == 1


def test_nan_and_zero_at_one_place_are_two_points(tx: Tx) -> None:
    run = make_run(tx)
    log_metrics(tx, run, point("loss", 0.0), point("loss", math.nan))
    assert len(history(tx, run)) == 2


def test_a_thousand_new_keys_and_again(tx: Tx) -> None:
    run = make_run(tx)
    for step in range(2):
        log_metrics(tx, run, *(point(f"m{number}", number, step=step) for number in range(1000)))
    found = latest(tx, run)
    assert len(found) == 1000
    assert {metric.step for metric in found.values()} == {1}


@pytest.mark.parametrize("count", [49, 50, 51, 120])
def test_a_batch_of_any_length_is_stored_whole_and_once(tx: Tx, count: int) -> None:
    run = make_run(tx)
    batch = [point(f"m{n % 3}", n, step=n, timestamp=count - n) for n in range(count)]
    for _ in range(2):
        log_metrics(tx, run, *batch)
    found = sorted(one for key in ("m0", "m1", "m2") for one in history(tx, run, key))
    assert found == sorted((count - n, n, float(n)) for n in range(count))


def test_a_batch_adds_what_is_not_there_be_it_later_or_earlier_than_the_latest(tx: Tx) -> None:
    run = make_run(tx)
    log_metrics(tx, run, point("loss", 0.5, step=5), point("loss", math.nan, step=3))
    batch = [
        point("loss", 0.5, step=5),
        point("loss", math.nan, step=3),
        point("loss", 0.0, step=3),
        point("loss", 0.1, step=9),
        point("loss", 0.7, step=1),
        point("new", 1.0, step=2),
        point("new", 2.0, step=1),
        point("new", 1.0, step=2),
    ]
    for _ in range(2):
        log_metrics(tx, run, *batch)
    assert sorted(step for _, step, _ in history(tx, run)) == [1, 3, 3, 5, 9]
    assert sorted(history(tx, run, "new")) == [(START_MS, 1, 2.0), (START_MS, 2, 1.0)]
    assert {key: metric.step for key, metric in latest(tx, run).items()} == {"loss": 9, "new": 2}


def test_a_history_is_ordered_by_time_step_and_value(tx: Tx) -> None:
    run = make_run(tx)
    points = [(t, s, v) for t in (1, 2) for s in (-1, 3) for v in (0.1, 0.2)]
    log_metrics(tx, run, *(point("loss", v, step=s, timestamp=t) for t, s, v in reversed(points)))
    assert history(tx, run) == points


def test_pages_of_a_history_cover_it_once(tx: Tx) -> None:
    run = make_run(tx)
    log_metrics(tx, run, *(point("loss", math.nan if n % 3 else n, step=n, timestamp=5) for n in range(10)))
    steps: list[int] = []
    token = None
    while True:
        found, token = metrics.history(tx, run, "loss", 4, token)
        steps += [p.step or 0 for p in found]
        if token is None:
            break
    assert steps == list(range(10))


def test_a_full_last_page_has_no_token(tx: Tx) -> None:
    run = make_run(tx)
    log_metrics(tx, run, point("loss", 1, step=1), point("loss", 1, step=2))
    assert metrics.history(tx, run, "loss", 2, None)[1] is None


def test_a_token_of_another_metric_is_refused(tx: Tx) -> None:
    run = make_run(tx, metrics={"acc": 1.0})
    log_metrics(tx, run, point("loss", 1, step=1), point("loss", 1, step=2))
    token = metrics.history(tx, run, "loss", 1, None)[1]
    with pytest.raises(InvalidParameter, match="Invalid page token"):
        metrics.history(tx, run, "acc", 1, token)


def test_a_history_of_an_unknown_metric_or_run_is_empty(tx: Tx) -> None:
    assert history(tx, make_run(tx), "never") == []
    assert history(tx, "nope") == []
    assert sample(tx, "nope", 5) == []


def test_histories_of_many_runs_come_by_run_and_are_limited_in_all(tx: Tx) -> None:
    made = sorted(make_run(tx) for _ in range(3))
    for run in made:
        log_metrics(tx, run, *(point("loss", n, step=n, timestamp=START_MS - n) for n in range(3)))
    found = metrics.history_of_many(tx, list(reversed(made)), "loss", 5)
    assert [(p.run_id, p.step) for p in found] == [
        (made[0], 2), (made[0], 1), (made[0], 0), (made[1], 2), (made[1], 1),
    ]  # fmt: skip


def test_another_workspaces_runs_have_no_history_here(tx: Tx) -> None:
    run = make_run(tx, metrics={"loss": 1.0})
    tx.workspace += 1
    assert metrics.history_of_many(tx, [run], "loss", 5) == []
    assert sample(tx, run, 5) == []
    assert history(tx, run) == []


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 10, 99])
def test_a_sample_is_small_and_keeps_both_ends(tx: Tx, size: int) -> None:
    run = make_run(tx)
    log_metrics(tx, run, *(point("loss", n % 7, step=n) for n in range(100)))
    found = sample(tx, run, size)
    assert len(found) <= size
    assert found == sorted(found)
    assert found[-1][0] == 99
    if size > 1:
        assert found[0][0] == 0


@pytest.mark.parametrize(
    ("size", "steps"),
    [(3, [0, 50, 99]), (4, [0, 33, 66, 99]), (5, [0, 25, 50, 75, 99]), (6, [0, 49, 50, 99])],
)
def test_a_small_sample_of_a_rising_curve_keeps_its_middle(tx: Tx, size: int, steps: list[int]) -> None:
    run = make_run(tx)
    log_metrics(tx, run, *(point("loss", n, step=n) for n in range(100)))
    assert [step for step, _ in sample(tx, run, size)] == steps


def test_a_sample_keeps_every_buckets_extremes(tx: Tx) -> None:
    run = make_run(tx)
    values = [float(n % 5) for n in range(1000)]
    values[333], values[777] = 1000.0, -1000.0
    log_metrics(tx, run, *(point("loss", value, step=n) for n, value in enumerate(values)))
    found = dict(sample(tx, run, 40))
    assert (found[333], found[777]) == (1000.0, -1000.0)


def test_a_short_history_is_its_own_sample_and_steps_limit_it(tx: Tx) -> None:
    run = make_run(tx)
    log_metrics(tx, run, *(point("loss", n, step=n) for n in range(10)))
    assert len(sample(tx, run, 10)) == 10
    assert sample(tx, run, 10, (3, 5)) == [(3, 3.0), (4, 4.0), (5, 5.0)]
