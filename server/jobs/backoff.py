"""The back-off: how long a failed job waits before its next attempt."""

from __future__ import annotations

import random

_MAX_DELAY_S = 600.0


def delay_s(attempts: int) -> float:
    """Return the seconds to wait after so many failed attempts.

    The first wait is 1 s; each further one is twice as long, up to ten minutes. Up to 1 s of jitter is added.
    """
    return min(2.0 ** min(attempts - 1, 20), _MAX_DELAY_S) + random.uniform(0, 1)
