"""The fast path: an ordinary request on a kept connection is read and answered without gunicorn.

gunicorn's parser and response cost more than a short request itself: 350 µs of processor time for a run
that is read, against 180. What is not ordinary (a header with a meaning for the connection, a path with
variables, a body that does not come at once) takes gunicorn's way, with every byte that was read.
"""

from __future__ import annotations

import io
import re
import socket
import time
from typing import Any, NamedTuple

from ..edge.wsgi import WsgiApp
from ..request_body import Environ
from ..responses import Answer
from .response import Writer
from .socket_timeouts import is_readable

_RECEIVE_BYTES = 64 * 1024
_MAX_BODY = 512 * 1024
# How long the rest of a request may take, and how many parts it may have; slow clients are gunicorn's. On a
# busy machine one that is not slow stops for some 10 ms between its head and its body, and longer.
_WAIT_S = 0.1
_MAX_PARTS = 64
# Nothing but plain headers, each on a line of its own.
_HEAD = re.compile(
    rb"(GET|POST|PUT|PATCH|DELETE) (/[!-~]*) HTTP/1\.1\r\n((?:[A-Za-z][A-Za-z0-9-]*:[ -~]*\r\n)+)\r\n"
)
# Longer ones are gunicorn's to read, or to refuse.
_MAX_HEAD = 8190
# Headers that say something to the server rather than to the application.
_SPECIAL = re.compile(
    r"transfer-encoding|expect|upgrade|connection|te|trailer|http2-settings|proxy-.*|x-forwarded-pro.*|x-forwarded-ssl",
    re.IGNORECASE,
)
_LENGTH = re.compile("[0-9]{1,6}")
# A client sends the same lines with each request, and most heads again: bodies differ little in length.
_CACHED_LINES = 500
_MAX_CACHED_LINE = 200
_CACHED_HEADS = 200
_MAX_CACHED_HEAD = 1000
_MAX_CACHED_FIELDS = 30
_SPECIAL_LINE = ("", "")


class _Request(NamedTuple):
    """A request whose head has come; its body is what is between ``start`` and ``end`` of what was sent."""

    environ: Environ
    start: int
    end: int

    def with_body(self, data: bytes) -> Environ | None:
        """Its environ; None where less or more than the request has come."""
        if len(data) != self.end:
            return None
        self.environ["wsgi.input"] = io.BytesIO(data[self.start :])
        return self.environ


class FastPath:
    """Serves kept connections, plain TCP ones, that gunicorn has accepted."""

    def __init__(self, wsgi: WsgiApp) -> None:
        self._wsgi = wsgi
        self._lines: dict[str, tuple[str, str]] = {}
        self._heads: dict[bytes, Environ] = {}
        self._writer = Writer()

    def serve(self, conn: Any) -> bool | None:
        """Answer the connection's next request; whether the connection can be kept.

        None where the request is gunicorn's: its parser will find the bytes that were read.
        """
        if conn.sock.gettimeout():  # a transfer's; with one a socket waits, whatever its call says
            conn.sock.settimeout(None)
        unreader = conn.parser.unreader
        data = unreader.take_buffered() if unreader.buf.tell() else b""
        request: _Request | None = None
        deadline = time.monotonic() + _WAIT_S
        for _ in range(_MAX_PARTS):
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
        environ = request and request.with_body(data)
        if environ is None:
            unreader.unread(data)
            return None
        answer = self._wsgi.respond(environ)
        assert isinstance(answer, Answer), "what is_fixed is answered whole"
        try:
            self._writer.write(conn.sock, answer)
        except OSError:
            return False
        return True

    def _read(self, data: bytes, conn: Any) -> _Request | None:
        """The request that begins so; None where it is gunicorn's."""
        start = data.find(b"\r\n\r\n") + 4
        head = data[:start]
        cached = self._heads.get(head)
        environ = cached or self._read_head(head)
        if environ is None or not self._wsgi.is_fixed(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
            return None
        length = int(environ.get("CONTENT_LENGTH", "0"))
        if length > _MAX_BODY or not isinstance(conn.client, tuple):  # a text for a Unix socket
            return None
        if cached is None:
            self._cache(head, environ)
        return _Request(environ | _addresses(conn), start, start + length)

    def _cache(self, head: bytes, environ: Environ) -> None:
        # With a query it is hardly ever the same again.
        is_short = len(head) < _MAX_CACHED_HEAD and len(environ) < _MAX_CACHED_FIELDS
        if is_short and not environ["QUERY_STRING"]:
            if len(self._heads) >= _CACHED_HEADS:
                self._heads.clear()
            self._heads[head] = environ

    def _read_head(self, head: bytes) -> Environ | None:
        """What the head says of a WSGI environ; None where it is gunicorn's to read."""
        found = _HEAD.fullmatch(head) if len(head) <= _MAX_HEAD else None
        if found is None:
            return None
        environ: Environ = {
            "wsgi.url_scheme": "http",
            "wsgi.input_terminated": True,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SCRIPT_NAME": "",
            "REQUEST_METHOD": found.group(1).decode(),
        }
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
        """A header's name and value in an environ."""
        name, _, value = line.partition(":")
        if _SPECIAL.fullmatch(name) and (name.lower(), value.strip().lower()) != ("connection", "keep-alive"):
            return _SPECIAL_LINE
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        pair = (key, value.strip(" \t"))
        if len(self._lines) < _CACHED_LINES and len(line) < _MAX_CACHED_LINE:
            self._lines[line] = pair
        return pair


def _addresses(conn: Any) -> Environ:
    """What an environ says of both ends of a connection, as gunicorn has it."""
    found: Environ | None = getattr(conn, "addresses", None)
    if found is None:
        (client, client_port, *_), (server, server_port, *_) = conn.client, conn.server
        found = conn.addresses = {
            "REMOTE_ADDR": client,
            "REMOTE_PORT": str(client_port),
            "SERVER_NAME": server,
            "SERVER_PORT": str(server_port),
        }
    return found


def _receive(sock: Any) -> bytes | None:
    """What has come; None where that is nothing yet, no bytes at the connection's end."""
    try:
        return bytes(sock.recv(_RECEIVE_BYTES, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return None
    except OSError:
        return b""
