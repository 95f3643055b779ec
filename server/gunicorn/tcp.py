"""A TCP connection's progress: how much the client has sent and received. Linux only."""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import sys
import termios
import time
from typing import Any, NamedTuple

# The minimum rate of a client that the server waits for, and the period over which it is measured.
MIN_BYTES_PER_S = 1024
_PERIOD_S = 5.0
# The event of a FIN; bytes that have arrived before it do not hide it. Linux only.
_RDHUP: int = getattr(select, "POLLRDHUP", 0)
# Offsets in struct tcp_info (linux/tcp.h) of tcpi_bytes_acked, tcpi_bytes_received (both since Linux 4.1),
# tcpi_unacked, and tcpi_notsent_bytes (since 4.6).
_INFO_BYTES = 192
_ACKNOWLEDGED, _RECEIVED = 120, 128
_UNACKNOWLEDGED_SEGMENTS, _NOT_SENT = 24, 144


class Progress(NamedTuple):
    """Bytes since the connection began, and whether the client has yet to receive some that were sent."""

    acknowledged: int
    received: int
    has_unsent: bool


def progress(sock: Any) -> Progress | None:
    """Return a connection's progress, or None if it is not TCP, is closed, or the system does not say."""
    if sys.platform != "linux":
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    except OSError:
        return None
    if len(info) < _NOT_SENT + 4:
        return None
    acknowledged, received = struct.unpack_from("=QQ", info, _ACKNOWLEDGED)
    (segments,) = struct.unpack_from("=I", info, _UNACKNOWLEDGED_SEGMENTS)
    (not_sent,) = struct.unpack_from("=I", info, _NOT_SENT)
    return Progress(acknowledged, received, bool(segments or not_sent))


def has_finished(sock: Any) -> bool:
    """Return whether the client will send nothing more: it has closed its side of the connection, or both."""
    if _RDHUP:
        return bool(_events(sock) & _RDHUP) or is_reset(sock)
    try:
        # The method of the base class also works on a TLS socket, beside another thread.
        return not socket.socket.recv(sock, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def is_reset(sock: Any) -> bool:
    """Return whether the connection is gone in both directions."""
    return bool(_events(sock) & (select.POLLERR | select.POLLHUP | select.POLLNVAL))


def _events(sock: Any) -> int:
    poll = select.poll()
    try:
        poll.register(sock, _RDHUP)
    except ValueError:  # closed by the server
        return select.POLLNVAL
    return sum(events for _, events in poll.poll(0))


def reset_on_close(sock: Any) -> None:
    """Make ``close`` reset the connection and discard unsent bytes; the system keeps them for minutes."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Pace:
    """For how long a client has been slower than the minimum rate while the server waited for it."""

    __slots__ = ("_began", "_receives", "_sock", "_start")

    def __init__(self, sock: Any, *, receives: bool) -> None:
        """``receives``: the server receives from the client; otherwise it sends."""
        self._sock = sock
        self._receives = receives
        self._begin(time.monotonic())

    def slow_s(self, now: float) -> float:
        """Return for how many seconds the rate has been too low; 0.0 if it is not, or is unknown."""
        found = progress(self._sock)
        seconds = now - self._began
        if found is None or self._start is None:
            return 0.0
        if self._receives:
            is_waiting = not _has_unread(self._sock)
            count = found.received - self._start.received
        else:
            # A server that itself waits, for a disk or an object store, has sent all that it had.
            is_waiting = found.has_unsent
            count = found.acknowledged - self._start.acknowledged
        is_slow = is_waiting and count < seconds * MIN_BYTES_PER_S
        if is_slow:
            return seconds
        if seconds >= _PERIOD_S:
            self._begin(now)
        return 0.0

    def _begin(self, now: float) -> None:
        self._began = now
        self._start = progress(self._sock)


def _has_unread(sock: Any) -> bool:
    """Return whether bytes have arrived that the server has not read."""
    try:
        return bool(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.FIONREAD, b"\0\0\0\0"))[0])
    except OSError:
        return False
