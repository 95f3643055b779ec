"""Logged models and their metrics."""

import sqlalchemy as sa
from alembic import op

from trackway.storage.schema.base import Float64, Id, Int64, String

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "logged_model_points",
        sa.Column("series_id", Id, autoincrement=False, nullable=False),
        sa.Column("timestamp", Int64, autoincrement=False, nullable=False),
        sa.Column("step", Int64, autoincrement=False, nullable=False),
        sa.Column("value", Float64, nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(
            "series_id", "timestamp", "step", "value", "is_nan", name="pk_logged_model_points"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_models",
        sa.Column("id", Id, nullable=False),
        sa.Column("model_id", String, nullable=False),
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("artifact_location", String, nullable=False),
        sa.Column("creation_timestamp_ms", Int64, nullable=False),
        sa.Column("last_updated_timestamp_ms", Int64, nullable=False),
        sa.Column("status", String, nullable=False),
        sa.Column("status_message", String, nullable=True),
        sa.Column("lifecycle_stage", String, nullable=False),
        sa.Column("deleted_time", Int64, nullable=True),
        sa.Column("model_type", String, nullable=False),
        sa.Column("source_run_id", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name="fk_logged_models_experiment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_logged_models"),
        sa.UniqueConstraint("model_id", name="uq_logged_models_model_id"),
    )
    op.create_index(
        "ix_logged_models_newest",
        "logged_models",
        ["experiment_id", "lifecycle_stage", sa.literal_column("creation_timestamp_ms DESC"), "model_id"],
        unique=False,
    )
    op.create_table(
        "logged_model_params",
        sa.Column("logged_model_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["logged_model_id"],
            ["logged_models.id"],
            name="fk_logged_model_params_logged_model_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("logged_model_id", "key", name="pk_logged_model_params"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_model_series",
        sa.Column("id", Id, nullable=False),
        sa.Column("logged_model_id", Id, nullable=False),
        sa.Column("run_id", Id, nullable=False),
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("dataset_name", String, nullable=False),
        sa.Column("dataset_digest", String, nullable=False),
        sa.Column("timestamp", Int64, nullable=False),
        sa.Column("step", Int64, nullable=False),
        sa.Column("value", Float64, nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["logged_model_id"],
            ["logged_models.id"],
            name="fk_logged_model_series_logged_model_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_logged_model_series_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_logged_model_series"),
        sa.UniqueConstraint(
            "logged_model_id",
            "key",
            "run_id",
            "dataset_name",
            "dataset_digest",
            name="uq_logged_model_series",
        ),
    )
    op.create_index(
        "ix_logged_model_series_by_value",
        "logged_model_series",
        ["experiment_id", "key", "is_nan", "value"],
        unique=False,
    )
    op.create_index("ix_logged_model_series_run_id", "logged_model_series", ["run_id"], unique=False)
    op.create_table(
        "logged_model_tags",
        sa.Column("logged_model_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["logged_model_id"],
            ["logged_models.id"],
            name="fk_logged_model_tags_logged_model_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("logged_model_id", "key", name="pk_logged_model_tags"),
        sqlite_with_rowid=False,
    )
