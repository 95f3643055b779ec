"""The threads of a server process, and the long transfers that step aside for the others' requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from trackway.client_compat.errors import Unavailable

from ..edge import waiting
from .affinity import Affinity

T = TypeVar("T")


class Pool(ThreadPoolExecutor):
    """A pool in which a transfer does not count: while one lasts, another thread takes its place.

    A transfer's pace is the client's. With eight threads, eight slow clients would be the whole server.
    """

    def __init__(self, threads: int, affinity: Affinity | None = None) -> None:
        super().__init__(threads, initializer=self._begin)
        self._affinity = affinity
        self._transfers = 0
        # Threads at work, transfers included. The executor's own count of the idle ones goes wrong when a
        # thread that has just been counted takes what was queued for nobody.
        self._busy = 0
        self._count_lock = threading.Lock()

    def _begin(self) -> None:
        waiting.set_pool(self)
        self.use_shared_processor()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future = super().submit(self._work, fn, *args, **kwargs)
        with self._count_lock:
            self._start_missing_thread()
        return future

    def _work(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        with self._count_lock:
            self._busy += 1
        try:
            return fn(*args, **kwargs)
        finally:
            with self._count_lock:
                self._busy -= 1

    def _start_missing_thread(self) -> None:
        """Start a thread where one is wanted: requests are queued, and nobody is free to take them."""
        if self._work_queue.qsize() > len(self._threads) - self._busy:
            while self._idle_semaphore.acquire(timeout=0):  # those that it counts as idle are not
                pass
            self._adjust_thread_count()

    def begin_client_wait(self) -> None:
        with self._count_lock:
            if self._transfers >= waiting.MAX_TRANSFERS:
                raise Unavailable(
                    f"The server is busy with {waiting.MAX_TRANSFERS} transfers; try again in a moment."
                )
            self._transfers += 1
            self._max_workers += 1
            self._start_missing_thread()
        self.use_any_processor()

    def end_client_wait(self) -> None:
        # The thread that took the place stays, idle, for the next transfer.
        with self._count_lock:
            self._transfers -= 1
            self._max_workers -= 1
        self.use_shared_processor()

    def use_any_processor(self) -> None:
        if self._affinity:
            self._affinity.release()

    def use_shared_processor(self) -> None:
        if self._affinity:
            self._affinity.bind()
