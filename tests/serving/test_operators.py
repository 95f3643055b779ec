"""What an operator reads: the lines of a start and a stop, and why a start or a command cannot be."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from contextlib import closing

import pytest

from tests.ports import free_port
from tests.services import BIN, TrackwayServer

GET_EXPERIMENT = "/api/2.0/mlflow/experiments/get?experiment_id=0"


@pytest.fixture(scope="module")
def dialect():
    """What is particular to a database says so."""
    return "sqlite"


def run(*arguments, folder, program=(BIN / "trackway",)):
    return subprocess.run(
        [*program, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def messages(server):
    return [json.loads(line).get("message") for line in server.log.splitlines()]


def test_it_says_where_it_listens_and_where_data_goes(shared_server):
    said = messages(shared_server)
    assert f"Trackway listens on {shared_server.url}" in said
    path = shared_server.store_uri.removeprefix("sqlite:///")
    assert f"Data is stored in {path}, an existing database" in said
    assert f"Artifacts are stored in {shared_server.folder}/artifacts" in said


def test_relative_paths_are_told_as_absolute_ones_and_a_new_database_as_new(tmp_path):
    options = ("--artifacts-destination", "./files")
    server = TrackwayServer(tmp_path, "sqlite:///mistyped/trackway.db", options)
    server.start()
    try:
        assert f"Data is stored in {tmp_path}/mistyped/trackway.db, a new database" in messages(server)
        assert f"Artifacts are stored in {tmp_path}/files" in messages(server)
    finally:
        server.kill()


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_new_database_of_postgresql_is_told_as_new(empty, dialect, tmp_path):
    uri = empty.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    server = TrackwayServer(tmp_path, uri)
    server.start()
    try:
        assert f"Data is stored in {uri}, a new database" in messages(server)
    finally:
        server.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_last_line_says_that_it_has_stopped(serve, how):
    server = serve()
    os.kill(server.pid, how)
    assert server.stop() == 0
    assert messages(server)[-1] == "Trackway has stopped."


def test_a_stop_does_not_make_a_deleted_database_again(tmp_path):
    folder = tmp_path / "deleted"
    server = TrackwayServer(tmp_path / "server", f"sqlite:///{folder}/trackway.db")
    server.start()
    shutil.rmtree(folder)
    assert server.stop() == 0
    assert not folder.exists()


def test_text_instead_of_json_lines(serve):
    server = serve("--log-format", "text")
    assert server.send("GET", GET_EXPERIMENT)[0] == 200
    assert server.send("GET", "/a%20b%0A12:00:00%20INFO")[0] == 404
    access = r"^\d\d:\d\d:\d\d INFO    127\.0\.0\.1 GET (\S+) (\d+) \d+ .*ms \[\w+\]$"
    lines = dict(re.findall(access, server.log, re.M))
    assert lines[GET_EXPERIMENT.partition("?")[0]] == "200"
    # A line break in a path cannot begin a line of the log.
    assert lines["/a%20b%0A12%3A00%3A00%20INFO"] == "404"


@pytest.fixture
def taken_port():
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", free_port()))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_in_use_is_told_at_once_and_makes_no_database(taken_port, tmp_path):
    result = run("serve", "--port", str(taken_port), folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr == (
        f"Error: Port {taken_port} of 127.0.0.1 is in use by another program, perhaps another server. Stop "
        "that, or give another port with --port.\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("192.0.2.77", "This machine does not have the address of --host 192.0.2.77. Give one"),
        ("a..b", "There is no address for --host a..b: "),
    ],
)
def test_a_host_that_cannot_be_bound_is_told_in_one_sentence(tmp_path, host, words):
    result = run("serve", "--host", host, "--port", str(free_port()), folder=tmp_path)
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert line.startswith(f"Error: {words}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere/x.sock", "the folder {folder}/nowhere does not exist."),
        ("file", "there is a file of that name."),
    ],
)
def test_a_socket_that_cannot_be_made_is_told_in_one_sentence(tmp_path, path, words):
    (tmp_path / "file").touch()
    result = run("serve", "--gunicorn-opts", f"--bind unix:{tmp_path / path}", folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr == (
        f"Error: The server cannot make the socket {tmp_path / path}: {words.format(folder=tmp_path)}\n"
    )
    assert [left.name for left in tmp_path.iterdir()] == ["file"]


def ordinary_user():
    """The beginning of a command that runs without root's right to write every folder."""
    if os.getuid() != 0:
        return []
    prefix = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("root may write everything, and this machine has no user namespaces")
    return prefix


