"""Logged models (MLflow 3), what is known of them, and their metrics.

Metrics are laid out as those of runs: a series is one metric that one run logged to one model on
one dataset, with its newest point; a point is one logged value and its own key. The run's id, the
metric's key and the dataset are written once per series instead of once per point.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from .base import Float64, Id, Int64, String, key_value_table, metadata

logged_models = Table(
    "logged_models",
    metadata,
    # The wire's model_id, "m-" and 32 hex digits, stands beside this shorter number for children.
    Column("id", Id, primary_key=True),
    Column("model_id", String, nullable=False, unique=True),
    Column("experiment_id", Id, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("artifact_location", String, nullable=False),
    Column("creation_timestamp_ms", Int64, nullable=False),
    Column("last_updated_timestamp_ms", Int64, nullable=False),
    Column("status", String, nullable=False),
    Column("status_message", String),
    Column("lifecycle_stage", String, nullable=False),
    Column("deleted_time", Int64),
    Column("model_type", String, nullable=False),
    # Not a foreign key: MLflow takes any text, and a model outlives the run that made it.
    Column("source_run_id", String, nullable=False),
)
# A page of an experiment's newest models is read off this index, tie-break included.
Index(
    "ix_logged_models_newest",
    logged_models.c.experiment_id,
    logged_models.c.lifecycle_stage,
    logged_models.c.creation_timestamp_ms.desc(),
    logged_models.c.model_id,
)

logged_model_params = key_value_table("logged_model_params", "logged_model_id", of="logged_models.id")

logged_model_tags = key_value_table("logged_model_tags", "logged_model_id", of="logged_models.id")

logged_model_series = Table(
    "logged_model_series",
    metadata,
    Column("id", Id, primary_key=True),
    Column("logged_model_id", Id, ForeignKey("logged_models.id", ondelete="CASCADE"), nullable=False),
    Column("run_id", Id, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    # Repeats the model's, so that "best models of this experiment" is read off one index.
    Column("experiment_id", Id, nullable=False),
    Column("key", String, nullable=False),
    # Empty for a metric that names no dataset: NULL would differ from NULL in the constraint below.
    Column("dataset_name", String, nullable=False),
    Column("dataset_digest", String, nullable=False),
    Column("timestamp", Int64, nullable=False),
    Column("step", Int64, nullable=False),
    Column("value", Float64, nullable=False),
    Column("is_nan", Boolean(create_constraint=False), nullable=False),
    # In this order it also finds the series of one metric of one model.
    UniqueConstraint(
        *("logged_model_id", "key", "run_id", "dataset_name", "dataset_digest"), name="uq_logged_model_series"
    ),
)
Index(
    "ix_logged_model_series_by_value",
    logged_model_series.c.experiment_id,
    logged_model_series.c.key,
    logged_model_series.c.is_nan,
    logged_model_series.c.value,
)

logged_model_points = Table(
    "logged_model_points",
    metadata,
    # No foreign key, as in points: purging a series deletes its points.
    Column("series_id", Id, nullable=False, autoincrement=False),
    Column("timestamp", Int64, nullable=False, autoincrement=False),
    Column("step", Int64, nullable=False, autoincrement=False),
    Column("value", Float64, nullable=False),
    Column("is_nan", Boolean(create_constraint=False), nullable=False),
    PrimaryKeyConstraint("series_id", "timestamp", "step", "value", "is_nan"),
)
