"""Tells the thread pool that a thread waits for a client or for the database.

The module does not depend on the kind of thread pool. It does nothing in a thread that belongs to no pool,
for example under another WSGI server than gunicorn.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

_local = threading.local()


class Pool(Protocol):
    """A thread pool that can use another thread while one waits."""

    def begin_client_wait(self, *, receives: bool) -> None:
        """Allow another thread while the calling thread waits for a client to send, or else to receive.

        Raise ``Unavailable`` if too many threads are waiting already.
        """

    def end_client_wait(self) -> None:
        """End the wait that ``begin_client_wait`` began in the calling thread."""

    def use_any_processor(self) -> None:
        """Let the calling thread run on any processor, for work that releases the interpreter lock."""

    def use_shared_processor(self) -> None:
        """Bind the calling thread to the processor that the pool's threads share."""


def set_pool(pool: Pool) -> None:
    """Set the pool of the calling thread."""
    _local.pool = pool


def begin_client_wait(*, receives: bool) -> Pool | None:
    """Tell the pool that the calling thread is going to wait for a client to send, or else to receive.

    Return the pool, or None without one; pass it to ``end_client_wait``. Raise ``Unavailable`` if too many
    threads are waiting already.
    """
    pool: Pool | None = getattr(_local, "pool", None)
    if pool:
        pool.begin_client_wait(receives=receives)
    return pool


def end_client_wait(pool: Pool | None) -> None:
    """Tell the pool that the wait is over."""
    if pool:
        pool.end_client_wait()


@contextmanager
def for_client(*, receives: bool) -> Iterator[None]:
    """Mark the calling thread as waiting for a client in the block. Raise as ``begin_client_wait``."""
    pool = begin_client_wait(receives=receives)
    try:
        yield
    finally:
        end_client_wait(pool)


def set_timeout(environ: dict[str, Any], seconds: float) -> None:
    """Set the time-out of each send and receive on the request's socket, if the WSGI server is gunicorn.

    The worker removes the time-out before the next request of the connection.
    """
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(seconds)


@contextmanager
def for_database() -> Iterator[None]:
    """Let the calling thread run on any processor in the block, for statements that may take long."""
    pool: Pool | None = getattr(_local, "pool", None)
    if pool is None:
        yield
        return
    pool.use_any_processor()
    try:
        yield
    finally:
        pool.use_shared_processor()
