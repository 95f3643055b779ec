"""Responses that the client has not taken yet: the main thread sends the rest.

No pool thread waits for a slow reader.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from functools import partial
from selectors import EVENT_WRITE
from typing import Any, NamedTuple

from .current_connection import connection
from .tcp import Pace, reset_on_close

PART_BYTES = 256 * 1024
# How long a client may read more slowly than the minimum rate.
_MAX_SLOW_S = 20.0
# The unsent bytes of all connections together; beyond it the one that began first is closed.
_MAX_TOTAL_BYTES = 32 * 1024 * 1024


def defer(data: bytes) -> bool:
    """Leave bytes of the current response to the main thread. Return False in a thread without one."""
    conn = connection()
    if conn is None:
        return False
    conn.unsent = conn.unsent + data if conn.unsent else data
    return True


def is_deferred() -> bool:
    """Return whether bytes of the current response are left to the main thread."""
    conn = connection()
    return conn is not None and bool(conn.unsent)


class _Rest(NamedTuple):
    """What is left of a response."""

    data: memoryview
    pace: Pace


class Sending:
    """Sends what pool threads have deferred, and passes each connection on when its response is sent.

    Methods are called in the main thread. ``finish`` gets a connection whose response is sent, ``close`` one
    whose client has closed it or is too slow.
    """

    def __init__(self, finish: Callable[[Any], None], close: Callable[[Any], None]) -> None:
        self._finish = finish
        self._close = close
        # In the order in which they began.
        self._conns: dict[Any, _Rest] = {}
        self._total = 0

    def add(self, conn: Any, poller: Any) -> None:
        """Send ``conn.unsent``."""
        conn.sock.setblocking(False)
        self._conns[conn] = _Rest(memoryview(conn.unsent), Pace(conn.sock, receives=False))
        self._total += len(conn.unsent)
        poller.register(conn.sock, EVENT_WRITE, partial(self._on_writable, conn, poller))
        while self._total > _MAX_TOTAL_BYTES and len(self._conns) > 1:
            self._abort(next(iter(self._conns)), poller)

    def check(self, poller: Any) -> None:
        """Close connections whose clients read too slowly."""
        now = time.monotonic()
        slow = [conn for conn, rest in self._conns.items() if rest.pace.slow_s(now) > _MAX_SLOW_S]
        for conn in slow:
            self._abort(conn, poller)

    def _on_writable(self, conn: Any, poller: Any, sock: Any) -> None:
        rest = self._conns[conn]
        try:
            sent = sock.send(rest.data[:PART_BYTES])
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self._abort(conn, poller)
            return
        if sent < len(rest.data):
            self._conns[conn] = rest._replace(data=rest.data[sent:])
        else:
            self._remove(conn, poller)
            self._finish(conn)

    def _abort(self, conn: Any, poller: Any) -> None:
        self._remove(conn, poller)
        reset_on_close(conn.sock)
        self._close(conn)

    def _remove(self, conn: Any, poller: Any) -> None:
        del self._conns[conn]
        self._total -= len(conn.unsent)
        conn.unsent = b""
        poller.unregister(conn.sock)
