"""CPU affinity: bind the threads of a worker process that answer requests to one processor.

Python's global interpreter lock lets one thread run at a time, and a thread releases it at each system call,
about ten times a request. If the threads run on two processors, each release wakes the other processor, which
costs more than the request itself. With 8 connections to a server on SQLite, 3,100 runs a second were read
without affinity, 7,600 with it. Threads that do transfers or background jobs, and the main thread, may use
any processor.
"""

from __future__ import annotations

import os


class Affinity:
    """Binds threads to one processor.

    Does nothing if there is only one processor, if the system is not Linux, or if the system forbids it.
    """

    def __init__(self, number: int) -> None:
        """``number`` selects the processor; consecutive numbers select different processors."""
        self._all_processors: set[int] = set()
        self._one_processor: set[int] = set()
        if hasattr(os, "sched_getaffinity"):  # Linux
            processors = sorted(os.sched_getaffinity(0))
            if len(processors) > 1:
                self._all_processors = set(processors)
                self._one_processor = {processors[number % len(processors)]}

    def bind(self) -> None:
        """Restrict the calling thread to the selected processor."""
        self._set(self._one_processor)

    def release(self) -> None:
        """Allow the calling thread to run on any processor."""
        self._set(self._all_processors)

    def _set(self, processors: set[int]) -> None:
        if processors:
            try:
                os.sched_setaffinity(0, processors)
            except OSError:  # not permitted, or the processor has gone offline: do not try again
                self._one_processor = self._all_processors = set()
