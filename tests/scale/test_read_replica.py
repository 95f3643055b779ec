"""Searches go to a read replica, all else to the primary, and everything there when the replica is away.

The replica is a real one: a second PostgreSQL that streams from the first, whose replay is paused to
tell their answers apart.
"""

from __future__ import annotations

import subprocess
import threading
import time

import mlflow
import psycopg
import pytest
import sqlalchemy as sa

from tests.factories import ARTIFACT_ROOT
from tests.services import BIN, PostgreSQL, TrackwayServer
from trackway.client_compat.errors import NotFound
from trackway.storage.database import Database, ReadReplica
from trackway.storage.maintenance import migrate

from .rest import Rest
from .standby import Standby

pytestmark = pytest.mark.xdist_group("scale")

_IS_REPLICA = sa.text("SELECT pg_is_in_recovery()")


@pytest.fixture(scope="module")
def primary():
    """A server of its own, whose replicas cancel what is in the way of replay at once."""
    server = PostgreSQL()
    server.execute("ALTER SYSTEM SET max_standby_streaming_delay = 0")
    server.execute("CREATE DATABASE trackway")
    yield server
    server.close()


@pytest.fixture(scope="module")
def prepared(primary):
    database = Database(primary.url("trackway"))
    migrate.prepare(database, ARTIFACT_ROOT)
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def standby(primary, prepared):
    standby = Standby(primary)
    yield standby
    standby.close()


@pytest.fixture(scope="module")
def server(primary, standby, tmp_path_factory):
    standby.catch_up()
    server = TrackwayServer(
        tmp_path_factory.mktemp("server"),
        primary.url("trackway"),
        ["--read-replica-backend-store-uri", standby.url("trackway"), "--workers", "1"],
    )
    server.start()
    yield server
    server.kill()


@pytest.fixture
def paused(standby):
    standby.catch_up()
    standby.pause()
    yield standby
    standby.resume()


@pytest.fixture
def rest(server):
    return Rest(server.url)


@pytest.fixture
def replica(standby, prepared):
    replica = ReadReplica(standby.url("trackway"), prepared)
    yield replica
    replica.dispose()


