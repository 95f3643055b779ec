"""Connections and transactions: what passes when tried again, and what the client is told."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from tests.factories import get_run, log_metrics, make_experiment, make_run, point, set_tags
from trackway.client_compat import messages as m
from trackway.client_compat.errors import StorageFull, Unavailable
from trackway.storage.database import Database, Tx, parse_uri
from trackway.storage.schema.tracking import run_tags
from trackway.storage.tracking import metrics, run_locks, runs


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        (
            "postgresql+psycopg2://u:p@h:5433/d?sslmode=require",
            "postgresql+psycopg://u:p@h:5433/d?sslmode=require",
        ),
        ("sqlite:///x.db", "sqlite+pysqlite:///x.db"),
        ("sqlite:////abs/x.db", "sqlite+pysqlite:////abs/x.db"),
    ],
)
def test_uris_are_taken_as_mlflow_users_write_them(given: str, used: str) -> None:
    assert parse_uri(given).render_as_string(hide_password=False) == used


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("./mlruns", "keeps its data in a database"),
        ("mysql://u:p@h/d", "supports sqlite and postgresql"),
        ("sqlite://", "would be lost when the server stops"),
        ("postgresql://h:port/d", "cannot be read as a database URL"),
    ],
)
def test_other_uris_are_refused_with_advice(given: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_uri(given)


def test_what_a_failed_transaction_wrote_is_gone(database: Database) -> None:
    made: list[str] = []

    def work(tx: Tx) -> None:
        made.append(make_run(tx))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.run(work, write=True)
    with database.begin(write=False) as tx:
        found = tx.execute(
            sa.text("SELECT count(*) FROM runs WHERE run_uuid = :run"), {"run": made[0]}
        ).scalar()
    assert found == 0


def test_a_transaction_that_lost_a_race_runs_again(database: Database) -> None:
    """Two writers lock two rows in opposite order; PostgreSQL ends one of them, SQLite lets them queue."""
    with database.begin(write=True) as tx:
        one, other = make_run(tx), make_run(tx)
    meet = threading.Barrier(2, timeout=20)
    attempts: list[str] = []

    def write(first: str, second: str) -> None:
        def work(tx: Tx) -> None:
            attempts.append(first)
            run_locks.lock_active(tx, first)
            if tx.dialect == "postgresql" and len(attempts) <= 2:
                meet.wait()
            runs.set_tags(tx, run_locks.lock_active(tx, second), [])

        database.run(work, write=True)

    writers = [threading.Thread(target=write, args=pair) for pair in ((one, other), (other, one))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert len(attempts) == (3 if database.dialect == "postgresql" else 2)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_full_disk_is_told_as_such_and_leaves_half_of_nothing(database: Database) -> None:
    small = Database(database.engine.url.render_as_string(), pool_size=1)
    with small.begin(write=True) as tx:
        run = make_run(tx)
        pages = tx.execute(sa.text("PRAGMA page_count")).scalar_one()
        tx.execute(sa.text(f"PRAGMA max_page_count = {pages + 3}"))

    def work(tx: Tx) -> None:
        log_metrics(tx, run, *(point(f"m{number}", number) for number in range(1000)))

    with pytest.raises(StorageFull, match="disk is full: nothing of this request was stored"):
        small.run(work, write=True)
    with small.begin(write=False) as tx:
        assert metrics.history(tx, run, "m0", None, None) == ([], None)
    with small.begin(write=True) as tx:
        tx.execute(sa.text("PRAGMA max_page_count = 1000000"))
    small.run(work, write=True)
    small.dispose()


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_writer_waits_while_another_program_writes(database: Database) -> None:
    uri = database.engine.url.render_as_string()
    one, other = Database(uri, pool_size=1), Database(uri)
    with one.begin(write=True) as tx:
        run = make_run(tx)
    begun = threading.Event()

    def write() -> None:
        begun.set()
        one.run(lambda tx: set_tags(tx, run, {"k": "mine"}), write=True)

    writer = threading.Thread(target=write)
    with other.begin(write=True) as tx:
        writer.start()
        begun.wait(20)
        set_tags(tx, run, {"k": "theirs"})
    writer.join(60)
    with one.begin(write=False) as tx:
        assert {tag.key: tag.value for tag in (get_run(tx, run).data or m.RunData()).tags}["k"] == "mine"
    one.dispose()
    other.dispose()


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_reader_may_wait_on_a_connection_that_has_written(database: Database) -> None:
    one = Database(database.engine.url.render_as_string(), pool_size=1)
    for _ in range(2):
        with one.begin(write=True) as tx:
            make_run(tx)
        with one.begin(write=False) as tx:
            assert tx.execute(sa.text("PRAGMA busy_timeout")).scalar_one() == 30_000
    one.dispose()


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_connection_that_broke_in_the_pool_is_replaced(database: Database) -> None:
    with database.begin(write=True) as tx:
        run = make_run(tx)
    with database.engine.connect() as connection:
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()
    killer = Database(database.engine.url.render_as_string(hide_password=False))
    with killer.begin(write=False) as tx:
        tx.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    killer.dispose()
    database.run(lambda tx: runs.set_tags(tx, run_locks.lock_active(tx, run), []), write=True)


def test_the_pools_last_connection_is_there_for_who_asks_whether_the_database_answers(
    database: Database,
) -> None:
    threads = database.engine.pool.size() - 1  # type: ignore[attr-defined]
    all_here, all_done = threading.Barrier(threads + 1), threading.Barrier(threads + 1)

    def hold(_: Tx) -> None:
        all_here.wait()
        all_done.wait()

    for _ in range(3):
        held = [
            threading.Thread(target=database.run, args=(hold,), kwargs={"write": False})
            for _ in range(threads)
        ]
        for thread in held:
            thread.start()
        all_here.wait()
        try:
            database.ping()
        finally:
            all_done.wait()
            for thread in held:
                thread.join()


@pytest.mark.parametrize("ask", [lambda db: db.run(make_experiment, write=True), Database.ping])
def test_who_waits_for_a_connection_has_the_next_that_comes_free(
    database: Database, ask: Callable[[Database], object]
) -> None:
    others = [threading.Event() for _ in range(database.engine.pool.size())]  # type: ignore[attr-defined]
    all_here = threading.Barrier(len(others) + 1)

    def hold(_: Tx, until: threading.Event) -> None:
        all_here.wait()
        until.wait()

    with ThreadPoolExecutor(len(others) + 1) as threads:
        try:
            for event in others:
                threads.submit(database.run, partial(hold, until=event), write=False)
            all_here.wait()
            asked = threads.submit(ask, database)
            time.sleep(0.3)
            assert not asked.done()
            others[0].set()
            asked.result(timeout=10)  # not only once most of them are done
        finally:
            for event in others:
                event.set()


def test_a_database_out_of_reach_is_unavailable() -> None:
    database = Database("postgresql://u@127.0.0.1:1/none")
    with pytest.raises(Unavailable) as told:
        database.ping()
    assert told.value.status == 503
    assert "Retry-After" in told.value.headers


def test_a_host_that_takes_connections_and_says_nothing_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/none")
        with pytest.raises(Unavailable, match="timeout"):
            database.ping()


def test_a_statement_that_cannot_be_is_a_fault_of_ours_not_of_the_database(database: Database) -> None:
    with pytest.raises(exc.DBAPIError):
        database.run(lambda tx: tx.execute(sa.text("SELECT FROM FROM runs")), write=False)


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.begin(write=True) as tx:
        run = make_run(tx)
    with database.begin(write=True) as tx:
        tx.execute(sa.insert(run_tags), {"run_id": runs.find(tx, run).id, "key": "k", "value": "v"})
        with database.begin(write=False) as reader:
            data = get_run(reader, run).data
    assert data
    assert "k" not in {tag.key for tag in data.tags}


def test_without_its_driver_postgresql_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ValueError, match=r"trackway\[postgres\]"):
        Database("postgresql://localhost/trackway")


def test_clients_are_not_told_where_the_database_is() -> None:
    with pytest.raises(Unavailable) as told:
        Database("postgresql://secret-user@127.0.0.1:1/none").ping()
    assert "127.0.0.1" not in told.value.message
    assert "secret-user" not in told.value.message
    assert "127.0.0.1" in told.value.for_operators()
