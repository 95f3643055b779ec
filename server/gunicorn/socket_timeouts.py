"""Time-outs for reading requests and writing responses, so that slow clients do not occupy the thread pool.

gunicorn 26.2 reads and writes in a pool thread without a time-out. As many clients that stop in the middle
of a request as there are threads (64 in two workers) would block the whole server.
"""

from __future__ import annotations

import errno
import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import SocketUnreader

from trackway.client_compat.errors import Unavailable

from ..edge import waiting
from . import sending
from .current_connection import is_cut
from .sending import PART_BYTES
from .tcp import MIN_BYTES_PER_S

# How long a thread waits for a client before the pool may start another thread in its place.
_SHORT_WAIT_S = 0.25
# How long a client may send or receive nothing, and after how long a request must have the minimum rate.
TIMEOUT_S = 20.0
_RECEIVE_BYTES = 64 * 1024


class TooSlow(NoMoreData):  # type: ignore[misc]
    """The client sends a request too slowly. The connection must be closed, as the request is incomplete."""

    status = 408

    def __str__(self) -> str:
        return "the client sends too slowly"


class TimedUnreader(SocketUnreader):  # type: ignore[misc]
    """Replaces gunicorn's reader of a connection by one with time-outs."""

    def __init__(self, sock: Any, max_chunk: int = 8192) -> None:
        super().__init__(sock, max_chunk)
        self.begin()

    def begin(self) -> None:
        """Restart the time limit. Must be called before each request is read."""
        self._started = time.monotonic()
        self._received = 0
        self._is_over = False

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next bytes, or none at the end of the connection. Raise ``TooSlow`` after a time-out.

        gunicorn 27 passes ``size_hint``, the number of bytes of the body that remain.
        """
        size = min(max(self.mxchunk, size_hint or 0), PART_BYTES)
        if self.sock.gettimeout() is not None:  # a transfer, for which waiting.set_timeout has set a time-out
            data = bytes(self.sock.recv(size))
            if not data and is_cut():
                raise TooSlow
            return data
        received = None if self._is_over else self._receive(size)
        if received is None:
            self._is_over = True  # a further read fails immediately instead of waiting again
            raise TooSlow
        self._received += len(received)
        return received

    def _receive(self, size: int) -> bytes | None:
        """Return the next bytes, or None after a time-out."""
        seconds = time.monotonic() - self._started
        if seconds > TIMEOUT_S and self._received < seconds * MIN_BYTES_PER_S:
            return None
        if isinstance(self.sock, ssl.SSLSocket):
            return self._receive_over_tls(size)
        try:
            # The data has nearly always arrived already. Polling first would cost an additional system call.
            return bytes(self.sock.recv(size, socket.MSG_DONTWAIT))
        except BlockingIOError:
            pass
        if not is_readable(self.sock, _SHORT_WAIT_S):
            try:
                with waiting.for_client(receives=True):
                    if not is_readable(self.sock, TIMEOUT_S):
                        return None
            except Unavailable:  # the maximum number of threads is waiting already
                return None
        return bytes(self.sock.recv(size))

    def _receive_over_tls(self, size: int) -> bytes | None:
        """Like ``_receive``. Polling is not enough: a readable socket may hold an incomplete TLS record."""
        try:
            self.sock.settimeout(_SHORT_WAIT_S)
            with suppress(TimeoutError):
                return bytes(self.sock.recv(size))
            self.sock.settimeout(TIMEOUT_S)
            with waiting.for_client(receives=True):
                return bytes(self.sock.recv(size))
        except (TimeoutError, Unavailable):
            return None
        finally:
            self.sock.settimeout(None)


def receive(sock: Any) -> bytes | None:
    """Return the bytes that have arrived, None if there are none yet, or no bytes if the connection ended."""
    try:
        if not isinstance(sock, ssl.SSLSocket):
            return bytes(sock.recv(_RECEIVE_BYTES, socket.MSG_DONTWAIT))
        sock.setblocking(False)
        try:
            return bytes(sock.recv(_RECEIVE_BYTES))
        finally:
            sock.setblocking(True)
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return None
    except OSError:
        return b""


def send(sock: Any, data: bytes) -> None:
    """Send all of ``data``. What the socket's buffer does not take at once is left to the main thread.

    Raise ``OSError`` if the client has closed the connection. In a thread that answers no connection's
    request, and for a transfer, the rest is sent here, with a time-out.
    """
    if sock.gettimeout() is None:
        sent = 0 if sending.is_deferred() else _send_at_once(sock, data)
        if sent == len(data) or sending.defer(data[sent:]):
            return
        data = data[sent:]
    with send_timeout(sock):
        for part in split(data):
            sock.sendall(part)


def _send_at_once(sock: Any, data: bytes) -> int:
    """Send what the socket's buffer takes; return how many bytes that are."""
    sent = 0
    try:
        if not isinstance(sock, ssl.SSLSocket):
            return int(sock.send(data, socket.MSG_DONTWAIT))
        sock.setblocking(False)
        try:
            # TLS demands that an interrupted part is sent again as it was: ``Sending`` has the same parts.
            for part in split(data):
                sent += sock.send(part)
        finally:
            sock.setblocking(True)
    except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
        pass
    return sent


@contextmanager
def send_timeout(sock: Any) -> Iterator[None]:
    """Set a time-out for each send in the block, and let another thread work while this one waits.

    Raise ``ConnectionResetError`` if the client does not read. A transfer's socket has a time-out already,
    which is left unchanged.
    """
    if sock.gettimeout() is not None:  # a transfer
        yield
        return
    try:
        pool = waiting.begin_client_wait(receives=False)
    except Unavailable:
        pool = None
    sock.settimeout(TIMEOUT_S)
    try:
        yield
    except TimeoutError:
        raise ConnectionResetError(errno.ECONNRESET, "the client does not read the response") from None
    finally:
        waiting.end_client_wait(pool)


def split(data: bytes) -> Iterator[bytes]:
    """Return ``data`` in parts of 256 KiB, so that the time-out applies to each part."""
    return (data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES))


def is_readable(sock: Any, seconds: float) -> bool:
    """Return whether the socket has data, or has been closed by the client, within ``seconds``."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
