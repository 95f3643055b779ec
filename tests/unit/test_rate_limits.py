"""Limits of the rate of requests."""

from __future__ import annotations

import pytest

from trackway.client_compat.errors import TooManyRequests
from trackway.server.auth.rate_limits import RateLimits


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def waits(limits: RateLimits, key: object, count: int) -> list[int]:
    """Return the seconds that each of ``count`` requests is told to wait; 0 if it is allowed."""
    found = []
    for _ in range(count):
        try:
            limits.take(key, {})
            found.append(0)
        except TooManyRequests as refused:
            found.append(int(refused.headers["Retry-After"]))
    return found


def test_a_caller_may_make_the_requests_of_two_seconds_at_once(clock: Clock) -> None:
    limits = RateLimits(5, clock)
    assert waits(limits, "a", 11) == [0] * 10 + [1]
    assert waits(limits, "b", 1) == [0]
    clock.now += 1
    assert waits(limits, "a", 6) == [0] * 5 + [1]
    clock.now += 1000
    assert waits(limits, "a", 11) == [0] * 10 + [1]


def test_each_refused_request_is_told_its_own_turn(clock: Clock) -> None:
    limits = RateLimits(2, clock)
    waits(limits, "a", 4)
    assert waits(limits, "a", 6) == [1, 1, 2, 2, 3, 3]


def test_programs_that_wait_as_told_come_through_at_the_second_attempt(clock: Clock) -> None:
    limits = RateLimits(4, clock)
    arrivals = [(clock.now, number) for number in range(64)]
    attempts = dict.fromkeys(range(64), 0)
    while arrivals:
        arrivals.sort()
        at, number = arrivals.pop(0)
        clock.now = at
        attempts[number] += 1
        (wait,) = waits(limits, "a", 1)
        if wait:
            arrivals.append((at + wait, number))
    assert max(attempts.values()) <= 2


def test_without_a_rate_there_is_no_limit(clock: Clock) -> None:
    limits = RateLimits(0, clock)
    assert waits(limits, "a", 1000) == [0] * 1000
    limits.check("a", {})


def test_few_requests_are_remembered_for_many_callers(clock: Clock) -> None:
    limits = RateLimits(1, clock)
    for number in range(10_050):
        limits.take(number, {})
    assert len(limits._buckets) == 10_000
