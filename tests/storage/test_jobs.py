"""Jobs: each is done at least once, and by one worker at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from trackway.storage import jobs
from trackway.storage.database import Database, Tx
from trackway.storage.schema import jobs as schema

KINDS = ["test.job"]


def add(tx: Tx, count: int = 1) -> None:
    jobs.add(tx, "test.job", [{"number": number} for number in range(count)])


def take(tx: Tx, most: int = 10, lease_ms: int = 60_000) -> list[jobs.Job]:
    return jobs.take(tx, KINDS, most, lease_ms)


def next_due(tx: Tx) -> int | None:
    due = tx.first(jobs.NEXT_DUE, KINDS, [])
    return due and due.run_after


def make_due(tx: Tx) -> None:
    """As if time had passed."""
    tx.execute(sa.update(schema.jobs).values(run_after=tx.now_ms))


def test_a_taken_job_is_nobody_elses(tx: Tx) -> None:
    add(tx, 3)
    first = take(tx, most=2)
    assert [job.payload for job in first] == [{"number": 0}, {"number": 1}]
    assert [job.payload for job in take(tx)] == [{"number": 2}]
    assert take(tx) == []


def test_a_job_is_free_again_when_its_lease_has_ended(tx: Tx) -> None:
    add(tx)
    [lost] = take(tx)
    make_due(tx)
    [again] = take(tx)
    assert (again.id, again.attempts) == (lost.id, 2)
    jobs.finish(tx, lost)
    jobs.retry(tx, lost, 3600, "too late")
    make_due(tx)
    assert len(take(tx)) == 1, "who lost the lease has no say any more"


def test_a_finished_job_is_gone(tx: Tx) -> None:
    add(tx)
    [job] = take(tx)
    jobs.finish(tx, job)
    assert next_due(tx) is None


def test_a_failed_job_waits_for_its_time(tx: Tx) -> None:
    add(tx)
    [job] = take(tx)
    jobs.retry(tx, job, 90.0, "no answer")
    assert take(tx) == []
    assert next_due(tx) == tx.now_ms + 90_000


def test_a_renewed_lease_lasts_longer(tx: Tx) -> None:
    add(tx)
    [job] = take(tx, lease_ms=1)
    jobs.renew(tx, [job], 60_000)
    assert next_due(tx) == tx.now_ms + 60_000


def test_a_dead_job_stays_and_is_not_taken(tx: Tx) -> None:
    add(tx)
    [job] = take(tx)
    jobs.give_up(tx, job, "broken")
    make_due(tx)
    assert take(tx) == []
    assert tx.execute(sa.select(schema.jobs.c.state, schema.jobs.c.error)).one() == ("DEAD", "broken")


def test_a_released_job_is_free_at_once(tx: Tx) -> None:
    add(tx)
    jobs.release(tx, take(tx))
    assert len(take(tx)) == 1


def test_jobs_of_unknown_kinds_are_left_for_newer_servers(tx: Tx) -> None:
    jobs.add(tx, "of.tomorrow", [{}])
    assert take(tx) == []
    assert next_due(tx) is None


def test_a_full_lane_is_passed_over(tx: Tx) -> None:
    jobs.add(tx, "test.job", [{"n": 1}, {"n": 2}, {"n": 3}], ["a", "b", "a"])
    assert [job.payload["n"] for job in jobs.take(tx, KINDS, 10, 1000, ["a"])] == [2]
    assert jobs.next_due(tx, KINDS, ["a", "b"]) is None


def test_workers_that_ask_at_once_never_get_the_same_job(database: Database) -> None:
    database.run(lambda tx: add(tx, 60), write=True)
    ready = threading.Barrier(4)

    def work(_: int) -> list[int]:
        ready.wait()
        got: list[int] = []
        while taken := database.run(lambda tx: take(tx, most=3), write=True):
            got += [job.id for job in taken]
        return got

    with ThreadPoolExecutor(4) as pool:
        done = [job for jobs_of_one in pool.map(work, range(4)) for job in jobs_of_one]
    assert len(done) == len(set(done)) == 60


def test_workers_of_the_process_hear_of_jobs_that_are_committed(database: Database) -> None:
    heard = threading.Event()
    jobs.listeners.add(heard)

    def fail(tx: Tx) -> None:
        add(tx)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.run(fail, write=True)
    assert not heard.is_set()
    with database.begin(write=True) as tx:
        add(tx)
        assert not heard.is_set()
    assert heard.is_set()


def test_looking_for_work_reads_an_index(database: Database) -> None:
    """Also with thousands of dead jobs, an idle worker reads one row."""
    query = (
        sa.select(schema.jobs.c.run_after)
        .where(jobs._IS_OPEN, schema.jobs.c.kind.in_(KINDS))
        .order_by(*jobs._ORDER)
        .limit(1)
    )
    text = str(query.compile(database.engine, compile_kwargs={"literal_binds": True}))
    with database.begin(write=True) as tx:
        if tx.dialect == "postgresql":
            tx.execute(sa.text("SET LOCAL enable_seqscan = off"))  # with no rows a scan is as cheap
            plan = tx.execute(sa.text(f"EXPLAIN {text}"))
        else:
            plan = tx.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))
        assert "ix_jobs_due" in str(plan.all())