def test_searches_are_answered_by_the_replica_and_what_is_asked_by_name_by_the_primary(rest, paused):
    experiment = rest.post("experiments/create", name="new")["experiment_id"]
    run = rest.post("runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    rest.post("runs/log-metric", run_id=run, key="loss", value=0.5, timestamp=1, step=1)
    rest.post("registered-models/create", name="new")
    rest.post("model-versions/create", name="new", source=f"runs:/{run}/model", run_id=run)
    rest.post("registered-models/alias", name="new", alias="champion", version="1")
    model = rest.post("logged-models", experiment_id=experiment, name="new")["model"]["info"]["model_id"]

    assert rest.get("experiments/get", experiment_id=experiment)["experiment"]["name"] == "new"
    assert rest.get("experiments/get-by-name", experiment_name="new")["experiment"]
    assert rest.get("runs/get", run_id=run)["run"]["data"]["metrics"][0]["value"] == 0.5
    assert len(rest.get("metrics/get-history", run_id=run, metric_key="loss")["metrics"]) == 1
    assert rest.get("registered-models/get", name="new")["registered_model"]["name"] == "new"
    assert rest.get("registered-models/alias", name="new", alias="champion")["model_version"]
    assert rest.post("registered-models/get-latest-versions", name="new")["model_versions"]
    assert rest.get(f"logged-models/{model}")["model"]

    def found():
        """What each search says of all this, as a count."""
        graph = """query Runs($data: MlflowSearchRunsInput!) {
            mlflowSearchRuns(input: $data) { runs { info { runId } } } }"""
        asked = {"query": graph, "variables": {"data": {"experimentIds": [experiment]}}}
        bulk = {"run_ids": run, "metric_key": "loss"}
        return {
            "experiments": len(rest.post("experiments/search", max_results=9)["experiments"]) - 1,
            "runs": len(rest.post("runs/search", experiment_ids=[experiment]).get("runs", [])),
            "models": len(rest.get("registered-models/search").get("registered_models", [])),
            "versions": len(rest.get("model-versions/search").get("model_versions", [])),
            "logged models": len(
                rest.post("logged-models/search", experiment_ids=[experiment]).get("models", [])
            ),
            "charts": len(rest.get("metrics/get-history-bulk-interval", **bulk).get("metrics", [])),
            "graphql": len(rest.graphql(asked)["data"]["mlflowSearchRuns"]["runs"]),
        }

    assert set(found().values()) == {0}
    paused.resume()
    paused.catch_up()
    assert set(found().values()) == {1}


def test_an_unchanged_client_reads_its_own_writes_while_the_replica_lags(server, paused):
    """What a training script asks for by name is there; only lists are older."""
    client = mlflow.MlflowClient(server.url)
    experiment = client.create_experiment("lagging")
    run = client.create_run(experiment)
    client.log_metric(run.info.run_id, "loss", 1.0)
    client.log_param(run.info.run_id, "rate", "0.1")
    client.set_terminated(run.info.run_id)
    read = client.get_run(run.info.run_id)
    assert (read.info.status, read.data.metrics, read.data.params) == (
        "FINISHED",
        {"loss": 1.0},
        {"rate": "0.1"},
    )
    assert client.get_experiment_by_name("lagging").experiment_id == experiment
    assert client.search_runs([experiment]) == []


def test_searches_go_on_while_the_replica_is_away_and_return_to_it(rest, server, standby):
    experiment = rest.post("experiments/create", name="away")["experiment_id"]
    standby.catch_up()
    standby.kill()
    rest.post("runs/create", experiment_id=experiment)
    for _ in range(20):
        assert len(rest.post("runs/search", experiment_ids=[experiment])["runs"]) == 1
    assert server.log.count("the read replica does not answer; searches go to the primary") == 1
    standby.start()
    standby.catch_up()
    standby.pause()
    rest.post("runs/create", experiment_id=experiment)
    deadline = time.monotonic() + 60
    while len(rest.post("runs/search", experiment_ids=[experiment])["runs"]) == 2:
        assert time.monotonic() < deadline, "searches stay on the primary"
        time.sleep(0.2)
    assert server.log.count("the read replica answers again") == 1
    standby.resume()


def test_a_query_that_replay_cancels_runs_again_on_the_replica(replica, primary):
    asked, answer = cancelled_by_replay(replica, primary, times=1)
    assert (asked, answer) == ([True, True], True)


def test_a_query_that_replay_always_cancels_is_answered_by_the_primary(replica, primary, caplog):
    asked, answer = cancelled_by_replay(replica, primary, times=99)
    assert (asked, answer) == ([True, True, True, False], False)
    assert "does not answer" not in caplog.text  # the next search tries the replica again
    assert replica.run(lambda tx: tx.execute(_IS_REPLICA).scalar()) is True


def test_what_the_replica_does_not_have_yet_is_asked_of_the_primary(replica):
    asked = []

    def find(tx):
        asked.append(tx.execute(_IS_REPLICA).scalar())
        if asked[-1]:
            raise NotFound("not here yet")
        return "found"

    assert replica.run(find) == "found"
    assert asked == [True, False]


def test_a_server_starts_without_its_replica(primary, prepared, tmp_path):
    nowhere = f"postgresql://trackway@/trackway?host={tmp_path}"
    options = ["--read-replica-backend-store-uri", nowhere, "--workers", "1"]
    server = TrackwayServer(tmp_path / "server", primary.url("trackway"), options)
    server.start()
    assert Rest(server.url).post("experiments/search", max_results=1)["experiments"]
    assert "the read replica does not answer; searches go to the primary" in server.log
    server.kill()


def test_a_database_that_is_no_copy_is_refused(primary, prepared, tmp_path):
    primary.execute("CREATE DATABASE stranger")
    stranger = Database(primary.url("stranger"))
    migrate.prepare(stranger, ARTIFACT_ROOT)
    stranger.dispose()
    command = [BIN / "trackway", "serve", "--backend-store-uri", primary.url("trackway")]
    command += ["--read-replica-backend-store-uri", primary.url("stranger")]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: --read-replica-backend-store-uri names a database that is no replica of --backend-store-uri."
    )


def cancelled_by_replay(replica, primary, times):
    """Who was asked, and who answered, when the first queries on the replica see rows that replay removes."""
    asked = []

    def remove_rows():
        with psycopg.connect(primary.url("trackway"), autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS litter (number int)")
            connection.execute("INSERT INTO litter SELECT generate_series(1, 1000)")
            connection.execute("DELETE FROM litter")
            connection.execute("VACUUM litter")

    def work(tx):
        is_replica = tx.execute(_IS_REPLICA).scalar()
        asked.append(is_replica)
        if is_replica and len(asked) <= times:
            threading.Timer(0.3, remove_rows).start()
            tx.execute(sa.text("SELECT pg_sleep(30)"))
        return is_replica

    return asked, replica.run(work)
