"""Writing responses: a whole one goes out in one packet, because a second one wakes the client again."""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any

from gunicorn.http import wsgi

from ..responses import Answer, status_line
from .socket_timeouts import send, send_timeout, split

# A larger body is not worth the copy that joins it to its head.
_ONE_PACKET = 256 * 1024


class Response(wsgi.Response):  # type: ignore[misc]
    """gunicorn's, for requests that it has read."""

    headers_sent: bool

    def write(self, arg: bytes) -> None:
        is_whole = not (self.headers_sent or self._omits_body) and self.response_length == len(arg)
        if len(arg) > _ONE_PACKET or not is_whole:
            with send_timeout(self.sock):
                for part in split(arg):
                    super().write(part)
            return
        self.headers_sent = True
        self.sent = len(arg)
        send(self.sock, _head(self.default_headers(), self.headers) + arg)


class Writer:
    """For answers to requests that gunicorn has not read."""

    def __init__(self) -> None:
        self._date = (0, "")

    def write(self, sock: Any, answer: Answer) -> None:
        """Raises ``OSError`` where the client is gone."""
        # That the connection is kept goes without saying in HTTP/1.1; clients take 8 us to read a header.
        first = [f"HTTP/1.1 {status_line(answer.status)}\r\n", f"Date: {self._now()}\r\n"]
        send(sock, _head(first, answer.headers) + answer.body)

    def _now(self) -> str:
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


def _head(lines: list[str], headers: Iterable[tuple[str, str]]) -> bytes:
    lines.extend(f"{name}: {value}\r\n" for name, value in headers)
    lines.append("\r\n")
    return "".join(lines).encode("latin-1")
