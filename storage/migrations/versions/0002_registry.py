"""Registered models, their versions and aliases, and their history."""

import sqlalchemy as sa
from alembic import op

from trackway.storage.schema.base import Id, Int64, String

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "registered_models",
        sa.Column("id", Id, nullable=False),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("description", String, nullable=True),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("last_updated_time", Int64, nullable=False),
        sa.Column("last_version", Int64, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_registered_models_workspace_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_registered_models"),
        sa.UniqueConstraint("workspace_id", "name", name="uq_registered_models_workspace_id_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "registry_history",
        sa.Column("id", Id, nullable=False),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("model_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("time_ms", Int64, nullable=False),
        sa.Column("user", String, nullable=True),
        sa.Column("request_id", String, nullable=False),
        sa.Column("action", String, nullable=False),
        sa.Column("version", Int64, nullable=True),
        sa.Column("key", String, nullable=True),
        sa.Column("old_value", String, nullable=True),
        sa.Column("new_value", String, nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_registry_history_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_registry_history"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_registry_history_model", "registry_history", ["model_id", "id"], unique=False)
    op.create_index("ix_registry_history_name", "registry_history", ["workspace_id", "name"], unique=False)
    op.create_table(
        "model_versions",
        sa.Column("id", Id, nullable=False),
        sa.Column("model_id", Id, nullable=False),
        sa.Column("version", Int64, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("last_updated_time", Int64, nullable=False),
        sa.Column("description", String, nullable=True),
        sa.Column("user_id", String, nullable=True),
        sa.Column("current_stage", String, nullable=False),
        sa.Column("source", String, nullable=False),
        sa.Column("storage_location", String, nullable=False),
        sa.Column("run_id", String, nullable=False),
        sa.Column("run_link", String, nullable=False),
        sa.Column("logged_model_id", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["registered_models.id"], name="fk_model_versions_model_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_model_versions"),
        sa.UniqueConstraint("model_id", "version", name="uq_model_versions_model_id_version"),
    )
    op.create_index(
        "ix_model_versions_last_updated_time", "model_versions", ["last_updated_time"], unique=False
    )
    op.create_index("ix_model_versions_run_id", "model_versions", ["run_id"], unique=False)
    op.create_index(
        "ix_model_versions_stages", "model_versions", ["model_id", "current_stage", "version"], unique=False
    )
    op.create_table(
        "registered_model_tags",
        sa.Column("model_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["registered_models.id"],
            name="fk_registered_model_tags_model_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("model_id", "key", name="pk_registered_model_tags"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_registered_model_tags_prompts",
        "registered_model_tags",
        ["model_id"],
        unique=False,
        sqlite_where=sa.text("key = 'mlflow.prompt.is_prompt' AND value = 'true'"),
        postgresql_where=sa.text("key = 'mlflow.prompt.is_prompt' AND value = 'true'"),
    )
    op.create_table(
        "model_version_tags",
        sa.Column("version_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_versions.id"], name="fk_model_version_tags_version_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "key", name="pk_model_version_tags"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_model_version_tags_prompts",
        "model_version_tags",
        ["version_id"],
        unique=False,
        sqlite_where=sa.text("key = 'mlflow.prompt.is_prompt' AND value = 'true'"),
        postgresql_where=sa.text("key = 'mlflow.prompt.is_prompt' AND value = 'true'"),
    )
    op.create_table(
        "registered_model_aliases",
        sa.Column("model_id", Id, nullable=False),
        sa.Column("alias", String, nullable=False),
        sa.Column("version", Int64, nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id", "version"],
            ["model_versions.model_id", "model_versions.version"],
            name="fk_registered_model_aliases_model_id_version",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("model_id", "alias", name="pk_registered_model_aliases"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_registered_model_aliases_version",
        "registered_model_aliases",
        ["model_id", "version"],
        unique=False,
    )
