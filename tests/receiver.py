"""A receiver of webhooks on loopback. It records requests and sends configured responses."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

# Environment variables with which a server may send to it.
ALLOW_LOOPBACK = {
    "TRACKWAY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
}


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """The recorded requests, and the settings of responses.

    ``answers`` are the statuses of the next responses; later ones are 200. ``on_request`` is called for each
    request before the response is sent, and may delay it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        self.on_request: Callable[[], None] = lambda: None

    def wait_for(self, count: int) -> list[Received]:
        self.wait_until(lambda: len(self.received) >= count)
        return self.received

    def wait_until(self, enough: Callable[[], bool], patience_s: float = 30) -> None:
        deadline = time.monotonic() + patience_s
        while not enough():
            assert time.monotonic() < deadline, f"only these requests were received: {self.received}"
            time.sleep(0.01)

    def wait_until_quiet(self, for_s: float = 1.5) -> None:
        count = -1
        while count < len(self.received):
            count = len(self.received)
            time.sleep(for_s)

    @property
    def events(self) -> list[str]:
        return [f"{request.json['entity']}.{request.json['action']}" for request in list(self.received)]


@contextmanager
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                return  # the sender was killed while it sent the request
            headers = {name.lower(): value for name, value in self.headers.items()}
            listening.received.append(Received(self.path, headers, body))
            listening.on_request()
            self.send_response(listening.answers.pop(0) if listening.answers else 200)
            for name, value in listening.headers.items():
                self.send_header(name, value)
            with suppress(OSError):  # the sender was killed
                self.end_headers()
                self.wfile.write(b"thanks")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield listening
    server.shutdown()
    server.server_close()
