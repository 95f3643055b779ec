"""Deliveries of events to webhooks, and the attempts to send them.

An attempt is stored in two transactions: one before the request is sent, one after it. An attempt without an
outcome therefore shows that the server ended in between.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import paging, webhook_rules
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.client_compat.trackway_webhooks import WebhookAttempt, WebhookDelivery

from .. import jobs, search
from ..database import Tx
from ..schema import webhooks as schema
from ..search import keyset
from . import registrations
from .outbox import CANCELLED, DELIVER, DELIVERED, FAILED, PENDING

STATES = (PENDING, DELIVERED, FAILED, CANCELLED)
_OUTCOME_UNKNOWN = "The outcome is not known: the server ended during this attempt."


class Attempt(NamedTuple):
    """An attempt that has begun: the request to send, and where. ``secret`` is still encrypted."""

    delivery: int
    number: int
    delivery_id: str
    url: str
    secret: str | None
    body: str


class Outcome(NamedTuple):
    """The outcome of an attempt: ``status`` and ``text`` of the response, or ``error`` if there was none."""

    duration_ms: int
    status: int | None
    text: str | None
    error: str | None


def begin_attempt(tx: Tx, delivery_id: str) -> Attempt | None:
    """Store that an attempt begins and return it, or return None if nothing is to be sent.

    This is the case if the delivery is not pending any more. If the webhook has been deleted or disabled,
    the delivery is cancelled.
    """
    row = _find(tx, delivery_id, lock=True)
    if row is None or row.state != PENDING:
        return None
    if row.status != "ACTIVE" or row.deleted_time is not None:
        _set_state(tx, row.id, CANCELLED)
        return None
    number = tx.execute(_COUNT, {"delivery": row.id}).scalar_one() + 1
    start = {"delivery_id": row.id, "number": number, "start_time": tx.now_ms}
    tx.execute(sa.insert(schema.attempts), start)
    return Attempt(row.id, number, delivery_id, row.url, row.secret, row.body)


def end_attempt(tx: Tx, attempt: Attempt, outcome: Outcome, *, state: str) -> None:
    """Store the outcome of the attempt and the new state of its delivery."""
    attempts = schema.attempts
    tx.execute(
        sa.update(attempts)
        .where(attempts.c.delivery_id == attempt.delivery, attempts.c.number == attempt.number)
        .values(_columns(outcome))
    )
    if state != PENDING:
        _set_state(tx, attempt.delivery, state)


def record(
    tx: Tx, webhook_id: str, delivery_id: str, event: str, body: str, outcome: Outcome, is_delivered: bool
) -> None:
    """Store a delivery that was sent without the outbox, with its only attempt.

    A test of a webhook, which a client requests, is sent this way.
    """
    row_id = tx.execute(
        sa.insert(schema.deliveries).returning(schema.deliveries.c.id),
        {
            "delivery_uuid": delivery_id,
            "webhook_id": registrations.find(tx, webhook_id).id,
            "event": event,
            "body": body,
            "state": DELIVERED if is_delivered else FAILED,
            "creation_time": tx.now_ms,
        },
    ).scalar_one()
    start = {"delivery_id": row_id, "number": 1, "start_time": tx.now_ms - outcome.duration_ms}
    tx.execute(sa.insert(schema.attempts), {**start, **_columns(outcome)})


def find_page(
    tx: Tx, webhook_id: str, state: str | None, max_results: int, token: str | None
) -> tuple[list[WebhookDelivery], str | None]:
    """Return a page of a webhook's deliveries with their attempts, and the token of the next page.

    The order is newest first. If ``state`` is given, only deliveries in that state are returned. Raise
    ``NotFound`` if the webhook does not exist; deliveries of a deleted webhook can still be read.
    """
    table = schema.deliveries
    find_webhook = sa.select(schema.webhooks.c.id).where(
        schema.webhooks.c.webhook_uuid == webhook_id, schema.webhooks.c.workspace_id == tx.workspace
    )
    webhook = tx.execute(find_webhook).scalar()
    if webhook is None:
        raise NotFound(f"Webhook with ID {webhook_id} not found.")
    query = _SELECT.where(table.c.webhook_id == webhook)
    if state:
        query = query.where(table.c.state == state)
    search_key = ("deliveries", webhook_id, state or "")
    if token:
        (last,) = keyset.read(token, search_key, table.c.id)
        query = query.where(table.c.id < last)
    rows = tx.execute(query.order_by(table.c.id.desc()).limit(max_results + 1)).all()
    found, more = paging.cut(rows, max_results, search_key, lambda last: [last.id])
    return _messages(tx, found), more


def replay(tx: Tx, webhook_id: str, delivery_id: str) -> WebhookDelivery:
    """Send a delivery again: make it pending and add a job. Return the delivery.

    Raise ``NotFound`` if the webhook or the delivery does not exist, and ``InvalidParameter`` if the webhook
    is not active.
    """
    row = _find(tx, delivery_id, lock=True)
    webhook = registrations.find(tx, webhook_id)
    if row is None or row.webhook_id != webhook.id:
        raise NotFound(f"Webhook {webhook_id} has no delivery with ID {delivery_id}.")
    if webhook.status != "ACTIVE":
        raise InvalidParameter(
            f"Webhook {webhook_id} is {webhook.status}; make it ACTIVE to send to it again."
        )
    _set_state(tx, row.id, PENDING)
    jobs.add(tx, DELIVER, [{"delivery": delivery_id}], [str(webhook.id)])
    return _messages(tx, [_find(tx, delivery_id, lock=False)])[0]


def new_id() -> str:
    """Return an id for a new delivery."""
    return str(uuid.uuid4())


_SELECT = sa.select(
    schema.deliveries,
    schema.webhooks.c.webhook_uuid,
    schema.webhooks.c.url,
    schema.webhooks.c.secret,
    schema.webhooks.c.status,
    schema.webhooks.c.deleted_time,
).join(schema.webhooks, schema.webhooks.c.id == schema.deliveries.c.webhook_id)
_COUNT = sa.select(sa.func.count()).where(schema.attempts.c.delivery_id == sa.bindparam("delivery"))


def _find(tx: Tx, delivery_id: str, *, lock: bool) -> Any:
    query = _SELECT.where(
        schema.deliveries.c.delivery_uuid == delivery_id, schema.webhooks.c.workspace_id == tx.workspace
    )
    return tx.execute(query.with_for_update(of=schema.deliveries) if lock else query).first()


def _set_state(tx: Tx, row_id: int, state: str) -> None:
    tx.execute(sa.update(schema.deliveries).where(schema.deliveries.c.id == row_id).values(state=state))


def _columns(outcome: Outcome) -> dict[str, Any]:
    return {
        "duration_ms": outcome.duration_ms,
        "response_status": outcome.status,
        "response_body": _storable(outcome.text),
        "error": _storable(outcome.error),
    }


def _storable(text: str | None) -> str | None:
    """Replace NUL characters: PostgreSQL cannot store them, and a receiver may send them."""
    return text and text.replace("\0", "\ufffd")


def _messages(tx: Tx, rows: Sequence[Any]) -> list[WebhookDelivery]:
    attempts = schema.attempts
    attempts_of = search.children_of(
        tx, attempts, attempts.c.delivery_id, [row.id for row in rows], attempts.c.number
    )
    return [
        WebhookDelivery(
            delivery_id=row.delivery_uuid,
            webhook_id=row.webhook_uuid,
            event=webhook_rules.event_message(row.event),
            state=row.state,
            creation_timestamp=row.creation_time,
            body=row.body,
            attempts=_attempts(attempts_of.get(row.id, []), row.state),
        )
        for row in rows
    ]


def _attempts(rows: list[Any], state: str) -> list[WebhookAttempt]:
    return [
        WebhookAttempt(
            timestamp=row.start_time,
            duration_ms=row.duration_ms,
            response_status=row.response_status,
            response_body=row.response_body,
            error_message=_OUTCOME_UNKNOWN if _is_lost(row, rows, state) else row.error,
        )
        for row in rows
    ]


def _is_lost(row: Any, rows: list[Any], state: str) -> bool:
    """Return whether an attempt without an outcome is over: it is not the last one of a pending delivery."""
    return row.duration_ms is None and (row is not rows[-1] or state != PENDING)
