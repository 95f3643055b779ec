"""Statements compiled once, on both databases."""

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from trackway.storage.database import Database, Prepared, Tx, in_list, multi_row, upsert
from trackway.storage.schema.tracking import params, points, run_tags, runs

ADD_RUN = Prepared(
    sa.insert(runs).returning(runs.c.id, runs.c.run_uuid),
    *("run_uuid", "experiment_id", "name", "user_id", "status", "start_time", "lifecycle_stage"),
    "artifact_uri",
)
SET_TAG = Prepared(upsert(run_tags, "value"), "run_id", "key", "value")
TAGS = Prepared(
    sa.select(run_tags.c.key, run_tags.c.value)
    .where(in_list(run_tags.c.key, "keys"), run_tags.c.run_id == sa.bindparam("run"))
    .order_by(run_tags.c.key),
    *("run", "keys"),
)


def a_run(uuid: str) -> tuple[object, ...]:
    return (uuid, 0, "name", "", "RUNNING", 1, "active", "/artifacts")


def test_values_go_where_their_names_stand_and_rows_have_names(tx: Tx) -> None:
    run = tx.first(ADD_RUN, *a_run("u"))
    assert run.run_uuid == "u"
    rename = Prepared(
        sa.update(runs).where(runs.c.id == sa.bindparam("which")).values(name=sa.bindparam("new")),
        *("which", "new"),
    )
    tx.run(rename, run.id, "other")
    assert tx.execute(sa.select(runs.c.name).where(runs.c.id == run.id)).scalar() == "other"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_many_rows_come_back_each_once(tx: Tx, count: int) -> None:
    found = tx.run_many(ADD_RUN, [a_run(f"u{number}") for number in range(count)])
    assert sorted(row.run_uuid for row in found) == [f"u{number}" for number in range(count)]


def test_a_list_is_one_parameter_whatever_is_in_it(tx: Tx) -> None:
    run = tx.first(ADD_RUN, *a_run("u"))
    odd = ["plain", 'quo"te', "com,ma", "{brace}", "back\\slash", "NULL", "ü", ""]
    tx.run_many(SET_TAG, [(run.id, key, f"of {key}") for key in odd])
    assert {row.key: row.value for row in tx.rows(TAGS, run.id, odd)} == {key: f"of {key}" for key in odd}
    assert [row.key for row in tx.rows(TAGS, run.id, ["plain", "absent"])] == ["plain"]
    assert tx.rows(TAGS, run.id, []) == []


def test_several_rows_go_in_one_statement(tx: Tx) -> None:
    names = ("series_id", "timestamp", "step", "value")
    rows = [(-2, number, 0, 0.5) for number in range(2)]
    tx.run(multi_row(sa.insert(points), 2, *names), *rows[0], *rows[1])
    found = tx.rows(Prepared(sa.select(points).where(points.c.series_id == -2).order_by(points.c.timestamp)))
    assert [tuple(row) for row in found] == rows


def test_numbers_keep_every_bit(tx: Tx) -> None:
    add = Prepared(sa.insert(points), "series_id", "timestamp", "step", "value")
    rows = [
        (-1, 0, -(2**63), 0.1),
        (-1, 1, 2**63 - 1, 1.7976931348623157e308),
        (-1, 2, 0, 5e-324),
    ]
    tx.run_many(add, rows)
    read = sa.select(points).where(points.c.series_id == -1).order_by(points.c.timestamp)
    assert [tuple(row) for row in tx.execute(read)] == rows


def test_a_refused_statement_is_the_fault_that_sqlalchemy_would_raise(database: Database) -> None:
    add = Prepared(sa.insert(params), "run_id", "key", "value")
    with pytest.raises(exc.IntegrityError), database.begin(write=True) as tx:
        tx.run(add, -1, "key", "value")
    with database.begin(write=False) as tx:
        assert tx.execute(sa.select(params).where(params.c.run_id == -1)).first() is None
