"""Whose turn it is to write, on a database that has one writer at a time."""

from __future__ import annotations

import os
import select
import threading
import time
import weakref
from contextlib import suppress


class WriteLock:
    """Waiting in line: for threads of one process, and for those processes that were forked from one.

    Threads have a lock. Processes have the database's own, which wakes nobody when it is free: who naps
    until it may be sleeps longer than most transactions take. So the end of each turn is told, by an
    eventfd that the processes share. It is a hint and no more: of who died in its turn none comes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: int | None = None
        self._poll = select.poll()
        if hasattr(os, "eventfd"):  # Linux
            self._ended = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._poll.register(self._ended, select.POLLIN)
            weakref.finalize(self, os.close, self._ended)

    def acquire(self, patience_s: float) -> bool:
        """Wait for the turn of this process's threads; whether it came in time."""
        return self._lock.acquire(timeout=patience_s)

    def release(self) -> None:
        self._lock.release()
        if self._ended is not None:
            os.eventfd_write(self._ended, 1)

    def wait_for_other_process(self, seconds: float) -> None:
        """Wait until another process's turn has ended, for so long at most; for who has this process's."""
        if self._ended is None:
            time.sleep(seconds)
        elif self._poll.poll(1000 * seconds):
            with suppress(BlockingIOError):  # another process has read it
                os.eventfd_read(self._ended)
