"""Webhooks, their deliveries (the outbox), and the attempts of each delivery.

A change to which a webhook subscribes writes two rows in its own transaction: the delivery, which holds the
body to send, and a job (``schema/jobs.py``), which sends it.
"""

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, Table

from .base import Id, Int64, String, metadata

webhooks = Table(
    "webhooks",
    metadata,
    # Messages call webhook_uuid ``webhook_id``.
    Column("id", Id, primary_key=True),
    Column("webhook_uuid", String, nullable=False, unique=True),
    Column("workspace_id", Id, ForeignKey("workspaces.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("description", String),
    Column("url", String, nullable=False),
    Column("status", String, nullable=False),
    # Encrypted, see storage/secrets.py.
    Column("secret", String),
    Column("creation_time", Int64, nullable=False),
    Column("last_update_time", Int64, nullable=False),
    # The row of a deleted webhook is kept, because its deliveries refer to it.
    Column("deleted_time", Int64),
)
Index("ix_webhooks_newest", webhooks.c.workspace_id, webhooks.c.creation_time.desc(), webhooks.c.id.desc())

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("webhook_id", Id, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    # "registered_model.created"
    Column("event", String, nullable=False),
    PrimaryKeyConstraint("webhook_id", "event"),
)
# Every change of the registry looks up the webhooks that subscribe to its event.
Index("ix_webhook_events_by_event", webhook_events.c.event, webhook_events.c.webhook_id)

deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    # The header X-MLflow-Delivery-Id, the same at every attempt.
    Column("delivery_uuid", String, nullable=False, unique=True),
    Column("webhook_id", Id, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event", String, nullable=False),
    Column("body", String, nullable=False),
    # PENDING, DELIVERED, FAILED or CANCELLED
    Column("state", String, nullable=False),
    Column("creation_time", Int64, nullable=False),
)
Index("ix_webhook_deliveries_newest", deliveries.c.webhook_id, deliveries.c.id.desc())

attempts = Table(
    "webhook_attempts",
    metadata,
    Column("delivery_id", Id, ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), nullable=False),
    Column("number", Int64, nullable=False),
    Column("start_time", Int64, nullable=False),
    # NULL while the attempt is running, and for good if the server was killed during it.
    Column("duration_ms", Int64),
    Column("response_status", Int64),
    # The beginning of the response's body.
    Column("response_body", String),
    Column("error", String),
    PrimaryKeyConstraint("delivery_id", "number"),
)
