"""Processor time and memory of the processes of one server."""

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
    """Return the process, its descendants, and all other processes of the session that it leads."""
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
    """Return the processor seconds that the tree has used, including children that have ended."""
    return sum(_each(pid, lambda process: float(sum(process.cpu_times()[:4]))))


def pss(pid: int) -> int:
    """Return the proportional set size (PSS) of the tree in bytes. Shared pages count once."""
    return sum(_each(pid, lambda process: int(process.memory_full_info().pss)))


def own(pid: int) -> int:
    """Return the anonymous and shared memory (not backed by files) in the PSS of the tree, in bytes.

    The file-backed part, such as libraries, is smaller if other processes on the machine use the same files:
    tests that run at the same time change it by 5 MiB.
    """
    return sum(_each(pid, _own))


def settle(*pids: int, patience_s: float = 20.0) -> None:
    """Wait until the trees are idle, that is, use a tenth of a processor or less; at most ``patience_s``."""
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
