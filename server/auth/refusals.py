"""Requests that were refused, for the audit: collected in memory, and written in batches by a thread.

A refused request must not cost a transaction, and a program that is refused a thousand times a second must
not fill the audit. At most ``_MAX_PER_BATCH`` refusals of a second get rows of their own; the others are
counted in one row for each caller, address and action.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import TYPE_CHECKING

from trackway.client_compat.errors import ApiError
from trackway.storage.audit import Origin, refusals
from trackway.storage.audit.refusals import Refusal

if TYPE_CHECKING:
    from ..backend import Backend

log = logging.getLogger("trackway.server")

_WRITE_AFTER_S = 1.0
_MAX_PER_BATCH = 50
_MAX_COUNTED = 1000
_MAX_LENGTH = 500


class Refusals:
    """Refusals that are not written yet. The first one starts a timer, whose thread writes all of them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._waiting: list[Refusal] = []
        # The latest refusal of a kind, and how many there were.
        self._counted: dict[tuple[object, ...], tuple[Refusal, int]] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def add(
        self,
        *,
        workspace: int,
        user: str | None,
        request_id: str,
        action: str,
        target: str,
        origin: Origin,
        outcome: str,
        reason: str,
    ) -> None:
        """Record a refusal within about a second. If the database cannot be written, it is only logged."""
        refusal = Refusal(
            workspace,
            time.time_ns() // 1_000_000,
            user,
            request_id,
            action,
            target[:_MAX_LENGTH],
            origin,
            outcome,
            json.dumps({"reason": reason[:_MAX_LENGTH]}, ensure_ascii=False),
        )
        with self._lock:
            if len(self._waiting) < _MAX_PER_BATCH:
                self._waiting.append(refusal)
            else:
                key: tuple[object, ...] = (workspace, user, origin.address, action, outcome)
                if key not in self._counted and len(self._counted) >= _MAX_COUNTED:
                    key = (outcome,)
                    refusal = refusal._replace(user=None, origin=Origin(), action="*", target="")
                self._counted[key] = refusal, self._counted.get(key, (refusal, 0))[1] + 1
            if self._timer is None:
                self._timer = threading.Timer(_WRITE_AFTER_S, self.write)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Write the refusals that were added."""
        with self._lock:
            rows, self._waiting = self._waiting, []
            counted, self._counted = self._counted, {}
            self._timer = None
        rows += [
            refusal._replace(target="", detail=json.dumps({"more": count}))
            for refusal, count in counted.values()
        ]
        if not rows:
            return
        try:
            self._backend.database.run(lambda tx: refusals.record(tx, rows), write=True)
        except ApiError as error:
            log.warning("cannot store %s refused requests: %s", len(rows), error.for_operators())
