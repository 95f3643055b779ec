"""Cancels the statement of a PostgreSQL connection if nobody needs its result any more.

The thread that waits for the result looks each second whether its client is still there. So a cancellation
cannot reach a later statement, and a statement that takes less than a second pays nothing.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

from .time_limit import is_cancelled

T = TypeVar("T")

CHECK_EVERY_S = 1.0
_TIMEOUT_S = 5.0


def cancel_if_unneeded(connection: Any) -> bool:
    """Cancel the running statement if its result is not needed. Return whether it was.

    Its result is then an error, ``query_canceled``, if PostgreSQL has not finished meanwhile.
    """
    if not is_cancelled():
        return False
    connection._try_cancel(timeout=_TIMEOUT_S)
    return True


def watch(connection: Any, _record: Any = None) -> None:
    """Have a new psycopg connection look for cancellations while it waits for results."""
    wait = connection.wait
    connection.wait = lambda steps, *args, **options: wait(_watched(connection, steps), *args, **options)


def _watched(connection: Any, steps: Generator[int, int, T]) -> Generator[int, int, T]:
    """Pass on the steps of one of psycopg's waits: what it waits for, and then what is ready.

    What is ready is 0 if nothing has been for 0.1 s.
    """
    next_check = 0.0
    is_done = False
    try:
        waits_for = next(steps)
        while True:
            ready = yield waits_for
            if not ready and not is_done:
                now = time.monotonic()
                if next_check and now > next_check:
                    is_done = cancel_if_unneeded(connection)
                if not next_check or now > next_check:
                    next_check = now + CHECK_EVERY_S
            waits_for = steps.send(ready)
    except StopIteration as end:
        result: T = end.value
        return result
