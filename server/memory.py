"""What the C library is told about memory: before the server's threads begin, and while they work."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

# The parameter's number in glibc's malloc.h.
_M_ARENA_MAX = -8
# The main thread's, which holds what the parent left and is shared with it, and one for all others.
_ARENAS = 2
_EVERY_S = 60.0


def bound_arenas() -> None:
    """Let the threads share one arena; where the C library is not glibc, do nothing.

    glibc gives each thread an arena of its own, up to eight a core, and what one frees no other takes.
    Python's lock lets one thread allocate at a time, so sharing costs no waiting. It must be said before
    the first thread begins. ``MALLOC_ARENA_MAX`` does the same, but only from outside.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)


class Trim:
    """Gives memory that was freed back to the system, once a minute.

    A text kept for later lies between what one request needed and freed, and glibc gives back only
    what is free at the end of its heap: under steady load the holes grew from 3 to 9 MB in five minutes,
    while what was in use stayed at 24. Closing them takes some milliseconds.
    """

    def __init__(self) -> None:
        self._trim = _of_glibc("malloc_trim")
        self._next = time.monotonic() + _EVERY_S

    def when_due(self) -> None:
        if self._trim is not None and time.monotonic() >= self._next:
            self._trim(ctypes.c_size_t(0))
            self._next = time.monotonic() + _EVERY_S


def _of_glibc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
