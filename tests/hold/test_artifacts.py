"""An artifact, its permission and its audit row stand or fall together."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tests.services import TrackwayServer

SERVED = "/api/2.0/mlflow-artifacts/artifacts"


def until(check, patience_s=20):
    deadline = time.monotonic() + patience_s
    while not (is_so := check()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return is_so


def test_without_the_database_nothing_is_stored_or_deleted(postgres, tmp_path: Path):
    server = TrackwayServer(tmp_path / "server", postgres.url())
    server.start()
    try:
        assert server.send("PUT", f"{SERVED}/a/file", b"first")[0] == 200
        postgres.stop()
        assert server.send("PUT", f"{SERVED}/a/file", b"second")[0] == 503
        assert server.send("DELETE", f"{SERVED}/a/file")[0] == 503
        assert (server.folder / "artifacts" / "a" / "file").read_bytes() == b"first"
        postgres.start()
        assert until(lambda: server.send("PUT", f"{SERVED}/a/file", b"third")[0] == 200)
        assert server.send("GET", f"{SERVED}/a/file") == (200, b"third")
    finally:
        server.kill()


def test_the_server_starts_while_the_database_is_away(postgres, tmp_path: Path):
    postgres.stop()
    server = TrackwayServer(tmp_path / "server", postgres.url())
    server.start()  # waits for /health
    try:
        status, body = server.send("GET", "/ready")
        assert status == 503
        assert b"cannot be reached" in body
        assert server.send("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")[0] == 503
        postgres.start()
        # Each of the server's processes has to find out.
        assert until(lambda: all(server.send("GET", "/ready")[0] == 200 for _ in range(20)))
        for _ in range(20):
            assert server.send("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")[0] == 200
    finally:
        server.kill()


def test_uploads_beside_deletions_of_their_folder_succeed(server, figures):
    """One client uploads files while another deletes their folder again and again."""
    statuses: list[int] = []
    is_over = threading.Event()

    def delete():
        while not is_over.is_set():
            server.send("DELETE", f"{SERVED}/folder")

    deleting = threading.Thread(target=delete)
    deleting.start()
    for number in range(200):
        statuses.append(server.send("PUT", f"{SERVED}/folder/{number}", b"x")[0])
    is_over.set()
    deleting.join()
    wrong = sum(status != 200 for status in statuses)
    figures("uploads", server, count=len(statuses), wrong=wrong)
    assert wrong == 0
