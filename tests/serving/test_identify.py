"""What ``identify`` is given: the same whichever way a request came, and before anybody looks at its path."""

from __future__ import annotations

import json
import sys

import pytest

from tests.services import TrackwayServer

from .test_fast_path import answers
from .test_serving import GET_EXPERIMENT, connect, head

# Beside the headers.
CONTRACT = {
    "PATH_INFO",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "wsgi.input_terminated",
    "wsgi.url_scheme",
}
_PROGRAM = """
import json, sys
from trackway.server.auth.gate import OpenGate
from trackway.server.cli import main

identify = OpenGate.identify

def record(gate, environ):
    call = {key: value for key, value in environ.items() if type(value) in (str, bool)}
    with open(sys.argv[0] + ".calls", "a") as file:
        print(json.dumps(call), file=file)
    return identify(gate, environ)

OpenGate.identify = record
main()
"""


@pytest.fixture(scope="module")
def dialect():
    return "sqlite"


@pytest.fixture
def recording(store_uri, tmp_path, server_environment):
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)

    class Recording(TrackwayServer):
        def command(self) -> list[str]:
            return [sys.executable, str(program), *super().command()[1:]]

        def calls(self):
            lines = program.with_suffix(".py.calls").read_text().splitlines()
            return [call for call in map(json.loads, lines) if call["PATH_INFO"] != "/health"]

    server = Recording(tmp_path / "server", store_uri, ["--static-prefix", "/at"], server_environment)
    server.is_alive = lambda: "Trackway listens" in server.log  # /health has no prefix here
    server.start()
    yield server
    server.kill()


def test_the_environ_is_the_same_whichever_way_a_request_came(recording):
    path = f"/at{GET_EXPERIMENT}"
    with connect(recording) as client:
        for more in ((), ("TE: trailers",), ()):  # the fast path, gunicorn's parser, the fast path
            client.sendall(head("GET", path, "Authorization: Basic YTpi", "X-Some: thing", *more))
            assert answers(client, 1)[0][0] == 200
        port = str(client.getsockname()[1])
    assert ["RAW_URI" in call for call in recording.calls()] == [False, True, False]
    first, second, third = (
        {key: value for key, value in call.items() if key in CONTRACT or key.startswith("HTTP_")}
        for call in recording.calls()
    )
    assert set(first) == CONTRACT | {"HTTP_HOST", "HTTP_AUTHORIZATION", "HTTP_X_SOME"}
    assert first["SCRIPT_NAME"] + first["PATH_INFO"] == path.partition("?")[0]
    assert (first["REMOTE_ADDR"], first["REMOTE_PORT"]) == ("127.0.0.1", port)
    assert second == first | {"HTTP_TE": "trailers"}
    assert third == first


@pytest.mark.parametrize(
    "path", ["/at/nothing/here", "/at/static-files/none.js", "/at/api/2.0/mlflow/runs/get"]
)
def test_a_caller_is_named_before_the_path_is_looked_up(recording, path):
    with connect(recording) as client:
        client.sendall(head("GET", path))
        assert answers(client, 1)[0][0] >= 400
    [call] = recording.calls()
    assert call["PATH_INFO"] == path.removeprefix("/at")


def test_a_request_has_one_authorization_header(shared_server):
    """A proxy may have checked the one, and the server take the other."""
    one, other = "Authorization: Basic YTpi", "Authorization: Bearer abc"
    with connect(shared_server) as client:
        for _ in range(2):  # as gunicorn's, then as the fast path's
            client.sendall(head("GET", GET_EXPERIMENT, one))
            assert answers(client, 1)[0][0] == 200
            client.sendall(head("GET", GET_EXPERIMENT, one, other))
            status, body = answers(client, 1)[0]
            assert (status, body["error_code"]) == (400, "BAD_REQUEST")
            assert "more than one Authorization header" in body["message"]


def test_a_scheme_whose_words_have_commas_is_let_through(shared_server):
    with connect(shared_server) as client:
        client.sendall(head("GET", GET_EXPERIMENT, 'Authorization: Digest username="a", realm="b"'))
        assert answers(client, 1)[0][0] == 200
