"""What a write relies on, because this process has seen it, may have changed: then it is asked for again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from tests.databases import statements_of
from tests.factories import get_run, log_metrics, make_experiment, make_run, point
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.storage import audit
from trackway.storage.database import Database, Tx
from trackway.storage.database import database as database_module
from trackway.storage.schema import tracking
from trackway.storage.tracking import experiments, metrics, run_creation, run_locks, runs


@pytest.fixture(scope="module", params=["postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def other(store_uri: str) -> Iterator[Database]:
    """The same database as another process has it."""
    other = Database(store_uri)
    yield other
    other.dispose()


def do(database: Database, work: Callable[[Tx], Any]) -> Any:
    return database.run(work, write=True)


def log(database: Database, run_id: str, step: int, value: float = 1.0) -> None:
    do(database, lambda tx: log_metrics(tx, run_id, point("loss", value, step=step)))


def steps(database: Database) -> int:
    with database.begin(write=False) as tx:
        count = tx.execute(sa.select(sa.func.count()).select_from(tracking.points)).scalar()
    assert count is not None
    return count


@pytest.fixture
def run_id(database: Database) -> str:
    """A run that ``database`` has seen."""
    run_id = str(do(database, make_run))
    log(database, run_id, 1)
    return run_id


def test_a_write_does_not_wait_for_who_has_the_workspaces_row(
    database: Database, other: Database, run_id: str
) -> None:
    def work(tx: Tx) -> None:
        tx.execute(sa.text("SET LOCAL lock_timeout = '1s'"))
        log_metrics(tx, run_id, point("loss", 1.0, step=2))
        audit.record(tx, "logMetric", f"runs:{run_id}")

    before = steps(database)
    with other.begin(write=True) as tx:
        tx.execute(sa.text("SELECT * FROM workspaces FOR UPDATE"))
        do(database, work)
    assert steps(database) == before + 1


def test_a_run_that_another_process_deleted_is_refused_and_restored_is_written_to(
    database: Database, other: Database, run_id: str
) -> None:
    before = steps(database)
    do(other, lambda tx: runs.delete(tx, run_id))
    for _ in range(2):
        with pytest.raises(InvalidParameter, match=f"The run {run_id} must be in the 'active' state"):
            log(database, run_id, 2)
    assert steps(database) == before
    do(other, lambda tx: runs.restore(tx, run_id))
    log(database, run_id, 2)
    assert steps(database) == before + 1


def test_a_run_that_is_gone_is_not_found(database: Database, other: Database, run_id: str) -> None:
    do(other, lambda tx: tx.execute(sa.delete(tracking.runs).where(tracking.runs.c.run_uuid == run_id)))
    with pytest.raises(NotFound, match=f"Run with id={run_id} not found"):
        log(database, run_id, 2)


def test_what_is_logged_goes_to_the_run_and_not_to_its_number(
    database: Database, other: Database, run_id: str
) -> None:
    """After a restore from a backup another run may have the number that this process knows."""
    renumbered = sa.update(tracking.runs).where(tracking.runs.c.run_uuid == run_id)
    do(other, lambda tx: tx.execute(sa.delete(tracking.series)))
    do(other, lambda tx: tx.execute(sa.delete(tracking.run_tags)))
    do(other, lambda tx: tx.execute(renumbered.values(id=10**6)))
    log(database, run_id, 7)
    with database.begin(write=False) as tx:
        assert [(metric.key, metric.step) for metric in get_run(tx, run_id).data.metrics] == [("loss", 7)]


@pytest.mark.parametrize(
    ("points", "latest"),
    [
        ([(2, 0.5), (3, 0.25)], (3, 0.25)),
        ([(3, 0.25), (2, 0.5)], (3, 0.25)),
        ([(3, 0.25), (3, 0.25)], (3, 0.25)),
        ([(3, 0.25), (3, 0.5)], (3, 0.5)),
        ([(3, 0.25), (4, math.nan)], (4, math.nan)),
        ([(4, math.nan), (3, 0.25)], (4, math.nan)),
        ([(3, 0.25), (4, math.inf)], (4, 1.7976931348623157e308)),
    ],
)
def test_a_series_that_was_seen_is_as_one_that_was_not(
    database: Database, run_id: str, points: list[tuple[int, float]], latest: tuple[int, float]
) -> None:
    for step, value in points:
        log(database, run_id, step, value)
    with database.begin(write=False) as tx:
        [kept] = get_run(tx, run_id).data.metrics
        history, _ = metrics.history(tx, run_id, "loss", None, None)
    assert (kept.step, repr(kept.value)) == (latest[0], repr(latest[1]))
    stored = {(row.step, min(row.value, 1.7976931348623157e308)) for row in history}
    sent = {(step, 1.7976931348623157e308 if not math.isfinite(value) else value) for step, value in points}
    assert stored == {(1, 1.0), *sent}


def test_a_series_that_is_gone_is_made_again(database: Database, other: Database, run_id: str) -> None:
    log(database, run_id, 2)
    do(other, lambda tx: tx.execute(sa.delete(tracking.series)))
    log(database, run_id, 3)
    with database.begin(write=False) as tx:
        assert [(metric.key, metric.step) for metric in get_run(tx, run_id).data.metrics] == [("loss", 3)]


def test_a_run_is_seen_in_its_workspace_only(database: Database, run_id: str) -> None:
    with pytest.raises(NotFound):
        database.run(lambda tx: run_locks.lock_active(tx, run_id), write=True, workspace=2)


def test_an_experiment_that_another_process_deleted_gets_no_run(database: Database, other: Database) -> None:
    experiment = do(database, make_experiment)
    request = m.CreateRun(experiment_id=experiment)
    do(database, lambda tx: run_creation.create(tx, request))
    do(other, lambda tx: experiments.delete(tx, experiment))
    with pytest.raises(InvalidParameter, match="must be in the 'active' state"):
        do(database, lambda tx: run_creation.create(tx, request))
    do(other, lambda tx: experiments.restore(tx, experiment))
    do(database, lambda tx: run_creation.create(tx, request))


def test_an_experiment_that_was_moved_gets_its_runs_where_it_is(database: Database, other: Database) -> None:
    experiment = do(database, make_experiment)
    request = m.CreateRun(experiment_id=experiment)
    do(database, lambda tx: run_creation.create(tx, request))
    moved = sa.update(tracking.experiments).where(tracking.experiments.c.id == int(experiment))
    do(other, lambda tx: tx.execute(moved.values(artifact_location="s3://new/place")))
    run = do(database, lambda tx: run_creation.create(tx, request))
    assert run.info.artifact_uri == f"s3://new/place/{run.info.run_id}/artifacts"


def test_a_connection_that_was_lost_meanwhile_costs_no_write(
    database: Database, other: Database, run_id: str
) -> None:
    """The one trip is the transaction's last, and whether that was received nobody knows once it is sent."""
    before = steps(database)
    others = sa.text(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert do(other, lambda tx: tx.execute(others).scalar()) > 0
    log(database, run_id, 2)
    assert steps(database) == before + 1


def test_a_write_that_lost_a_race_until_the_run_was_gone_is_refused_as_any_other(
    database: Database, other: Database, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask again is not one of the attempts that a write has."""
    monkeypatch.setattr(database_module, "_ATTEMPTS", 1)
    do(other, lambda tx: runs.delete(tx, run_id))
    with pytest.raises(InvalidParameter, match="must be in the 'active' state"):
        log(database, run_id, 2)


def test_a_fault_of_the_works_own_is_told(database: Database, run_id: str) -> None:
    def work(tx: Tx) -> None:
        run_locks.lock_active(tx, run_id)
        tx.execute(sa.text("SELECT 1 / 0"))

    with pytest.raises(exc.DBAPIError, match="division by zero"):
        do(database, work)


def test_only_so_many_rows_are_remembered(
    database: Database, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database._row_cache, "_limit", 2)
    others = [str(do(database, make_run)) for _ in range(2)]
    for other_run in others:
        log(database, other_run, 1)
    statements = statements_of(database)
    for number, asked in enumerate((others[1], run_id)):
        log(database, asked, 2)
        returned = [text for text in statements if text.startswith("UPDATE runs") and "RETURNING" in text]
        assert len(returned) == number
