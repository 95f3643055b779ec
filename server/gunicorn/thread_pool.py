"""The thread pool of a worker process. It adds a thread while another one waits for a client."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from ..edge import waiting
from .affinity import Affinity
from .client_waits import ClientWaits

T = TypeVar("T")


class Pool(ThreadPoolExecutor):
    """A thread pool that does not count threads waiting for a client; it implements ``waiting.Pool``.

    While a thread waits for a client, one more thread is allowed. Otherwise eight slow clients would occupy
    all of eight threads, and no other request would be answered.
    """

    def __init__(self, threads: int, affinity: Affinity | None = None, max_slow_s: float = 60.0) -> None:
        super().__init__(threads, initializer=self._initialize_thread)
        self._affinity = affinity
        self._client_waits = ClientWaits(max_slow_s)
        # Number of threads that run a task, including those that wait for a client. The executor's own count
        # of idle threads can be too high: a thread that has just been counted as idle may take a task for
        # which `submit` has not subtracted an idle thread.
        self._busy = 0
        self._count_lock = threading.Lock()
        # When each queued task was submitted, in the order of the queue.
        self._submitted: deque[float] = deque()

    def _initialize_thread(self) -> None:
        waiting.set_pool(self)
        self.use_shared_processor()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        self._submitted.append(time.monotonic())
        future = super().submit(self._work, fn, *args, **kwargs)
        with self._count_lock:
            self._start_missing_thread()
        return future

    def _work(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        self._submitted.popleft()
        with self._count_lock:
            self._busy += 1
        try:
            return fn(*args, **kwargs)
        finally:
            with self._count_lock:
                self._busy -= 1

    def queue_s(self) -> float:
        """Return for how many seconds the first task of the queue has waited for a thread."""
        try:
            return time.monotonic() - self._submitted[0]
        except IndexError:
            return 0.0

    def _start_missing_thread(self) -> None:
        """Start a thread if more tasks are queued than threads are idle, unless the limit is reached."""
        if self._work_queue.qsize() > len(self._threads) - self._busy:
            # _adjust_thread_count starts no thread while the executor counts one as idle.
            while self._idle_semaphore.acquire(timeout=0):
                pass
            self._adjust_thread_count()

    def begin_client_wait(self, *, receives: bool) -> None:
        with self._count_lock:
            self._client_waits.begin(receives=receives)
            self._max_workers += 1
            self._start_missing_thread()
        self.use_any_processor()

    def end_client_wait(self) -> None:
        # The additional thread stays in the pool, idle, and serves the next transfer.
        with self._count_lock:
            self._client_waits.end()
            self._max_workers -= 1
        self.use_shared_processor()

    def check_client_waits(self) -> None:
        """Cut the connections of clients that are too slow; called in the main thread."""
        with self._count_lock:
            self._client_waits.check()

    def use_any_processor(self) -> None:
        if self._affinity:
            self._affinity.release()

    def use_shared_processor(self) -> None:
        if self._affinity:
            self._affinity.bind()
