"""The short way: an ordinary request on a kept connection is read, answered and sent without gunicorn.

Its parser and response cost more than a short request itself.

What is not ordinary (a header with a meaning for the connection, a path with variables, a body that
does not come at once) goes gunicorn's way, with every byte that was read.
"""

from __future__ import annotations

import io
import re
import socket
import time
from email.utils import formatdate
from typing import Any, NamedTuple

from ..edge.wsgi import WsgiApp
from ..request_body import Environ
from ..responses import Answer, status_line
from .socket_timeouts import is_readable, send

# What is read at once.
_PART = 64 * 1024
_MAX_BODY = 512 * 1024
# How long the rest of a request may take, and how many parts it may have: gunicorn minds slow clients. On a
# busy machine one that is not slow stands still for some 10 ms between its head and its body, and longer.
_MOMENT_S = 0.1
_MOST_PARTS = 64
# Nothing but plain headers, each on a line of its own. gunicorn minds all the rest.
_HEAD = re.compile(
    rb"(GET|POST|PUT|PATCH|DELETE) (/[!-~]*) HTTP/1\.1\r\n((?:[A-Za-z][A-Za-z0-9-]*:[ -~]*\r\n)+)\r\n"
)
# Headers that say something to the server rather than to the application.
_SPECIAL = re.compile(
    r"transfer-encoding|expect|upgrade|connection|te|trailer|http2-settings|proxy-.*|x-forwarded-pro.*|x-forwarded-ssl",
    re.IGNORECASE,
)
# A client sends the same lines with each request, and most heads again: bodies differ little in length.
_REMEMBERED_LINES = 500
_LONGEST_REMEMBERED = 200
_REMEMBERED_HEADS = 200
_LONGEST_REMEMBERED_HEAD = 1000
_MOST_REMEMBERED_FIELDS = 30
_UNREADABLE = ("", "")
# Longer ones are gunicorn's to read, or to refuse.
_LONGEST_HEAD = 8190
_LENGTH = re.compile("[0-9]{1,6}")


class _Request(NamedTuple):
    """An ordinary request whose head has come; its body is what is between ``start`` and ``end``."""

    environ: Environ
    start: int
    end: int

    def whole(self, data: bytes) -> Environ | None:
        """Its environ, where all of it has come."""
        if len(data) != self.end:
            return None
        self.environ["wsgi.input"] = io.BytesIO(data[self.start :])
        return self.environ


class Express:
    """Serves kept connections (plain sockets) that gunicorn has accepted and knows."""

    def __init__(self, wsgi: WsgiApp) -> None:
        self._wsgi = wsgi
        self._lines: dict[str, tuple[str, str]] = {}
        self._heads: dict[bytes, Environ] = {}
        self._date = (0, "")

    def serve(self, conn: Any) -> bool | None:
        """Answer the connection's next request; whether the connection can be kept.

        None where the request is gunicorn's: its parser will find the bytes that were read.
        """
        if conn.sock.gettimeout():  # a transfer's; with one a socket waits, whatever its call says
            conn.sock.settimeout(None)
        unreader = conn.parser.unreader
        data = unreader.take_buffered() if unreader.buf.tell() else b""
        request: _Request | None = None
        deadline = time.monotonic() + _MOMENT_S
        for _ in range(_MOST_PARTS):
            if data:
                request = request or self._read(data, conn)
                if request is None or len(data) >= request.end:
                    break
            part = _receive(conn.sock)
            if part is None and is_readable(conn.sock, max(0, deadline - time.monotonic())):
                part = _receive(conn.sock)
            if not part:
                break
            data += part
        environ = request and request.whole(data)
        if environ is None:
            unreader.unread(data)
            return None
        answer = self._wsgi.respond(environ)
        assert isinstance(answer, Answer), "what is_fixed is answered whole"
        return self._send(conn.sock, answer)

    def _read(self, data: bytes, conn: Any) -> _Request | None:
        """An ordinary request, of which the body may be to come; None where it is not that."""
        start = data.find(b"\r\n\r\n") + 4
        head = data[:start]
        kept = self._heads.get(head)
        environ = kept or self._read_head(head)
        if environ is None or not self._wsgi.is_fixed(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
            return None
        length = int(environ.get("CONTENT_LENGTH", "0"))
        if length > _MAX_BODY:
            return None
        if kept is None:
            self._remember(head, environ)
        environ = environ.copy()
        environ["REMOTE_ADDR"] = conn.client[0] if isinstance(conn.client, tuple) else ""
        return _Request(environ, start, start + length)

    def _remember(self, head: bytes, environ: Environ) -> None:
        # With a query it is hardly ever the same again.
        is_short = len(head) < _LONGEST_REMEMBERED_HEAD and len(environ) < _MOST_REMEMBERED_FIELDS
        if is_short and not environ["QUERY_STRING"]:
            if len(self._heads) >= _REMEMBERED_HEADS:
                self._heads.clear()
            self._heads[head] = environ

    def _read_head(self, head: bytes) -> Environ | None:
        found = _HEAD.fullmatch(head) if len(head) <= _LONGEST_HEAD else None
        if found is None:
            return None
        environ: Environ = {"REQUEST_METHOD": found.group(1).decode()}
        environ["PATH_INFO"], _, environ["QUERY_STRING"] = found.group(2).decode().partition("?")
        for line in found.group(3).decode("latin-1").split("\r\n")[:-1]:
            name, value = self._lines.get(line) or self._read_line(line)
            if name in environ or not name:
                return None
            environ[name] = value
        if "HTTP_HOST" not in environ or not _LENGTH.fullmatch(environ.get("CONTENT_LENGTH", "0")):
            return None
        return environ

    def _read_line(self, line: str) -> tuple[str, str]:
        name, _, value = line.partition(":")
        if _SPECIAL.fullmatch(name) and (name.lower(), value.strip().lower()) != ("connection", "keep-alive"):
            return _UNREADABLE
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        pair = (key, value.strip(" \t"))
        if len(self._lines) < _REMEMBERED_LINES and len(line) < _LONGEST_REMEMBERED:
            self._lines[line] = pair
        return pair

    def _send(self, sock: Any, answer: Answer) -> bool:
        # That the connection is kept goes without saying in HTTP/1.1; clients take 8 us to read a header.
        lines = [f"HTTP/1.1 {status_line(answer.status)}\r\nDate: {self._now()}\r\n"]
        lines.extend(f"{name}: {value}\r\n" for name, value in answer.headers)
        lines.append("\r\n")
        try:
            send(sock, "".join(lines).encode("latin-1") + answer.body)
        except OSError:
            return False
        return True

    def _now(self) -> str:
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


def _receive(sock: Any) -> bytes | None:
    """What has come; None where that is nothing yet, no bytes at the connection's end."""
    try:
        return bytes(sock.recv(_PART, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return None
    except OSError:
        return b""


__all__ = ["Express"]
