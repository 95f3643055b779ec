"""The audit: one row for each write and each refusal, and the seals that prove that rows were not changed."""

from sqlalchemy import Column, Table, UniqueConstraint

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
    # NULL without a log-in. No foreign key: the row remains when the principal is deleted.
    Column("principal_id", Id),
    # "password", "token <id>" or "session <start of its digest>"
    Column("authenticated_by", String),
    Column("address", String),
    # "done", or why the request was refused: "unauthenticated", "denied", "over quota".
    Column("outcome", String, nullable=False, server_default="done"),
    # JSON. Of a change of access: a list of changes with old and new values. Of a refusal: its reason.
    Column("detail", String),
)

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("id", Id, primary_key=True),
    # The range of ids: after that of the previous seal, up to and including `last_id`.
    Column("first_id", Id, nullable=False),
    Column("last_id", Id, nullable=False),
    Column("row_count", Int64, nullable=False),
    # For each row its id and the start of its digest; they tell which row was changed.
    Column("rows", String, nullable=False),
    # SHA-256 of the rows; of this seal and the digest of the previous one. In hexadecimal digits.
    Column("rows_digest", String, nullable=False),
    Column("digest", String, nullable=False),
    # Unique: two servers that seal at the same time cannot both continue the chain.
    Column("previous", String, nullable=False),
    Column("time_ms", Int64, nullable=False),
    UniqueConstraint("previous"),
)
