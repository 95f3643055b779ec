"""``trackway serve`` as a process: how it starts, how it stops, and what it tells meanwhile."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.request
from contextlib import closing, suppress
from pathlib import Path

import gunicorn
import psycopg
import pytest

from tests.services import BIN, TrackwayServer

GET_EXPERIMENT = "/api/2.0/mlflow/experiments/get?experiment_id=0"
CREATE = "/api/2.0/mlflow/experiments/create"


@pytest.fixture(scope="module")
def dialect():
    """How a process behaves does not depend on the database."""
    return "sqlite"


def connect(server):
    return closing(socket.create_connection(("127.0.0.1", server.port), timeout=20))


def receive_all(client):
    """Everything until the server hangs up."""
    received = b""
    while part := client.recv(65536):
        received += part
    return received


def head(method, path, *more):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *more, "", ""]).encode()


def get(server, path):
    with urllib.request.urlopen(server.url + path, timeout=20) as answer:
        return answer.read().decode()


def keep_connection(server):
    """A connection that has had one answer and stays open, as every MLflow client holds some."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/health")
    assert connection.getresponse().read() == b"OK"
    return connection


def test_the_access_log_has_the_request_id_that_an_error_repeats(shared_server):
    with connect(shared_server) as client:
        client.sendall(head("GET", "/nope/gr%C3%B6%C3%9Fe", "Connection: close"))
        _, _, body = receive_all(client).partition(b"\r\n\r\n")
    request_id = json.loads(body)["request_id"]
    [line] = [line for line in shared_server.log.splitlines() if request_id in line]
    entry = json.loads(line)
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/nope/größe", 404)
    assert entry["bytes"] == len(body)


def test_without_access_log(serve):
    server = serve("--no-access-log")
    get(server, GET_EXPERIMENT)
    assert "experiments/get" not in server.log


def test_a_request_in_flight_is_finished_before_the_end(serve):
    server = serve()
    body = json.dumps({"name": "in flight"}).encode()
    with connect(server) as client:
        client.sendall(
            head("POST", CREATE, "Content-Type: application/json", f"Content-Length: {len(body)}") + body[:5]
        )
        time.sleep(0.3)  # the server is reading the body
        ended = threading.Thread(target=server.stop)
        ended.start()
        time.sleep(0.3)
        client.sendall(body[5:])
        assert receive_all(client).startswith(b"HTTP/1.1 200 ")
        ended.join(10)
    assert not ended.is_alive()


def test_idle_connections_do_not_delay_the_end(serve):
    server = serve()
    connections = [keep_connection(server) for _ in range(6)]
    with connect(server), connect(server):  # and two that never said a word
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5, "gunicorn 26.2 by itself takes 30 s"
    assert "Traceback" not in server.log
    for connection in connections:
        connection.close()


def test_a_chunk_size_without_an_end_is_refused(shared_server):
    with connect(shared_server) as client:
        began = time.monotonic()
        client.sendall(head("POST", CREATE, "Content-Type: application/json", "Transfer-Encoding: chunked"))
        refused = b""
        try:
            for _ in range(64):
                client.sendall(b"0" * 65536)
            refused = receive_all(client)
        except ConnectionError:  # it hung up in the middle, which is as good
            pass
        assert time.monotonic() - began < 3
    assert not refused or refused.startswith(b"HTTP/1.1 400 ")
    assert refused.count(b"HTTP/1.1 ") <= 1, "what followed was taken for a request"


@pytest.mark.skipif(int(gunicorn.__version__.split(".")[0]) >= 27, reason="gunicorn 27 has its own bound")
def test_the_bound_on_a_chunk_size_reads_no_more_than_it_must(monkeypatch):
    from types import SimpleNamespace

    from gunicorn.http.errors import InvalidChunkSize

    from trackway.server.gunicorn.compat_26 import read_chunks, strict_chunk_size

    reads = []

    class Endless:
        def read(self, size=None):
            reads.append(1)
            return b"0" * 1024

        unread = None

    from gunicorn.http.body import ChunkedReader

    monkeypatch.setattr(ChunkedReader, "parse_chunk_size", strict_chunk_size)
    closed = []
    reader = ChunkedReader(SimpleNamespace(force_close=lambda: closed.append(True)), Endless())
    with pytest.raises(InvalidChunkSize):
        read_chunks(reader, 10)
    assert len(reads) <= 5
    assert closed == [True]


