"""Transfers through ``trackway serve``: slow, broken and long ones, and what a crash leaves."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import resource
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, closing, contextmanager

import psutil
import pytest
import urllib3

from tests.services import ObjectStore

SERVED = "/api/2.0/mlflow-artifacts/artifacts"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def dialect():
    return "sqlite"


@pytest.fixture(params=["folder", "s3"])
def server(request, serve):
    """One worker with four threads, on each kind of store."""
    options = ("--workers", "1", "--threads", "4")
    if request.param == "folder":
        return serve(*options)
    store = request.getfixturevalue("object_store")
    destination = ("--artifacts-destination", f"s3://{store.bucket()}/prefix")
    return serve(*options, *destination, **store.environment)


def begin_upload(server, path, length):
    """A connection that has announced a file."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = f"PUT {SERVED}/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def answer_on(connection):
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, json.loads(response.read())


def put(server, path, data):
    request = urllib.request.Request(f"{server.url}{SERVED}/{path}", data, method="PUT")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status


def get(server, path):
    with urllib.request.urlopen(f"{server.url}{SERVED}/{path}", timeout=60) as answer:
        return answer.read()


def names(server, path=""):
    with urllib.request.urlopen(f"{server.url}{SERVED}?path={path}", timeout=60) as answer:
        return [file["path"] for file in json.loads(answer.read()).get("files", [])]


def remains(server):
    """What lies in the hidden folder of a local store."""
    folder = server.folder / "artifacts" / ".trackway-uploads"
    return os.listdir(folder) if folder.exists() else []


