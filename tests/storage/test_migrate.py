"""The schema's revisions: made new, upgraded with data in them, refused when they do not fit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import exc

from tests.factories import find_runs, make_experiment
from trackway.client_compat import messages as m
from trackway.storage.database import Database, Tx
from trackway.storage.maintenance import migrate
from trackway.storage.schema import metadata
from trackway.storage.tracking import experiments, metrics


def test_the_migrations_make_what_the_schema_says(empty: Database) -> None:
    migrate.prepare(empty, "mlflow-artifacts:/")
    # The index of texts is a different table on each database.
    options = {"include_name": lambda name, kind, _: not (kind == "table" and name.startswith("trace_texts"))}
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_a_new_database_is_made_and_starting_again_changes_nothing(empty: Database) -> None:
    for _ in range(2):
        migrate.prepare(empty, "s3://bucket/root")
    with empty.begin(write=False) as tx:
        assert experiments.get(tx, "0").artifact_location == "s3://bucket/root/0"
        assert tx.execute(sa.text("SELECT count(*) FROM experiments")).scalar() == 1


def insert_run(tx: Tx, experiment: int) -> str:
    """A run as the revision that the database has knows it, where today's code would write more columns."""
    table = sa.Table("runs", sa.MetaData(), autoload_with=tx.execute(sa.select(1)).connection)
    values = {
        "run_uuid": "0" * 32,
        "experiment_id": experiment,
        "name": "n",
        "user_id": "u",
        "status": "RUNNING",
    }
    values |= {
        "status": "RUNNING",
        "start_time": 1,
        "lifecycle_stage": "active",
        "artifact_uri": "mlflow-artifacts:/r",
    }
    tx.execute(sa.insert(table), values)
    return "0" * 32


def insert_audit(tx: Tx, target: str) -> None:
    """An entry of the audit as older revisions know it."""
    columns = "workspace_id, time_ms, request_id, action, target"
    tx.execute(sa.text(f"INSERT INTO audit ({columns}) VALUES (1, 1, '', 'createRun', '{target}')"))


@pytest.mark.parametrize("older", migrate.REVISIONS[:-1])
def test_an_older_database_is_refused_then_upgraded_with_what_is_in_it(empty: Database, older: str) -> None:
    migrate.upgrade(empty, older)
    migrate.seed(empty, "mlflow-artifacts:/")
    with empty.begin(write=True) as tx:
        experiment = make_experiment(tx, "kept", tags={"k": "v"})
        run = insert_run(tx, int(experiment))
        insert_audit(tx, f"runs:{run}")
    with pytest.raises(migrate.SchemaError, match=f"at revision {older}.*trackway db upgrade"):
        migrate.prepare(empty, "mlflow-artifacts:/")
    migrate.upgrade(empty)
    migrate.prepare(empty, "mlflow-artifacts:/")
    with empty.begin(write=False) as tx:
        found, _ = find_runs(tx, m.SearchRuns(experiment_ids=[experiment], max_results=5))
        entries = tx.execute(sa.text("SELECT target, outcome FROM audit")).all()
    assert [r.info.run_id for r in found if r.info] == [run]
    assert entries == [(f"runs:{run}", "done")]


def test_an_upgrade_of_which_a_step_fails_leaves_what_was_there(empty: Database) -> None:
    migrate.upgrade(empty, "0001")
    with empty.begin(write=True) as tx:
        tx.execute(sa.text("CREATE TABLE webhooks (id INTEGER)"))  # in the way of revision 0004
    with pytest.raises(exc.DBAPIError, match="webhooks"):
        migrate.upgrade(empty)
    assert migrate.revision(empty) == "0001"
    with empty.engine.connect() as connection:
        assert "registered_models" not in sa.inspect(connection).get_table_names()


_DIVIDED = (
    "ALTER TABLE points RENAME TO whole",
    "ALTER INDEX pk_points RENAME TO pk_whole",
    "CREATE TABLE points (LIKE whole) PARTITION BY HASH (series_id)",
    "CREATE TABLE points_0_of_2 PARTITION OF points FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
    "CREATE TABLE points_1_of_2 PARTITION OF points FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
    "ALTER TABLE points ADD CONSTRAINT pk_points PRIMARY KEY (series_id, timestamp, step, value, is_nan)",
    "DROP TABLE whole",
)


