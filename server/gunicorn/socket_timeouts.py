"""How requests come in and answers go out: a client may be slow, but not at the cost of the others.

gunicorn 26.2 reads and writes in a pool thread without a bound in time. As many clients that stop in
the middle of a request as there are threads, 64, were the end of the whole server.
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

from gunicorn import sock as gunicorn_sock
from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import SocketUnreader

from trackway.client_compat.errors import Unavailable

from ..edge import waiting

# How long a thread waits before another takes its place.
_MOMENT_S = 0.25
# How long a client may send or take nothing, and how long it may be slower than the least pace.
TIMEOUT_S = 20.0
# Bytes in a second, as for transfers.
_MIN_BYTES_PER_S = 1024
_PART = 256 * 1024


class TooSlow(NoMoreData):  # type: ignore[misc]
    """A request that does not come. The connection cannot be used any more: nobody knows where it is."""

    def __str__(self) -> str:
        return "the client sends too slowly"


class TimedUnreader(SocketUnreader):  # type: ignore[misc]
    """gunicorn's reader of a connection, whose patience ends."""

    def __init__(self, sock: Any, max_chunk: int = 8192) -> None:
        super().__init__(sock, max_chunk)
        self.begin()

    def begin(self) -> None:
        """A request begins now."""
        self._started = time.monotonic()
        self._taken = 0
        self._is_over = False

    def chunk(self, size_hint: int | None = None) -> bytes:
        """``size_hint`` is gunicorn 27's: how much of a body is still to come."""
        size = min(max(self.mxchunk, size_hint or 0), _PART)
        if self.sock.gettimeout() is not None:  # a transfer, which minds the time itself
            return bytes(self.sock.recv(size))
        data = None if self._is_over else self._receive(size)
        if data is None:
            self._is_over = True  # whoever tries to read on must not wait again
            raise TooSlow
        self._taken += len(data)
        return data

    def _receive(self, size: int) -> bytes | None:
        """What comes next; None when that takes too long."""
        seconds = time.monotonic() - self._started
        if seconds > TIMEOUT_S and self._taken < seconds * _MIN_BYTES_PER_S:
            return None
        if isinstance(self.sock, ssl.SSLSocket):
            return self._receive_over_tls(size)
        try:
            # It is nearly always there, and asking first whether it is costs a call.
            return bytes(self.sock.recv(size, socket.MSG_DONTWAIT))
        except BlockingIOError:
            pass
        if not is_readable(self.sock, _MOMENT_S):
            try:
                with waiting.for_client():
                    if not is_readable(self.sock, TIMEOUT_S):
                        return None
            except Unavailable:  # as many are waiting as may
                return None
        return bytes(self.sock.recv(size))

    def _receive_over_tls(self, size: int) -> bytes | None:
        """That the socket is readable says little here: a record has to be whole."""
        try:
            self.sock.settimeout(_MOMENT_S)
            with suppress(TimeoutError):
                return bytes(self.sock.recv(size))
            self.sock.settimeout(TIMEOUT_S)
            with waiting.for_client():
                return bytes(self.sock.recv(size))
        except (TimeoutError, Unavailable):
            return None
        finally:
            self.sock.settimeout(None)


def tls_handshake(sock: Any, cfg: Any) -> Any:
    """gunicorn's ``ssl_wrap_socket``, and the handshake, for which gunicorn's threads would wait for ever."""
    try:
        with waiting.for_client():
            sock.settimeout(TIMEOUT_S)
            tls = _wrap(sock, cfg)
            tls.do_handshake()
    except (TimeoutError, Unavailable):
        raise ConnectionResetError(errno.ECONNRESET, "the client does not greet") from None
    tls.settimeout(None)
    return tls


_wrap = gunicorn_sock.ssl_wrap_socket


def send(sock: Any, data: bytes) -> None:
    """Send an answer: what the network takes at once without more ado, the rest with patience."""
    sent = 0
    if sock.gettimeout() is None and not isinstance(sock, ssl.SSLSocket):
        with suppress(BlockingIOError):
            sent = sock.send(data, socket.MSG_DONTWAIT)
    if sent < len(data):
        with send_timeout(sock):
            for part in split(data[sent:]):
                sock.sendall(part)


@contextmanager
def send_timeout(sock: Any) -> Iterator[None]:
    """While an answer that the network may not take at once is sent."""
    if sock.gettimeout() is not None:  # a transfer
        yield
        return
    try:
        place = waiting.begin_client_wait()
    except Unavailable:
        place = None
    sock.settimeout(TIMEOUT_S)
    try:
        yield
    except TimeoutError:
        raise ConnectionResetError(errno.ECONNRESET, "the client takes nothing") from None
    finally:
        waiting.end_client_wait(place)


def split(data: bytes) -> Iterator[bytes]:
    """Pieces of an answer, so that the patience is with each."""
    return (data[start : start + _PART] for start in range(0, len(data), _PART))


def is_readable(sock: Any, seconds: float) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
