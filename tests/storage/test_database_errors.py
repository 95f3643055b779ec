"""What PostgreSQL and SQLite refuse, as errors for clients: which are repeated, and what their users read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL

from tests.factories import make_experiment
from trackway.client_compat.errors import ApiError
from trackway.storage.database import Database, Tx
from trackway.storage.maintenance import access

READ_ONLY = "The database is read-only: nothing of this request was stored."


@pytest.fixture
def stranger(database: Database) -> Iterator[Database]:
    """The database as an account that may connect and nothing else."""
    url = database.engine.url
    with database.writing() as connection:
        connection.execute(sa.text("CREATE ROLE stranger LOGIN"))
    other = Database(url.set(username="stranger").render_as_string(hide_password=False))
    yield other
    other.dispose()
    with database.writing() as connection:
        connection.execute(sa.text("DROP OWNED BY stranger"))
        connection.execute(sa.text("DROP ROLE stranger"))


def refusal(database: Database, *statements: str, write: bool = True) -> ApiError:
    def work(tx: Tx) -> None:
        for statement in statements:
            tx.execute(sa.text(statement))

    with pytest.raises(ApiError) as caught:
        database.run(work, write=write)
    return caught.value


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("08006", 503),
        ("25006", 424),
        ("25P03", 503),
        ("28P01", 424),
        ("3D000", 424),
        ("3F000", 424),
        ("40001", 503),
        ("40P01", 503),
        ("42501", 424),
        ("42703", 424),
        ("42P01", 424),
        ("53000", 503),
        ("53100", 507),
        ("53200", 503),
        ("53300", 503),
        ("53400", 400),
        ("54000", 400),
        ("54001", 400),
        ("55006", 503),
        ("55P03", 503),
        ("57014", 400),
        ("57P01", 503),
        ("57P03", 503),
        ("58030", 424),
        ("F0000", 424),
        ("XX001", 424),
        ("XX002", 424),
    ],
)
def test_each_class_of_sqlstates_has_its_status(database: Database, state: str, status: int) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'a secret of the host' USING ERRCODE = '{state}'; END $$"
    error = refusal(database, raising)
    assert error.status == status
    assert ("Retry-After" in error.headers) == (status == 503)
    assert "a secret of the host" in error.for_operators()
    assert ("a secret of the host" in error.message) == (state == "42501")


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize("state", ["22012", "23514", "42601", "P0001", "XX000"])
def test_other_errors_are_bugs(database: Database, state: str) -> None:
    raising = sa.text(f"DO $$ BEGIN RAISE EXCEPTION 'a bug' USING ERRCODE = '{state}'; END $$")
    with pytest.raises(exc.DBAPIError):
        database.run(lambda tx: tx.execute(raising), write=True)


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_read_only_database_says_so(database: Database) -> None:
    name = database.engine.url.database
    with database.writing() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    database.dispose()
    with pytest.raises(ApiError) as caught:
        database.run(make_experiment, write=True)
    assert (caught.value.status, caught.value.message) == (424, READ_ONLY)
    assert database.run(lambda tx: tx.execute(sa.text("SELECT 1")).scalar(), write=False) == 1
    with pytest.raises(ApiError, match=r"^The database is read-only: runs and models can be read"):
        access.check(database)


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_an_account_without_rights_is_told_the_grant_that_helps(
    database: Database, stranger: Database
) -> None:
    error = refusal(stranger, "SELECT * FROM runs", write=False)
    assert (error.status, error.message) == (
        424,
        "The database refuses this request, because the server's account lacks a right "
        "(permission denied for table runs).",
    )
    with pytest.raises(
        ApiError, match=r"may not read and write \d+ tables or sequences: access_state, "
    ) as caught:
        access.check(stranger)
    access.advise(stranger, caught.value)
    grant = caught.value.for_operators().partition("Let an administrator run: ")[2]
    with database.writing() as connection:
        connection.execute(sa.text(grant))
    access.check(stranger)
    assert stranger.run(lambda tx: make_experiment(tx), write=True)


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize(
    ("revoked", "named"),
    [
        ("INSERT ON runs", "1 tables or sequences: runs."),
        ("DELETE ON jobs, params", "2 tables or sequences: jobs, params."),
        ("USAGE ON SEQUENCE runs_id_seq", "1 tables or sequences: runs_id_seq."),
    ],
)
def test_each_missing_right_is_named(
    database: Database, stranger: Database, revoked: str, named: str
) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("GRANT ALL ON ALL TABLES IN SCHEMA public TO stranger"))
        connection.execute(sa.text("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO stranger"))
    access.check(stranger)
    with database.writing() as connection:
        connection.execute(sa.text(f"REVOKE {revoked} FROM stranger"))
    with pytest.raises(ApiError, match=named):
        access.check(stranger)


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_schema_that_may_not_be_used_is_not_an_empty_database(
    database: Database, stranger: Database
) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("REVOKE USAGE ON SCHEMA public FROM PUBLIC"))
    with pytest.raises(ApiError, match="may use no schema"), stranger.engine.connect() as connection:
        access.check_schema(connection)


def test_a_table_that_is_gone_is_told(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("DROP TABLE experiment_tags"))
    error = refusal(database, "SELECT * FROM experiment_tags", write=False)
    assert error.status == 424
    assert error.message.startswith("The database lacks a table or column that the server needs.")
    if database.dialect == "postgresql":
        with pytest.raises(ApiError, match=r"lacks tables that the server needs: experiment_tags\."):
            access.check(database)


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_who_waits_too_long_for_a_lock_may_try_again(database: Database) -> None:
    with database.begin(write=True) as tx:
        tx.execute(sa.text("LOCK TABLE runs"))
        error = refusal(database, "SET LOCAL lock_timeout = '10ms'", "LOCK TABLE runs")
    assert (error.status, "try again in a moment" in error.message) == (503, True)


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_statement_that_an_administrator_cancels_may_be_sent_again(database: Database) -> None:
    pids: list[int] = []
    is_running = threading.Event()

    def work(tx: Tx) -> None:
        pids.append(int(tx.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()))
        is_running.set()
        tx.execute(sa.text("SELECT pg_sleep(60)"))

    errors: list[BaseException] = []

    def run() -> None:
        try:
            database.run(work, write=True)
        except ApiError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    is_running.wait(20)
    while thread.is_alive():  # the first signal may arrive before the statement
        with database.begin(write=False) as tx:
            tx.execute(sa.text("SELECT pg_cancel_backend(:pid)"), {"pid": pids[0]})
        thread.join(0.1)
    assert [getattr(error, "status", None) for error in errors] == [503]


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (lambda url: url.set(database="nowhere"), 424, 'database "nowhere" does not exist'),
        (lambda url: url.set(username="nobody"), 424, 'role "nobody" does not exist'),
        (lambda url: url.update_query_dict({"sslmode": "sometimes"}), 424, "invalid sslmode value"),
        (lambda url: url.update_query_dict({"colour": "blue"}), 424, "invalid connection option"),
        (lambda url: url.set(host="127.0.0.1", port=1, query={}), 503, "Connection refused"),
    ],
)
def test_a_connection_that_is_refused_for_good_is_not_tried_again(
    database: Database, change: Callable[[URL], URL], status: int, reason: str
) -> None:
    other = Database(change(database.engine.url).render_as_string(hide_password=False))
    with pytest.raises(ApiError) as caught:
        other.ping()
    other.dispose()
    assert caught.value.status == status
    assert reason in caught.value.for_operators()
    assert reason not in caught.value.message


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_an_account_without_a_free_connection_may_try_again(database: Database, stranger: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("ALTER ROLE stranger CONNECTION LIMIT 0"))
    with pytest.raises(ApiError) as caught:
        stranger.ping()
    assert caught.value.status == 503


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_sqlite_file_that_is_read_only_says_so(database: Database) -> None:
    error = refusal(database, "PRAGMA query_only = on", "DELETE FROM runs")
    assert (error.status, error.message) == (424, READ_ONLY)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_sqlite_file_that_was_deleted_is_noticed(database: Database) -> None:
    access.check(database)
    path = Path(str(database.engine.url.database))
    path.rename(path.with_suffix(".moved"))
    with pytest.raises(ApiError, match="does not exist any more"):
        access.check(database)
