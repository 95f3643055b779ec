"""Threads that answer requests share one processor; those that wait, or work elsewhere, have all."""

from __future__ import annotations

import os
import sys
from functools import partial

import pytest

from trackway.server.edge import waiting
from trackway.server.gunicorn.affinity import Affinity
from trackway.server.gunicorn.thread_pool import Pool

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two processors"
)


def processors() -> set[int]:
    return os.sched_getaffinity(0)


def test_requests_of_a_worker_share_a_processor_and_workers_take_them_in_turn() -> None:
    bound = set()
    for number in range(2):
        with Pool(4, Affinity(number)) as pool:
            found = [pool.submit(processors).result() for _ in range(8)]
            assert len(found[0]) == 1
            assert all(one == found[0] for one in found)
            bound |= found[0]
    assert len(bound) == 2
    assert len(processors()) > 1, "the main thread runs on any"


@pytest.mark.parametrize("while_it", [partial(waiting.for_client, receives=True), waiting.for_database])
def test_a_thread_that_waits_has_every_processor(while_it) -> None:
    def work() -> tuple[set[int], set[int]]:
        with while_it():
            inside = processors()
        return inside, processors()

    with Pool(1, Affinity(0)) as pool:
        inside, after = pool.submit(work).result()
    assert inside == processors()
    assert len(after) == 1


def test_where_the_system_forbids_it_threads_run_as_they_would(monkeypatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    with Pool(1, Affinity(0)) as pool:
        assert pool.submit(processors).result() == processors()
