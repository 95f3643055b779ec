"""The requests that MLflow's Python client 3.17.2 sends, and a connection that sends them.

The benchmark sends these requests itself, because MLflow's client would be slower than the servers.
A request may contain markers, which the load generator replaces by values of the same length, so that
``Content-Length`` stays correct.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import select
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

NUMBER = "@@NUMBER@@"  # ten digits; increases by one with every request
RUN = "@@RUN@@".ljust(32, "@")  # the ids of the runs, one after the other
KEY = "@K"  # two digits, below KEYS; changes after a request to each run
KEYS = 4
API = "/api/2.0/mlflow/"

_HEADERS = (
    "User-Agent: mlflow-python-client/3.17.2\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Accept: */*\r\n"
    "Connection: keep-alive\r\n"
    "X-MLflow-Client-Version: 3.17.2\r\n"
)


def bare(text: str) -> str:
    """Mark a text that ``request`` writes to JSON without quotes, because its marker becomes a number."""
    return f"#{text}"


def request(method: str, path: str, body: object = None, port: int = 0) -> bytes:
    """Return the bytes of an HTTP request. ``body`` is sent as JSON."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{_HEADERS}"
    if body is None:
        return f"{head}\r\n".encode()
    text = re.sub(r'"#([^"]*)"', r"\1", json.dumps(body))
    return f"{head}Content-Length: {len(text)}\r\nContent-Type: application/json\r\n\r\n{text}".encode()


def post(path: str, body: object, port: int) -> bytes:
    return request("POST", API + path, body, port)


def get(path: str, query: dict[str, Any], port: int) -> bytes:
    return request("GET", f"{API}{path}?{urlencode(query)}", None, port)


def for_run(run_id: str, **fields: Any) -> dict[str, Any]:
    """Return the fields of a request about a run. MLflow's client sends the run id in two fields."""
    return {"run_uuid": run_id, **fields, "run_id": run_id}


def authorized(request: bytes, token: str) -> bytes:
    """Return the request with an API token, as MLflow's client sends ``MLFLOW_TRACKING_TOKEN``."""
    return request.replace(b"\r\n\r\n", f"\r\nAuthorization: Bearer {token}\r\n\r\n".encode(), 1)


class Refused(Exception):
    """The status of a response was not 200."""


class Connection:
    """A keep-alive connection on a plain socket, faster than a client library.

    With a ``token``, ``post`` and ``get`` send it; ``send`` sends a request as it is.
    """

    def __init__(self, port: int, timeout_s: float = 600, token: str = "") -> None:
        self.port = port
        self._token = token
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    def send(self, request: bytes) -> bytes:
        """Send a request. Return the body of the response; raise ``Refused`` if its status is not 200."""
        # The server may have closed an idle connection. MLflow's client checks this as well before it sends.
        if self._socket and select.select([self._socket], [], [], 0)[0]:
            self.close()
        if not self._socket:
            self._socket = socket.create_connection(("127.0.0.1", self.port), self._timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket.sendall(request)
            answer = http.client.HTTPResponse(self._socket)
            answer.begin()
            body = answer.read()
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        if answer.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if answer.status != 200:
            raise Refused(f"{answer.status} {body[:300]!r}")
        return body

    def post(self, path: str, body: object) -> dict[str, Any]:
        return self._object(post(path, body, self.port))

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._object(get(path, query, self.port))

    def history(self, run_id: str, key: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the points of a metric, in the pages that MLflow's client requests."""
        query: dict[str, Any] = for_run(run_id, metric_key=key)
        query["max_results"] = 25000
        while True:
            page = self.get("metrics/get-history", **query)
            yield page.get("metrics", [])
            if not page.get("next_page_token"):
                return
            query["page_token"] = page["next_page_token"]

    def pages(self, path: str, kind: str, body: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """Yield all pages of a search that is a POST request."""
        while True:
            page = self.post(path, body)
            yield page.get(kind, [])
            if not page.get("next_page_token"):
                return
            body = {**body, "page_token": page["next_page_token"]}

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def _object(self, request: bytes) -> dict[str, Any]:
        body = self.send(authorized(request, self._token) if self._token else request)
        found: dict[str, Any] = json.loads(body)
        return found
