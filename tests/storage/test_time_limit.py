"""Statements have a time limit, and end when nobody waits for their result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackway.client_compat.errors import BadRequest
from trackway.storage.database import Database, Prepared, Tx, set_cancelled

ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


@pytest.fixture
def limited(store_uri: str) -> Iterator[Database]:
    database = Database(store_uri, statement_timeout_s=0.5)
    yield database
    database.dispose()


def run_endless(tx: Tx) -> None:
    tx.execute(sa.text(ENDLESS[tx.dialect])).all()


@pytest.mark.parametrize("write", [True, False])
def test_a_statement_is_stopped_after_the_time_limit(limited: Database, write: bool) -> None:
    began = time.monotonic()
    with pytest.raises(BadRequest, match="took too long"):
        limited.run(run_endless, write=write)
    assert time.monotonic() - began < 10
    assert limited.run(lambda tx: tx.execute(sa.text("SELECT 1")).scalar(), write=write) == 1


def run_endless_prepared(tx: Tx) -> None:
    tx.rows(Prepared(sa.text(ENDLESS[tx.dialect]).columns(sa.column("ignored", sa.Text))))


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("work", [run_endless, run_endless_prepared])
def test_a_statement_is_stopped_when_its_client_is_gone(
    store_uri: str, work: Callable[[Tx], None], write: bool
) -> None:
    database = Database(store_uri, statement_timeout_s=60)
    set_cancelled(lambda: True)
    try:
        with pytest.raises(BadRequest, match="its client has closed the connection"):
            database.run(work, write=write)
        assert database.run(lambda tx: tx.execute(sa.text("SELECT 1")).scalar(), write=write) == 1
    finally:
        set_cancelled(None)
        database.dispose()


def test_only_its_owner_can_read_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "new.db"
    database = Database(f"sqlite:///{path}")
    database.ping()
    database.dispose()
    assert path.stat().st_mode & 0o777 == 0o600
