"""The requests that MLflow's Python client 3.17.2 sends, and a connection that sends them.

The benchmark drives servers with these instead of the client itself, which would be the slowest part.
A request may hold markers that the load generator fills in. Each is as long as what takes its place,
so that the length of a body is known beforehand.
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

NUMBER = "@@NUMBER@@"  # ten digits, one more with every request
RUN = "@@RUN@@".ljust(32, "@")  # the id of one of the runs, in turn
KEY = "@K"  # two digits below KEYS, in turn whenever all runs have had theirs
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
    """Marks a text that stands in JSON without quotes, because a marker in it becomes a number."""
    return f"#{text}"


def request(method: str, path: str, body: object = None, port: int = 0) -> bytes:
    """One request as it goes over the wire; ``body`` becomes JSON."""
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
    """The fields of a request about a run; the client names it twice."""
    return {"run_uuid": run_id, **fields, "run_id": run_id}


class Refused(Exception):
    """An answer other than 200."""


class Connection:
    """One keep-alive connection, without the cost of a client library."""

    def __init__(self, port: int, timeout_s: float = 600) -> None:
        self.port = port
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    def send(self, request: bytes) -> bytes:
        """The body of the answer; raises ``Refused`` when it is not a 200."""
        # A server may have closed it while it lay idle; the client looks too before it sends.
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
        return _object(self.send(post(path, body, self.port)))

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return _object(self.send(get(path, query, self.port)))

    def history(self, run_id: str, key: str) -> Iterator[list[dict[str, Any]]]:
        """A metric's points, page by page as the client asks for them."""
        query: dict[str, Any] = for_run(run_id, metric_key=key)
        query["max_results"] = 25000
        while True:
            page = self.get("metrics/get-history", **query)
            yield page.get("metrics", [])
            if not page.get("next_page_token"):
                return
            query["page_token"] = page["next_page_token"]

    def pages(self, path: str, kind: str, body: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """All pages of a search that is a POST."""
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


def _object(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    return found
