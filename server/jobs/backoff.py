"""How long a job waits after an attempt that failed."""

from __future__ import annotations

import random

_LONGEST_DELAY_S = 600.0


def delay_s(attempts: int) -> float:
    """How long to wait after so many attempts: 1 s, doubled each time, and up to a second of jitter."""
    return min(2.0 ** min(attempts - 1, 20), _LONGEST_DELAY_S) + random.uniform(0, 1)
