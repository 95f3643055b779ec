"""The tests' own ground: each database is fresh, noisy, and loses what a test wrote."""

from __future__ import annotations

import io

import sqlalchemy as sa

from tests.factories import get_run, make_run
from trackway.storage.schema import tracking


def test_a_fresh_database_holds_experiment_0_and_the_noise_of_another_workspace(database):
    with database.begin(write=False) as tx:
        rows = tx.execute(sa.select(tracking.experiments.c.id, tracking.experiments.c.workspace_id)).all()
    assert [row.id for row in rows if row.workspace_id == 1] == [0]
    assert len({row.workspace_id for row in rows}) == 2
    assert len(rows) > 3


def test_what_a_test_writes_is_undone(tx):
    count = sa.select(sa.func.count()).where(tracking.runs.c.name == "undone")
    assert tx.execute(count).scalar() == 0
    make_run(tx, name="undone")
    assert tx.execute(count).scalar() == 1


test_what_a_test_writes_is_undone_again = test_what_a_test_writes_is_undone


def test_a_transaction_beside_a_database_of_its_own_writes_there(tx, database):
    run_id = make_run(tx)
    assert get_run(tx, run_id)
    path = database.engine.url.database
    (found,) = tx.execute(
        sa.text("PRAGMA database_list" if tx.dialect == "sqlite" else "SELECT current_database()")
    ).all()
    assert path in (found[-1], found[0])


def test_the_object_store_keeps_what_it_was_given_when_killed(object_store):
    bucket = object_store.bucket()
    object_store.client().put_object(bucket, "a/b", io.BytesIO(b"kept"), 4)
    object_store.kill()
    object_store.start()
    assert object_store.client().get_object(bucket, "a/b").data == b"kept"
