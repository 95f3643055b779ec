"""What the C library is told about memory before the server's threads begin."""

from __future__ import annotations

import ctypes
import sys

# The parameter's number in glibc's malloc.h.
_M_ARENA_MAX = -8
# The main thread's, which holds what the parent left and is shared with it, and one for all others.
_ARENAS = 2


def bound_arenas() -> None:
    """Let the threads share one arena; where the C library is not glibc, do nothing.

    glibc gives each thread an arena of its own, up to eight a core, and what one frees no other takes.
    Python's lock lets one thread allocate at a time, so sharing costs no waiting. It must be said before
    the first thread begins. ``MALLOC_ARENA_MAX`` does the same, but only from outside.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
