"""Limits of failed log-ins, for each address and user name, in the memory of a process.

After some failures each further one doubles the time until the next attempt is allowed. A successful log-in
forgets the failures of its user at its address. Credentials that were verified before are not affected.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from trackway.client_compat.errors import TooManyRequests

# Failures that are allowed at once: of a user at an address, and of an address with any user names.
_FREE_FOR_USER = 5
_FREE_FOR_ADDRESS = 20
_MAX_WAIT_S = 300.0
# Failures are forgotten after this time.
_FORGET_S = 900.0
_MAX_KEYS = 10_000

Key = tuple[str, str]


class LoginLimits:
    """Counts failures by (address, name) and by address alone, for which the name is empty."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Key -> (failures, time of the latest), the key that failed last at the end.
        self._failures: OrderedDict[Key, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, address: str, name: str) -> None:
        """Raise ``TooManyRequests`` if the address has to wait before it tries this name again."""
        wait = max(self._wait((address, name), _FREE_FOR_USER), self._wait((address, ""), _FREE_FOR_ADDRESS))
        if wait > 0:
            raise TooManyRequests(
                "Too many failed log-ins; try again later.", retry_after_s=max(1, round(wait + 0.5))
            )

    def failed(self, address: str, name: str) -> None:
        """Count a failure."""
        now = self._clock()
        with self._lock:
            for key in ((address, name), (address, "")):
                count, last = self._failures.pop(key, (0, now))
                self._failures[key] = (1 if now - last > _FORGET_S else count + 1, now)
            while len(self._failures) > _MAX_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, address: str, name: str) -> None:
        """Forget the failures of the user at the address."""
        with self._lock:
            self._failures.pop((address, name), None)

    def _wait(self, key: Key, free: int) -> float:
        """Return the seconds until the key may try again, 0 or less if it may now."""
        count, last = self._failures.get(key, (0, 0.0))
        if count < free:
            return 0.0
        since = self._clock() - last
        return min(2.0 ** (count - free), _MAX_WAIT_S) - since if since < _FORGET_S else 0.0
