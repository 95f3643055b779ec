"""Lingering close: a connection is closed after the client has received the last response.

Closing a socket that has unread bytes in its receive buffer resets the connection, and the client may then
lose the response. gunicorn's gthread worker therefore waits for the client before it closes, but it does so
in the main thread, which also dispatches all other requests.
"""

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

# How long the client may take to close its side, and how much it may still send; gunicorn's limits, too.
_TIMEOUT_S = 2.0
_MAX_BYTES = 65536


class LingeringClose:
    """Shuts down the sending side, then closes when the client has closed its side, or after 2 s.

    The main thread's poller watches the connections meanwhile, so no thread waits.
    """

    def __init__(self, close: Callable[[Any], None]) -> None:
        """``close`` closes a connection and updates the worker's count of connections."""
        self._close = close
        self._lingering: deque[tuple[float, Any]] = deque()

    def add(self, conn: Any, poller: Any) -> None:
        """Begin to close a connection. Close it immediately if its socket is already unusable."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            poller.register(conn.sock, EVENT_READ, partial(self._on_readable, conn, poller))
        except (OSError, ValueError, KeyError):
            self._close(conn)
            return
        conn.drained = 0
        self._lingering.append((time.monotonic() + _TIMEOUT_S, conn))

    def close_overdue(self, poller: Any) -> None:
        """Close the connections that have lingered for longer than the time-out."""
        now = time.monotonic()
        while self._lingering and self._lingering[0][0] <= now:
            self._end(self._lingering[0][1], poller)

    def _on_readable(self, conn: Any, poller: Any, sock: Any) -> None:
        try:
            data = sock.recv(8192)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.drained += len(data)
        if not data or conn.drained > _MAX_BYTES:
            self._end(conn, poller)

    def _end(self, conn: Any, poller: Any) -> None:
        self._lingering = deque(item for item in self._lingering if item[1] is not conn)
        try:
            poller.unregister(conn.sock)
        except (OSError, ValueError, KeyError):
            log.debug("the socket of a lingering connection was already closed")
        self._close(conn)
