"""What the processes of one server take: processor time and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import psutil

MIB = 1024 * 1024
T = TypeVar("T", int, float)


def tree(pid: int) -> list[psutil.Process]:
    """The process, all that descend from it, and what else lives in the session that it leads."""
    found: dict[int, psutil.Process] = {}
    try:
        leader = psutil.Process(pid)
        for process in (leader, *leader.children(recursive=True)):
            found[process.pid] = process
    except psutil.NoSuchProcess:
        return []
    for other in psutil.pids():
        try:
            if os.getsid(other) == pid:
                found.setdefault(other, psutil.Process(other))
        except (OSError, psutil.NoSuchProcess):
            continue
    return list(found.values())


def cpu_s(pid: int) -> float:
    """Processor seconds that the tree has used, those of children that ended included."""
    return sum(_each(pid, lambda process: float(sum(process.cpu_times()[:4]))))


def pss(pid: int) -> int:
    """The tree's proportional set size in bytes: shared pages count once."""
    return sum(_each(pid, lambda process: int(process.memory_full_info().pss)))


def settle(*pids: int, patience_s: float = 20.0) -> None:
    """Wait until the trees have done what they still had at hand: a tenth of a processor or less."""
    deadline = time.monotonic() + patience_s
    before = sum(map(cpu_s, pids))
    while time.monotonic() < deadline:
        time.sleep(0.2)
        now = sum(map(cpu_s, pids))
        if now - before <= 0.02:
            return
        before = now


def _each(pid: int, figure: Callable[[psutil.Process], T]) -> Iterator[T]:
    for process in tree(pid):
        try:
            yield figure(process)
        except psutil.NoSuchProcess:
            continue
