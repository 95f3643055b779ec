"""What was acknowledged is kept when a server or its database is killed under load."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import DIALECTS
from tests.hold import probes
from tests.hold.load import Load, unaudited
from tests.services import MlflowServer, TrackwayServer


def start_again(server, patience_s=40):
    """Start a server again. Processes that a killed one has left may keep its port or its data at first."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return server.start()
        except RuntimeError:
            if time.monotonic() > deadline:
                raise


def kill(server, victim):
    if victim == "a worker":
        os.kill(probes.processes(server.pid)[1], signal.SIGKILL)
        return
    if victim == "the master process":
        server.kill_main_process()
    else:
        server.kill()
    start_again(server)


def kill_under_load(server, victim, seconds):
    """Return what came of the writes, and the seconds from the kill until all writers could go on."""
    with Load([server.url]) as load:
        load.wait_for_each()
        time.sleep(seconds)
        began = time.monotonic()
        kill(server, victim)
        load.wait_for_each()
        back_after = time.monotonic() - began
        time.sleep(seconds / 2)
    return load.outcome(server.url), back_after


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_acknowledged_write_is_lost_when_the_server_is_killed(
    serve, store_uri, figures, is_full, dialect, tmp_path
):
    """18 clients write as fast as they can: points, batches, tags, runs, versions of models, and files. A
    worker, the master process, or all processes of the server get the signal SIGKILL; a master is then
    started again.
    """
    server = serve()
    seconds = 4 if is_full else 0.2
    victims = ("a worker", "all processes", "the master process")
    for victim in victims if is_full else victims[:2]:
        outcome, back_after = kill_under_load(server, victim, seconds)
        figures(f"{victim} killed", server, back_after_s=back_after, **outcome.figures())
        assert (outcome.lost, outcome.wrong) == (0, 0), outcome.complaints[:10]
    assert unaudited(store_uri) == 0
    assert "Traceback" not in server.log
    if is_full and dialect == "sqlite":
        mlflow = MlflowServer(tmp_path / "mlflow")
        mlflow.start()
        try:
            outcome, back_after = kill_under_load(mlflow, "all processes", seconds)
            figures("all processes killed", mlflow, back_after_s=back_after, **outcome.figures())
        finally:
            mlflow.kill()


def test_no_acknowledged_write_is_lost_when_postgresql_ends(postgres, figures, is_full, tmp_path):
    """The same clients write while PostgreSQL is shut down (its fast shutdown), is stopped without a
    checkpoint (its immediate shutdown), or its main process gets the signal SIGKILL. It is started
    again; the server is not.
    """
    server = TrackwayServer(tmp_path / "server", postgres.url())
    server.start()
    away = 3 if is_full else 0.3
    endings = {"shut down": postgres.stop, "killed": postgres.kill_main_process}
    if is_full:
        endings["stopped at once"] = postgres.kill
    try:
        for ending, end in endings.items():
            with Load([server.url]) as load, ThreadPoolExecutor(1) as others:
                load.wait_for_each()
                time.sleep(away)
                end()
                health = others.submit(probes.health, server.port, away)
                time.sleep(away)
                start_again(postgres)
                back_after = load.wait_for_each()
            outcome = load.outcome(server.url)
            slowest = health.result().slowest
            figures(
                f"PostgreSQL {ending}", server, back_after_s=back_after, health_s=slowest, **outcome.figures()
            )
            assert (outcome.lost, outcome.wrong) == (0, 0), outcome.complaints[:10]
            assert health.result().failed == 0
        assert unaudited(postgres.url()) == 0
    finally:
        server.kill()


def test_of_two_servers_on_one_postgresql_the_other_goes_on(postgres, figures, is_full, tmp_path):
    """Two servers share a database and a folder of artifacts. Half of the clients write to each, and turn
    to the other one after a broken connection. One server's processes are killed, and it is started
    again; then the other's.
    """
    shared = ["--artifacts-destination", str(tmp_path / "artifacts")]
    servers = [TrackwayServer(tmp_path / f"server-{number}", postgres.url(), shared) for number in range(2)]
    try:
        for server in servers:
            server.start()
        turns = (servers, servers[::-1]) if is_full else (servers,)
        for victim, other in turns:
            with Load([server.url for server in servers]) as load:
                load.wait_for_each()
                time.sleep(3 if is_full else 0.3)
                victim.kill()
                back_after = load.wait_for_each()
            outcome = load.outcome(other.url)
            figures(
                f"server {servers.index(victim) + 1} killed",
                other,
                back_after_s=back_after,
                **outcome.figures(),
            )
            assert (outcome.lost, outcome.wrong) == (0, 0), outcome.complaints[:10]
            if is_full:
                victim.start()
        assert unaudited(postgres.url()) == 0
    finally:
        for server in servers:
            server.kill()
