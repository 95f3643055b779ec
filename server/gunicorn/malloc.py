"""Settings of glibc's memory allocator, and the return of free memory to the system."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

# Numbers of the parameters in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# Blocks above the first threshold, such as bodies and the arrays of a batch, are mapped one by one and
# returned to the system when they are freed. Free memory at the end of a heap is returned if it exceeds the
# second threshold.
# By default glibc raises both thresholds, up to 32 MiB, as soon as a large block is freed, and keeps the free
# memory: 10 MiB in each process after batches of 1,000 metrics.
_MMAP_THRESHOLD_BYTES = 32 * 1024
_TRIM_THRESHOLD_BYTES = 64 * 1024
# One arena for the main thread, which holds memory shared with the parent process, and one for all other
# threads.
_ARENAS = 2
_TRIM_INTERVAL_S = 60.0


def configure_malloc() -> None:
    """Make all threads share one arena and return large blocks to the system. Do nothing without glibc.

    Must be called before the first thread starts. By default glibc gives each thread an arena of its own, up
    to eight per processor core, and memory freed in one arena is not reused by threads of another. Threads do
    not wait for a shared arena: Python's global interpreter lock lets only one thread allocate at a time.
    ``MALLOC_ARENA_MAX`` has the same effect, but has to be set before the process starts.
    """
    mallopt = _glibc_function("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES)


class Trim:
    """Returns freed memory to the system, once a minute.

    glibc by itself returns only free memory at the end of the heap. Cached texts lie between blocks that a
    request has allocated and freed, so the heap becomes fragmented: under steady load the free blocks grew
    from 3 to 9 MB in five minutes, while the memory in use stayed at 24 MB. A trim takes some milliseconds.
    """

    def __init__(self) -> None:
        self._malloc_trim = _glibc_function("malloc_trim")
        self._next = time.monotonic() + _TRIM_INTERVAL_S

    def when_due(self) -> None:
        """Trim the heap if a minute has passed since the last time. Do nothing without glibc."""
        if self._malloc_trim is not None and time.monotonic() >= self._next:
            self._malloc_trim(ctypes.c_size_t(0))
            self._next = time.monotonic() + _TRIM_INTERVAL_S


def _glibc_function(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
