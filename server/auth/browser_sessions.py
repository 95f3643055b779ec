"""Starts and ends the sessions of browsers."""

from __future__ import annotations

import secrets
import time
from typing import Any

from trackway.storage import audit
from trackway.storage.access import sessions
from trackway.storage.audit import Origin
from trackway.storage.database import Database, Tx

from . import api_tokens
from .credentials import session_of
from .identity import ANONYMOUS, REQUEST_ID, Principal, origin_of

# A session ends after this time without use, and after a week in any case.
IDLE_MS = 12 * 3_600_000
LIFETIME_MS = 7 * 86_400_000


def start(database: Database, principal: Principal, environ: dict[str, Any]) -> str:
    """Return the id of a new session of a principal that has proved who it is."""
    session_id = secrets.token_urlsafe(32)
    digest = api_tokens.digest(session_id)
    expiry = time.time_ns() // 1_000_000 + LIFETIME_MS
    origin = origin_of(ANONYMOUS._replace(principal=principal), environ)

    def work(tx: Tx) -> None:
        sessions.create(tx, principal.id, digest, expiry)
        audit.record(tx, "LogIn", f"user:{principal.name}", origin)

    database.run(work, write=True, user=principal.name, request_id=environ.get(REQUEST_ID, ""))
    return session_id


def end(database: Database, environ: dict[str, Any]) -> None:
    """End the session of the request's cookie, if there is one."""
    if session_id := session_of(environ):
        digest = api_tokens.digest(session_id)

        def work(tx: Tx) -> None:
            if owner := sessions.end(tx, digest):
                tx.user = owner.name
                origin = Origin(owner.id, f"session {digest[:12]}", environ.get("REMOTE_ADDR") or None)
                audit.record(tx, "LogOut", f"user:{owner.name}", origin)

        database.run(work, write=True, request_id=environ.get(REQUEST_ID, ""))
