"""Users, service accounts, tokens and sessions."""

import secrets

import sqlalchemy as sa
from alembic import op

from trackway.storage.schema.base import Id, Int64, String

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "principals",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", String, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("password_hash", String, nullable=True),
        sa.Column("is_admin", sa.Boolean, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("issuer", String, nullable=True),
        sa.Column("subject", String, nullable=True),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("last_update_time", Int64, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_principals"),
        sa.UniqueConstraint("name", name="uq_principals_name"),
        sa.UniqueConstraint("issuer", "subject", name="uq_principals_issuer"),
        # Ids of deleted principals must not be given to others: the audit refers to them.
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tokens",
        sa.Column("id", Id, nullable=False),
        sa.Column("token_id", String, nullable=False),
        sa.Column("principal_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("digest", String, nullable=False),
        sa.Column("scopes", String, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("created_by", String, nullable=True),
        sa.Column("expiry_time", Int64, nullable=True),
        sa.Column("revoked_time", Int64, nullable=True),
        sa.Column("last_used_time", Int64, nullable=True),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name="fk_tokens_principal_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("token_id", name="uq_tokens_token_id"),
    )
    op.create_index("ix_tokens_of_principal", "tokens", ["principal_id", "id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", Id, nullable=False),
        sa.Column("digest", String, nullable=False),
        sa.Column("principal_id", Id, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("last_used_time", Int64, nullable=False),
        sa.Column("expiry_time", Int64, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name="fk_sessions_principal_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("digest", name="uq_sessions_digest"),
    )
    op.create_index("ix_sessions_of_principal", "sessions", ["principal_id", "id"], unique=False)
    state = op.create_table(
        "access_state",
        sa.Column("id", Id, nullable=False),
        sa.Column("epoch", Int64, nullable=False),
        sa.Column("signing_key", String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_state"),
    )
    op.bulk_insert(state, [{"id": 1, "epoch": 1, "signing_key": secrets.token_hex(32)}])