def test_chunked_bodies_work(shared_server):
    with connect(shared_server) as client:
        more = ("Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close")
        client.sendall(head("POST", CREATE, *more))
        for part in (b'{"name":', b' "in ', b'chunks"}'):
            client.sendall(b"%x;note=1\r\n%s\r\n" % (len(part), part))
            time.sleep(0.02)
        client.sendall(b"0\r\nX-Trailer: 1\r\n\r\n")
        assert receive_all(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("size", "is_chunked", "is_kept"),
    [(60_000, False, True), (70_000, False, False), (3_000_000, False, False), (3_000_000, True, False)],
)
def test_an_answer_says_that_the_connection_ends_because_the_body_was_not_read(
    shared_server, size, is_chunked, is_kept
):
    connection = http.client.HTTPConnection("127.0.0.1", shared_server.port, timeout=20)
    body = iter([b"x" * size]) if is_chunked else b"x" * size
    headers = {"TE": "trailers"}  # the fast path, which reads each body, leaves such a request to gunicorn
    with suppress(ConnectionError):  # the server has answered before it had everything
        connection.request("POST", "/api/3.0/mlflow/datasets/create", body, headers)
    answer = connection.getresponse()
    assert answer.status == 501
    answer.read()
    assert answer.will_close is not is_kept
    if is_kept:
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b"OK"
    connection.close()


def test_a_connection_is_kept_after_a_chunked_body_that_was_read(shared_server):
    connection = http.client.HTTPConnection("127.0.0.1", shared_server.port, timeout=20)
    connection.request("PUT", "/api/2.0/mlflow-artifacts/artifacts/chunked", iter([b"x" * 70_000, b"y"]))
    answer = connection.getresponse()
    assert answer.read() == b"{}"
    assert not answer.will_close
    connection.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"no http at all\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n", 400),
        (b"GET /" + b"x" * 65_536 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_http_is_refused_in_json(shared_server, sent, status):
    with connect(shared_server) as client:
        client.sendall(sent)
        top, _, body = receive_all(client).partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["error_code"] == "BAD_REQUEST"


def test_clients_that_say_nothing_delay_nobody(shared_server):
    silent = [socket.create_connection(("127.0.0.1", shared_server.port), timeout=20) for _ in range(40)]
    time.sleep(0.2)
    began = time.monotonic()
    get(shared_server, "/health")
    assert time.monotonic() - began < 1, "gthread by itself gives each of them a thread for 5 s"
    for client in silent:
        client.close()


def test_clients_that_stop_in_the_middle_delay_nobody(shared_server):
    # More than the workers have threads.
    slow = [socket.create_connection(("127.0.0.1", shared_server.port), timeout=20) for _ in range(100)]
    for client in slow[:50]:
        client.sendall(b"GET / HTTP/1.1\r\nHost: loc")
    for client in slow[50:]:
        client.sendall(
            head("POST", CREATE, "Content-Type: application/json", "Content-Length: 1000000") + b"{"
        )
    time.sleep(0.2)
    began = time.monotonic()
    get(shared_server, GET_EXPERIMENT)
    assert time.monotonic() - began < 2
    for client in slow:
        client.close()


def test_requests_that_come_in_one_packet_are_all_answered(shared_server):
    with connect(shared_server) as client:
        client.sendall(head("GET", "/health") * 3 + head("GET", "/health", "Connection: close"))
        assert receive_all(client).count(b"HTTP/1.1 200 OK") == 4


@pytest.mark.parametrize("sizes", [[None], [10, None], [70_000] * 4, [0, 1, 5000, 3, None]])
def test_bodies_are_read_in_large_parts_as_they_were_in_small_ones(sizes):
    from gunicorn.http.body import Body, LengthReader
    from gunicorn.http.unreader import IterUnreader

    from trackway.server.gunicorn.compat_26 import read_in_large_parts

    def body():
        content = bytes(range(256)) * 800
        parts = [content[start : start + 999] for start in range(0, len(content), 999)]
        return Body(LengthReader(IterUnreader(iter([*parts, b"the next request"])), len(content)))

    plain, large = body(), body()
    assert [plain.read(size) for size in sizes] == [read_in_large_parts(large, size) for size in sizes]


def test_clients_that_do_not_hang_up_delay_nobody(shared_server):
    rude = [socket.create_connection(("127.0.0.1", shared_server.port), timeout=20) for _ in range(6)]
    for client in rude:
        client.sendall(head("GET", "/health", "Connection: close"))
    time.sleep(0.2)  # all have their answer, none closes its end
    began = time.monotonic()
    get(shared_server, "/health")
    assert time.monotonic() - began < 1, "gthread by itself waits 2 s for each"
    for client in rude:
        client.close()


def test_a_kept_connection_is_answered_without_delayed_acknowledgements(shared_server):
    with closing(keep_connection(shared_server)) as connection:
        began = time.monotonic()
        for _ in range(25):
            connection.request("GET", GET_EXPERIMENT)
            assert connection.getresponse().read()
        assert time.monotonic() - began < 0.5, "25 times 40 ms would be Nagle's algorithm"


def test_more_clients_than_threads_are_all_answered(shared_server):
    connections = [keep_connection(shared_server) for _ in range(40)]
    for _ in range(5):
        for connection in connections:
            connection.request("GET", GET_EXPERIMENT)
        for connection in connections:
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()
    for connection in connections:
        connection.close()


def test_kept_connections_do_not_keep_new_ones_out(serve):
    server = serve("--workers", "1", "--gunicorn-opts", "--worker-connections 20")
    kept = [keep_connection(server) for _ in range(50)]
    began = time.monotonic()
    assert get(server, "/health") == "OK"
    assert time.monotonic() - began < 2, "gthread by itself waits until one of them has been silent for 75 s"
    kept[-1].request("GET", "/health")
    assert kept[-1].getresponse().status == 200
    for connection in kept:
        connection.close()


def test_workers_share_the_connections_that_come_at_once(serve):
    """gunicorn by itself gives one of the two up to all of them."""
    server = serve("--workers", "2", "--log-format", "json")
    fewest = []
    for _ in range(7):
        connections = [socket.socket() for _ in range(16)]
        for connection in connections:
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", server.port))
        time.sleep(0.05)  # until all are taken
        for connection in connections:
            connection.settimeout(20)
            connection.sendall(head("GET", "/version"))
        for connection in connections:
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        asked = [json.loads(line) for line in server.log.splitlines() if '"/version"' in line][-16:]
        pids = [line["pid"] for line in asked]
        fewest.append(min(pids.count(pids[0]), 16 - pids.count(pids[0])))
        for connection in connections:
            connection.close()
        time.sleep(0.1)
    # Five of seven: the second worker may still be starting, or the machine be busy.
    assert sorted(fewest)[2] >= 5, fewest


def test_metrics_are_right_over_several_workers(serve, tmp_path):
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "histogram_1.db").write_bytes(b"left over from a crash")
    server = serve("--expose-prometheus", str(folder), "--workers", "2")
    asked = 0
    pids = set()
    while len(pids) < 2:
        assert asked < 2000, "one worker took every connection"
        connections = [keep_connection(server) for _ in range(20)]
        for connection in connections:
            connection.request("GET", GET_EXPERIMENT)
        for connection in connections:
            connection.getresponse().read()
            connection.close()
        asked += len(connections)
        pids = {json.loads(line)["pid"] for line in server.log.splitlines() if "experiments/get" in line}
    page = get(server, "/metrics")
    route = 'route="/api/2.0/mlflow/experiments/get"'
    counts = [line for line in page.splitlines() if "_count{" in line and route in line]
    assert counts == [
        f'trackway_http_request_duration_seconds_count{{method="GET",{route},status="200"}} {asked}.0'
    ]
    assert "trackway_http_requests_in_flight 1.0" in page  # the one that asks


