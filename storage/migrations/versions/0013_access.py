"""Users, service accounts, tokens, sessions, roles and their permissions; the audit; quotas; workspaces."""

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
        sa.UniqueConstraint("issuer", "subject", name="uq_principals_issuer_subject"),
        # Ids of deleted principals must not be given to others: the audit refers to them.
        sqlite_autoincrement=True,
    )
    op.create_table(
        "issuers",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("url", String, nullable=False),
        sa.Column("audience", String, nullable=False),
        sa.Column("kind", String, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_issuers"),
        sa.UniqueConstraint("name", name="uq_issuers_name"),
        sa.UniqueConstraint("url", name="uq_issuers_url"),
    )
    op.create_table(
        "trust_rules",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("issuer_id", Id, nullable=False),
        sa.Column("principal_id", Id, nullable=False),
        sa.Column("conditions", String, nullable=False),
        sa.Column("workspace_id", Id, nullable=True),
        sa.Column("scopes", String, nullable=False),
        sa.Column("max_lifetime_ms", Int64, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("created_by", String, nullable=True),
        sa.ForeignKeyConstraint(
            ["issuer_id"], ["issuers.id"], name="fk_trust_rules_issuer_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name="fk_trust_rules_principal_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_trust_rules_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trust_rules"),
        sa.UniqueConstraint("name", name="uq_trust_rules_name"),
    )
    op.create_index("ix_trust_rules_of_issuer", "trust_rules", ["issuer_id", "id"], unique=False)
    op.create_index("ix_trust_rules_of_principal", "trust_rules", ["principal_id"], unique=False)
    op.create_index("ix_trust_rules_of_workspace", "trust_rules", ["workspace_id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", Id, nullable=False),
        sa.Column("token_id", String, nullable=False),
        sa.Column("principal_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("digest", String, nullable=False),
        sa.Column("scopes", String, nullable=False),
        sa.Column("limits", String, nullable=True),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("created_by", String, nullable=True),
        sa.Column("expiry_time", Int64, nullable=True),
        sa.Column("revoked_time", Int64, nullable=True),
        sa.Column("last_used_time", Int64, nullable=True),
        sa.Column("trust_rule_id", Id, nullable=True),
        sa.Column("run_tags", String, nullable=True),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name="fk_tokens_principal_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["trust_rule_id"], ["trust_rules.id"], name="fk_tokens_trust_rule_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("token_id", name="uq_tokens_token_id"),
    )
    op.create_index("ix_tokens_of_principal", "tokens", ["principal_id", "id"], unique=False)
    op.create_index("ix_tokens_of_trust_rule", "tokens", ["trust_rule_id"], unique=False)
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
    op.create_table(
        "share_links",
        sa.Column("id", Id, nullable=False),
        sa.Column("link_id", String, nullable=False),
        sa.Column("principal_id", Id, nullable=False),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("label", String, nullable=False),
        sa.Column("digest", String, nullable=False),
        sa.Column("limits", String, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("expiry_time", Int64, nullable=False),
        sa.Column("revoked_time", Int64, nullable=True),
        sa.Column("last_used_time", Int64, nullable=True),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name="fk_share_links_principal_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_share_links_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_share_links"),
        sa.UniqueConstraint("link_id", name="uq_share_links_link_id"),
    )
    op.create_index("ix_share_links_of_principal", "share_links", ["principal_id", "id"], unique=False)
    op.create_table(
        "roles",
        sa.Column("id", Id, nullable=False),
        sa.Column("workspace", String, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("description", String, nullable=True),
        sa.Column("owner_id", Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["principals.id"], name="fk_roles_owner_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_roles"),
        sa.UniqueConstraint("workspace", "name", name="uq_roles_workspace_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_roles_of_owner", "roles", ["owner_id"], unique=False)
    op.create_table(
        "role_members",
        sa.Column("id", Id, nullable=False),
        sa.Column("principal_id", Id, nullable=False),
        sa.Column("role_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name="fk_role_members_principal_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["role_id"], ["roles.id"], name="fk_role_members_role_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_role_members"),
        sa.UniqueConstraint("principal_id", "role_id", name="uq_role_members_principal_id_role_id"),
    )
    op.create_index("ix_role_members_of_role", "role_members", ["role_id"], unique=False)
    op.create_table(
        "grants",
        sa.Column("id", Id, nullable=False),
        sa.Column("role_id", Id, nullable=False),
        sa.Column("resource_type", String, nullable=False),
        sa.Column("resource_id", String, nullable=False),
        sa.Column("permission", String, nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name="fk_grants_role_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
        sa.UniqueConstraint(
            "role_id", "resource_type", "resource_id", name="uq_grants_role_id_resource_type_resource_id"
        ),
    )
    op.create_index("ix_grants_of_resource", "grants", ["resource_type", "resource_id"], unique=False)
    state = op.create_table(
        "access_state",
        sa.Column("id", Id, nullable=False),
        sa.Column("epoch", Int64, nullable=False),
        sa.Column("signing_key", String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_state"),
    )
    op.bulk_insert(state, [{"id": 1, "epoch": 1, "signing_key": secrets.token_hex(32)}])
    for column in (
        sa.Column("principal_id", Id, nullable=True),
        sa.Column("authenticated_by", String, nullable=True),
        sa.Column("address", String, nullable=True),
        sa.Column("outcome", String, nullable=False, server_default="done"),
        sa.Column("detail", String, nullable=True),
    ):
        op.add_column("audit", column)
    op.create_table(
        "audit_seals",
        sa.Column("id", Id, nullable=False),
        sa.Column("first_id", Id, nullable=False),
        sa.Column("last_id", Id, nullable=False),
        sa.Column("row_count", Int64, nullable=False),
        sa.Column("rows", String, nullable=False),
        sa.Column("rows_digest", String, nullable=False),
        sa.Column("digest", String, nullable=False),
        sa.Column("previous", String, nullable=False),
        sa.Column("time_ms", Int64, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_seals"),
        sa.UniqueConstraint("previous", name="uq_audit_seals_previous"),
    )
    op.create_table(
        "usage",
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("kind", String, nullable=False),
        sa.Column("day", Int64, nullable=False),
        sa.Column("amount", Int64, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "kind", "day", name="pk_usage"),
    )
    op.create_table(
        "quotas",
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("kind", String, nullable=False),
        sa.Column("soft", Int64, nullable=True),
        sa.Column("hard", Int64, nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "kind", name="pk_quotas"),
    )
    for name in (
        "description",
        "default_artifact_root",
        "trace_archival_location",
        "trace_archival_retention",
    ):
        op.add_column("workspaces", sa.Column(name, String, nullable=True))
    op.add_column("workspaces", sa.Column("deleted_time", Int64, nullable=True))
    op.create_table(
        "workspace_names",
        sa.Column("provider", String, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("workspace_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_workspace_names_workspace_id"),
        sa.PrimaryKeyConstraint("provider", "name", name="pk_workspace_names"),
    )
