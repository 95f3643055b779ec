"""A database or an artifact store that refuses the server: what commands, clients and `/ready` say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.certificates import certificate
from tests.ports import free_port
from tests.services import BIN, TrackwayServer
from trackway.storage.maintenance.migrate import HEAD

SERVED = "/api/2.0/mlflow-artifacts/artifacts"
CREATE = "/api/2.0/mlflow/experiments/create"
GRANT = (
    "Let an administrator run: GRANT USAGE, CREATE ON SCHEMA public TO stranger; "
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO stranger; "
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO stranger;"
)
COMMANDS = (["serve"], ["db", "upgrade"], ["db", "check"], ["gc"], ["db", "partition-points"])


@pytest.fixture(scope="module")
def dialect():
    return "postgresql"


def execute(uri: str, *statements: str) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def stranger(databases) -> Iterator[str]:
    """The name of an account that may connect and nothing else."""
    databases.postgres.execute("CREATE ROLE stranger LOGIN")
    yield "stranger"
    databases.postgres.execute("DROP ROLE stranger")


@pytest.fixture
def as_stranger(databases, stranger, store_uri) -> Iterator[str]:
    """The URI of a migrated database, as that account."""
    yield store_uri.replace("trackway@", f"{stranger}@")
    execute(store_uri, "DROP OWNED BY stranger")


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Return the exit status of a command and what it printed."""
    if arguments[0] == "serve":
        arguments = (*arguments, "--port", str(free_port()))
    done = subprocess.run(
        [str(BIN / "trackway"), *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def call(server: TrackwayServer, verb: str, path: str, data: bytes | None = None) -> tuple[int, dict]:
    status, body = server.send(verb, path, data)
    return status, json.loads(body)


def until(check, patience_s: float = 20):
    deadline = time.monotonic() + patience_s
    while not (found := check()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_without_rights_ends_with_the_grant_that_helps(tmp_path, as_stranger, command):
    status, printed = run(tmp_path, *command, "--backend-store-uri", as_stranger)
    assert (status, printed) == (
        1,
        "Error: The database refuses this request, because the server's account lacks a right "
        f"(permission denied for table alembic_version). {GRANT}\n",
    )


@pytest.mark.parametrize("command", [["serve"], ["db", "upgrade"]], ids=" ".join)
def test_without_the_right_to_make_tables_the_grant_is_told(tmp_path, databases, stranger, command):
    with databases.empty("postgresql") as uri:
        as_stranger = uri.replace("trackway@", "stranger@")
        status, printed = run(tmp_path, *command, "--backend-store-uri", as_stranger)
        assert (status, printed) == (
            1,
            "Error: The database refuses this request, because the server's account lacks a right "
            f"(permission denied for schema public). {GRANT}\n",
        )
        execute(uri, "REVOKE USAGE ON SCHEMA public FROM PUBLIC")
        status, printed = run(tmp_path, *command, "--backend-store-uri", as_stranger)
        assert (status, printed) == (
            1,
            f"Error: The server's account may use no schema of the database's search_path. {GRANT}\n",
        )


def test_only_the_owner_of_the_tables_upgrades_them(tmp_path, store_uri, as_stranger):
    execute(
        store_uri,
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO stranger",
        "UPDATE alembic_version SET version_num = '0011'",  # 0012 changes a table
    )
    status, printed = run(tmp_path, "db", "upgrade", "--backend-store-uri", as_stranger)
    assert status == 1
    assert re.search(r"\(must be owner of table \w+\)\.", printed)
    assert printed.endswith("let an administrator run: GRANT trackway TO stranger;\n")
    assert len(printed.splitlines()) == 1
    execute(store_uri, f"UPDATE alembic_version SET version_num = '{HEAD}'")
    status, printed = run(tmp_path, "db", "partition-points", "--backend-store-uri", as_stranger)
    assert status == 1
    assert printed.endswith(GRANT + "\n")


@pytest.mark.parametrize("command", [["serve"], ["db", "check"]], ids=" ".join)
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("trackway@", "nobody@", 'role "nobody" does not exist'),
        ("@/", "@/no", "does not exist"),
        ("?host", "?sslmode=sometimes&host", 'invalid sslmode value: "sometimes"'),
        ("?host", "?colour=blue&host", 'invalid connection option "colour"'),
    ],
    ids=["account", "database", "value", "option"],
)
def test_a_connection_that_is_refused_ends_a_command_with_the_reason(
    tmp_path, store_uri, command, old, new, reason
):
    status, printed = run(tmp_path, *command, "--backend-store-uri", store_uri.replace(old, new))
    assert status == 1
    assert printed.startswith("Error: The database refuses the server's connection. ")
    assert reason in printed
    assert len(printed.splitlines()) == 1


def test_a_database_that_becomes_read_only_is_told_and_recovers(serve, store_uri):
    name = urlsplit(store_uri).path.strip("/")
    server = serve("--workers", "1")

    def switch(value: str) -> None:
        execute(
            store_uri,
            "SET default_transaction_read_only = off",
            f"ALTER DATABASE {name} SET default_transaction_read_only = {value}",
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )

    switch("on")
    status, answer = call(server, "POST", CREATE, b'{"name": "a"}')
    assert (status, answer["error_code"], answer["message"]) == (
        424,
        "INVALID_STATE",
        "The database is read-only: nothing of this request was stored.",
    )
    assert call(server, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")[0] == 200
    status, ready = call(server, "GET", "/ready")
    assert (status, ready["checks"]["database"]) == (
        503,
        "The database is read-only: runs and models can be read, but nothing can be stored.",
    )
    switch("off")
    assert call(server, "POST", CREATE, b'{"name": "a"}')[0] == 200
    assert call(server, "GET", "/ready")[0] == 200


def test_a_server_starts_on_a_read_only_database_with_a_warning(serve, store_uri):
    name = urlsplit(store_uri).path.strip("/")
    execute(store_uri, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    server = serve()
    assert "The database is read-only: the server can read runs and models, but store nothing." in server.log
    assert call(server, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")[0] == 200


def test_a_right_that_is_revoked_is_told_by_ready_and_requests(tmp_path, store_uri, as_stranger):
    execute(
        store_uri,
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO stranger",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO stranger",
    )
    server = TrackwayServer(tmp_path / "server", as_stranger)
    try:
        server.start()
        assert call(server, "GET", "/ready")[0] == 200
        execute(store_uri, "REVOKE INSERT ON experiments FROM stranger")
        status, answer = call(server, "POST", CREATE, b'{"name": "a"}')
        assert (status, answer["message"]) == (
            424,
            "The database refuses this request, because the server's account lacks a right "
            "(permission denied for table experiments).",
        )
        status, ready = call(server, "GET", "/ready")
        assert (status, ready["checks"]["database"]) == (
            503,
            "The server's account may not read and write 1 tables or sequences: experiments.",
        )
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("changes", "bucket", "reason"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "", "it refuses the access keys of the server"),
        ({}, "no-such-bucket", "its bucket does not exist (NoSuchBucket)."),
    ],
    ids=["secret", "bucket"],
)
def test_a_store_that_refuses_for_good_is_told_at_the_start_and_to_clients(
    serve, object_store, changes, bucket, reason
):
    bucket = bucket or object_store.bucket()
    options = ("--artifacts-destination", f"s3://{bucket}/p")
    server = serve(*options, **{**object_store.environment, **changes})
    warning = f"Artifacts cannot be stored or read: The artifact store cannot be used: {reason}"
    assert until(lambda: warning in server.log)
    status, answer = call(server, "GET", f"{SERVED}/f")
    assert (status, answer["error_code"]) == (424, "INVALID_STATE")
    assert reason in answer["message"]
    status, ready = call(server, "GET", "/ready")
    assert status == 503
    assert reason in ready["checks"]["artifacts"]


def test_a_folder_that_takes_no_files_is_not_ready(serve):
    server = serve()
    assert call(server, "GET", "/ready")[0] == 200
    uploads = server.folder / "artifacts" / ".trackway-uploads"
    uploads.rmdir()
    uploads.write_text("a file where temporary files should be")
    status, ready = call(server, "GET", "/ready")
    assert status == 503
    assert "is not a folder that the server can write to: Not a directory" in ready["checks"]["artifacts"]


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    [
        (["--gunicorn-opts", "--certfile {text} --keyfile {text}"], {}, "TLS cannot use --certfile {text}"),
        (["--gunicorn-opts", "--certfile {certificate}"], {}, "TLS cannot use --certfile {certificate}"),
        (["--gunicorn-opts", "--keyfile {text}"], {}, "TLS cannot use --certfile None, --keyfile {text}"),
        (["--gunicorn-opts", "--user nobody-here"], {}, "user cannot be 'nobody-here'"),
        (["--gunicorn-opts", "--chdir /nowhere"], {}, "chdir cannot be '/nowhere'"),
        (["--gunicorn-opts", "--worker-tmp-dir /nowhere"], {}, "there is no folder /nowhere"),
        (["--artifacts-destination", "s3://B"], {}, "invalid bucket name B"),
        (
            ["--artifacts-destination", "s3://bucket", "--artifacts-public-endpoint", "http://host/path"],
            {},
            "An S3 endpoint must be http(s)://host:port without a path, not 'http://host/path'.",
        ),
        (
            ["--artifacts-destination", "s3://bucket"],
            {"MLFLOW_S3_ENDPOINT_URL": "ftp://host"},
            "An S3 endpoint must be http(s)://host:port without a path, not 'ftp://host'.",
        ),
        (
            ["--artifacts-destination", "s3://bucket"],
            {"AWS_CA_BUNDLE": "/nowhere.pem"},
            "The file of CA certificates /nowhere.pem",
        ),
        (["--backend-store-uri", "sqlite:///{folder}"], {}, "names the folder {folder}; name a file"),
        (["--backend-store-uri", "sqlite:///{text}"], {}, "is not a SQLite database."),
    ],
)
def test_other_faults_end_the_start_with_a_sentence(tmp_path, options, environment, words):
    text = tmp_path / "text"
    text.write_text("This is neither a certificate nor a key, and no database either.")
    names = {"text": text, "certificate": certificate(tmp_path, "host")[0], "folder": tmp_path}
    status, printed = run(tmp_path, "serve", *(option.format(**names) for option in options), **environment)
    assert status in (1, 2)
    assert words.format(**names) in printed
    assert "Traceback" not in printed
    assert printed.splitlines()[-1].startswith("Error: ")
