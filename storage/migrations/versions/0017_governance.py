"""Policies of the model registry, their verdicts, and approvals of versions.

Expand: new tables. A server of the version before ignores them.
"""

import sqlalchemy as sa
from alembic import op

from trackway.storage.schema.base import Id, Int64, String

revision = "0017"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "policies",
        sa.Column("id", Id, nullable=False),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("models", String, nullable=False),
        sa.Column("models_like", String, nullable=False),
        sa.Column("target", String, nullable=False),
        sa.Column("rules", String, nullable=False),
        sa.Column("editors", String, nullable=False),
        sa.Column("mode", String, nullable=False),
        sa.Column("revision", Int64, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("last_updated_time", Int64, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policies"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_policies_workspace_id"),
        sa.UniqueConstraint("workspace_id", "name", name="uq_policies_workspace_id_name"),
    )
    op.create_table(
        "verdicts",
        sa.Column("id", Id, nullable=False),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("policy", String, nullable=False),
        sa.Column("revision", Int64, nullable=False),
        sa.Column("model_id", Id, nullable=False),
        sa.Column("version", Int64, nullable=False),
        sa.Column("target", String, nullable=False),
        sa.Column("outcome", String, nullable=False),
        sa.Column("results", String, nullable=False),
        sa.Column("cause", String, nullable=False),
        sa.Column("reason", String, nullable=True),
        sa.Column("user", String, nullable=True),
        sa.Column("request_id", String, nullable=False),
        sa.Column("time_ms", Int64, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_verdicts_workspace_id"),
    )
    op.create_index("ix_verdicts_version", "verdicts", ["model_id", "version", "id"])
    op.create_table(
        "approvals",
        sa.Column("id", Id, nullable=False),
        sa.Column("version_id", Id, nullable=False),
        sa.Column("target", String, nullable=False),
        sa.Column("decision", String, nullable=False),
        sa.Column("comment", String, nullable=True),
        sa.Column("root_digest", String, nullable=True),
        sa.Column("user", String, nullable=False),
        sa.Column("time_ms", Int64, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_versions.id"], name="fk_approvals_version_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_approvals_version", "approvals", ["version_id", "target", "id"])
