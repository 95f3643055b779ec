"""Write responses.

Head and body of a response up to 256 KiB are sent together, because a second packet wakes the client again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any

from gunicorn.http import wsgi
from gunicorn.http.body import ChunkedReader

from ..responses import Answer, status_line
from .current_connection import connection
from .socket_timeouts import send, send_timeout, split

# For a larger body, the copy that joins it to the head costs more than a second packet.
_MAX_JOINED_BYTES = 256 * 1024
# gunicorn discards an unread body of at most so many bytes. After a longer one it closes the connection.
_MAX_DISCARDED_BYTES = 64 * 1024


class Response(wsgi.Response):  # type: ignore[misc]
    """Replaces gunicorn's response class, for requests that gunicorn's parser has read."""

    headers_sent: bool

    def should_close(self) -> bool:
        """Return whether the connection is closed afterwards, which the response's head has to say."""
        return super().should_close() or _has_long_unread_body(self.req)

    def send_headers(self) -> None:
        if conn := connection():
            conn.takes_interim = False
        super().send_headers()

    def write(self, arg: bytes) -> None:
        is_whole = not (self.headers_sent or self._omits_body) and self.response_length == len(arg)
        if not is_whole:
            with send_timeout(self.sock):
                for part in split(arg):
                    super().write(part)
            return
        self.headers_sent = True
        self.sent = len(arg)
        _send(self.sock, _head(self.default_headers(), self.headers), arg)


def _has_long_unread_body(request: Any) -> bool:
    """Return whether the request's body was not read, and is long.

    A chunked body counts as long, because its length is unknown.
    """
    reader = request.body.reader
    if isinstance(reader, ChunkedReader):
        return reader.parser is not None
    return getattr(reader, "length", 0) > _MAX_DISCARDED_BYTES


class Writer:
    """Writes the responses to requests that gunicorn's parser has not read."""

    def __init__(self) -> None:
        self._date = (0, "")

    def write(self, sock: Any, answer: Answer) -> None:
        """Send a response. Raise ``OSError`` if the client has closed the connection."""
        _send(sock, self.head(answer), answer.body)

    def head(self, answer: Answer) -> bytes:
        # There is no "Connection: keep-alive": it is the default of HTTP/1.1, and a client takes 8 µs to
        # parse a header.
        first = [f"HTTP/1.1 {status_line(answer.status)}\r\n", f"Date: {self._now()}\r\n"]
        return _head(first, answer.headers)

    def _now(self) -> str:
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


def _send(sock: Any, head: bytes, body: bytes) -> None:
    if len(body) <= _MAX_JOINED_BYTES:
        send(sock, head + body)
    else:
        send(sock, head)
        send(sock, body)


def _head(lines: list[str], headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the encoded head. ``lines`` holds its first lines and is extended in place."""
    lines.extend(f"{name}: {value}\r\n" for name, value in headers)
    lines.append("\r\n")
    return "".join(lines).encode("latin-1")
