"""Texts made from the store, kept in memory for as long as they are true."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

# Room for some 1,500 runs of 13 metrics, parameters and tags, or some 7 pages of 100 with twice as many.
LIMIT_BYTES = 2 * 2**20
_MOST_FACTS = 10_000
# What Python and the dictionary take beside the text itself.
_OVERHEAD_BYTES = 250


def new_version() -> int:
    """A number that marks a row's state, and that nobody else has used or will.

    Random, not counted: what is counted comes again when a transaction is rolled back or a backup is
    restored.
    """
    return random.getrandbits(62)


class TextCache:
    """The latest texts by key, each with the version of what it was made from; the oldest used go first.

    Who looks a text up knows from the database which version is true now, so a process that has not
    heard of a change never gives an old text.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._size = 0
        self._texts: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._facts: set[tuple[int, int]] = set()
        self._lock = Lock()

    def get(self, wanted: Iterable[tuple[int, int]]) -> list[bytes | None]:
        """The text of each key and version, None where there is none of that version."""
        texts = self._texts
        found: list[bytes | None] = []
        with self._lock:
            for key, version in wanted:
                kept = texts.get(key)
                if kept is None or kept[0] != version:
                    found.append(None)
                else:
                    texts.move_to_end(key)
                    found.append(kept[1])
        return found

    def put(self, key: int, version: int, text: bytes) -> None:
        with self._lock:
            self._drop(key)
            self._texts[key] = (version, text)
            self._size += len(text) + _OVERHEAD_BYTES
            while self._size > self._limit:
                self._drop(next(iter(self._texts)))

    def knows_experiment(self, workspace: int, experiment: int) -> bool:
        """Whether the experiment has been seen in the workspace, which it never leaves.

        One that is gone has no runs, so who takes it for being there finds none.
        """
        return (workspace, experiment) in self._facts

    def add_experiment(self, workspace: int, experiment: int) -> None:
        if self._limit and len(self._facts) < _MOST_FACTS:
            self._facts.add((workspace, experiment))

    def _drop(self, key: int) -> None:
        old = self._texts.pop(key, None)
        if old is not None:
            self._size -= len(old[1]) + _OVERHEAD_BYTES
