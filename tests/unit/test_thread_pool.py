"""A worker's threads: as many as there is work for at once, also after many transfers."""

from __future__ import annotations

import threading

from trackway.server.edge import waiting
from trackway.server.gunicorn import client_waits, thread_pool


def test_transfers_leave_no_more_threads_than_were_needed_at_once() -> None:
    with thread_pool.Pool(32) as threads:
        before = threading.active_count()

        def transfer() -> None:
            other = threads.submit(int)
            with waiting.for_client(receives=True):  # the other is queued still, and a thread is idle
                other.result()

        for _ in range(300):
            threads.submit(transfer).result()
        assert threading.active_count() - before <= 8


def test_as_many_transfers_as_come_at_once_all_begin() -> None:
    for _ in range(30):
        begun = threading.Barrier(client_waits.MAX_WAITS + 1)
        with thread_pool.Pool(2) as threads:

            def transfer(begun: threading.Barrier = begun) -> None:
                with waiting.for_client(receives=True):
                    begun.wait(timeout=20)

            for _ in range(client_waits.MAX_WAITS):
                threads.submit(int)
                threads.submit(transfer)
            begun.wait(timeout=20)
            assert threads.submit(int).result(timeout=20) == 0
