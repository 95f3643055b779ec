"""CPU affinity: the threads that answer a worker's requests run on one processor.

Python's interpreter lock lets one of them run at a time, and they pass it on at each system call, some ten
times a request. Between two processors each pass wakes the other one, which costs more than the request:
8 connections to SQLite read 3,100 runs a second on any processor, 7,600 on one. Transfers, background jobs
and the main thread run on any.
"""

from __future__ import annotations

import os


class Affinity:
    """Binds threads to one processor; without the system's leave, or on one processor, does nothing."""

    def __init__(self, number: int) -> None:
        """``number`` differs between workers, so that they take processors in turn."""
        self._all: set[int] = set()
        self._one: set[int] = set()
        if hasattr(os, "sched_getaffinity"):  # Linux
            processors = sorted(os.sched_getaffinity(0))
            if len(processors) > 1:
                self._all = set(processors)
                self._one = {processors[number % len(processors)]}

    def bind(self) -> None:
        """Have this thread run on the processor."""
        self._set(self._one)

    def release(self) -> None:
        """Have this thread run on any processor."""
        self._set(self._all)

    def _set(self, processors: set[int]) -> None:
        if processors:
            try:
                os.sched_setaffinity(0, processors)
            except OSError:  # forbidden, or the processor was taken away
                self._one = self._all = set()
