"""Uploads and deletions of artifacts that were interrupted between their audit row and the change itself.

The row is committed first. If the process is killed before the change, the store still has a file with the
change's tag (``ArtifactStore.heal``). With the tag the row is found, and the change is made after all. It is
dropped if there is no row, or if a later request has changed the same path or one above or below it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa

from ..artifacts import ArtifactStore, Change
from ..artifacts.trash import is_within
from ..database import Database, Tx
from ..schema.audit import audit

_TARGET = "artifact:"
_DELETE = "DeleteArtifact"
# The clock of a file system or bucket may differ from that of the server.
_CLOCKS_DIFFER_MS = 10 * 60_000


def tag(request_id: str, path: str) -> str:
    """Return the tag of the change that a request makes to a path."""
    return hashlib.sha256(f"{request_id}\n{path}".encode()).hexdigest()[:32]


def heal(database: Database, store: ArtifactStore) -> Sequence[Change]:
    """Complete the interrupted changes of a store whose rows are committed. Return them."""

    def find_change(tag: str, time_ms: int) -> Change | None:
        return database.run(lambda tx: find(tx, tag, time_ms), write=False)

    return store.heal(find_change)


def find(tx: Tx, sought: str, time_ms: int) -> Change | None:
    """Return the change with a tag, or None if it has no audit row, or if a later row is about its path.

    ``time_ms`` is about the time of the row. Rows of all workspaces are read: they share the store.
    """
    is_change = audit.c.target.like(f"{_TARGET}%")
    about = sa.between(audit.c.time_ms, time_ms - _CLOCKS_DIFFER_MS, time_ms + _CLOCKS_DIFFER_MS)
    query = sa.select(audit.c.id, audit.c.request_id, audit.c.action, audit.c.target).where(is_change, about)
    for row in tx.execute(query.order_by(audit.c.id)):
        path = row.target.removeprefix(_TARGET)
        if tag(row.request_id, path) == sought:
            later = sa.select(audit.c.target).where(is_change, audit.c.id > row.id)
            others = (target.removeprefix(_TARGET) for target in tx.execute(later).scalars())
            if any(is_within(other, path) or is_within(path, other) for other in others):
                return None
            return Change(path, row.action == _DELETE)
    return None
