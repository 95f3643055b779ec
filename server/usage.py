"""Counts what requests write, and refuses those that would lead above a quota.

Each process adds up what it has written and stores the sums every few seconds, when it also reads what all
processes have written and the quotas. So no write has a further statement, and a hard limit is obeyed within
about ten seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from trackway.client_compat.errors import ApiError, QuotaExceeded
from trackway.storage import usage
from trackway.storage.usage import State

if TYPE_CHECKING:
    from .backend import Backend

log = logging.getLogger("trackway.server")

# Key in the environ: the text of a warning, for the response.
WARNING = "trackway.warning"
_FLUSH_AFTER_S = 5.0
_WARN_EVERY_S = 60.0
# Before a request is refused, the quota is read again, but not more often than this.
_REREAD_S = 1.0
_NAMES = {"artifact_bytes": "bytes of artifacts", "points": "metric points"}


class Uses(NamedTuple):
    """What a request adds to: a kind of ``storage.usage.KINDS``, and how much, by its message."""

    kind: str
    amount: Callable[[Any], int]


def one(kind: str) -> Uses:
    """Return the use of a request that makes one thing."""
    return Uses(kind, lambda _request: 1)


class Usage:
    """What this process has written since it last stored the sums, and the quotas at that time."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._added: dict[tuple[int, str], int] = {}
        self._states: dict[tuple[int, str], State] = {}
        self._is_started = False
        self._read_at = float("-inf")
        self._timer: threading.Timer | None = None
        self._warned: dict[tuple[int, str], float] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Let the next write start the timer that stores the sums. Call it after a fork."""
        self._is_started = True

    def check(self, workspace: int, kind: str, amount: int, environ: dict[str, Any]) -> None:
        """Raise ``QuotaExceeded`` if a request may not add this amount. Warn above the soft limit."""
        key = (workspace, kind)
        state, used = self._used(key, amount)
        if state and state.hard is not None and used > state.hard:
            # The quota may have been changed, or runs deleted, since the last time.
            if time.monotonic() - self._read_at >= _REREAD_S:
                self.flush()
                state, used = self._used(key, amount)
            if state and state.hard is not None and used > state.hard:
                raise QuotaExceeded(
                    f"The workspace {state.workspace!r} has {used - amount} {_name(kind)}, and its quota is "
                    f"{state.hard}. Delete some permanently (trackway gc), or ask an administrator to raise "
                    "the quota."
                )
        if state and state.soft is not None and used > state.soft:
            self._warn(key, state, used, environ)

    def _used(self, key: tuple[int, str], amount: int) -> tuple[State | None, int]:
        """Return the quota, or None, and what is used with a further amount."""
        state = self._states.get(key)
        return (state, state.used + self._added.get(key, 0) + amount) if state else (None, 0)

    def add(self, workspace: int, kind: str, amount: int) -> None:
        """Count what a request has written."""
        key = (workspace, kind)
        with self._lock:
            self._added[key] = self._added.get(key, 0) + amount
        if self._timer is None and self._is_started:
            self._start_timer()

    def write(self) -> None:
        """Store the sums, if there are any."""
        if self._added:
            self.flush()

    def flush(self) -> None:
        """Store the sums, and read what is used and the quotas."""
        with self._lock:
            added, self._added = self._added, {}
        try:
            database = self._backend.database
            if added:
                database.run(lambda tx: usage.add(tx, added), write=True)
                added = {}
            found = database.run(usage.states, write=False)
        except ApiError as error:
            log.warning("cannot store what workspaces use: %s", error.for_operators())
            with self._lock:
                for key, amount in added.items():
                    self._added[key] = self._added.get(key, 0) + amount
            return
        self._read_at = time.monotonic()
        self._states = {
            (state.workspace_id, state.kind): state
            for state in found
            if state.soft is not None or state.hard is not None
        }

    def _start_timer(self) -> None:
        with self._lock:
            if self._is_started and self._timer is None:
                self._timer = threading.Timer(_FLUSH_AFTER_S, self._run)
                self._timer.daemon = True
                self._timer.start()

    def _run(self) -> None:
        self._timer = None
        self.flush()

    def _warn(self, key: tuple[int, str], state: State, used: int, environ: dict[str, Any]) -> None:
        text = (
            f"The workspace {state.workspace!r} has {used} {_name(state.kind)}, more than the soft limit "
            f"{state.soft} of its quota."
        )
        environ[WARNING] = text
        now = time.monotonic()
        if now - self._warned.get(key, float("-inf")) >= _WARN_EVERY_S:
            self._warned[key] = now
            log.warning("%s", text)


def _name(kind: str) -> str:
    return _NAMES.get(kind, kind)
