"""Unique ports of 127.0.0.1 for the servers of all processes of a test run.

A test run has several processes that start hundreds of servers. A port that is only probed could be taken by
another process before the server listens on it. A process therefore reserves port N by a lock on byte N of a
shared file; the lock ends with the process.

All ports are below 32768, where the range begins that Linux uses for outgoing connections.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path

_ALONE = range(10_000, 20_000)
_WITH_TWIN = range(20_000, 22_700)

# Not the global generator: Hypothesis seeds it, so that all processes would try the same ports.
_DICE = random.SystemRandom()

_ours: set[int] = set()


def free_port() -> int:
    """Return a port that no process listens on and that no other caller has reserved."""
    return _draw(_ALONE, ())


def port_with_twin() -> int:
    """Return such a port with the port 10,000 above it free as well. SeaweedFS uses that for gRPC."""
    return _draw(_WITH_TWIN, (10_000,))


def _draw(among: range, twins: tuple[int, ...]) -> int:
    start = _DICE.randrange(len(among))
    for port in chain(among[start:], among[:start]):
        if _is_ours_now(port) and all(_is_free(port + above) for above in (0, *twins)):
            return port
    raise RuntimeError(f"No port from {among.start} to {among.stop - 1} is free.")


def _is_ours_now(port: int) -> bool:
    """Reserve a port. Return whether it was not reserved before.

    ``_ours`` is needed because a process is not blocked by its own locks.
    """
    if port in _ours:
        return False
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _ours.add(port)
    return True


@cache
def _claims() -> int:
    """Return the descriptor of the lock file. It stays open, because closing it would release the locks."""
    path = Path(tempfile.gettempdir(), f"trackway-test-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return True
    return False
