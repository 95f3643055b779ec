"""The time limit of statements, and whether anybody still waits for their result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

# SQLite calls the handler each time it has executed so many of its instructions, which takes some 30 ms. The
# handler needs Python's interpreter lock, so more frequent calls would slow a statement down beside others.
_INSTRUCTIONS = 500_000
_local = threading.local()


def set_cancelled(is_cancelled: Callable[[], bool] | None) -> None:
    """Set the function that says whether the result of this thread's statements is no longer needed."""
    _local.is_cancelled = is_cancelled


def is_cancelled() -> bool:
    """Return whether nobody needs the result of this thread's statements any more."""
    check = getattr(_local, "is_cancelled", None)
    return check is not None and check()


class StatementTimer:
    """Interrupts the statements of one SQLite connection."""

    __slots__ = ("_deadline", "_timeout_s")

    def __init__(self, connection: Any, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._deadline = float("inf")
        connection.set_progress_handler(self._must_stop, _INSTRUCTIONS)

    def start(self) -> None:
        """Begin a transaction: its statements together may take as long as the time limit."""
        self._deadline = time.monotonic() + self._timeout_s

    def stop(self) -> None:
        self._deadline = float("inf")

    def _must_stop(self) -> bool:
        if time.monotonic() > self._deadline:
            return True
        return self._deadline < float("inf") and is_cancelled()
