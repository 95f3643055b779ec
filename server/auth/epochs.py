"""The epoch of the database as a process knows it: by it a gate notices that what it has cached is outdated.

Changes to principals, tokens, sessions, permissions and workspaces raise the epoch in the database
(``storage/access/state.py``). Each process reads it before it uses its cache, at most every ``_RECHECK_S``.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from trackway.storage.access import state

from . import workspaces

if TYPE_CHECKING:
    from ..backend import Backend

_RECHECK_S = 0.5


class Epochs:
    """Knows the epoch of the database, and the workspaces as they were at that epoch."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._epoch = 0
        self._checked_at = float("-inf")
        self._raised_here = 0
        self._check_lock = threading.Lock()
        self._has_workspaces = backend.config.enable_workspaces
        self._directory = workspaces.Directory()

    def _recheck(self) -> None:
        """Read the epoch, if it was read too long ago or this process has raised it. Others wait for it."""
        if self._is_recent():
            return
        with self._check_lock:
            if self._is_recent():
                return
            now, raised_here = time.monotonic(), state.raised_here()
            database = self._backend.database
            epoch = database.run(state.epoch, write=False)
            if epoch != self._epoch:
                # Experiments may have moved to another workspace.
                database.forget_experiments()
                self._backend.search_database.forget_experiments()
            self._epoch = epoch
            self._checked_at = max(now, self._checked_at)
            self._raised_here = raised_here

    def _is_recent(self) -> bool:
        is_recent = time.monotonic() - self._checked_at < _RECHECK_S
        return is_recent and self._raised_here == state.raised_here()

    def _workspace(self, name: str, environ: dict[str, Any]) -> int:
        """Return the id of a workspace. Raise ``NotFound``."""
        found = self._directory.id_of(self._backend.database, name, self._epoch)
        if found is None:
            raise workspaces.unknown(environ, name)
        return found
