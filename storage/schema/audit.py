"""The audit: one row for each write: user, time, action and target."""

from sqlalchemy import Column, Table

from .base import Id, Int64, String, metadata

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    # No foreign key: PostgreSQL would lock the workspace's row at each write, see migration 0011.
    Column("workspace_id", Id, nullable=False),
    Column("time_ms", Int64, nullable=False),
    Column("user", String),
    Column("request_id", String, nullable=False),
    Column("action", String, nullable=False),
    Column("target", String, nullable=False),
)
