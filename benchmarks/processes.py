"""What the processes of one server take: processor time and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
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


def own(pid: int) -> int:
    """The part of the tree's proportional set size that no file is behind, in bytes.

    What a program takes for itself. The rest, its libraries, counts less for it as soon as other processes
    on the machine use them as well: a test that starts elsewhere makes 5 MiB of difference.
    """
    return sum(_each(pid, _own))


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


def _own(process: psutil.Process) -> int:
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except FileNotFoundError:
        raise psutil.NoSuchProcess(process.pid) from None
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))


def _each(pid: int, figure: Callable[[psutil.Process], T]) -> Iterator[T]:
    for process in tree(pid):
        try:
            yield figure(process)
        except psutil.NoSuchProcess:
            continue
