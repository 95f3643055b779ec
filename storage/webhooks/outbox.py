"""Events on their way to webhooks, written in the transaction of the change that they tell of."""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import webhook_rules

from .. import jobs
from ..database import Tx
from ..schema.webhooks import deliveries, webhook_events, webhooks

# What a job of this kind does: bring one delivery to its webhook.
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
    """Tell the workspace's webhooks that asked for the event, once this transaction is committed.

    ``event`` is MLflow's name of it, such as "registered_model.created", and ``payload`` has the
    keys of ``webhook_rules.EXAMPLES``. One look at an index when nobody asked.
    """
    if event not in webhook_rules.EXAMPLES:
        raise ValueError(f"MLflow has no webhook event {event!r}.")
    asked = tx.execute(_SUBSCRIBED, {"event": event, "workspace": tx.workspace}).scalars().all()
    if not asked:
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
        for webhook_id in asked
    ]
    tx.execute(_INSERT, rows)
    jobs.add(tx, DELIVER, [{"delivery": row["delivery_uuid"]} for row in rows], [str(id) for id in asked])
