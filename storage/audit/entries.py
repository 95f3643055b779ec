"""Searches of the audit, by page and in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import paging

from ..database import Tx
from ..schema.audit import audit
from ..schema.tracking import workspaces
from ..search import keyset

# Rows are stored in the order of their ids; their times may differ from it by the length of a transaction
# and by the clocks of the servers.
_CLOCKS_DIFFER_MS = 600_000
_BATCH = 1000


class Filter(NamedTuple):
    """Conditions on entries; None: any. A target that ends in ``*`` means all that begin with the rest."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: str | None = None
    # Milliseconds since the epoch; the end is not included.
    since_ms: int | None = None
    until_ms: int | None = None
    # The workspace whose entries are searched.
    workspace: int | None = None


def find_page(
    tx: Tx, wanted: Filter, size: int, token: str | None = None
) -> tuple[list[sa.Row[Any]], str | None]:
    """Return a page of entries, newest first, and the token of the next page or None."""
    query = _query(tx, wanted).order_by(audit.c.id.desc()).limit(size + 1)
    scope = ("audit", *wanted)
    if token:
        query = query.where(audit.c.id < keyset.read(token, scope, audit.c.id)[0])
    rows, next_token = paging.cut(tx.execute(query).all(), size, scope, lambda row: [row.id])
    return list(rows), next_token


def in_order(tx: Tx, wanted: Filter) -> Iterator[sa.Row[Any]]:
    """Yield all entries, oldest first, without holding them in memory."""
    query = _query(tx, wanted).order_by(audit.c.id).limit(_BATCH)
    rows = tx.execute(query).all()
    while rows:
        yield from rows
        rows = tx.execute(query.where(audit.c.id > rows[-1].id)).all() if len(rows) == _BATCH else ()


def as_json(row: sa.Row[Any]) -> dict[str, Any]:
    """Return an entry as a JSON object, without what is not set."""
    return {name: value for name, value in row._asdict().items() if value is not None}


def _query(tx: Tx, wanted: Filter) -> sa.Select[Any]:
    # The name of a workspace that was deleted is not known any more.
    query = sa.select(
        audit.c.id,
        audit.c.time_ms,
        workspaces.c.name.label("workspace"),
        audit.c.user,
        audit.c.principal_id,
        audit.c.authenticated_by,
        audit.c.address,
        audit.c.action,
        audit.c.target,
        audit.c.outcome,
        audit.c.detail,
        audit.c.request_id,
    ).outerjoin(workspaces, workspaces.c.id == audit.c.workspace_id)
    for column, value in (
        (audit.c.user, wanted.actor),
        (audit.c.action, wanted.action),
        (audit.c.outcome, wanted.outcome),
        (audit.c.workspace_id, wanted.workspace),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.target is not None:
        query = query.where(
            audit.c.target.startswith(wanted.target[:-1], autoescape=True)
            if wanted.target.endswith("*")
            else audit.c.target == wanted.target
        )
    if wanted.since_ms is not None:
        first = _first_id_since(tx, wanted.since_ms - _CLOCKS_DIFFER_MS)
        query = query.where(audit.c.time_ms >= wanted.since_ms, audit.c.id >= first)
    if wanted.until_ms is not None:
        query = query.where(audit.c.time_ms < wanted.until_ms)
    return query


def _first_id_since(tx: Tx, time_ms: int) -> int:
    """Return an id before which no row is as new as ``time_ms``.

    There is no index of times, which each write would have to maintain: the ids are searched by halves.
    """
    ends: Any = tx.execute(sa.select(sa.func.min(audit.c.id), sa.func.max(audit.c.id))).one()
    low, high = ends
    if low is None:
        return 0
    first = sa.select(audit.c.id, audit.c.time_ms).order_by(audit.c.id).limit(1)
    while low < high:
        middle = (low + high) // 2
        row = tx.execute(first.where(audit.c.id >= middle)).one()
        if row.time_ms < time_ms:
            low = row.id + 1
        else:
            high = middle
    return int(low)
