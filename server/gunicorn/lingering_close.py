"""Connections that are over on our side, until the client has heard it."""

from __future__ import annotations

import logging
import socket
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from selectors import EVENT_READ
from typing import Any

log = logging.getLogger("trackway.server")

# How long a client may take to say goodbye, and how much it may still send, as in gunicorn.
_PATIENCE_S = 2.0
_MOST_BYTES = 65536


class LingeringClose:
    """Says that no more will come, and closes a connection when the client has heard it, or after 2 s.

    Closing at once with unread bytes in the buffer would reset the connection, and the client might never
    see the answer. gthread waits for the client in the one thread that hands out all others' requests.
    """

    def __init__(self, close: Callable[[Any], None]) -> None:
        self._close = close
        self._waiting: deque[tuple[float, Any]] = deque()

    def add(self, conn: Any, poller: Any) -> None:
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            poller.register(conn.sock, EVENT_READ, partial(self._on_readable, conn, poller))
        except (OSError, ValueError, KeyError):
            self._close(conn)
            return
        conn.drained = 0
        self._waiting.append((time.monotonic() + _PATIENCE_S, conn))

    def close_overdue(self, poller: Any) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            self._end(self._waiting[0][1], poller)

    def _on_readable(self, conn: Any, poller: Any, sock: Any) -> None:
        try:
            data = sock.recv(8192)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.drained += len(data)
        if not data or conn.drained > _MOST_BYTES:
            self._end(conn, poller)

    def _end(self, conn: Any, poller: Any) -> None:
        self._waiting = deque(item for item in self._waiting if item[1] is not conn)
        try:
            poller.unregister(conn.sock)
        except (OSError, ValueError, KeyError):
            log.debug("a lingering connection was already gone")
        self._close(conn)
