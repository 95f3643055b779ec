"""Sessions of browsers. A row has the SHA-256 of the session id, which is in the browser's cookie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ..database import Prepared, Tx
from ..schema.access import access_state, principals, sessions
from . import state
from .principals import LOGIN_COLUMNS, with_grants

_BY_DIGEST = Prepared(
    sa.select(*LOGIN_COLUMNS, sessions.c.last_used_time, sessions.c.expiry_time).select_from(
        with_grants(
            access_state.outerjoin(sessions, sessions.c.digest == sa.bindparam("digest")).outerjoin(
                principals, sa.and_(principals.c.id == sessions.c.principal_id, principals.c.is_active)
            )
        )
    ),
    "digest",
)


def for_login(tx: Tx, digest: str) -> list[Any]:
    """Return the epoch, the ``LOGIN_COLUMNS`` of the active principal, and the session's times, or Nones."""
    return tx.rows(_BY_DIGEST, digest)


def create(tx: Tx, principal_id: int, digest: str, expiry_time: int) -> None:
    """Store a new session, and delete the principal's expired ones."""
    tx.execute(
        sa.delete(sessions).where(sessions.c.principal_id == principal_id, sessions.c.expiry_time < tx.now_ms)
    )
    tx.execute(
        sa.insert(sessions),
        {
            "digest": digest,
            "principal_id": principal_id,
            "creation_time": tx.now_ms,
            "last_used_time": tx.now_ms,
            "expiry_time": expiry_time,
        },
    )


def end(tx: Tx, digest: str) -> sa.Row[Any] | None:
    """Delete the session. Return the id and the name of its principal; None if there was no such session."""
    query = sa.select(principals.c.id, principals.c.name).join(
        sessions, sessions.c.principal_id == principals.c.id
    )
    owner = tx.execute(query.where(sessions.c.digest == digest)).first()
    tx.execute(sa.delete(sessions).where(sessions.c.digest == digest))
    state.raise_epoch(tx)
    return owner


def record_uses(tx: Tx, times: Mapping[str, int]) -> None:
    """Store when sessions were used last: a time in milliseconds by digest."""
    statement = (
        sa.update(sessions)
        .where(sessions.c.digest == sa.bindparam("used"))
        .values(last_used_time=sa.bindparam("at"))
    )
    tx.execute(statement, [{"used": digest, "at": times[digest]} for digest in sorted(times)])
