"""What workspaces use, and their quotas."""

from sqlalchemy import Column, PrimaryKeyConstraint, Table

from .base import Id, Int64, String, metadata

usage = Table(
    "usage",
    metadata,
    # No foreign key: PostgreSQL would lock the workspace's row, see migration 0011.
    Column("workspace_id", Id, nullable=False),
    # "experiments", "runs", "points" or "artifact_bytes"
    Column("kind", String, nullable=False),
    # Days since the epoch, in UTC. The sum over all days is what is used now.
    Column("day", Int64, nullable=False),
    Column("amount", Int64, nullable=False),
    PrimaryKeyConstraint("workspace_id", "kind", "day"),
)

quotas = Table(
    "quotas",
    metadata,
    Column("workspace_id", Id, nullable=False),
    Column("kind", String, nullable=False),
    # From this amount on, responses have a warning. NULL: none.
    Column("soft", Int64),
    # Requests that would lead above this amount are refused. NULL: none.
    Column("hard", Int64),
    PrimaryKeyConstraint("workspace_id", "kind"),
)
