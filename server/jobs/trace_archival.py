"""Moves the spans of old traces to the artifact store, every minute, in the process with the leader lock."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from trackway.client_compat.errors import ApiError, InvalidParameter, PermissionDenied
from trackway.client_compat.traces import archive_file
from trackway.storage.traces import archival, bodies

if TYPE_CHECKING:
    from trackway.storage.database import Tx

    from ..backend import Backend

T = TypeVar("T")

log = logging.getLogger("trackway.jobs")

_EVERY_S = 60.0
# Seconds that a turn may take; the rest follows in the next turn.
_MAX_TURN_S = 5.0
_UNUSABLE = "UNSUPPORTED_ARCHIVE_REPOSITORY"


class _Changed(Exception):
    """A trace has changed since it was read."""


class Archiver:
    """Archives traces by the plans of their experiments."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._next_turn = 0.0

    def run(self) -> None:
        """Archive what is due, unless the last turn was less than a minute ago."""
        if time.monotonic() < self._next_turn:
            return
        is_done = self.turn()
        self._next_turn = time.monotonic() + (_EVERY_S if is_done else 0)

    def turn(self) -> bool:
        """Archive traces for some seconds. Return whether nothing is left to do."""
        deadline = time.monotonic() + _MAX_TURN_S
        for plan in self._backend.database.run(archival.plans, write=False):
            try:
                if not self._execute(plan, deadline):
                    return False
            except ApiError as error:
                # The store of one experiment may be away; the others have theirs.
                log.warning(
                    "cannot archive traces of experiment %d: %s", plan.experiment_id, error.for_operators()
                )
        return True

    def _execute(self, plan: archival.Plan, deadline: float) -> bool:
        """Archive the traces of a plan. Return False if the time was over before."""
        number = 0
        while found := self._run(plan, partial(archival.candidates, plan=plan), write=False):
            for candidate in found:
                if time.monotonic() > deadline:
                    return False
                number += self._archive(plan, candidate)
        if plan.is_requested:
            self._run(plan, partial(archival.end_request, plan=plan), write=True)
        if number:
            log.info("archived the spans of %d traces of experiment %d", number, plan.experiment_id)
        return True

    def _archive(self, plan: archival.Plan, candidate: archival.Candidate) -> bool:
        row_id = candidate.row_id
        chunks = self._run(plan, lambda tx: bodies.chunks_of(tx, [row_id]), write=False).get(row_id, [])
        data = archive_file.dump(json.loads(line) for line in bodies.lines_of(chunks))

        def check() -> None:
            # Another server may have archived the trace meanwhile, with later spans: its file must stay.
            if not self._run(plan, lambda tx: archival.is_unchanged(tx, candidate), write=False):
                raise _Changed

        try:
            place = self._backend.artifacts.place(candidate.folder).at(archive_file.NAME)
            place.store.put(place.path, io.BytesIO(data), len(data), check)
        except _Changed:
            return False
        except (InvalidParameter, PermissionDenied) as error:
            log.warning("cannot archive the trace %s: %s", candidate.trace_id, error.message)
            self._run(plan, lambda tx: archival.fail(tx, candidate, _UNUSABLE), write=True)
            return False
        return self._run(plan, lambda tx: archival.finish(tx, candidate), write=True)

    def _run(self, plan: archival.Plan, work: Callable[[Tx], T], *, write: bool) -> T:
        return self._backend.database.run(work, write=write, workspace=plan.workspace)
