"""Behind PgBouncer in transaction mode nothing is missed: no session of the database's is needed.

Some of the API's tests run once more with it in between, each transaction on a connection that has just been
made; then many clients share three connections.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa

from tests.api.test_registry import (  # noqa: F401
    iris,
    test_a_deleted_version_frees_no_number,
    test_a_version_of_a_logged_model,
    test_changes_of_a_version_answer_with_the_version,
    test_models_that_were_searched_for_and_those_that_1_x_clients_list,
    test_the_history_of_a_model,
    test_versions_that_were_searched_for,
)
from tests.api.test_tracking import (  # noqa: F401
    test_a_batch_takes_the_same_statements_whatever_its_size,
    test_a_refused_batch_stores_nothing_of_it,
    test_a_run_as_json,
    test_clients_of_1x_search_runs_with_get_and_call_ids_uuids,
    test_every_write_is_in_the_audit_and_a_refused_one_is_not,
)
from tests.factories import ARTIFACT_ROOT, get_run, log_metrics, make_run, point
from tests.services import TrackwayServer
from trackway.storage.database import Database
from trackway.storage.maintenance import migrate
from trackway.storage.tracking import metrics

from .pooler import CONNECTIONS, PgBouncer
from .programs import needs
from .rest import Rest

pytestmark = [pytest.mark.xdist_group("scale"), needs("pgbouncer")]


@pytest.fixture(scope="module")
def dialect():
    return "postgresql"


@pytest.fixture(scope="module")
def forgetful(databases):
    """Makes a connection to the database for each transaction: the next one finds nothing of the last."""
    pgbouncer = PgBouncer(databases.postgres, "server_lifetime = 0")
    yield pgbouncer
    pgbouncer.close()


@pytest.fixture(scope="module")
def pgbouncer(databases):
    """Keeps its three connections, which go from one client to the other."""
    pgbouncer = PgBouncer(databases.postgres)
    yield pgbouncer
    pgbouncer.close()


@pytest.fixture
def store_uri(databases, forgetful):
    """In place of the one that all tests have: the same database, by way of PgBouncer."""
    with databases.fresh("postgresql") as uri:
        yield forgetful.url(uri)


@pytest.fixture
def shared_uri(databases, pgbouncer):
    with databases.fresh("postgresql") as uri:
        yield pgbouncer.url(uri)


def write_and_read(database, number):
    with database.begin(write=True) as tx:
        run = make_run(tx)
        log_metrics(tx, run, *[point("loss", number, step=step) for step in range(20)])
    for _ in range(10):
        found, _ = database.run(lambda tx: metrics.history(tx, run, "loss", None, None), write=False)
        assert [metric.value for metric in found] == [float(number)] * 20
        assert database.run(lambda tx: get_run(tx, run), write=False).info.run_id == run


def test_the_pooler_does_change_sessions(store_uri):
    """What the tests count on: thirty transactions of one connection meet thirty sessions."""
    with psycopg.connect(store_uri, autocommit=True, prepare_threshold=None) as connection:
        met = {connection.execute("SELECT pg_backend_pid()").fetchone()[0] for _ in range(30)}
    assert len(met) == 30


@pytest.mark.parametrize("more", ["", "?prepare_threshold=none"])
def test_more_threads_than_connections_wait_and_none_meets_anothers_session(shared_uri, more, caplog):
    database = Database(shared_uri + more, pool_size=12)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: write_and_read(database, number), range(48)))
    assert "prepared statement" not in caplog.text
    database.dispose()


def test_a_lost_prepared_statement_reaches_no_user_and_is_told_once(shared_uri, caplog):
    """A pooler that we were told to trust, or did not see: the work is done again without."""
    database = Database(shared_uri + "?prepare_threshold=1", pool_size=12)

    def work(tx):
        return [tx.execute(sa.text("SELECT 1")).scalar() for _ in range(5)]

    with ThreadPoolExecutor(12) as pool:
        for done in pool.map(lambda _: database.run(work, write=True), range(200)):
            assert done == [1] * 5
        list(pool.map(lambda number: write_and_read(database, number), range(24)))
    assert caplog.text.count("append ?prepare_threshold=none") == 1
    database.dispose()


def test_a_direct_connection_keeps_its_prepared_statements(databases):
    with databases.fresh("postgresql") as uri:
        database = Database(uri)
        for _ in range(10):
            with database.begin(write=True) as tx:
                tx.execute(sa.text("SELECT 1"))
        with database.begin(write=False) as tx:
            kept = tx.execute(sa.text("SELECT statement FROM pg_prepared_statements")).scalars().all()
        assert "SELECT 1" in kept
        database.dispose()


def test_a_threshold_that_is_no_number_is_refused_with_advice():
    with pytest.raises(
        ValueError, match="prepare_threshold in the store URI must be a number or none, not 'soon'"
    ):
        Database("postgresql://host/name?prepare_threshold=soon")


def test_two_servers_that_start_together_make_the_tables_once(databases, forgetful):
    with databases.empty("postgresql") as uri:
        both = [Database(forgetful.url(uri)) for _ in range(2)]
        threads = [
            threading.Thread(target=migrate.prepare, args=(database, ARTIFACT_ROOT)) for database in both
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [migrate.revision(database) for database in both] == [migrate.HEAD] * 2
        for database in both:
            database.dispose()


def test_many_clients_of_a_server_with_more_connections_than_the_pool(shared_uri, tmp_path):
    server = TrackwayServer(tmp_path, shared_uri, ["--workers", "2"])
    server.start()

    def use(number):
        rest = Rest(server.url)
        run = rest.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
        for step in range(10):
            rest.post("runs/log-metric", run_id=run, key="loss", value=number, timestamp=step, step=step)
            rest.post("runs/log-parameter", run_id=run, key=f"p{step}", value="1")
        found = rest.get("metrics/get-history", run_id=run, metric_key="loss")["metrics"]
        assert [metric["value"] for metric in found] == [number] * 10
        return run

    clients = 6 * CONNECTIONS
    with ThreadPoolExecutor(clients) as pool:
        made = list(pool.map(use, range(2 * clients)))
    found = Rest(server.url).post("runs/search", experiment_ids=["0"], max_results=1000)["runs"]
    assert set(made) <= {run["info"]["run_id"] for run in found}
    assert "prepared statement" not in server.log
    server.kill()
