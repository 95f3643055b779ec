"""Threads that wait for a client: how they say so, whichever pool they belong to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

# Each costs a thread and an open file, not memory.
MAX_TRANSFERS = 64
_here = threading.local()


class Pool(Protocol):
    """A pool of threads that starts another one while one of its own waits for a client."""

    def step_aside(self) -> None:
        """Raises ``Unavailable`` where as many wait as may."""

    def step_back(self) -> None: ...


def settle_in(pool: Pool) -> None:
    """Say which pool this thread belongs to."""
    _here.pool = pool


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
