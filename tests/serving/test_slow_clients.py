"""Clients that stop, say nothing more, or send what cannot be read, and what becomes of the others."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.request
from contextlib import ExitStack, closing
from threading import Event

import pytest

from tests.certificates import certificate
from tests.services import TrackwayServer
from trackway.server.gunicorn import socket_timeouts, thread_pool

from .test_fast_path import answers, kept
from .test_serving import CREATE, GET_EXPERIMENT, connect, head, receive_all

# More than a worker has threads.
_MANY = 40


@pytest.fixture(scope="module")
def dialect():
    """What a connection costs does not depend on the database; SQLite's has the shortest way."""
    return "sqlite"


@pytest.mark.parametrize(
    "body",
    [
        b"2\r\n{}XX",
        b"2\r\n{}\r\nno size\r\n",
        b"2\r\n{}\r\n0\r\nno trailer\r\n\r\n",
        b"2\r\n{}\r\n0\r\nBad Name: 1\r\n\r\n",
    ],
)
@pytest.mark.parametrize("reach", [connect, kept], ids=["new", "kept"])
def test_what_follows_a_body_that_cannot_be_read_is_no_request(shared_server, reach, body):
    with reach(shared_server) as client:
        client.sendall(head("POST", CREATE, "Content-Type: application/json", "Transfer-Encoding: chunked"))
        client.sendall(body)
        received = client.recv(65536)
        assert received.startswith(b"HTTP/1.1 400 ")
        try:
            client.sendall(head("GET", "/version"))
            received += receive_all(client)
        except ConnectionError:  # it has hung up, which is as good
            pass
    assert received.count(b"HTTP/1.1 ") == 1


def test_half_a_request_after_a_file_keeps_no_thread(shared_server):
    """A transfer leaves its patience, a minute, with the socket."""
    path = "/api/2.0/mlflow-artifacts/artifacts/file"
    with ExitStack() as stack:
        clients = [stack.enter_context(kept(shared_server)) for _ in range(_MANY)]
        for client in clients:
            client.sendall(head("PUT", path, "Content-Length: 4") + b"file")
            assert answers(client, 1) == [(200, {})]
            client.sendall(head("POST", CREATE, "Content-Type: application/json", "Content-Length: 10"))
        time.sleep(1)
        began = time.monotonic()
        with connect(shared_server) as other:
            other.sendall(head("GET", GET_EXPERIMENT, "Connection: close"))
            assert receive_all(other).startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() - began < 5


def test_an_answer_that_nobody_takes_keeps_no_thread():
    mine, theirs = socket.socketpair()
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    answer = bytes(range(256)) * 800
    sent = Event()

    def send() -> None:
        socket_timeouts.send(mine, answer)
        sent.set()

    with closing(mine), closing(theirs), thread_pool.Pool(1) as threads:
        threads.submit(send)
        assert threads.submit(int).result(timeout=5) == 0, "the only thread waits for the client"
        assert not sent.is_set()
        theirs.settimeout(5)
        received = b""
        while len(received) < len(answer):
            received += theirs.recv(65536)
        assert received == answer
        assert sent.wait(5)


def test_a_large_response_on_a_connection_that_was_idle_arrives(shared_server):
    """More than the buffers of both sides hold, to a client that begins to read late."""
    values = [{"key": f"p{number}", "value": "x" * 6000} for number in range(100)]
    with kept(shared_server) as client:
        for _ in range(25):
            run = shared_server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
            shared_server.post("runs/log-batch", run_id=run, params=values)
        body = b'{"experiment_ids":["0"],"max_results":1000}'
        search = "/api/2.0/mlflow/runs/search"
        for _ in range(2):
            time.sleep(0.5)
            lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
            client.sendall(head("POST", search, *lines) + body)
            time.sleep(0.5)
            [(status, found)] = answers(client, 1)
            assert status == 200
            assert len(found["runs"]) >= 25


def test_who_says_nothing_is_let_go_of_and_who_works_is_not(serve):
    server = serve("--gunicorn-opts", "--keep-alive 2")
    with kept(server) as busy, kept(server) as idle:
        busy.settimeout(5)
        for _ in range(10):
            time.sleep(0.5)
            busy.sendall(head("GET", GET_EXPERIMENT))
            assert answers(busy, 1)[0][0] == 200
        idle.settimeout(0.5)
        assert idle.recv(1) == b"", "the server still keeps it"


def test_those_silent_longest_make_room(serve):
    server = serve("--gunicorn-opts", "--worker-connections 20")
    with ExitStack() as stack:
        busy = stack.enter_context(kept(server))
        for _ in range(40):
            stack.enter_context(kept(server))
            busy.sendall(head("GET", GET_EXPERIMENT))
            assert answers(busy, 1)[0][0] == 200


def test_a_worker_lives_on_when_no_more_files_can_be_opened(store_uri, tmp_path, server_environment):
    class Narrow(TrackwayServer):
        def command(self) -> list[str]:
            return ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh", *super().command()]

    server = Narrow(tmp_path / "server", store_uri, environment=server_environment)
    server.start()
    try:
        with ExitStack() as stack:
            for _ in range(150):
                client = stack.enter_context(connect(server))
                client.sendall(head("GET", GET_EXPERIMENT))
                assert answers(client, 1)[0][0] == 200
        assert "too many files are open" in server.log
    finally:
        server.kill()


def test_clients_that_do_not_greet_delay_nobody_over_tls(store_uri, tmp_path, server_environment):
    authority, secret = certificate(tmp_path, "localhost")
    files = f"--certfile {authority} --keyfile {secret}"
    context = ssl.create_default_context(cafile=str(authority))

    class TlsServer(TrackwayServer):
        def is_alive(self) -> bool:
            try:
                url = f"https://localhost:{self.port}/health"
                return urllib.request.urlopen(url, context=context, timeout=5).read() == b"OK"
            except OSError:
                return False

    server = TlsServer(tmp_path / "server", store_uri, ["--gunicorn-opts", files], server_environment)
    server.start()
    try:
        with ExitStack() as stack:
            for number in range(_MANY):
                client = stack.enter_context(connect(server))
                if number % 2:
                    client.sendall(b"\x16")  # a handshake begins with it
                else:
                    client = context.wrap_socket(client, server_hostname="localhost")
                    client.sendall(b"GET /health HTTP/1.1\r\nHost: loc")
            time.sleep(1)
            began = time.monotonic()
            assert server.is_alive()
            assert time.monotonic() - began < 5
    finally:
        server.kill()
