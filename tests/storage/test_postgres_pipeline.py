"""PostgreSQL's pipeline: fewer round trips, and the same values, faults and transactions as without."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from tests.factories import log_metrics, make_experiment, make_run, point
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter
from trackway.storage.database import Database, Prepared, Tx, postgres_pipeline
from trackway.storage.schema.tracking import params, series
from trackway.storage.tracking import run_creation, run_locks, runs

_ADD = Prepared(sa.insert(params), "run_id", "key", "value")
_COUNT = Prepared(
    sa.select(sa.func.count().label("number")).where(params.c.run_id == sa.bindparam("run")), "run"
)
_ALL = Prepared(sa.select(params.c.key, params.c.value).where(params.c.run_id == sa.bindparam("run")), "run")
_steps = itertools.count()
TEXTS = [
    "",
    " ",
    "NULL",
    "null",
    '"',
    "\\",
    '\\"',
    "{}",
    "{a,b}",
    ",",
    "'",
    "$1",
    "%s",
    "ä\n\t€😀",
    "x" * 70_000,
]


@pytest.fixture(scope="module")
def dialect() -> str:
    return "postgresql"


def committed(database: Database, work: Callable[[Tx], Any]) -> Any:
    return database.run(work, write=True)


def test_all_values_arrive_as_they_were(database: Database) -> None:
    run_id = committed(database, make_run)

    def write(tx: Tx) -> None:
        row = run_locks.lock_active(tx, run_id).id
        tx.run(_ADD, row, "one", TEXTS[4])
        tx.run_many(_ADD, [(row, f"many-{number}", text) for number, text in enumerate(TEXTS)])

    committed(database, write)
    with database.begin(write=False) as tx:
        found = {kept.key: kept.value for kept in tx.rows(_ALL, runs.find(tx, run_id).id)}
    assert found == {"one": TEXTS[4], **{f"many-{number}": text for number, text in enumerate(TEXTS)}}


@pytest.mark.parametrize("count", [1, 3])
def test_all_numbers_arrive_as_they_were(database: Database, count: int) -> None:
    values = [0.1, -0.0, 5e-324, -1.7976931348623157e308, 1e22, 1 / 3][:: 6 // count // 2 or 1]
    points = [
        point(f"m{number}", value, step=-(2**63) + number, timestamp=2**62 + number)
        for number, value in enumerate(values)
    ]

    def write(tx: Tx) -> str:
        run_id = make_run(tx)
        log_metrics(tx, run_id, *points, point("nan", math.nan), point("inf", math.inf))
        return run_id

    run_id = committed(database, write)
    with database.begin(write=False) as tx:
        rows = tx.execute(sa.select(series).where(series.c.run_id == runs.find(tx, run_id).id)).all()
    kept = {row.key: row for row in rows}
    for number, value in enumerate(values):
        row = kept[f"m{number}"]
        assert (row.value, math.copysign(1, row.value)) == (value, math.copysign(1, value))
        assert (row.step, row.timestamp, row.is_nan) == (-(2**63) + number, 2**62 + number, False)
    assert kept["nan"].is_nan
    assert kept["inf"].value == 1.7976931348623157e308


def test_a_fault_that_comes_late_leaves_nothing(database: Database) -> None:
    run_id = committed(database, make_run)

    def write_twice(tx: Tx) -> None:
        row = run_locks.lock_active(tx, run_id).id
        tx.run(_ADD, row, "p", "1")
        tx.run(_ADD, row, "p", "2")

    with pytest.raises(exc.IntegrityError, match="pk_params"):
        committed(database, write_twice)
    committed(database, lambda tx: tx.run(_ADD, run_locks.lock_active(tx, run_id).id, "q", "1"))
    with database.begin(write=False) as tx:
        assert tx.rows(_ALL, runs.find(tx, run_id).id) == [("q", "1")]


def test_what_waits_runs_before_any_other_statement(database: Database) -> None:
    run_id = committed(database, make_run)

    def write(tx: Tx) -> tuple[int, int]:
        row = run_locks.lock_active(tx, run_id).id
        tx.run(_ADD, row, "p", "1")
        by_pipe = tx.first(_COUNT, row).number
        tx.run(_ADD, row, "q", "1")
        by_sqlalchemy = tx.execute(sa.select(sa.func.count()).where(params.c.run_id == row)).scalar()
        return by_pipe, by_sqlalchemy

    assert committed(database, write) == (1, 2)


def test_what_an_abandoned_transaction_left_unsent_is_not_sent_by_the_next(database: Database) -> None:
    run_id = committed(database, make_run)

    def refuse(tx: Tx) -> None:
        tx.run(_ADD, run_locks.lock_active(tx, run_id).id, "p", "1")
        raise InvalidParameter("no")

    for _ in range(3):
        with pytest.raises(InvalidParameter):
            committed(database, refuse)
    committed(database, lambda tx: run_locks.lock_active(tx, run_id))
    with database.begin(write=False) as tx:
        assert tx.rows(_ALL, runs.find(tx, run_id).id) == []


def test_statements_stay_prepared_after_a_rollback(database: Database) -> None:
    run_id = committed(database, make_run)

    def kept(tx: Tx) -> list[str]:
        query = "SELECT name FROM pg_prepared_statements WHERE name LIKE 'trackway%' ORDER BY name"
        return list(tx.execute(sa.text(query)).scalars())

    def refuse(tx: Tx) -> None:
        for _ in range(10):  # so many that psycopg prepares this one
            tx.execute(sa.text("SELECT 1"))
        run_locks.lock_active(tx, run_id)
        raise InvalidParameter("no")

    before = committed(database, kept)
    with pytest.raises(InvalidParameter):
        committed(database, refuse)
    assert before
    assert set(committed(database, kept)) >= set(before)


def test_of_many_statements_those_used_last_stay_prepared(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_pipeline, "_MAX_PREPARED", 3)
    one = sa.bindparam("one", type_=sa.BigInteger)
    asked = [Prepared(sa.select((one + number).label("sum")), "one") for number in range(10)]
    with database.begin(write=False) as tx:
        for _ in range(2):
            for number, statement in enumerate(asked):
                assert tx.rows(statement, 5) == [(5 + number,)]
                assert tx.rows(asked[0], 5) == [(5,)]
        texts = "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'trackway%'"
        kept = list(tx.execute(sa.text(texts)).scalars())
    assert len(kept) <= 4
    assert sum("$1" in text for text in kept) == len(kept)


def test_a_statement_that_failed_at_its_first_use_does_not_stay(database: Database) -> None:
    one = sa.bindparam("one", type_=sa.BigInteger)
    failing = Prepared(sa.select((one / sa.literal_column("0") + one).label("sum")), "one")
    with database.begin(write=False) as tx:
        for _ in range(3):
            with pytest.raises(exc.DBAPIError, match="division by zero"):
                tx.rows(failing, 5)
        assert tx.rows(_COUNT, 0) == [(0,)]
        texts = "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'trackway%'"
        assert not [text for text in tx.execute(sa.text(texts)).scalars() if "AS sum" in text]


def test_a_statement_for_any_values_is_planned_once_and_others_as_ever(database: Database) -> None:
    run, by = (sa.bindparam(name, type_=sa.BigInteger) for name in ("run", "by"))
    query = sa.select((sa.func.count() // by).label("quotient")).where(params.c.run_id == run)
    once = Prepared(query, "run", "by", generic_plan=True)
    with database.begin(write=False) as tx:
        for divisor in (1, 2, 3):
            assert tx.rows(once, 0, divisor) == [(0,)]
            with pytest.raises(exc.DBAPIError, match="division by zero"):
                tx.rows(once, 0, 0)
            assert tx.rows(_COUNT, 0) == [(0,)]
        assert tx.execute(sa.text("SHOW plan_cache_mode")).scalar() == "auto"
        plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE :text"
        assert tx.execute(sa.text(plans), {"text": "%AS quotient%"}).all() == [(6, 0)]
        assert tx.execute(sa.text(plans), {"text": "%AS number%"}).one().custom_plans >= 3


def test_the_best_runs_are_read_by_one_plan(database: Database) -> None:
    def make(tx: Tx) -> str:
        experiment = make_experiment(tx)
        for value in range(5):
            make_run(tx, experiment, metrics={"loss": value})
        return experiment

    search = m.SearchRuns(
        experiment_ids=[committed(database, make)],
        filter="metrics.loss > 1",
        order_by=["metrics.loss DESC"],
        max_results=2,
    )
    with database.begin(write=False) as tx:
        for _ in range(4):
            found, token = runs.find_page(tx, search)
            assert len(found) == 2
            assert token
        plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE :text"
        of_search = tx.execute(sa.text(plans), {"text": "SELECT runs.id,%order_0.value DESC%"}).all()
    assert of_search == [(3, 0)]  # the first goes by SQLAlchemy


def test_a_statement_too_many_hinders_no_rollback(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_pipeline, "_MAX_PREPARED", 0)
    run_id = committed(database, make_run)

    def fail(tx: Tx) -> None:
        tx.rows(_ALL, run_locks.lock_active(tx, run_id).id)
        tx.execute(sa.text("SELECT 1 / 0"))

    for _ in range(3):
        with pytest.raises(exc.DBAPIError):
            committed(database, fail)
    assert committed(database, lambda tx: run_locks.lock_active(tx, run_id).run_uuid) == run_id


def test_more_than_the_socket_holds_goes_both_ways(database: Database) -> None:
    run_id = committed(database, make_run)
    large = "x" * 2000

    def write(tx: Tx) -> int:
        row = run_locks.lock_active(tx, run_id).id
        for part in range(5):
            tx.run_many(_ADD, [(row, f"{part}-{number}", large) for number in range(2000)])
        return len(tx.rows(_ALL, row))

    assert committed(database, write) == 10_000


@pytest.mark.parametrize(
    ("work", "trips"),
    [
        (lambda tx, run: run_creation.create(tx, m.CreateRun(experiment_id="0")), 1),
        (
            lambda tx, run: runs.set_tags(tx, run_locks.lock_active(tx, run), [m.RunTag(key="t", value="v")]),
            1,
        ),
        (lambda tx, run: log_metrics(tx, run, point("loss", 1, step=next(_steps))), 1),
    ],
    ids=["create-run", "set-tag", "log-metric"],
)
def test_round_trips_of_a_write(database: Database, work: Callable[[Tx, str], Any], trips: int) -> None:
    """Counted by libpq, which writes down what it sends: each ends with a Sync."""
    run_id = committed(database, make_run)
    committed(database, lambda tx: work(tx, run_id))
    with database.writing() as connection:
        libpq: Any = connection.connection.driver_connection.pgconn  # type: ignore[union-attr]
    with tempfile.TemporaryFile() as file:
        libpq.trace(file.fileno())
        committed(database, lambda tx: work(tx, run_id))
        libpq.untrace()
        file.seek(0)
        sent = [line.split(b"\t") for line in file.read().splitlines()]
    asked = [fields for fields in sent if b"Sync" in fields or b"Query" in fields]
    assert len(asked) == trips
