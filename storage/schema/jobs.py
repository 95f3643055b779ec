"""Jobs: work for later, written in the transaction of the change that causes it (see ``storage/jobs.py``)."""

from sqlalchemy import Column, ForeignKey, Index, Table

from .base import Id, Int64, String, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace_id", Id, ForeignKey("workspaces.id"), nullable=False),
    Column("kind", String, nullable=False),
    # Jobs of one lane may delay each other. For a delivery it is the webhook.
    Column("lane", String, nullable=False),
    Column("payload", String, nullable=False),
    # OPEN or DEAD. A job that is done is deleted.
    Column("state", String, nullable=False),
    # When a worker may take the job; for a job that was taken, the end of its lease.
    Column("run_after", Int64, nullable=False),
    Column("lease", String),
    Column("attempts", Int64, nullable=False),
    Column("creation_time", Int64, nullable=False),
    Column("error", String),
)
# A partial index, on open jobs: the condition is in the migration.
Index("ix_jobs_due", jobs.c.run_after, jobs.c.id)
