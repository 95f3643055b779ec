"""The text cache: the JSON of runs, kept in memory, by run and row version.

Invariant: every write to a run or its children gives the run's row a new version, and a cached text is used
only if its version equals the one that was just read from the database. So a process never serves an old text
after another process's write, although processes do not notify each other. Transactions that write do not use
the cache.
"""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

# Room for some 1,500 runs with 13 metrics, parameters and tags, or for some 7 pages of 100 runs with twice
# as many.
LIMIT_BYTES = 2 * 2**20
_MAX_EXPERIMENTS = 10_000
_EXPERIMENT_S = 30
# Memory that Python and the dictionary take for an entry besides its text.
_OVERHEAD_BYTES = 250


def new_version() -> int:
    """Return a row version: a random number of 62 bits, which no process has used before.

    It is random because a counter would repeat its numbers after a rollback or the restore of a backup.
    """
    return random.getrandbits(62)


class TextCache:
    """The latest text of each key, with its version. The least recently used texts are removed first.

    Threads may share it. With a limit of 0 it stores nothing.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._size = 0
        self._texts: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        # When an experiment was found in a workspace: (workspace, experiment) -> time.
        self._experiments: dict[tuple[int, int], float] = {}
        self._lock = Lock()

    def get(self, wanted: Iterable[tuple[int, int]]) -> list[bytes | None]:
        """Return the texts of pairs of key and version, in order; None where that version is not cached."""
        texts = self._texts
        found: list[bytes | None] = []
        with self._lock:
            for key, version in wanted:
                cached = texts.get(key)
                if cached is None or cached[0] != version:
                    found.append(None)
                else:
                    texts.move_to_end(key)
                    found.append(cached[1])
        return found

    def put(self, key: int, version: int, text: bytes) -> None:
        """Store the text and remove the key's older one."""
        with self._lock:
            self._remove(key)
            self._texts[key] = (version, text)
            self._size += len(text) + _OVERHEAD_BYTES
            while self._size > self._limit:
                self._remove(next(iter(self._texts)))

    def knows_experiment(self, workspace: int, experiment: int) -> bool:
        """Return whether this process has found the experiment in the workspace a short while ago.

        If it was purged since, it has no runs, so a search in it still returns the right result: nothing.
        When experiments move to another workspace, every process calls ``forget_experiments``. The time limit
        is for a read replica, which may lag behind the move.
        """
        found_at = self._experiments.get((workspace, experiment))
        return found_at is not None and time.monotonic() - found_at < _EXPERIMENT_S

    def add_experiment(self, workspace: int, experiment: int) -> None:
        if len(self._experiments) >= _MAX_EXPERIMENTS:
            self._experiments = {}
        if self._limit:
            self._experiments[workspace, experiment] = time.monotonic()

    def forget_experiments(self) -> None:
        """Forget which experiments were found in which workspace."""
        self._experiments = {}

    def _remove(self, key: int) -> None:
        old = self._texts.pop(key, None)
        if old is not None:
            self._size -= len(old[1]) + _OVERHEAD_BYTES
