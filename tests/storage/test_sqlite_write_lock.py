"""Waiting for one's turn to write, among the processes of one server."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from trackway.storage.database.sqlite_write_lock import WriteLock

FORKED = multiprocessing.get_context("fork")


@pytest.fixture
def turns() -> WriteLock:
    return WriteLock()


def test_the_end_of_a_turn_ends_the_waiting_of_another_process(turns: WriteLock) -> None:
    other = FORKED.Process(target=turns.wait_for_other_process, args=(60,))
    other.start()
    assert turns.acquire(0)
    other.join(0.3)
    assert other.is_alive()
    turns.release()
    other.join(20)
    assert other.exitcode == 0


def test_nobody_waits_for_ever_for_one_who_died_in_its_turn(turns: WriteLock) -> None:
    other = FORKED.Process(target=_die_in_it, args=(turns,))
    other.start()
    other.join(20)
    turns.wait_for_other_process(0.1)
    assert turns.acquire(0)


def test_of_the_threads_of_a_process_one_has_the_turn(turns: WriteLock) -> None:
    assert turns.acquire(0)
    assert not turns.acquire(0.01)
    turns.release()
    assert turns.acquire(0)


def test_what_was_told_before_is_no_reason_to_come_back_twice(turns: WriteLock) -> None:
    turns.acquire(0)
    turns.release()
    turns.wait_for_other_process(60)
    began = time.monotonic()
    turns.wait_for_other_process(0.2)
    assert time.monotonic() - began >= 0.2


def _die_in_it(turns: WriteLock) -> None:
    turns.acquire(0)
    os.kill(os.getpid(), signal.SIGKILL)
