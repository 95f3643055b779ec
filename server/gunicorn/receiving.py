"""Connections whose next request is incomplete: the main thread receives the rest.

No pool thread waits for a slow client.
"""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import sock as gunicorn_sock
from gunicorn.sock import is_http2_negotiated

from .incoming_request import IncomingRequest
from .tcp import MIN_BYTES_PER_S

_PART_BYTES = 256 * 1024
# How long a request's head may take, and after how long its rate is checked.
_PATIENCE_S = 20.0
# A client that has sent this many parts, and then a short one, is looked at again after a pause: five hundred
# clients that send a byte at a time would otherwise keep the main thread busy.
_MAX_PROMPT_PARTS = 16
_SHORT_PART_BYTES = 1024
_PAUSE_S = 0.1
# The requests of all connections together; beyond it the one that began first is refused.
_MAX_TOTAL_BYTES = 64 * 1024 * 1024


class Receiving:
    """Receives incomplete requests, and passes each connection on when its request is ready.

    Methods are called in the main thread. ``submit`` gets a connection whose request is ready, ``refuse`` one
    whose client is too slow, and ``close`` one that the client has closed.
    """

    def __init__(
        self,
        submit: Callable[[Any], None],
        refuse: Callable[[Any, str], None],
        close: Callable[[Any], None],
    ) -> None:
        self._submit = submit
        self._refuse = refuse
        self._close = close
        # In the order in which their requests began. The value is whether the poller watches the connection.
        self._conns: dict[Any, bool] = {}
        # With the times at which to read again.
        self._paused: deque[tuple[float, Any]] = deque()
        self._handshaking: set[Any] = set()
        self._total = 0

    def add(self, conn: Any, poller: Any) -> None:
        """Receive the rest of ``conn.incoming``."""
        conn.sock.setblocking(False)
        conn.parts = 0
        self._total += len(conn.incoming.data)
        self._conns[conn] = True
        self._register(conn, poller)

    def add_tls(self, conn: Any, poller: Any) -> None:
        """Do the TLS handshake of a new connection, then receive its first request."""
        try:
            conn.sock = _ssl_wrap_socket(conn.sock, _NoHandshake(conn.cfg))
        except OSError:
            self._close(conn)
            return
        conn.incoming = IncomingRequest()
        self._handshaking.add(conn)
        self.add(conn, poller)

    def next_check_s(self) -> float:
        """Return after how many seconds ``resume`` is due."""
        return _PAUSE_S if self._paused else 60.0

    def resume(self, poller: Any) -> None:
        """Read again from connections after their pause."""
        now = time.monotonic()
        while self._paused and self._paused[0][0] <= now:
            conn = self._paused.popleft()[1]
            if conn in self._conns:
                self._conns[conn] = True
                self._register(conn, poller)

    def check(self, poller: Any) -> None:
        """Refuse requests that arrive too slowly."""
        now = time.monotonic()
        for conn in list(self._conns):
            seconds = now - conn.incoming.began
            if seconds > _PATIENCE_S and (
                not conn.incoming.has_head or len(conn.incoming.data) < seconds * MIN_BYTES_PER_S
            ):
                self.refuse(conn, poller, "it arrives too slowly")

    def refuse_first(self, poller: Any, reason: str) -> None:
        """Refuse the request that began first, if there is one."""
        if self._conns:
            self.refuse(next(iter(self._conns)), poller, reason)

    def refuse_heads(self, poller: Any, reason: str) -> None:
        """Refuse the requests whose head is incomplete."""
        for conn in list(self._conns):
            if not conn.incoming.has_head:
                self.refuse(conn, poller, reason)

    def refuse(self, conn: Any, poller: Any, reason: str) -> None:
        self._remove(conn, poller)
        self._refuse(conn, reason)

    def _register(self, conn: Any, poller: Any) -> None:
        poller.register(conn.sock, EVENT_READ, partial(self._on_readable, conn, poller))

    def _on_readable(self, conn: Any, poller: Any, sock: Any) -> None:
        try:
            if conn in self._handshaking:
                sock.do_handshake()
                self._handshaking.discard(conn)
                if is_http2_negotiated(sock):  # gunicorn reads its frames
                    self._remove(conn, poller)
                    conn.incoming = None
                    self._submit(conn)
                    return
            part = sock.recv(_PART_BYTES)
            while isinstance(sock, ssl.SSLSocket) and sock.pending():  # the poller does not see these bytes
                part += sock.recv(_PART_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            part = b""
        request: IncomingRequest = conn.incoming
        if not part:
            self._remove(conn, poller)
            if request.has_head:  # the client may still read the response that says what is missing
                self._submit(conn)
            else:
                self._close(conn)
            return
        request.add(part)
        self._total += len(part)
        if request.is_ready:
            self._remove(conn, poller)
            self._submit(conn)
            return
        if self._total > _MAX_TOTAL_BYTES:
            self.refuse_first(poller, "too many others are incomplete")
        conn.parts += 1
        if conn.parts > _MAX_PROMPT_PARTS and len(part) < _SHORT_PART_BYTES and conn in self._conns:
            poller.unregister(sock)
            self._conns[conn] = False
            self._paused.append((time.monotonic() + _PAUSE_S, conn))

    def _remove(self, conn: Any, poller: Any) -> None:
        self._handshaking.discard(conn)
        if self._conns.pop(conn):
            poller.unregister(conn.sock)
        self._total -= len(conn.incoming.data)


def wrap_tls(sock: Any, _cfg: Any) -> Any:
    """Replace gunicorn's ``ssl_wrap_socket`` in pool threads: ``add_tls`` has done what it does."""
    return sock


_ssl_wrap_socket = gunicorn_sock.ssl_wrap_socket


class _NoHandshake:
    """gunicorn's settings, without a handshake in the call that wraps the socket, which would wait for it."""

    do_handshake_on_connect = False

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cfg, name)
