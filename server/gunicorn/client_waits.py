"""The threads that wait for clients: how many there may be, and which clients are too slow."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any

from trackway.client_compat.errors import Unavailable

from .current_connection import connection
from .tcp import Pace, reset_on_close

# Each costs a thread and an open file, not memory.
MAX_WAITS = 64
# One address may have so many of them, so that a place is left for others. Not fewer: clients behind a load
# balancer have one address.
_MAX_WAITS_OF_ADDRESS = 48
# A client that is slower than the minimum rate for this long loses its place when another one needs it.
_MAX_SLOW_IF_FULL_S = 2.0


class _Wait:
    __slots__ = ("_receives", "address", "conn", "pace")

    def __init__(self, conn: Any, *, receives: bool) -> None:
        self.conn = conn
        self.address = str(conn.client[0]) if conn is not None and conn.client else ""
        self.pace = Pace(conn.sock, receives=receives) if conn is not None else None
        self._receives = receives

    @property
    def is_cut(self) -> bool:
        return self.conn is not None and bool(self.conn.is_cut)

    def slow_s(self, now: float) -> float:
        return self.pace.slow_s(now) if self.pace else 0.0

    def cut(self) -> None:
        """End the wait: the thread gets an error when it next reads or writes."""
        self.conn.is_cut = True
        sock = self.conn.sock
        with suppress(OSError):
            if not self._receives:
                reset_on_close(sock)
            # The method of the base class; that of a TLS socket must not be called beside another thread.
            socket.socket.shutdown(sock, socket.SHUT_RD if self._receives else socket.SHUT_RDWR)


class ClientWaits:
    """The waiting threads of a process. It has no lock: the thread pool calls it with its own lock held."""

    def __init__(self, max_slow_s: float) -> None:
        """``max_slow_s`` is how long a client may be slower than the minimum rate in any case."""
        self._max_slow_s = max_slow_s
        self._waits: dict[int, _Wait] = {}

    def begin(self, *, receives: bool) -> None:
        """Register the current thread.

        If too many wait already, a slow client is cut off; without one, raise ``Unavailable``.
        """
        wait = _Wait(connection(), receives=receives)
        others = [other for other in self._waits.values() if not other.is_cut]
        of_address = [other for other in others if other.address == wait.address]
        if wait.address and len(of_address) >= _MAX_WAITS_OF_ADDRESS:
            self._make_room(of_address, f"{_MAX_WAITS_OF_ADDRESS} transfers with {wait.address}")
        elif len(others) >= MAX_WAITS:
            self._make_room(others, f"{MAX_WAITS} transfers")
        self._waits[threading.get_ident()] = wait

    def end(self) -> None:
        self._waits.pop(threading.get_ident(), None)

    def check(self) -> None:
        """Cut the connections of clients that have been too slow for too long."""
        now = time.monotonic()
        for wait in self._waits.values():
            if not wait.is_cut and wait.slow_s(now) > self._max_slow_s:
                wait.cut()

    def _make_room(self, waits: list[_Wait], what: str) -> None:
        now = time.monotonic()
        slowest = max(waits, key=lambda wait: wait.slow_s(now))
        if slowest.slow_s(now) < _MAX_SLOW_IF_FULL_S:
            raise Unavailable(f"The server is busy with {what}; try again in a moment.")
        slowest.cut()
