"""Memory that was freed goes back to the system."""

import os
import sys

import psutil
import pytest

from trackway.server.gunicorn import malloc

_MIB = 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps what was freed in this way")
def test_holes_between_what_is_kept_are_given_back_when_a_minute_has_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(malloc.time, "monotonic", lambda: now)
    trim = malloc.Trim()
    process = psutil.Process(os.getpid())
    texts = [os.urandom(2000) for _ in range(20_000)]
    kept = texts[::50]
    del texts
    held = process.memory_info().rss
    trim.when_due()
    assert held - process.memory_info().rss < 2 * _MIB
    now += 61
    trim.when_due()
    assert held - process.memory_info().rss > 20 * _MIB
    assert len(kept) == 400
