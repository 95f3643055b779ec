"""When tokens and sessions were used last: collected in memory, and written outside the requests."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from trackway.client_compat.errors import ApiError
from trackway.storage.access import sessions, tokens
from trackway.storage.database import Tx

if TYPE_CHECKING:
    from ..backend import Backend

log = logging.getLogger("trackway.server")

_WRITE_AFTER_S = 2.0


class LastUses:
    """Uses that are not written yet. The first one starts a timer, whose thread writes all of them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._tokens: dict[str, int] = {}
        self._sessions: dict[str, int] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def record(self, kind: str, key: str, time_ms: int) -> None:
        """Record that a token (by its id) or a session (by its digest) was used."""
        if kind not in ("token", "session"):
            return
        with self._lock:
            (self._tokens if kind == "token" else self._sessions)[key] = time_ms
            if self._timer is None:
                self._timer = threading.Timer(_WRITE_AFTER_S, self.write)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Write the uses that were recorded. If the database cannot be written, they are lost."""
        with self._lock:
            used_tokens, self._tokens = self._tokens, {}
            used_sessions, self._sessions = self._sessions, {}
            self._timer = None

        def work(tx: Tx) -> None:
            if used_tokens:
                tokens.record_uses(tx, used_tokens)
            if used_sessions:
                sessions.record_uses(tx, used_sessions)

        try:
            self._backend.database.run(work, write=True)
        except ApiError as error:
            log.warning("cannot store when tokens were last used: %s", error.for_operators())
