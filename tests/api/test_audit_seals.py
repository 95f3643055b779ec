"""Seals of the audit: what was changed, removed or added in a sealed range is named."""

from __future__ import annotations

import json
import threading

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from trackway.server.cli import main
from trackway.server.jobs.audit_seals import Sealer
from trackway.storage.audit import record, retention, seals
from trackway.storage.schema.audit import audit, audit_seals


@pytest.fixture
def sealed(database):
    """Seal twelve entries in three seals, in ranges that end at the returned ids. One entry is not sealed."""
    ends = []
    for _ in range(3):
        for number in range(4):
            write(database, f"run:{number}")
        ends.append(seal(database)["last_id"])
    write(database, "run:new")
    return ends


def write(database, target, action="SetTag"):
    with database.begin(write=True, user="alice") as tx:
        record(tx, action, target)


def seal(database):
    with database.begin(write=False) as tx:
        made = seals.make(tx, seals.mark(tx, min_age_ms=-1000))
    with database.begin(write=True) as tx:
        assert seals.store(tx, made)
    return made


def problem(database, known=""):
    with database.begin(write=False) as tx:
        return seals.verify(tx, known, removed_up_to=retention.removed_up_to(tx)).problem


def execute(database, statement):
    with database.begin(write=True) as tx:
        tx.execute(statement)


def test_entries_that_nobody_changed_are_as_they_were_sealed(database, sealed):
    with database.begin(write=False) as tx:
        found = seals.verify(tx)
    assert (found.problem, found.seals, found.rows, found.last_id) == ("", 3, 12, sealed[-1])


@pytest.mark.parametrize("column", [column for column in audit.c if column.name != "id"], ids=str)
def test_any_changed_value_is_named(database, sealed, column):
    value = 7 if isinstance(column.type, sa.BigInteger | sa.Integer) else "x"
    row_id = sealed[0] + 2
    execute(database, sa.update(audit).where(audit.c.id == row_id).values({column.name: value}))
    assert problem(database).startswith(f"row {row_id} was changed: it is now [{row_id},")


def test_a_removed_row_is_named(database, sealed):
    execute(database, sa.delete(audit).where(audit.c.id.in_([sealed[0], sealed[1]])))
    assert problem(database) == f"row {sealed[0]} was removed"


def test_an_added_row_is_named(database, sealed):
    row_id = sealed[0] + 1
    execute(database, sa.delete(audit).where(audit.c.id == row_id))
    write(database, "run:forged")
    execute(database, sa.update(audit).where(audit.c.target == "run:forged").values(id=row_id))
    assert problem(database).startswith(f"row {row_id} was changed")
    values = {"id": -5, "workspace_id": 1, "time_ms": 1, "request_id": "", "action": "A", "target": "t"}
    execute(database, sa.insert(audit).values(**values))
    assert problem(database).startswith("row -5 was added")


def test_a_changed_or_removed_seal_is_named(database, sealed):
    first, last = sealed[0], sealed[1]
    execute(database, sa.update(audit_seals).where(audit_seals.c.last_id == last).values(time_ms=1))
    assert problem(database) == f"the seal of the rows {first + 1} to {last} was changed"
    execute(database, sa.delete(audit_seals).where(audit_seals.c.last_id == last))
    assert problem(database) == f"the seal of the rows after {first} is missing or was changed"


def test_seals_made_anew_lack_the_digest_that_was_noted(database, sealed):
    with database.begin(write=False) as tx:
        noted = seals.last_seal(tx).digest
    assert problem(database, noted) == ""
    execute(database, sa.delete(audit_seals).where(audit_seals.c.last_id == sealed[-1]))
    execute(database, sa.update(audit).where(audit.c.id == sealed[-1]).values(user="bob"))
    seal(database)
    assert problem(database) == ""
    assert problem(database, noted).startswith(f"the seal with the digest {noted} is missing")


def test_two_servers_do_not_both_seal_a_range(database):
    write(database, "run:a")
    with database.begin(write=False) as tx:
        made = seals.make(tx, seals.mark(tx, min_age_ms=-1000))
    with database.begin(write=True) as tx:
        assert seals.store(tx, made)
        assert not seals.store(tx, {**made, "last_id": made["last_id"] + 1})
    assert problem(database) == ""


def test_new_entries_are_not_sealed_yet(api, database):
    write(database, "run:a")
    sealer = Sealer(api.application.extensions["trackway"])
    sealer.run()
    with database.begin(write=False) as tx:
        latest = seals.last_seal(tx)
        newest = tx.execute(sa.select(sa.func.max(audit.c.id))).scalar_one()
    assert latest is None or latest.last_id < newest


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_range_is_sealed_when_no_transaction_can_add_to_it(api, database):
    """On PostgreSQL a transaction may commit after one with a greater id. SQLite has one writer."""
    sealer = Sealer(api.application.extensions["trackway"])
    with database.begin(write=True, user="slow") as tx:
        record(tx, "SetTag", "run:slow")
        tx.execute(sa.text("SELECT 1"))
        writer = threading.Thread(target=write, args=(database, "run:quick"))
        writer.start()
        writer.join()
        with database.begin(write=False) as other:
            sealer._mark = seals.mark(other, min_age_ms=-1000)
        assert not sealer.turn()
        assert sealer._mark is not None
    assert sealer.turn()
    with database.begin(write=False) as tx:
        targets = tx.execute(sa.select(audit.c.target).order_by(audit.c.id)).scalars().all()
        assert targets[-2:] == ["run:slow", "run:quick"]
        assert seals.last_seal(tx).row_count == len(targets)
    assert problem(database) == ""


def test_old_entries_are_removed_in_whole_ranges_and_their_seals_remain(database, sealed):
    with database.begin(write=False) as tx:
        newest = tx.execute(sa.select(audit.c.time_ms).where(audit.c.id == sealed[1])).scalar_one()
    with database.begin(write=True) as tx:
        removed = retention.remove(tx, newest + 1)
    assert removed.rows in (8, 12)
    assert problem(database) == ""
    with database.begin(write=False) as tx:
        rows = tx.execute(sa.select(audit.c.id, audit.c.action).order_by(audit.c.id)).all()
    assert rows[-1].action == "RemoveAuditEntries"
    assert rows[0].id == removed.last_id + 1
    seal(database)
    execute(database, sa.delete(audit).where(audit.c.id == rows[-1].id))
    assert problem(database)


def test_the_command_shows_exports_and_verifies(store_uri, database, sealed):
    def trackway(*words):
        return CliRunner().invoke(main, ["audit", *words, "--backend-store-uri", store_uri])

    shown = trackway("--target", "run:2").stdout
    assert shown.count("SetTag") == 3
    assert "alice" in shown
    lines = [json.loads(line) for line in trackway("export", "--actor", "alice").stdout.splitlines()]
    assert [line["target"] for line in lines[:2]] == ["run:0", "run:1"]
    assert len(lines) == 13
    assert "12 entries in 3 seals are unchanged" in trackway("verify").stdout
    execute(database, sa.update(audit).where(audit.c.id == sealed[1]).values(user="bob"))
    failed = trackway("verify")
    assert failed.exit_code == 1
    assert f"row {sealed[1]} was changed" in failed.stderr
