"""What the C library is told about memory: before the server's threads begin, and while they work."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

# The parameters' numbers in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# Larger pieces, such as bodies and the arrays of a batch, are mapped and given back one by one, and so is
# what is free at the end of a heap. By itself glibc raises both bounds as soon as a large piece is freed,
# up to 32 MiB, and keeps the holes: 10 MiB in each process after batches of 1,000 metrics.
_MAPPED = 32 * 1024
_FREE_AT_END = 64 * 1024
# The main thread's, which holds what the parent left and is shared with it, and one for all others.
_ARENAS = 2
_EVERY_S = 60.0


def configure_malloc() -> None:
    """Let the threads share one arena, and give back large pieces; where this is not glibc, do nothing.

    glibc gives each thread an arena of its own, up to eight a core, and what one frees no other takes.
    Python's lock lets one thread allocate at a time, so sharing costs no waiting. It must be said before
    the first thread begins. ``MALLOC_ARENA_MAX`` does the same, but only from outside.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _MAPPED)
        mallopt(_M_TRIM_THRESHOLD, _FREE_AT_END)


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
