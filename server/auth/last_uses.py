"""When tokens, share links and sessions were used last: collected in memory, written outside the requests."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from trackway.client_compat.errors import ApiError
from trackway.storage.access import sessions, share_links, tokens
from trackway.storage.database import Tx

if TYPE_CHECKING:
    from ..backend import Backend

log = logging.getLogger("trackway.server")

_WRITE_AFTER_S = 2.0
# What writes the uses of each kind of credential; those of others are not recorded.
_WRITERS = {
    "token": tokens.record_uses,
    "session": sessions.record_uses,
    "link": share_links.record_uses,
}


class LastUses:
    """Uses that are not written yet. The first one starts a timer, whose thread writes all of them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._used: dict[str, dict[str, int]] = {kind: {} for kind in _WRITERS}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def record(self, kind: str, key: str, time_ms: int) -> None:
        """Record that a token or link (by its id) or a session (by its digest) was used."""
        if kind not in _WRITERS:
            return
        with self._lock:
            self._used[kind][key] = time_ms
            if self._timer is None:
                self._timer = threading.Timer(_WRITE_AFTER_S, self.write)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Write the uses that were recorded. If the database cannot be written, they are lost."""
        with self._lock:
            used, self._used = self._used, {kind: {} for kind in _WRITERS}
            self._timer = None
        if not any(used.values()):
            return

        def work(tx: Tx) -> None:
            for kind, times in used.items():
                if times:
                    _WRITERS[kind](tx, times)

        try:
            self._backend.database.run(work, write=True)
        except ApiError as error:
            log.warning("cannot store when tokens were last used: %s", error.for_operators())
