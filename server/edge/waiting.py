"""Threads that wait: how code says so to the pool that its thread belongs to, whichever pool that is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

# Each costs a thread and an open file, not memory.
MAX_TRANSFERS = 64
_here = threading.local()


class Pool(Protocol):
    """A pool of threads that makes room for others while one of its own waits."""

    def begin_client_wait(self) -> None:
        """This thread waits for a client: another one takes its place.

        Raises ``Unavailable`` where as many wait as may.
        """

    def end_client_wait(self) -> None: ...

    def use_any_processor(self) -> None:
        """This thread works outside of Python: it may run beside the others."""

    def use_shared_processor(self) -> None: ...


def set_pool(pool: Pool) -> None:
    """Say which pool this thread belongs to."""
    _here.pool = pool


def begin_client_wait() -> Pool | None:
    """Say that this thread is about to wait for a client; give the answer to ``end_client_wait``."""
    pool: Pool | None = getattr(_here, "pool", None)
    if pool:
        pool.begin_client_wait()
    return pool


def end_client_wait(pool: Pool | None) -> None:
    if pool:
        pool.end_client_wait()


@contextmanager
def for_client() -> Iterator[None]:
    """While this thread waits for a client."""
    pool = begin_client_wait()
    try:
        yield
    finally:
        end_client_wait(pool)


def set_timeout(environ: dict[str, Any], seconds: float) -> None:
    """Bound how long a send or receive may wait. gunicorn lifts the bound at the next request."""
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(seconds)


@contextmanager
def for_database() -> Iterator[None]:
    """While this thread runs statements that may take long."""
    pool: Pool | None = getattr(_here, "pool", None)
    if pool is None:
        yield
        return
    pool.use_any_processor()
    try:
        yield
    finally:
        pool.use_shared_processor()
