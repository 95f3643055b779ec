"""Of a server's processes one has the watch, and the next one when it ends."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

from trackway.server.leader_lock import LeaderLock


@contextmanager
def process_with(watch):
    """A process that asks for the watch and stays until it is killed; its id, and what it was told."""
    answer, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(told, b"yes" if watch.acquire() else b"no")
        signal.pause()
        os._exit(1)
    try:
        yield os.read(answer, 3)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(answer)
        os.close(told)


def test_one_process_has_it_until_it_is_killed():
    watch = LeaderLock()
    with process_with(watch) as first:
        assert first == b"yes"
        assert not watch.acquire()
        with process_with(watch) as second:
            assert second == b"no"
    assert watch.acquire()
    assert watch.acquire()


def test_each_server_has_its_own():
    one, other = LeaderLock(), LeaderLock()
    with process_with(one) as first, process_with(other) as second:
        assert (first, second) == (b"yes", b"yes")
