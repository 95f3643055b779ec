"""Jobs: work for later, which commits with the change that causes it."""

from sqlalchemy import Column, ForeignKey, Index, Table

from .base import Id, Int64, String, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace_id", Id, ForeignKey("workspaces.id"), nullable=False),
    Column("kind", String, nullable=False),
    # What may hold the job up together with others: the webhook it is for.
    Column("lane", String, nullable=False),
    Column("payload", String, nullable=False),
    # OPEN or DEAD; what is done is gone.
    Column("state", String, nullable=False),
    # From when on a worker may take it; for one that has been taken, when its lease ends.
    Column("run_after", Int64, nullable=False),
    Column("lease", String),
    Column("attempts", Int64, nullable=False),
    Column("creation_time", Int64, nullable=False),
    Column("error", String),
)
# Of open jobs only, by a condition in the migration.
Index("ix_jobs_due", jobs.c.run_after, jobs.c.id)
