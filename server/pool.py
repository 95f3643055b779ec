"""The threads of a server process, and the long transfers that step aside for the others' requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from trackway.client_compat.errors import Unavailable

T = TypeVar("T")

# Each costs a thread and an open file, not memory.
MAX_TRANSFERS = 64
_here = threading.local()


class Pool(ThreadPoolExecutor):
    """A pool in which a transfer does not count: while one lasts, another thread takes its place.

    A transfer's pace is the client's. With eight threads, eight slow clients would be the whole server.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(threads, initializer=self._settle_in)
        self._transfers = 0
        # Threads at work, transfers included. The executor's own count of the idle ones goes wrong when a
        # thread that has just been counted takes what was queued for nobody.
        self._busy = 0
        self._aside_lock = threading.Lock()

    def _settle_in(self) -> None:
        _here.pool = self

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future = super().submit(self._work, fn, *args, **kwargs)
        with self._aside_lock:
            self._staff()
        return future

    def _work(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        with self._aside_lock:
            self._busy += 1
        try:
            return fn(*args, **kwargs)
        finally:
            with self._aside_lock:
                self._busy -= 1

    def _staff(self) -> None:
        """Start a thread where one is wanted: requests are queued, and nobody is free to take them."""
        if self._work_queue.qsize() > len(self._threads) - self._busy:
            while self._idle_semaphore.acquire(timeout=0):  # those that it counts as idle are not
                pass
            self._adjust_thread_count()

    def step_aside(self) -> None:
        with self._aside_lock:
            if self._transfers >= MAX_TRANSFERS:
                raise Unavailable(
                    f"The server is busy with {MAX_TRANSFERS} transfers; try again in a moment."
                )
            self._transfers += 1
            self._max_workers += 1
            self._staff()

    def step_back(self) -> None:
        # The thread that took the place stays, idle, for the next transfer.
        with self._aside_lock:
            self._transfers -= 1
            self._max_workers -= 1


def step_aside() -> Pool | None:
    """Say that this thread is about to wait for a client; give the answer to ``step_back``."""
    pool: Pool | None = getattr(_here, "pool", None)
    if pool:
        pool.step_aside()
    return pool


def step_back(pool: Pool | None) -> None:
    if pool:
        pool.step_back()


@contextmanager
def aside() -> Iterator[None]:
    pool = step_aside()
    try:
        yield
    finally:
        step_back(pool)
