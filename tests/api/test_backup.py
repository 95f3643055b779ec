"""``trackway db backup`` as its user sees it, beside a running server that writes."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.services import BIN, TrackwayServer


@pytest.fixture(scope="module")
def dialect():
    """PostgreSQL has a program of its own for it."""
    return "sqlite"


def command(uri: str, target: Path | str, *options: str) -> list[str]:
    return [str(BIN / "trackway"), "db", "backup", str(target), "--backend-store-uri", uri, *options]


def backup(uri: str, target: Path | str, *options: str, folder: Path | None = None):
    """Exit code, and what was printed on stdout and stderr."""
    done = subprocess.run(
        command(uri, target, *options), capture_output=True, text=True, timeout=120, cwd=folder, check=False
    )
    return done.returncode, done.stdout, done.stderr


def file_of(server: TrackwayServer) -> Path:
    return Path(server.store_uri.removeprefix("sqlite:///"))


def create_run(server: TrackwayServer, **fields: object) -> str:
    return str(server.post("runs/create", experiment_id="0", **fields)["run"]["info"]["run_id"])


@contextmanager
def writing(server: TrackwayServer, threads: int = 4):
    """Clients that create runs. Yield the list of the ids of all runs whose creation was acknowledged."""
    acknowledged: list[str] = []
    stopped = threading.Event()

    def write() -> None:
        while not stopped.is_set():
            try:
                acknowledged.append(create_run(server))
            except OSError:  # the server was killed
                return

    writers = [threading.Thread(target=write) for _ in range(threads)]
    for writer in writers:
        writer.start()
    try:
        yield acknowledged
    finally:
        stopped.set()
        for writer in writers:
            writer.join()


def wait_for(acknowledged: list[str], count: int) -> None:
    deadline = time.monotonic() + 60
    while len(acknowledged) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def runs_in(path: Path) -> set[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {str(run_id) for (run_id,) in connection.execute("SELECT run_uuid FROM runs")}


def test_a_copy_beside_writers_has_all_that_was_acknowledged_and_serves(serve, tmp_path):
    server = serve()
    target = tmp_path / "copies" / "trackway.db"
    target.parent.mkdir()
    with writing(server) as acknowledged:
        wait_for(acknowledged, 50)
        before = set(acknowledged)
        code, said, complaints = backup(server.store_uri, target)
        during = len(acknowledged)
        server.kill()
    assert code == 0, complaints
    assert f"{file_of(server)} was copied to {target}" in said
    assert during > len(before), "nothing was written during the backup"
    # One file, which only its owner can read, and which needs no log beside it (the bytes say "not WAL").
    assert list(target.parent.iterdir()) == [target]
    assert target.read_bytes()[18:20] == b"\1\1"
    assert target.stat().st_mode & 0o077 == 0
    restored = TrackwayServer(tmp_path / "restored", f"sqlite:///{target}")
    restored.start()
    try:
        for run_id in before:
            status, _ = restored.send("GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}")
            assert status == 200, "an acknowledged run is missing"
        assert create_run(restored)
    finally:
        restored.stop()


def test_why_the_file_alone_is_no_backup(serve, tmp_path):
    """What README warns of: the newest writes are in the log beside the file, which the command reads."""
    server = serve()
    run_id = create_run(server)
    server.kill()
    copied = shutil.copy(file_of(server), tmp_path / "copied.db")
    target = tmp_path / "backup.db"
    assert backup(server.store_uri, target)[0] == 0
    assert run_id not in runs_in(Path(copied))
    assert run_id in runs_in(target)


def test_a_killed_backup_leaves_none_and_the_next_one_is_complete(serve, tmp_path):
    server = serve()
    run_id = create_run(server)
    target = tmp_path / "backup.db"
    left = tmp_path / "backup.db.incomplete"
    with writing(server):
        # A few are killed as early as can be seen; a file that has the name is complete in any case.
        for _ in range(3):
            process = subprocess.Popen(
                command(server.store_uri, target, "--overwrite"), stderr=subprocess.DEVNULL
            )
            while not left.exists() and process.poll() is None:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert not target.exists() or run_id in runs_in(target)
        target.unlink(missing_ok=True)
        left.write_bytes(b"of an earlier backup" * 100_000)
        assert backup(server.store_uri, target)[0] == 0
    assert run_id in runs_in(target)
    assert sorted(path.name for path in tmp_path.glob("backup.db*")) == ["backup.db"]


def test_a_second_backup_to_the_same_file_is_refused_while_the_first_runs(store_uri, tmp_path):
    import fcntl

    with open(tmp_path / "b.db.incomplete", "w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        code, _, complaints = backup(store_uri, tmp_path / "b.db")
    assert (code, complaints) == (1, f"Error: Another backup to {tmp_path / 'b.db'} is running.\n")


def test_a_file_is_replaced_only_with_the_option(store_uri, tmp_path):
    target = tmp_path / "b.db"
    target.write_text("precious")
    code, _, complaints = backup(store_uri, target)
    assert (code, complaints) == (1, f"Error: {target} exists already; give another file, or --overwrite.\n")
    assert target.read_text() == "precious"
    assert backup(store_uri, target, "--overwrite")[0] == 0
    assert target.read_bytes().startswith(b"SQLite format 3\0")
    assert os.listdir(tmp_path) == ["b.db"]


@pytest.mark.parametrize(
    ("uri", "target", "words"),
    [
        ("sqlite:///missing.db", "b.db", "There is no database {folder}/missing.db."),
        (
            "sqlite:///empty.db",
            "b.db",
            "The database {folder}/empty.db is empty; there is nothing to back up.",
        ),
        ("sqlite:///text.db", "b.db", "is not a SQLite database."),
        ("{uri}", "folder", "{folder}/folder is no file; give the name of a file for the backup."),
        ("{uri}", "nowhere/b.db", "There is no folder {folder}/nowhere for the backup."),
        ("{uri}", "other.db", "There is {folder}/other.db-wal, so {folder}/other.db is a database in use"),
        ("{uri}", "{file}", "{file} is the database itself; give another file for the backup."),
        ("mlruns", "b.db", "is a folder; Trackway keeps its data in a database"),
        (
            "postgresql://me:secret@127.0.0.1:1/name",
            "b.db",
            "pg_dump --format=custom --file=FILE postgresql://user@host/name",
        ),
    ],
)
def test_what_cannot_be_copied_is_told_in_a_sentence(store_uri, tmp_path, uri, target, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("no database")
    (tmp_path / "other.db-wal").touch()
    there = sorted(os.listdir(tmp_path))
    fill = {"folder": str(tmp_path), "uri": store_uri, "file": store_uri.removeprefix("sqlite:///")}
    code, said, complaints = backup(uri.format(**fill), target.format(**fill), "--overwrite", folder=tmp_path)
    assert (code, said) == (1, "")
    assert words.format(**fill) in complaints
    assert complaints.splitlines()[-1].startswith("Error: ")
    assert "secret" not in complaints
    assert sorted(os.listdir(tmp_path)) == there


def test_a_damaged_database_makes_no_backup(store_uri, tmp_path):
    path = Path(store_uri.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM experiments")  # runs without their experiment
    code, _, complaints = backup(store_uri, tmp_path / "b.db")
    assert code == 1
    assert f"Error: The copy of {path} has errors, so that the database is damaged" in complaints
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_told(store_uri, tmp_path):
    # A limit of the file size is reported as a full disk would be.
    limited = ["sh", "-c", 'ulimit -f 64; trap "" XFSZ; exec "$@"', "sh"]
    done = subprocess.run(
        [*limited, *command(store_uri, tmp_path / "b.db")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "The backup was not made" in done.stderr or "the backup was not made" in done.stderr
    assert os.listdir(tmp_path) == []
