"""What an idle server asks its database, by libpq alone."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from tests.databases import Databases
from trackway.client_compat.errors import Unavailable
from trackway.storage.database import Database, Prepared, is_among, postgres_poller
from trackway.storage.schema.tracking import workspaces

_BY_NAME = Prepared(
    sa.select(workspaces.c.id, workspaces.c.name).where(is_among(workspaces.c.name, "names")), "names"
)
_SLOW = Prepared(sa.select(sa.literal_column("1").label("one"), sa.func.pg_sleep(1)))
ODD = ['a "quoted" one', "back\\slash", "with, comma {and} braces", "ünï", ""]


def test_the_first_row_or_none(database: Database) -> None:
    found = database.first(_BY_NAME, ["default"])
    assert found is not None
    assert (int(found[0]), found[1]) == (1, "default")
    assert database.first(_BY_NAME, []) is None
    assert database.first(_BY_NAME, ["nobody's"]) is None


@pytest.mark.parametrize("name", ODD)
def test_texts_arrive_as_they_are(database: Database, name: str) -> None:
    with database.begin(write=True) as tx:
        tx.execute(sa.insert(workspaces), {"name": name})
    found = database.first(_BY_NAME, ["x", name, "y"])
    assert found is not None
    assert found[1] == name


@pytest.fixture
def on_postgres(databases: Databases) -> Iterator[tuple[Database, str]]:
    with databases.fresh("postgresql") as uri:
        database = Database(uri)
        yield database, uri
        database.dispose()


def _sessions(uri: str, also: str = "") -> int:
    with psycopg.connect(uri, autocommit=True) as other:
        found = other.execute(
            f"SELECT count(*) {also} FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid != pg_backend_pid()"
        ).fetchone()
        assert found
        return int(found[0])


def test_it_keeps_one_connection_and_makes_another_when_that_was_cut(
    on_postgres: tuple[Database, str],
) -> None:
    database, uri = on_postgres
    for _ in range(3):
        assert database.first(_BY_NAME, ["default"])
    assert _sessions(uri) == 1
    _sessions(uri, ", count(pg_terminate_backend(pid))")
    assert database.first(_BY_NAME, ["default"])
    assert _sessions(uri) == 1


def test_a_database_that_is_away_is_unavailable(tmp_path) -> None:
    database = Database(f"postgresql://nobody@/none?host={tmp_path}")
    with pytest.raises(Unavailable) as caught:
        database.first(_BY_NAME, [])
    assert str(tmp_path) in caught.value.__notes__[0]
    assert str(tmp_path) not in caught.value.message


def test_a_statement_that_cannot_be_is_no_outage(on_postgres: tuple[Database, str]) -> None:
    database, uri = on_postgres
    with pytest.raises(psycopg.errors.UndefinedTable, match="nowhere"):
        database.first(Prepared(sa.select(sa.column("x")).select_from(sa.table("nowhere"))))
    assert database.first(_BY_NAME, ["default"])
    assert _sessions(uri) == 1


def test_who_takes_the_connection_and_says_nothing_is_given_up(monkeypatch) -> None:
    monkeypatch.setattr(postgres_poller, "PATIENCE_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/db")
        with pytest.raises(Unavailable) as caught:
            database.first(_BY_NAME, [])
    assert "timeout expired" in caught.value.__notes__[0]


def test_of_several_hosts_one_that_is_silent_is_passed_over(on_postgres: tuple[Database, str]) -> None:
    url = make_url(on_postgres[1])
    assert isinstance(url.query["host"], str)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts = {
            "host": f"127.0.0.1,{url.query['host']}",
            "port": f"{silent.getsockname()[1]},5432",
            "connect_timeout": "2",
        }
        database = Database(url.update_query_dict(hosts).render_as_string(hide_password=False))
        assert database.first(_BY_NAME, ["default"])
        database.dispose()


def test_a_question_that_is_not_answered_is_given_up(on_postgres: tuple[Database, str], monkeypatch) -> None:
    database, _ = on_postgres
    assert database.first(_BY_NAME, ["default"])
    monkeypatch.setattr(postgres_poller, "PATIENCE_S", 0.2)
    with pytest.raises(Unavailable) as caught:
        database.first(_SLOW)
    assert caught.value.__notes__ == ["no answer in 0.2 seconds"]
    monkeypatch.undo()
    assert database.first(_BY_NAME, ["default"])


def test_it_is_not_taken_from_a_thread_that_waits_for_its_answer(on_postgres: tuple[Database, str]) -> None:
    database, _ = on_postgres
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(database.first, _SLOW)
        time.sleep(0.3)
        assert not asked.done()
        database.dispose()
        assert asked.result() == ["1", ""]