def test_a_made_up_verb_makes_no_series_of_its_own(serve, tmp_path):
    server = serve("--expose-prometheus", str(tmp_path / "metrics"))
    with connect(server) as client:
        client.sendall(head("BREW", "/health", "Connection: close"))
        assert receive_all(client).startswith(b"HTTP/1.1 405 ")
    page = get(server, "/metrics")
    assert 'method="other"' in page
    assert "BREW" not in page


def test_calls_that_are_not_served_are_counted_and_logged_once(serve, tmp_path):
    server = serve("--expose-prometheus", str(tmp_path / "metrics"), "--workers", "1", "--log-format", "json")
    for _ in range(3):
        assert server.send("POST", "/api/3.0/mlflow/datasets/create", b"{}")[0] == 501
    assert server.send("POST", "/ajax-api/3.0/mlflow/datasets/search", b"{}")[0] == 200  # an empty list
    page = get(server, "/metrics")
    assert [line for line in page.splitlines() if line.startswith("trackway_unserved")] == [
        'trackway_unserved_requests_total{call="CreateDataset"} 3.0'
    ]
    [line] = [line for line in server.log.splitlines() if "docs/unserved.md" in line]
    assert json.loads(line)["level"] == "warning"
    assert json.loads(line)["message"].startswith("A client called CreateDataset for the first time,")


def test_without_the_option_there_are_no_metrics(api):
    assert api.get("/metrics").status_code == 404


def test_a_killed_worker_is_replaced(serve):
    server = serve("--workers", "1", "--log-format", "json")
    get(server, GET_EXPERIMENT)
    pid = next(json.loads(line)["pid"] for line in server.log.splitlines() if "experiments/get" in line)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            get(server, GET_EXPERIMENT)
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(server.log)


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_one_of_an_idle_servers_workers_looks_for_background_jobs(serve, store_uri):
    serve("--workers", "3")
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    counts = []
    with psycopg.connect(store_uri, autocommit=True) as connection:
        until = time.monotonic() + 2
        while time.monotonic() < until:
            counts += connection.execute(others).fetchone()
            time.sleep(0.05)
    assert counts[-1] == max(counts) == 1


