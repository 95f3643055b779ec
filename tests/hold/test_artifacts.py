"""An artifact, its permission and its audit row stand or fall together."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.services import BIN, TrackwayServer
from trackway.storage.database import Database
from trackway.storage.schema.audit import audit

from .killing import Stopping

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


def send_in_background(server, verb, path, data=None):
    def send():
        with suppress(OSError):
            server.send(verb, path, data)

    threading.Thread(target=send, daemon=True).start()


def rows(uri):
    """Action and path of the changes of artifacts, in their order."""
    database = Database(uri)
    try:
        with database.begin(write=False) as tx:
            query = sa.select(audit.c.action, audit.c.target).order_by(audit.c.id)
            return [(row.action, row.target.partition(":")[2]) for row in tx.execute(query)]
    finally:
        database.dispose()


def remains(server):
    """What is in the hidden folders of the store."""
    root = server.folder / "artifacts"
    return [path for path in root.glob(".trackway-*/**/*") if path.is_file()]


def test_an_upload_that_is_killed_after_its_row_is_complete_at_the_next_start(serve, store_uri, tmp_path):
    stopping = Stopping(serve, tmp_path, "trackway.storage.artifacts.local:_rename")
    server = stopping.server
    assert server.send("PUT", f"{SERVED}/a/file", b"first")[0] == 200
    stopping.arm()
    send_in_background(server, "PUT", f"{SERVED}/a/file", b"second")
    assert until(stopping.has_stopped)
    assert server.send("GET", f"{SERVED}/a/file") == (200, b"first")
    assert rows(store_uri)[-2:] == [("UploadArtifact", "a/file")] * 2
    stopping.kill_and_restart()
    assert server.send("GET", f"{SERVED}/a/file") == (200, b"second")
    assert remains(server) == []
    assert "The upload of the artifact 'a/file' was interrupted and is complete now." in server.log


def test_an_upload_that_is_killed_before_its_row_leaves_nothing(serve, store_uri, tmp_path):
    stopping = Stopping(serve, tmp_path, "trackway.storage.audit:record")
    server = stopping.server
    stopping.arm()
    send_in_background(server, "PUT", f"{SERVED}/a/file", b"first")
    assert until(stopping.has_stopped)
    stopping.kill_and_restart()
    assert server.send("GET", f"{SERVED}/a/file")[0] == 404
    assert rows(store_uri) == []
    assert remains(server) == []


def test_a_deletion_that_is_killed_after_its_row_is_complete_at_the_next_start(serve, store_uri, tmp_path):
    function = "trackway.storage.artifacts.local_trash:LocalTrash.receive"
    stopping = Stopping(serve, tmp_path, function)
    server = stopping.server
    for name in ("a", "b"):
        assert server.send("PUT", f"{SERVED}/folder/{name}", name.encode())[0] == 200
    stopping.arm()
    send_in_background(server, "DELETE", f"{SERVED}/folder")
    assert until(stopping.has_stopped)
    assert server.send("GET", f"{SERVED}/folder/a") == (200, b"a")
    stopping.kill_and_restart()
    assert rows(store_uri)[-1] == ("DeleteArtifact", "folder")
    assert server.send("GET", f"{SERVED}/folder/a")[0] == 404
    assert [path.read_bytes() for path in sorted(remains(server))] == [b"a", b"b"]
    words = ["trash", "restore", "folder", "--backend-store-uri", store_uri]
    words += ["--artifacts-destination", str(server.folder / "artifacts")]
    subprocess.run([BIN / "trackway", *words], check=True, timeout=60, capture_output=True)
    assert server.send("GET", f"{SERVED}/folder/a") == (200, b"a")
    assert remains(server) == []


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_in_a_bucket_a_deletion_that_is_killed_halfway_loses_nothing(
    serve, store_uri, tmp_path, object_store
):
    destination = f"s3://{object_store.bucket()}/prefix"
    environment = object_store.environment
    stopping = Stopping(
        serve,
        tmp_path,
        "trackway.storage.artifacts.s3_trash:S3Trash.delete",
        *("--artifacts-destination", destination),
        **environment,
    )
    server = stopping.server
    for name in ("a", "b"):
        assert server.send("PUT", f"{SERVED}/folder/{name}", name.encode())[0] == 200
    stopping.arm()
    send_in_background(server, "DELETE", f"{SERVED}/folder")
    assert until(stopping.has_stopped)
    stopping.kill_and_restart()
    # gc completes it an hour later; until then the client may repeat it, as after any lost answer.
    assert server.send("GET", f"{SERVED}/folder/a") == (200, b"a")
    assert server.send("DELETE", f"{SERVED}/folder")[0] == 200
    assert server.send("GET", f"{SERVED}/folder/a")[0] == 404
    words = ["trash", "restore", "folder", "--backend-store-uri", store_uri]
    words += ["--artifacts-destination", destination]
    done = subprocess.run(
        [BIN / "trackway", *words],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert "folder/a" in done.stderr  # the copies of the first attempt are not needed
    for name in ("a", "b"):
        assert server.send("GET", f"{SERVED}/folder/{name}") == (200, name.encode())


def test_whatever_is_killed_rows_and_files_agree(serve, store_uri, figures, is_full):
    """Clients upload and delete files of their own while the server is killed again and again."""
    server = serve()
    draw = random.Random(7)
    # What the latest answered request of each file has left there; None if a request got no answer.
    known: dict[str, bytes | None] = {}
    is_over = threading.Event()

    def change(client):
        turn = random.Random(client)
        count = 0
        while not is_over.is_set():
            count += 1
            path = f"{client}/{turn.randrange(20)}/file"
            is_upload = turn.random() < 0.7
            contents = f"{client} {count}".encode() if is_upload else b""
            known[path] = None
            try:
                if is_upload:
                    status = server.send("PUT", f"{SERVED}/{path}", contents)[0]
                else:
                    status = server.send("DELETE", f"{SERVED}/{path.rpartition('/')[0]}")[0]
            except OSError:
                time.sleep(0.02)
                continue
            if status == 200:
                known[path] = contents

    clients = [threading.Thread(target=change, args=(client,)) for client in range(4)]
    for client in clients:
        client.start()
    kills = 20 if is_full else 2
    for _ in range(kills):
        time.sleep(0.2 + draw.random() / 2)
        server.kill()
        server.start()
    is_over.set()
    for client in clients:
        client.join()
    server.kill()
    server.start()

    latest = {}
    for action, path in rows(store_uri):
        latest[path if action == "UploadArtifact" else f"{path}/file"] = action
    lost = wrong = 0
    for path, contents in known.items():
        status, body = server.send("GET", f"{SERVED}/{path}")
        found = body if status == 200 else b""
        lost += contents is not None and found != contents
        wrong += (status == 200) != (latest.get(path) == "UploadArtifact")
    figures("kills while clients upload and delete", server, count=kills, lost=lost, wrong=wrong)
    assert (lost, wrong) == (0, 0)
