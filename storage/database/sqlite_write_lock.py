"""The write lock: SQLite allows one writer at a time, so the writers of a server queue for it.

Threads of one process queue for a ``threading.Lock``. Processes compete for SQLite's own lock, which sends no
signal when it becomes free: a process would have to poll it, and each sleep is longer than most transactions.
So a process signals the end of its write by an eventfd, which it shares with the processes that were forked
from the same parent.

Invariants: a thread takes this process's lock before it asks SQLite for its lock, and releases it after the
transaction has ended, whatever the outcome. The eventfd is only a hint: a process that is killed during a
write sends no signal, so waiting for one always has a time limit.
"""

from __future__ import annotations

import os
import select
import threading
import time
import weakref
from contextlib import suppress


class WriteLock:
    """The write lock of one process's threads, with a signal for the processes that share its eventfd."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._release_event: int | None = None
        self._poll = select.poll()
        if hasattr(os, "eventfd"):  # Linux
            self._release_event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._poll.register(self._release_event, select.POLLIN)
            weakref.finalize(self, os.close, self._release_event)

    def acquire(self, timeout_s: float) -> bool:
        """Acquire the lock among this process's threads. Return False after the time-out."""
        return self._lock.acquire(timeout=timeout_s)

    def release(self) -> None:
        """Release the lock, and wake a process that waits in ``wait_for_other_process``."""
        self._lock.release()
        if self._release_event is not None:
            os.eventfd_write(self._release_event, 1)

    def wait_for_other_process(self, seconds: float) -> None:
        """Wait until another process releases its lock, but at most ``seconds``.

        Only the thread that holds this process's lock may call it. Without eventfd it sleeps for the whole
        time.
        """
        if self._release_event is None:
            time.sleep(seconds)
        elif self._poll.poll(1000 * seconds):
            with suppress(BlockingIOError):  # another process has consumed the signal
                os.eventfd_read(self._release_event)