@pytest.mark.parametrize("command", ["serve", "db check", "gc"])
def test_a_folder_that_cannot_be_written_is_named(store_uri, tmp_path, command):
    folder = tmp_path / "read-only"
    folder.mkdir()
    shutil.copy(store_uri.removeprefix("sqlite:///"), folder / "trackway.db")
    folder.chmod(0o555)
    options = ["--backend-store-uri", "sqlite:///read-only/trackway.db"]
    if command == "serve":
        options += ["--port", str(free_port())]
    result = run(*command.split(), *options, folder=tmp_path, program=[*ordinary_user(), BIN / "trackway"])
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(
        f"Error: The folder {folder} of the database cannot be written"
    )
    assert "again" not in result.stderr


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("read-only/trackway.db", "Error: The database {folder}/read-only/trackway.db cannot be created: "),
        (
            "read-only/new/x.db",
            "Error: The folder {folder}/read-only/new of the database cannot be created: ",
        ),
        ("file/x.db", "Error: The folder {folder}/file of the database cannot be created: it is a file."),
        ("read-only", "Error: The store URI names the folder {folder}/read-only; name a file, as in"),
    ],
)
def test_a_database_that_cannot_be_made_is_named(tmp_path, path, words):
    (tmp_path / "read-only").mkdir(mode=0o555)
    (tmp_path / "file").touch()
    options = ["--backend-store-uri", f"sqlite:///{path}", "--port", str(free_port())]
    result = run("serve", *options, folder=tmp_path, program=[*ordinary_user(), BIN / "trackway"])
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(words.format(folder=tmp_path))
    assert "again" not in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--backend-store-uri", "./mlruns"], "is a folder; Trackway keeps its data in a database"),
        (["--backend-store-uri", "mysql://host/db"], "Trackway supports sqlite and postgresql"),
        (["--static-prefix", "x"], "--static-prefix must begin with a '/'."),
        (["--gunicorn-opts", "--nonsense"], "--gunicorn-opts: "),
        (["--gunicorn-opts", "'open"], "--gunicorn-opts: No closing quotation"),
        (["--gunicorn-opts", "-k sync"], "Trackway has its own"),
        (["--gunicorn-opts", "--certfile /nowhere"], "there is no file /nowhere"),
        (["--app-name", "kubernetes"], "no plug-in apps"),
        (["--backend-store-uri", "sqlite:////etc/passwd"], "is not a SQLite database"),
        (
            ["--backend-store-uri", "postgresql://me:secret@host:port/db"],
            "'postgresql://me:***@host:port/db'",
        ),
        (["--artifacts-destination", ""], "--artifacts-destination is empty"),
        (["--artifacts-destination", "/etc/passwd"], "/etc/passwd is not a folder"),
        (["--host", ""], "--host is empty"),
    ],
)
def test_a_start_that_cannot_be_ends_with_a_sentence(tmp_path, options, words):
    result = run("serve", "--port", str(free_port()), *options, folder=tmp_path)
    assert result.returncode in (1, 2)
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.strip().splitlines()[-1].startswith("Error: ")


def test_db_check_and_upgrade(tmp_path):
    path = tmp_path / "new.db"
    path.touch()
    uri = f"sqlite:///{path}"
    before = run("db", "check", "--backend-store-uri", uri, folder=tmp_path)
    assert before.returncode == 1
    assert "Run: trackway db upgrade" in before.stderr
    assert run("db", "upgrade", "--backend-store-uri", uri, folder=tmp_path).returncode == 0
    assert run("db", "check", "--backend-store-uri", uri, folder=tmp_path).returncode == 0


@pytest.mark.parametrize(
    "command", ["gc", "db check", "db upgrade", "db backup copy.db", "db partition-points"]
)
@pytest.mark.parametrize("path", ["mistyped.db", "mistyped/trackway.db"])
def test_no_command_makes_a_database_or_advises_to_make_one(tmp_path, command, path):
    result = run(*command.split(), "--backend-store-uri", f"sqlite:///{path}", folder=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: There is no database {tmp_path / path}. Give the --backend-store-uri of the server "
        "(or MLFLOW_BACKEND_STORE_URI).\n"
    )
    assert not list(tmp_path.iterdir()), "looking made a file"


def test_history_says_why_it_takes_no_database(tmp_path):
    result = run("history", "iris", "--backend-store-uri", "sqlite:///x.db", folder=tmp_path)
    assert result.returncode == 2
    assert (
        "asks a running server, not its database: give the server's URL with --tracking-uri" in result.stderr
    )
    assert not list(tmp_path.iterdir())


def test_history_without_a_server_says_where_it_looked(tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    result = run("history", "iris", "--tracking-uri", url, folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: There is no answer from a Trackway server at {url}: ")
    assert result.stderr.endswith("Give the server's URL with --tracking-uri.\n")
