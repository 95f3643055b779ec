"""Removal of old audit rows. Their seals remain, so that the chain of digests is complete."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from ..database import Tx
from ..schema.audit import audit, audit_seals
from . import record

ACTION = "RemoveAuditEntries"
_PREFIX = "audit:1-"


class Removed(NamedTuple):
    """The newest id that was removed, and the number of rows."""

    last_id: int
    rows: int


def remove(tx: Tx, older_than_ms: int) -> Removed:
    """Remove the sealed rows that are older than a time, in whole ranges, and record it in the audit."""
    earlier = removed_up_to(tx)
    newest = sa.select(sa.func.max(audit.c.time_ms)).where(
        audit.c.id.between(audit_seals.c.first_id, audit_seals.c.last_id)
    )
    query = (
        sa.select(audit_seals.c.last_id, newest.scalar_subquery().label("newest"))
        .where(audit_seals.c.last_id > earlier)
        .order_by(audit_seals.c.last_id)
    )
    last_id = 0
    for row in tx.execute(query).all():
        if row.newest is not None and row.newest >= older_than_ms:
            break
        last_id = row.last_id
    if not last_id:
        return Removed(0, 0)
    # Recorded first: SQLite's next id is the greatest one plus 1, and ids must not be used twice.
    record(tx, ACTION, f"{_PREFIX}{last_id}")
    count = tx.execute(sa.delete(audit).where(audit.c.id <= last_id)).rowcount
    return Removed(last_id, count)


def removed_up_to(tx: Tx) -> int:
    """Return the newest id of the rows that were removed; 0 if none were."""
    query = sa.select(audit.c.target).where(audit.c.action == ACTION, audit.c.target.startswith(_PREFIX))
    return max((int(target.removeprefix(_PREFIX)) for target in tx.execute(query).scalars()), default=0)
