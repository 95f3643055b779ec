"""Webhooks, their deliveries with every attempt, and jobs."""

import sqlalchemy as sa
from alembic import op

from trackway.storage.schema.base import Id, Int64, String

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", Id, nullable=False),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("kind", String, nullable=False),
        sa.Column("lane", String, nullable=False),
        sa.Column("payload", String, nullable=False),
        sa.Column("state", String, nullable=False),
        sa.Column("run_after", Int64, nullable=False),
        sa.Column("lease", String, nullable=True),
        sa.Column("attempts", Int64, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("error", String, nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_jobs_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index(
        "ix_jobs_due",
        "jobs",
        ["run_after", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'OPEN'"),
        postgresql_where=sa.text("state = 'OPEN'"),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", Id, nullable=False),
        sa.Column("webhook_uuid", String, nullable=False),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("description", String, nullable=True),
        sa.Column("url", String, nullable=False),
        sa.Column("status", String, nullable=False),
        sa.Column("secret", String, nullable=True),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("last_update_time", Int64, nullable=False),
        sa.Column("deleted_time", Int64, nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_webhooks_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("webhook_uuid", name="uq_webhooks_webhook_uuid"),
    )
    op.create_index(
        "ix_webhooks_newest",
        "webhooks",
        ["workspace_id", sa.literal_column("creation_time DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", Id, nullable=False),
        sa.Column("delivery_uuid", String, nullable=False),
        sa.Column("webhook_id", Id, nullable=False),
        sa.Column("event", String, nullable=False),
        sa.Column("body", String, nullable=False),
        sa.Column("state", String, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_webhook_deliveries_webhook_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sa.UniqueConstraint("delivery_uuid", name="uq_webhook_deliveries_delivery_uuid"),
    )
    op.create_index(
        "ix_webhook_deliveries_newest",
        "webhook_deliveries",
        ["webhook_id", sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "webhook_events",
        sa.Column("webhook_id", Id, nullable=False),
        sa.Column("event", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_webhook_events_webhook_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook_id", "event", name="pk_webhook_events"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_webhook_events_by_event", "webhook_events", ["event", "webhook_id"], unique=False)
    op.create_table(
        "webhook_attempts",
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("number", Int64, nullable=False),
        sa.Column("start_time", Int64, nullable=False),
        sa.Column("duration_ms", Int64, nullable=True),
        sa.Column("response_status", Int64, nullable=True),
        sa.Column("response_body", String, nullable=True),
        sa.Column("error", String, nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["webhook_deliveries.id"],
            name="fk_webhook_attempts_delivery_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="pk_webhook_attempts"),
        sqlite_with_rowid=False,
    )
