"""Webhooks as clients create them: create, read, update and delete them; the events they subscribe to."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import messages as m
from trackway.client_compat import paging, webhook_rules
from trackway.client_compat.errors import NotFound

from .. import search
from ..database import Tx
from ..schema.webhooks import webhook_events, webhooks
from ..search import keyset

_QUERY = ("webhooks",)


def create(
    tx: Tx,
    *,
    name: str,
    url: str,
    events: list[str],
    description: str | None,
    secret: str | None,
    status: str,
) -> m.Webhook:
    """Create a webhook and return it. ``secret`` is encrypted already (``storage.secrets``).

    Several webhooks may have the same name.
    """
    row = tx.execute(
        sa.insert(webhooks).returning(webhooks),
        {
            "webhook_uuid": str(uuid.uuid4()),
            "workspace_id": tx.workspace,
            "name": name,
            "description": description,
            "url": url,
            "status": status,
            "secret": secret,
            "creation_time": tx.now_ms,
            "last_update_time": tx.now_ms,
        },
    ).one()
    _set_events(tx, row.id, events)
    return _messages(tx, [row])[0]


def get(tx: Tx, webhook_id: str) -> m.Webhook:
    """Return the webhook with its events, without its secret."""
    return _messages(tx, [find(tx, webhook_id)])[0]


def find(tx: Tx, webhook_id: str, *, lock: bool = False) -> sa.Row[Any]:
    """Return the webhook's row, locked if ``lock``. Raise ``NotFound`` if it does not exist or is deleted."""
    query = sa.select(webhooks).where(
        webhooks.c.webhook_uuid == webhook_id,
        webhooks.c.workspace_id == tx.workspace,
        webhooks.c.deleted_time.is_(None),
    )
    row = tx.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound(f"Webhook with ID {webhook_id} not found.")
    return row


def find_page(tx: Tx, max_results: int, token: str | None) -> tuple[list[m.Webhook], str | None]:
    """Return a page of the workspace's webhooks, newest first, and the token of the next page."""
    query = sa.select(webhooks).where(
        webhooks.c.workspace_id == tx.workspace, webhooks.c.deleted_time.is_(None)
    )
    if token:
        time, last_id = keyset.read(token, _QUERY, webhooks.c.creation_time, webhooks.c.id)
        query = query.where(sa.tuple_(webhooks.c.creation_time, webhooks.c.id) < sa.tuple_(time, last_id))
    query = query.order_by(webhooks.c.creation_time.desc(), webhooks.c.id.desc()).limit(max_results + 1)
    rows = tx.execute(query).all()
    found, more = paging.cut(rows, max_results, _QUERY, lambda last: [last.creation_time, last.id])
    return _messages(tx, found), more


def update(tx: Tx, webhook_id: str, changes: Mapping[str, str | None], events: list[str] | None) -> m.Webhook:
    """Update a webhook and return it.

    ``changes`` has new values of the columns name, url, description, secret (encrypted) and status.
    ``events``, if given, replace all events of the webhook.
    """
    row = find(tx, webhook_id, lock=True)
    statement = sa.update(webhooks).where(webhooks.c.id == row.id).returning(webhooks)
    row = tx.execute(statement.values(**changes, last_update_time=tx.now_ms)).one()
    if events:
        tx.execute(sa.delete(webhook_events).where(webhook_events.c.webhook_id == row.id))
        _set_events(tx, row.id, events)
    return _messages(tx, [row])[0]


def delete(tx: Tx, webhook_id: str) -> None:
    """Mark the webhook as deleted and erase its secret. Its deliveries are not deleted."""
    row = find(tx, webhook_id, lock=True)
    tx.execute(
        sa.update(webhooks)
        .where(webhooks.c.id == row.id)
        .values(deleted_time=tx.now_ms, last_update_time=tx.now_ms, secret=None)
    )


def _set_events(tx: Tx, row_id: int, events: list[str]) -> None:
    tx.execute(sa.insert(webhook_events), [{"webhook_id": row_id, "event": event} for event in events])


def _messages(tx: Tx, rows: Sequence[sa.Row[Any]]) -> list[m.Webhook]:
    owner = webhook_events.c.webhook_id
    events = search.children_of(tx, webhook_events, owner, [row.id for row in rows], webhook_events.c.event)
    return [
        m.Webhook(
            webhook_id=row.webhook_uuid,
            name=row.name,
            description=row.description or None,
            url=row.url,
            events=[webhook_rules.event_message(event.event) for event in events.get(row.id, ())],
            status=row.status,
            creation_timestamp=row.creation_time,
            last_updated_timestamp=row.last_update_time,
        )
        for row in rows
    ]
