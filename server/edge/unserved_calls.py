"""Counts calls of MLflow's API that this server does not implement, and logs each kind once a minute."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from trackway.client_compat.errors import NotServed

from .observability import Metrics

log = logging.getLogger("trackway.server")

_INTERVAL_S = 60.0


class UnservedCalls:
    """Calls that were answered 501, by the name of the call.

    A tracing client sends such calls for each trace, so they are not logged one by one: the first call of a
    kind is logged at once, later ones with their number, at most once a minute in each process.
    """

    def __init__(self, metrics: Metrics | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        # By call: when it was last logged, and how many have been received since.
        self._state: dict[str, tuple[float, int]] = {}

    def add(self, error: NotServed, request_id: str) -> None:
        """Count a call. Write a line if there was none in the last minute."""
        if self._metrics:
            self._metrics.add_unserved(error.call)
        now = self._clock()
        with self._lock:
            known = self._state.get(error.call)
            if known and now - known[0] < _INTERVAL_S:
                self._state[error.call] = (known[0], known[1] + 1)
                return
            self._state[error.call] = (now, 0)
        times = f"{known[1] + 1} times since the last such line" if known else "for the first time"
        log.warning(
            "A client called %s %s, which was answered 501: Trackway has no %s yet, see docs/unserved.md.",
            *(error.call, times, error.area),
            extra={"request_id": request_id},
        )
