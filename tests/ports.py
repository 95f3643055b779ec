"""Ports of 127.0.0.1 for the servers of a test run: none is given out twice, in this process or beside it.

A port that is only looked at is free for others too until its server has started, and a test run
is several processes that start hundreds of servers. So a port is claimed before it is tried:
byte N of one file is port N, and who has locked the byte has the port until its process ends.

All lie below 32768, where Linux begins to take ports for outgoing connections by itself.
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

# Not the shared generator: Hypothesis seeds it, and two processes would draw the same ports.
_DICE = random.SystemRandom()

_ours: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on and no other caller has."""
    return _draw(_ALONE, ())


def port_with_twin() -> int:
    """The same, and so is its twin 10,000 above: SeaweedFS talks to itself there."""
    return _draw(_WITH_TWIN, (10_000,))


def _draw(among: range, twins: tuple[int, ...]) -> int:
    start = _DICE.randrange(len(among))
    for port in chain(among[start:], among[:start]):
        if _is_ours_now(port) and all(_is_free(port + above) for above in (0, *twins)):
            return port
    raise RuntimeError(f"No port from {among.start} to {among.stop - 1} is free.")


def _is_ours_now(port: int) -> bool:
    """Whether nobody had claimed the port before. A process's own lock would not stop itself."""
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
    """The file that is locked; it stays open, since to close it would end the claims."""
    path = Path(tempfile.gettempdir(), f"trackway-test-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return True
    return False