def until(check, patience_s=10):
    deadline = time.monotonic() + patience_s
    while not (found := check()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_a_cut_upload_is_not_stored_and_its_thread_is_free_again(server):
    for _ in range(6):  # more than there are threads
        connection = begin_upload(server, "a/cut", MIB)
        connection.sendall(b"x" * 1000)
        connection.shutdown(socket.SHUT_WR)
        status, body = answer_on(connection)
        assert status == 400
        assert body["message"].startswith("The request body is incomplete after 1000 of 1048576 bytes")
        connection.close()
    for _ in range(6):
        with closing(begin_upload(server, "a/gone", MIB)) as connection:
            connection.sendall(b"x" * 1000)
    assert put(server, "b", b"whole") == 200
    assert names(server) in (["b"], ["a", "b"])
    assert names(server, "a") == []
    assert until(lambda: not remains(server))


def test_a_chunked_upload_is_stored_and_a_broken_one_is_not(server):
    def upload(body):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            head = f"PUT {SERVED}/f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head.encode() + body)
            connection.shutdown(socket.SHUT_WR)
            return answer_on(connection)[0]

    assert upload(b"5\r\nhello\r\n0\r\n\r\n") == 200
    assert get(server, "f") == b"hello"
    assert upload(b"5\r\nother\r\n5\r\nwo") == 400
    assert upload(b"5\r\nother\r\nnonsense\r\n") == 400
    assert get(server, "f") == b"hello"


def test_slow_clients_do_not_keep_others_waiting(server):
    put(server, "large", b"x" * (16 * MIB))
    slow = [begin_upload(server, f"slow-{number}", 2 * MIB) for number in range(20)]
    for connection in slow:
        connection.sendall(b"x" * 1000)
    for _ in range(10):  # and as many that read nothing
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(f"GET {SERVED}/large HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        slow.append(connection)
    time.sleep(0.5)
    started = time.monotonic()
    for number in range(20):
        put(server, f"quick-{number}", b"x")
        assert "large" in names(server)
    assert time.monotonic() - started < 5
    connection = slow[0]
    connection.sendall(b"x" * (2 * MIB - 1000))
    assert answer_on(connection)[0] == 200
    for connection in slow:
        connection.close()


def test_slow_transfers_give_way_to_others(serve):
    server = serve("--workers", "1", "--threads", "2")
    put(server, "large", b"x" * 2 * MIB)
    with ExitStack() as stack:
        for number in range(64):  # more than one address may have
            stack.enter_context(closing(begin_upload(server, f"slow-{number}", 2 * MIB)))

        def stored():
            """A refusal may reach a client that still sends as a closed connection."""
            try:
                return put(server, "one-more", b"x" * 2 * MIB) == 200
            except urllib.error.HTTPError as error:
                refusals.append((error.code, "Retry-After" in error.headers))
            except OSError:
                pass
            return False

        refusals = []
        assert until(stored, 30), "a slow client has lost its place"
        assert set(refusals) <= {(503, True)}
        assert "large" in names(server)
        assert len(get(server, "large")) == 2 * MIB


def test_a_client_that_falls_silent_is_given_up(serve):
    server = serve("--workers", "1", "--transfer-timeout", "1")
    with closing(begin_upload(server, "f", 2 * MIB)) as connection:
        connection.sendall(b"x" * 1000)
        status, body = answer_on(connection)
    assert status == 408
    assert re.search("no data was received for 1 s|the client sends too slowly", body["message"])
    put(server, "large", b"x" * (16 * MIB))
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"GET {SERVED}/large HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        time.sleep(2.5)
        received = 0
        while part := connection.recv(MIB):
            received += len(part)
    assert received < 16 * MIB
    assert remains(server) == []


def test_a_transfer_may_last_longer_than_gunicorn_waits_for_a_worker(serve):
    server = serve("--workers", "1", "--gunicorn-opts", "--timeout 2")
    pid = server_workers(server)[0].pid
    with closing(begin_upload(server, "f", 5 * 1000)) as connection:
        for _ in range(5):
            time.sleep(0.8)
            connection.sendall(b"x" * 1000)
        assert answer_on(connection)[0] == 200
    assert [worker.pid for worker in server_workers(server)] == [pid]


def test_a_stop_waits_for_an_upload(serve):
    server = serve("--workers", "1")
    with closing(begin_upload(server, "f", 2000)) as connection:
        connection.sendall(b"x" * 1000)
        time.sleep(0.3)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        time.sleep(0.5)
        connection.sendall(b"x" * 1000)
        assert answer_on(connection)[0] == 200
    stopping.join()
    assert (server.folder / "artifacts" / "f").stat().st_size == 2000


def server_workers(server):
    return psutil.Process(server.pid).children()


def test_clients_that_hang_up_in_a_download_cost_nothing(server):
    put(server, "large", b"x" * (16 * MIB))
    for _ in range(70):  # more than may last at once
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(f"GET {SERVED}/large HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            connection.recv(1000)
    assert until(lambda: len(get_or_nothing(server, "large")) == 16 * MIB)
    worker = server_workers(server)[0]
    assert until(lambda: not [file for file in worker.open_files() if file.path.endswith("large")])


def get_or_nothing(server, path):
    try:
        return get(server, path)
    except urllib.error.HTTPError:
        return b""


@pytest.mark.slow
def test_large_files_pass_in_flat_memory_without_temporary_files(server):
    worker = server_workers(server)[0]
    put(server, "warm", b"x" * MIB)
    get(server, "warm")
    before = worker.memory_info().rss
    size, block = 600 * MIB, os.urandom(MIB)
    most, most_files = [before], [0]
    done = threading.Event()

    def watch():
        while not done.wait(0.02):
            most.append(worker.memory_info().rss)
            most_files.append(len([file for file in worker.open_files() if "/tmp/" in file.path[:5]]))

    watching = threading.Thread(target=watch)
    watching.start()
    with closing(begin_upload(server, "huge", size)) as connection:
        for _ in range(size // MIB):
            connection.sendall(block)
        assert answer_on(connection)[0] == 200
    with urllib.request.urlopen(f"{server.url}{SERVED}/huge", timeout=60) as answer:
        received = sum(len(part) for part in iter(lambda: answer.read(MIB), b""))
    done.set()
    watching.join()
    assert received == size
    assert max(most) - before < 32 * MIB


# Faults


def test_a_kill_in_an_upload_leaves_nothing_to_see(server):
    put(server, "a/kept", b"old")
    connections = [begin_upload(server, path, 40 * MIB) for path in ("a/kept", "a/new")]
    for connection in connections:
        connection.sendall(b"x" * (20 * MIB))
    server.kill()
    for connection in connections:
        connection.close()
    server.restart()
    assert names(server, "a") == ["kept"]
    assert get(server, "a/kept") == b"old"
    assert remains(server) == []
    assert put(server, "a/new", b"y" * MIB) == 200
    assert get(server, "a/new") == b"y" * MIB


def test_a_kill_in_a_multipart_upload_costs_the_client_nothing(serve, object_store):
    destination = ("--artifacts-destination", f"s3://{object_store.bucket()}/prefix")
    server = serve("--workers", "1", *destination, **object_store.environment)

    def call(action, body):
        url = f"{server.url}/api/2.0/mlflow-artifacts/mpu/{action}/0"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    created = call("create", {"path": "f", "num_parts": 1})
    part = urllib.request.Request(created["credentials"][0]["url"], b"part", method="PUT")
    with urllib.request.urlopen(part) as answer:
        etag = answer.headers["ETag"]
    server.kill()
    server.restart()
    assert names(server, "0") == []
    parts = [{"part_number": 1, "etag": etag}]
    call("complete", {"path": "f", "upload_id": created["upload_id"], "parts": parts})
    assert get(server, "0/f") == b"part"


@pytest.mark.slow
def test_a_store_that_stops_and_starts_is_told_and_used_again(serve):
    store = ObjectStore()
    try:
        destination = ("--artifacts-destination", f"s3://{store.bucket()}/prefix")
        server = serve("--workers", "1", *destination, **store.environment)
        put(server, "f", b"before")
        pid = server_workers(server)[0].pid
        store.kill()
        for act in (lambda: put(server, "g", b"x"), lambda: get(server, "f"), lambda: names(server)):
            with pytest.raises(urllib.error.HTTPError) as raised:
                act()
            assert raised.value.code == 503
            assert raised.value.headers["Retry-After"]
        store.start()
        assert get(server, "f") == b"before"
        put(server, "g", b"after")
        assert names(server) == ["f", "g"]
        assert server_workers(server)[0].pid == pid
    finally:
        store.close()


@contextmanager
def little_room(server, mib):
    """A store that is full soon: a small file system, or a bound on files where none may be mounted."""
    folder = server.folder / "artifacts"
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder]
    if os.getuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
    else:
        for worker in server_workers(server):
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (mib * MIB, mib * MIB))
        yield


def test_a_full_disk_is_told_and_the_next_upload_works(serve):
    server = serve("--workers", "1")
    with little_room(server, 8):
        put(server, "kept", b"k" * MIB)
        # Said at once where the length is known, else when it is reached.
        for chunked in (False, True):
            data = iter([b"x" * MIB] * 16) if chunked else b"x" * (16 * MIB)
            # As MLflow's client does: what cannot be sent any more is no reason not to read the answer.
            answer = urllib3.request("PUT", f"{server.url}{SERVED}/large", body=data, retries=False)
            assert answer.status == 507
            assert "too little free space" in answer.json()["message"]
        assert names(server) == ["kept"]
        assert remains(server) == []
        put(server, "small", b"x" * MIB)
        assert names(server) == ["kept", "small"]


def test_nobody_sees_half_a_file_while_it_is_replaced(server):
    """Readers beside a writer get one version or the other."""
    versions = [bytes([digit]) * 300_000 for digit in b"abc"]
    put(server, "f", versions[0])
    is_over = threading.Event()

    def write():
        for version in itertools.islice(itertools.cycle(versions), 20):
            put(server, "f", version)
        is_over.set()

    writing = threading.Thread(target=write)
    writing.start()
    while not is_over.is_set():
        assert get(server, "f") in versions
    writing.join()
