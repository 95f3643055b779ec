"""Indexes the texts of traces that have rested for some seconds, in the process with the leader lock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackway.storage.traces import text_index

if TYPE_CHECKING:
    from ..backend import Backend

# Seconds that one turn may take; the runner of jobs waits for it.
_MAX_S = 3.0


class TextIndexer:
    """Adds traces to the index of texts, a few in each transaction."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def run(self) -> None:
        """Index what is to be indexed, for three seconds at most."""
        end = time.monotonic() + _MAX_S
        while self.turn() and time.monotonic() < end:
            pass

    def turn(self) -> bool:
        """Index some traces. Return whether there were any.

        Their texts are read and made before the transaction that writes: it would block other writers.
        """
        database = self._backend.database
        documents = database.run(text_index.waiting, write=False)
        if documents:
            database.run(lambda tx: text_index.add(tx, documents), write=True)
        return bool(documents)