def run(*arguments, folder):
    return subprocess.run(
        [BIN / "trackway", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_default_makes_a_data_folder(tmp_path):
    server = TrackwayServer(tmp_path, "sqlite:///./trackway-data/trackway.db")
    server.start()
    try:
        assert json.loads(get(server, GET_EXPERIMENT))["experiment"]["name"] == "Default"
        assert (tmp_path / "trackway-data" / "trackway.db").is_file()
    finally:
        server.kill()


def test_the_working_folder_is_not_searched_for_modules(store_uri, tmp_path):
    for name in ("server", "storage", "client_compat", "flask", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the decoy was imported')")
    server = TrackwayServer(tmp_path, store_uri)
    server.start()
    server.kill()


# What is loaded when it is first used: each costs every start some 5 to 350 ms and 1 to 10 MB.
_NOT_AT_START = (
    "mlflow google numpy alembic mako prometheus_client graphql minio urllib3 cryptography sqlalchemy.orm "
    "multiprocessing gunicorn.asgi gunicorn.uwsgi msgspec tarfile"
).split()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_running_server_imports_neither_mlflow_nor_what_it_does_not_need(store_uri, dialect, tmp_path):
    assert _imported_to_serve(store_uri, dialect, tmp_path) == "[]"


def _imported_to_serve(uri, dialect, folder):
    drivers = {"sqlite": ["sqlite3", "pysqlite3"], "postgresql": ["psycopg"]}
    (absent,) = drivers.keys() - {dialect}
    other = [*drivers[absent], f"sqlalchemy.dialects.{absent}"]
    program = f"""
import sys
from trackway.server import cli
from trackway.server.gunicorn import application
from trackway.server.app import create_app
from trackway.server.config import Config
client = create_app(Config(backend_store_uri={uri!r}, access_log=False), start_jobs=False).test_client()
assert client.get({GET_EXPERIMENT!r}).status_code == 200
print([name for name in {_NOT_AT_START + other!r} if name in sys.modules])
"""
    result = subprocess.run(
        [BIN / "python", "-c", program], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    return result.stdout.strip()


def test_endpoints_lists_what_is_handled(tmp_path):
    rows = json.loads(run("endpoints", "--json", folder=tmp_path).stdout)
    state = {(row["verb"], row["path"]): row["handled"] for row in rows}
    assert state["POST", "/2.0/mlflow/runs/log-batch"] is True
    assert state["POST", "/3.0/mlflow/gateway/secrets/create"] is False
    assert state["POST", "/v1/traces"] is True
    assert state["GET", "/2.0/mlflow/get-trace-artifact"] is True
    assert state["POST", "/3.0/mlflow/datasets/create"] is False
    last = run("endpoints", folder=tmp_path).stdout.splitlines()[-1]
    count = sum(state.values())
    assert last == f"{count} implemented, {len(rows) - count} not yet, {len(rows)} in all."


def test_the_module_is_the_command(tmp_path):
    result = subprocess.run(
        [BIN / "python", "-m", "trackway.server", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout.startswith("trackway, version ")


def test_a_damaged_file_is_found(store_uri, tmp_path):
    path = Path(store_uri.removeprefix("sqlite:///"))
    assert run("db", "check", "--backend-store-uri", store_uri, folder=tmp_path).returncode == 0
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    for start in range(4096 * 7, len(data), 4096 * 7):
        data[start : start + 4096] = bytes(4096)
    path.write_bytes(data)
    checked = run("db", "check", "--backend-store-uri", store_uri, folder=tmp_path)
    assert checked.returncode == 1
    assert "Error: The database is damaged; restore it from a backup" in checked.stderr


def test_an_orphaned_worker_leaves_the_port(serve):
    server = serve("--workers", "1")
    with closing(keep_connection(server)):
        os.kill(server.pid, signal.SIGKILL)

        def is_free():
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    listener.bind(("127.0.0.1", server.port))
                except OSError:
                    return False
                return True

        deadline = time.monotonic() + 10
        while not is_free() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert is_free()


@pytest.mark.parametrize("coding", ["identity", "gzip, chunked", "gzip"])
def test_a_transfer_coding_that_is_not_chunked_is_refused(shared_server, coding):
    with connect(shared_server) as client:
        client.sendall(head("POST", CREATE, f"Transfer-Encoding: {coding}", "Content-Type: application/json"))
        assert client.recv(65536)[9:12] in (b"501", b"400")


def test_a_chunk_size_line_with_a_bare_line_feed_is_refused(shared_server):
    with connect(shared_server) as client:
        client.sendall(head("POST", CREATE, "Transfer-Encoding: chunked", "Content-Type: application/json"))
        client.sendall(b"2;a\nb\r\n{}\r\n0\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
