"""Experiments, runs, metrics, datasets, and the audit."""

import sqlalchemy as sa
from alembic import op

from trackway.storage.schema.base import Float64, Id, Int64, String

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "points",
        sa.Column("series_id", Id, autoincrement=False, nullable=False),
        sa.Column("timestamp", Int64, autoincrement=False, nullable=False),
        sa.Column("step", Int64, autoincrement=False, nullable=False),
        sa.Column("value", Float64, nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "timestamp", "step", "value", "is_nan", name="pk_points"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "workspaces",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
        sa.UniqueConstraint("name", name="uq_workspaces_name"),
    )
    op.create_table(
        "audit",
        sa.Column("id", Id, nullable=False),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("time_ms", Int64, nullable=False),
        sa.Column("user", String, nullable=True),
        sa.Column("request_id", String, nullable=False),
        sa.Column("action", String, nullable=False),
        sa.Column("target", String, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_audit_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_table(
        "experiments",
        sa.Column("id", Id, nullable=False),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("artifact_location", String, nullable=False),
        sa.Column("lifecycle_stage", String, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("last_update_time", Int64, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_experiments_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_experiments"),
        sa.UniqueConstraint("workspace_id", "name", name="uq_experiments_workspace_id_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "datasets",
        sa.Column("id", Id, nullable=False),
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("digest", String, nullable=False),
        sa.Column("source_type", String, nullable=False),
        sa.Column("source", String, nullable=False),
        sa.Column("schema", String, nullable=True),
        sa.Column("profile", String, nullable=True),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name="fk_datasets_experiment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("experiment_id", "name", "digest", name="uq_datasets_experiment_id_name_digest"),
    )
    op.create_table(
        "experiment_tags",
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name="fk_experiment_tags_experiment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("experiment_id", "key", name="pk_experiment_tags"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "runs",
        sa.Column("id", Id, nullable=False),
        sa.Column("run_uuid", String, nullable=False),
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("user_id", String, nullable=False),
        sa.Column("status", String, nullable=False),
        sa.Column("start_time", Int64, nullable=False),
        sa.Column("end_time", Int64, nullable=True),
        sa.Column("lifecycle_stage", String, nullable=False),
        sa.Column("deleted_time", Int64, nullable=True),
        sa.Column("artifact_uri", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name="fk_runs_experiment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("run_uuid", name="uq_runs_run_uuid"),
    )
    op.create_index(
        "ix_runs_newest",
        "runs",
        ["experiment_id", "lifecycle_stage", sa.literal_column("start_time DESC"), "run_uuid"],
        unique=False,
    )
    op.create_table(
        "dataset_inputs",
        sa.Column("id", Id, nullable=False),
        sa.Column("run_id", Id, nullable=False),
        sa.Column("dataset_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_dataset_inputs_dataset_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_dataset_inputs_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_dataset_inputs"),
        sa.UniqueConstraint("run_id", "dataset_id", name="uq_dataset_inputs_run_id_dataset_id"),
    )
    op.create_index("ix_dataset_inputs_dataset_id", "dataset_inputs", ["dataset_id"], unique=False)
    op.create_table(
        "params",
        sa.Column("run_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_params_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_params"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_models",
        sa.Column("run_id", Id, nullable=False),
        sa.Column("direction", String, nullable=False),
        sa.Column("model_id", String, nullable=False),
        sa.Column("step", Int64, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_models_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "direction", "model_id", name="pk_run_models"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_models_model_id", "run_models", ["model_id"], unique=False)
    op.create_table(
        "run_tags",
        sa.Column("run_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_tags_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_run_tags"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "series",
        sa.Column("id", Id, nullable=False),
        sa.Column("run_id", Id, nullable=False),
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("step", Int64, nullable=False),
        sa.Column("timestamp", Int64, nullable=False),
        sa.Column("value", Float64, nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_series_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("run_id", "key", name="uq_series_run_id_key"),
    )
    op.create_index("ix_series_by_value", "series", ["experiment_id", "key", "is_nan", "value"], unique=False)
    op.create_table(
        "dataset_input_tags",
        sa.Column("input_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["input_id"], ["dataset_inputs.id"], name="fk_dataset_input_tags_input_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("input_id", "key", name="pk_dataset_input_tags"),
        sqlite_with_rowid=False,
    )
