"""Limits of the rate of requests: a token bucket for each caller, in the memory of a process.

A caller may make ``rate`` requests a second, and after a pause those of ``_BURST_S`` seconds at once. The
time that a refused request is told to wait (``Retry-After``) is that of its own turn: the second of two
refused requests waits longer than the first. So programs that wait as they are told do not all come back at
once, and each gets its turn before its client gives up.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from trackway.client_compat.errors import TooManyRequests

if TYPE_CHECKING:
    from ..config import Config

# Key in the environ: the headers of the response about the caller's limit. Their names and meanings are those
# of draft-ietf-httpapi-ratelimit-headers-06.
HEADERS = "trackway.rate_limit"

_BURST_S = 2.0
# Clients of MLflow give up after some minutes of waiting.
_MAX_WAIT_S = 60.0
_MAX_KEYS = 10_000


def rate_of(config: Config) -> float:
    """Return the rate that one of the server's worker processes allows each caller."""
    return config.rate_limit / (config.workers or 1)


class RateLimits:
    """The buckets of the callers. ``rate`` is the number of requests a second; 0: no limit."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._capacity = max(1.0, rate * _BURST_S)
        self._limit = str(int(self._capacity))
        self._clock = clock
        # Key -> [tokens, the time at which they were counted, the turn that was promised last]; the key that
        # was used last is at the end.
        self._buckets: OrderedDict[Hashable, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable, environ: dict[str, Any]) -> None:
        """Count a request of a caller. Raise ``TooManyRequests`` if it has made too many.

        If there is a limit, ``environ`` gets the response's headers about it.
        """
        if not self._rate:
            return
        with self._lock:
            bucket, now = self._bucket(key)
            is_allowed = bucket[0] >= 1
            if is_allowed:
                bucket[0] -= 1
            else:
                turn = max(now + (1 - bucket[0]) / self._rate, bucket[2] + 1 / self._rate)
                bucket[2] = turn = min(turn, now + _MAX_WAIT_S)
            environ[HEADERS] = self._headers(bucket[0])
        if not is_allowed:
            raise self._refusal(turn - now)

    def check(self, key: Hashable, environ: dict[str, Any]) -> None:
        """Raise as ``take`` does, and count nothing."""
        if not self._rate:
            return
        with self._lock:
            bucket, _ = self._bucket(key)
            tokens = bucket[0]
        if tokens < 1:
            environ[HEADERS] = self._headers(tokens)
            raise self._refusal((1 - tokens) / self._rate)

    def _headers(self, tokens: float) -> list[tuple[str, str]]:
        """Return how many requests may come at once, how many are left, and in how many seconds all are."""
        return [
            ("RateLimit-Limit", self._limit),
            ("RateLimit-Remaining", str(int(tokens))),
            ("RateLimit-Reset", str(math.ceil((self._capacity - tokens) / self._rate))),
        ]

    def _bucket(self, key: Hashable) -> tuple[list[float], float]:
        """Return the bucket of a caller, filled up to now, and the time."""
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = [self._capacity, now, 0.0]
            if len(self._buckets) > _MAX_KEYS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
            bucket[0] = min(self._capacity, bucket[0] + (now - bucket[1]) * self._rate)
            bucket[1] = now
        return bucket, now

    def _refusal(self, wait_s: float) -> TooManyRequests:
        return TooManyRequests(
            "Too many requests: this server's limit for each caller (--rate-limit) is reached. Repeat the "
            "request after the seconds of the Retry-After header.",
            retry_after_s=max(1, math.ceil(wait_s)),
        )
