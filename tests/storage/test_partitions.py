"""Points in partitions: divided, divided anew, undone, refused, and killed half-way."""

from __future__ import annotations

import math
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.commands import ROOT
from tests.factories import log_metrics, make_run, point
from trackway.storage.database import Database
from trackway.storage.maintenance import migrate, partitions
from trackway.storage.schema import metadata
from trackway.storage.tracking import metrics

pytestmark = pytest.mark.parametrize("dialect", ["postgresql"])

Rows = list[tuple[object, ...]]


def fill(database: Database, runs: int = 20) -> list[str]:
    """Runs of a thousand points each, over ten keys, and some odd values."""
    with database.begin(write=True) as tx:
        made = [make_run(tx) for _ in range(runs)]
        for run in made:
            log_metrics(tx, run, *(point(f"m{n % 10}", n / 7, step=n, timestamp=n) for n in range(1000)))
            log_metrics(tx, run, point("odd", math.nan), point("odd", math.inf), point("odd", -0.5, step=-9))
    return made


def rows_of(database: Database) -> Rows:
    with database.begin(write=False) as tx:
        rows = tx.execute(sa.text("SELECT * FROM points ORDER BY series_id, timestamp, step, value"))
        return [tuple(row) for row in rows]


def parts_of(database: Database) -> dict[str, int]:
    """Rows in each of the tables that points consists of."""
    with database.engine.connect() as connection:
        return {
            name: connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in partitions.names(connection)
        }


def differences(database: Database) -> list[object]:
    """From what the schema says; the parts are nobody's business."""
    with database.engine.connect() as connection:
        parts = partitions.names(connection)
        # The index of texts is a different table on each database.
        others = {*parts, "trace_texts"}
        options = {"include_name": lambda name, kind, _parents: kind != "table" or name not in others}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_what_was_logged_is_the_same_before_and_after(database: Database) -> None:
    runs = fill(database)
    before = rows_of(database)
    assert partitions.divide(database, 4)
    parts = parts_of(database)
    assert len(parts) == 4
    assert min(parts.values()) > 0
    assert sum(parts.values()) == len(before) >= 20_000
    assert rows_of(database) == before
    assert differences(database) == []
    with database.begin(write=True) as tx:
        found, _ = metrics.history(tx, runs[0], "odd", None, None)
        assert [p.step for p in found] == [-9, 0, 0]
        log_metrics(tx, runs[0], point("m1", 1 / 7, step=1, timestamp=1), point("new", 5.0))
    assert len(rows_of(database)) == len(before) + 1


def test_the_same_again_does_nothing_and_another_number_divides_anew(database: Database) -> None:
    fill(database, 2)
    before = rows_of(database)
    for count, is_work in ((4, True), (4, False), (7, True), (1, True), (1, False), (4, True)):
        assert partitions.divide(database, count) == is_work
        assert len(parts_of(database)) == (count if count > 1 else 0)
        assert rows_of(database) == before
        assert differences(database) == []


def test_many_small_steps_copy_every_row_once_and_tell_how_far_they_are(database: Database) -> None:
    fill(database, 3)
    before = rows_of(database)
    told: list[tuple[str, float]] = []
    partitions.divide(database, 3, lambda doing, share: told.append((doing, share)), blocks=1)
    assert rows_of(database) == before
    copying = [share for doing, share in told if doing == "Copying points"]
    assert len(copying) > 10
    assert copying == sorted(copying)
    assert copying[-1] == 1


@pytest.mark.parametrize("older", migrate.REVISIONS)
def test_later_migrations_run_on_a_divided_database(empty: Database, older: str) -> None:
    migrate.upgrade(empty, older)
    migrate.seed(empty, "mlflow-artifacts:/")
    partitions.divide(empty, 4)
    migrate.upgrade(empty)
    migrate.prepare(empty, "mlflow-artifacts:/")
    fill(empty, 1)
    assert differences(empty) == []
    assert sum(parts_of(empty).values()) >= 1000


def test_points_can_be_given_a_column_as_a_later_migration_may_do(database: Database) -> None:
    fill(database, 1)
    partitions.divide(database, 4)
    with database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE points ADD COLUMN note TEXT"))
        connection.execute(sa.text("CREATE INDEX ix_points_note ON points (note)"))
        connection.execute(sa.text("UPDATE points SET note = 'x'"))
    assert {row[-1] for row in rows_of(database)} == {"x"}


def test_killed_half_way_nothing_is_changed_and_the_next_attempt_does_it(
    database: Database, store_uri: str
) -> None:
    fill(database)
    before = rows_of(database)
    program = (
        "import sys, time\n"
        "from trackway.storage.maintenance import partitions\n"
        "from trackway.storage.database import Database\n"
        "def told(doing, share):\n"
        "    print(doing, share, flush=True)\n"
        "    if share > 0.5: time.sleep(600)\n"
        "partitions.divide(Database(sys.argv[1]), 4, told, blocks=5)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, store_uri], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    shares = []
    while not shares or shares[-1] <= 0.5:
        line = process.stdout.readline()
        assert line.startswith("Copying points"), line
        shares.append(float(line.split()[-1]))
    process.kill()
    process.wait()
    process.stdout.close()
    assert len(shares) > 2
    assert rows_of(database) == before
    assert parts_of(database) == {}
    deadline = time.monotonic() + 60
    while not partitions.divide(database, 4):
        assert time.monotonic() < deadline
    assert rows_of(database) == before


@pytest.mark.parametrize("lock", ["ACCESS SHARE", "ROW EXCLUSIVE"])
def test_a_table_that_others_hold_on_to_is_left_alone_with_a_reason(
    database: Database, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    fill(database, 1)
    monkeypatch.setattr(partitions, "_LOCK_TIMEOUT_S", 1)
    with database.writing() as connection:
        connection.execute(sa.text(f"LOCK TABLE points IN {lock} MODE"))
        with pytest.raises(partitions.PartitionError, match="used the table of points for 1 seconds"):
            partitions.divide(database, 4)
    assert parts_of(database) == {}


def test_what_cannot_be_is_refused_in_a_sentence(database: Database) -> None:
    for count in (0, -1, 1025):
        with pytest.raises(partitions.PartitionError, match=f"not {count}"):
            partitions.divide(database, count)
    with database.writing() as connection:
        connection.execute(sa.text("CREATE VIEW mine AS SELECT * FROM points"))
    with pytest.raises(partitions.PartitionError, match=r"other objects depend on it. Nothing was changed"):
        partitions.divide(database, 4)
    assert parts_of(database) == {}
