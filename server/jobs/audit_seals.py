"""Seals old rows of the audit, every few seconds, in the process that holds the leader lock."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from trackway.storage.audit import seals

if TYPE_CHECKING:
    from ..backend import Backend

log = logging.getLogger("trackway.jobs")

_EVERY_S = 10.0
# A database that has no seals yet is sealed little by little.
_MAX_SEALS = 20


class Sealer:
    """The end of the rows that are to be sealed next, between two turns."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._mark: seals.Mark | None = None
        self._next_turn = 0.0

    def run(self) -> None:
        """Seal what can be sealed, unless the last turn was less than ten seconds ago."""
        if time.monotonic() < self._next_turn:
            return
        self._next_turn = time.monotonic() + _EVERY_S
        for _ in range(_MAX_SEALS):
            if not self.turn():
                return

    def turn(self) -> bool:
        """Seal one range, or mark the next one. Return whether there may be more to do at once."""
        database = self._backend.database
        marked = self._mark
        if marked is None:
            marked = self._mark = database.run(seals.mark, write=False)
            if marked is None:
                return False
        made = database.run(lambda tx: seals.make(tx, marked), write=False)
        if made is None:
            # A transaction is still open: the range is sealed in a later turn. One that another server has
            # sealed meanwhile is marked anew.
            if database.run(lambda tx: seals.is_sealed(tx, marked), write=False):
                self._mark = None
            return False
        self._mark = None
        if database.run(lambda tx: seals.store(tx, made), write=True):
            log.info(
                "audit: sealed the rows %s to %s, digest %s",
                made["first_id"],
                made["last_id"],
                made["digest"],
            )
        return True
