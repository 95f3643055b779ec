"""Registered models, their versions and aliases, and the history of their changes.

Children refer to a model by its ``id``, so renaming a model changes one row.
"""

from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from .base import Id, Int64, String, key_value_table, metadata

registered_models = Table(
    "registered_models",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace_id", Id, ForeignKey("workspaces.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("description", String),
    Column("creation_time", Int64, nullable=False),
    Column("last_updated_time", Int64, nullable=False),
    # The highest version number ever used. It is not used again if that version is deleted.
    Column("last_version", Int64, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)

registered_model_tags = key_value_table("registered_model_tags", "model_id", of="registered_models.id")

model_versions = Table(
    "model_versions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("model_id", Id, ForeignKey("registered_models.id", ondelete="CASCADE"), nullable=False),
    Column("version", Int64, nullable=False),
    Column("creation_time", Int64, nullable=False),
    Column("last_updated_time", Int64, nullable=False, index=True),
    Column("description", String),
    Column("user_id", String),
    Column("current_stage", String, nullable=False),
    # The source as the client gave it, and the location of its files. They differ for copies of a version and
    # for logged models.
    Column("source", String, nullable=False),
    Column("storage_location", String, nullable=False),
    # As the client gave them. They may be "" or refer to another server.
    Column("run_id", String, nullable=False, index=True),
    Column("run_link", String, nullable=False),
    # The id of a logged model, in messages ``model_id``. It is not the ``id`` of the registered model.
    Column("logged_model_id", String, nullable=False),
    UniqueConstraint("model_id", "version"),
)
# The newest version of each stage is read from this index.
Index(
    "ix_model_versions_stages",
    model_versions.c.model_id,
    model_versions.c.current_stage,
    model_versions.c.version,
)

model_version_tags = key_value_table("model_version_tags", "version_id", of="model_versions.id")

registered_model_aliases = Table(
    "registered_model_aliases",
    metadata,
    Column("model_id", Id, nullable=False),
    Column("alias", String, nullable=False),
    Column("version", Int64, nullable=False),
    PrimaryKeyConstraint("model_id", "alias"),
    ForeignKeyConstraint(
        ["model_id", "version"], ["model_versions.model_id", "model_versions.version"], ondelete="CASCADE"
    ),
)
Index(
    "ix_registered_model_aliases_version",
    registered_model_aliases.c.model_id,
    registered_model_aliases.c.version,
)

# Prompts are models with a certain tag, for which every search looks. These are partial indexes on this tag
# alone: the condition is in their migration. Queries must name the tag's key and value as literals, as the
# migration does, or SQLite does not use the indexes.
Index("ix_registered_model_tags_prompts", registered_model_tags.c.model_id)
Index("ix_model_version_tags_prompts", model_version_tags.c.version_id)

registry_history = Table(
    "registry_history",
    metadata,
    # Rows are only added. The ids of one model's rows are in the order of its changes, since its writers wait
    # for each other.
    Column("id", Id, primary_key=True),
    Column("workspace_id", Id, ForeignKey("workspaces.id"), nullable=False),
    # No foreign key: the history outlives the model.
    Column("model_id", Id, nullable=False),
    # The model's name after the change.
    Column("name", String, nullable=False),
    Column("time_ms", Int64, nullable=False),
    Column("user", String),
    Column("request_id", String, nullable=False),
    Column("action", String, nullable=False),
    Column("version", Int64),
    # The name of the alias or the key of the tag.
    Column("key", String),
    Column("old_value", String),
    Column("new_value", String),
)
Index("ix_registry_history_model", registry_history.c.model_id, registry_history.c.id)
Index("ix_registry_history_name", registry_history.c.workspace_id, registry_history.c.name)