@pytest.mark.parametrize("before", [(), _DIVIDED], ids=["whole", "divided"])
def test_points_of_the_time_when_nan_had_a_column(empty: Database, before: tuple[str, ...]) -> None:
    if before and empty.dialect == "sqlite":
        return  # which has no partitions
    migrate.upgrade(empty, "0006")
    migrate.seed(empty, "mlflow-artifacts:/")
    with empty.begin(write=True) as tx:
        for statement in before:
            tx.execute(sa.text(statement))
        run = insert_run(tx, 0)
        tx.execute(
            sa.text("INSERT INTO series VALUES (1, (SELECT id FROM runs), 0, 'loss', 2, 9, 0.0, :yes)"),
            {"yes": True},
        )
        add = sa.text("INSERT INTO points VALUES (1, :timestamp, 2, :value, :is_nan)")
        for timestamp, value, is_nan in ((7, 0.5, False), (8, 0.0, True), (8, 0.0, False), (9, 0.0, True)):
            tx.execute(add, {"timestamp": timestamp, "value": value, "is_nan": is_nan})
    migrate.upgrade(empty)
    with empty.begin(write=False) as tx:
        found = metrics.history_of_many(tx, [run], "loss", 10)
    assert [(point.timestamp, str(point.value)) for point in found] == [
        (7, "0.5"),
        (8, "0.0"),
        (8, "nan"),
        (9, "nan"),
    ]


def test_inputs_of_the_time_when_a_dataset_had_one_context(empty: Database) -> None:
    migrate.upgrade(empty, "0011")
    migrate.seed(empty, "mlflow-artifacts:/")
    with empty.begin(write=True) as tx:
        run = insert_run(tx, 0)
        for statement in (
            "INSERT INTO datasets VALUES (5, 0, 'iris', 'd', 'local', '{}', NULL, NULL)",
            "INSERT INTO dataset_inputs VALUES (7, (SELECT id FROM runs), 5)",
            "INSERT INTO dataset_input_tags VALUES (7, 'mlflow.data.context', 'train')",
        ):
            tx.execute(sa.text(statement))
    migrate.upgrade(empty)
    with empty.begin(write=False) as tx:
        [found] = find_runs(tx, m.SearchRuns(filter="dataset.context = 'train'", experiment_ids=["0"]))[0]
        statement = "SELECT input_id, value FROM dataset_input_tags"
        assert [tuple(row) for row in tx.execute(sa.text(statement))] == [(7, "train")]
    assert found.info
    assert found.info.run_id == run


def test_postgresql_finds_and_replicates_a_series_by_run_and_key(database: Database) -> None:
    if database.dialect == "sqlite":
        return  # where the id is the row's place
    query = (
        "SELECT i.indexrelid::regclass::text, i.indisreplident FROM pg_index i "
        "WHERE i.indrelid = 'series'::regclass ORDER BY 1"
    )
    with database.begin(write=False) as tx:
        found = [tuple(row) for row in tx.execute(sa.text(query))]
    assert found == [("ix_series_by_value", False), ("uq_series_run_id_key", True)]


def test_a_newer_database_is_refused(database: Database) -> None:
    with database.begin(write=True) as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrate.SchemaError, match="made by a newer Trackway"):
        migrate.prepare(database, "mlflow-artifacts:/")
    with pytest.raises(migrate.SchemaError, match="made by a newer Trackway"):
        migrate.upgrade(database)


def test_a_database_of_mlflow_is_known_by_its_revision(empty: Database) -> None:
    with empty.begin(write=True) as tx:
        tx.execute(sa.text("CREATE TABLE alembic_version (version_num TEXT)"))
        tx.execute(sa.text("INSERT INTO alembic_version VALUES ('c48cb773bb87')"))
    for act in (migrate.check, migrate.upgrade, lambda database: migrate.prepare(database, "s3://b")):
        with pytest.raises(migrate.SchemaError, match="tables of another program"):
            act(empty)


def test_servers_that_start_together_on_a_new_database_make_it_once(empty: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrate.prepare(empty, "mlflow-artifacts:/"), range(4)))
    migrate.check(empty)


def test_a_database_of_another_program_is_left_alone(empty: Database) -> None:
    with empty.begin(write=True) as tx:
        tx.execute(sa.text("CREATE TABLE runs (run_uuid TEXT)"))
    with pytest.raises(migrate.SchemaError, match="tables of another program"):
        migrate.prepare(empty, "mlflow-artifacts:/")
