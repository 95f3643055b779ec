"""The outbox: events for webhooks, to be delivered by background jobs.

Invariant: an event is written in the transaction of the change that causes it, with one delivery and one
job for each webhook that subscribes to it. If the transaction is rolled back, no event is sent. If it
commits, the event is not lost, even if the server ends before it is sent. Nothing is sent inside the
transaction.
"""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import webhook_rules

from .. import jobs
from ..database import Tx
from ..schema.webhooks import deliveries, webhook_events, webhooks

# The kind of job that sends one delivery to its webhook.
DELIVER = "webhook.deliver"
PENDING, DELIVERED, FAILED, CANCELLED = "PENDING", "DELIVERED", "FAILED", "CANCELLED"

_SUBSCRIBED = (
    sa.select(webhooks.c.id)
    .join(webhook_events, webhook_events.c.webhook_id == webhooks.c.id)
    .where(
        webhook_events.c.event == sa.bindparam("event"),
        webhooks.c.workspace_id == sa.bindparam("workspace"),
        webhooks.c.status == "ACTIVE",
        webhooks.c.deleted_time.is_(None),
    )
    .order_by(webhooks.c.id)
)
_INSERT = sa.insert(deliveries)


def emit(tx: Tx, event: str, payload: dict[str, Any]) -> None:
    """Write an event for the workspace's active webhooks that subscribe to it.

    It is sent after this transaction has committed. ``event`` is MLflow's name, such as
    "registered_model.created"; ``payload`` has the keys of ``webhook_rules.EXAMPLES``. Raise ``ValueError``
    if MLflow has no such event. If no webhook subscribes to it, the cost is one search in an index.
    """
    if event not in webhook_rules.EXAMPLES:
        raise ValueError(f"MLflow has no webhook event {event!r}.")
    webhook_ids = tx.execute(_SUBSCRIBED, {"event": event, "workspace": tx.workspace}).scalars().all()
    if not webhook_ids:
        return
    rows = [
        {
            "delivery_uuid": str(uuid.uuid4()),
            "webhook_id": webhook_id,
            "event": event,
            "body": webhook_rules.body(event, tx.now_ms, payload),
            "state": PENDING,
            "creation_time": tx.now_ms,
        }
        for webhook_id in webhook_ids
    ]
    tx.execute(_INSERT, rows)
    lanes = [str(webhook_id) for webhook_id in webhook_ids]
    jobs.add(tx, DELIVER, [{"delivery": row["delivery_uuid"]} for row in rows], lanes)
