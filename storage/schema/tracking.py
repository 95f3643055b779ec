"""Experiments, runs and their metrics, params, tags and inputs; logged models (MLflow 3) and their data.

Metrics are in two tables: a row of ``series`` is one metric of one run with its latest value, a row of
``points`` is one logged value. The latest point of a series is the one with the greatest (step, timestamp,
value). A point is its own key: it needs no second index, and sending it twice changes nothing. One wide table
of points that repeats run and key would take ten times the bytes on SQLite (253 instead of 26 for a point).

Metrics of logged models have the same layout: a row of ``logged_model_series`` is one metric that one run
logged to one model on one dataset, with its latest point.
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from .base import Float64, Id, Int64, String, key_value_table, metadata

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Id, primary_key=True),
    # A deleted workspace has a name that no workspace may have.
    Column("name", String, nullable=False, unique=True),
    Column("description", String),
    # Where its experiments have their artifacts; NULL: in a folder of the server's artifact root.
    Column("default_artifact_root", String),
    Column("trace_archival_location", String),
    Column("trace_archival_retention", String),
    # Deleted workspaces remain, so that rows of the audit log refer to them, until the trash has nothing of
    # theirs.
    Column("deleted_time", Int64),
)

experiments = Table(
    "experiments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace_id", Id, ForeignKey("workspaces.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("artifact_location", String, nullable=False),
    Column("lifecycle_stage", String, nullable=False),
    Column("creation_time", Int64, nullable=False),
    Column("last_update_time", Int64, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)

experiment_tags = key_value_table("experiment_tags", "experiment_id", of="experiments.id")

runs = Table(
    "runs",
    metadata,
    # Children refer to this number, which is shorter than run_uuid. Messages call run_uuid ``run_id``.
    Column("id", Id, primary_key=True),
    Column("run_uuid", String, nullable=False, unique=True),
    Column("experiment_id", Id, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("status", String, nullable=False),
    Column("start_time", Int64, nullable=False),
    Column("end_time", Int64),
    Column("lifecycle_stage", String, nullable=False),
    Column("deleted_time", Int64),
    Column("artifact_uri", String, nullable=False),
    # The row version: a new random number after each write to the run or its children (text_cache.py).
    Column("version", Int64, nullable=False, server_default="0"),
)
# A page of an experiment's newest runs is read from this index, tie-breaker included.
Index(
    "ix_runs_newest",
    runs.c.experiment_id,
    runs.c.lifecycle_stage,
    runs.c.start_time.desc(),
    runs.c.run_uuid,
)

params = key_value_table("params", "run_id", of="runs.id")
run_tags = key_value_table("run_tags", "run_id", of="runs.id")
# For finding the runs that have a value, see search/planner.py. An index entry of PostgreSQL has at most
# 2,704 bytes, so these are partial indexes, on values of up to this number of characters: the condition is in
# their migrations.
SHORT_VALUE = 100
for _table in (params, run_tags):
    Index(f"ix_{_table.name}_by_value", _table.c.key, _table.c.value, _table.c.run_id)

series = Table(
    "series",
    metadata,
    # Not a primary key on PostgreSQL, see migration 0010: a sequence makes the numbers, and queries find a
    # series by run and key.
    Column("id", Id, primary_key=True),
    Column("run_id", Id, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    # A copy of the run's, so that "best runs of this experiment" is read from one index.
    Column("experiment_id", Id, nullable=False),
    Column("key", String, nullable=False),
    Column("step", Int64, nullable=False),
    Column("timestamp", Int64, nullable=False),
    Column("value", Float64, nullable=False),
    Column("is_nan", Boolean(create_constraint=False), nullable=False),
    UniqueConstraint("run_id", "key"),
)
# Holds all columns that an order by a metric needs, so runs are read only for the page itself.
Index(
    "ix_series_by_value",
    series.c.experiment_id,
    series.c.key,
    series.c.is_nan,
    series.c.value,
    series.c.run_id,
)

points = Table(
    "points",
    metadata,
    # No foreign key: it would cost a lookup for each of millions of rows. Purging a series deletes its
    # points.
    Column("series_id", Id, nullable=False, autoincrement=False),
    Column("timestamp", Int64, nullable=False, autoincrement=False),
    Column("step", Int64, nullable=False, autoincrement=False),
    # Infinity stands for NaN, which SQLite cannot store; an infinity is stored as the largest double. A
    # column ``is_nan`` would take 16 of 166 bytes for each point on PostgreSQL.
    Column("value", Float64, nullable=False),
    # The order in which a metric's history is read.
    PrimaryKeyConstraint("series_id", "timestamp", "step", "value"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("experiment_id", Id, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("source_type", String, nullable=False),
    Column("source", String, nullable=False),
    Column("schema", String),
    Column("profile", String),
    UniqueConstraint("experiment_id", "name", "digest"),
)

dataset_inputs = Table(
    "dataset_inputs",
    metadata,
    Column("id", Id, primary_key=True),
    # A run may have the same dataset several times, in different contexts (the tag mlflow.data.context).
    Column("run_id", Id, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("dataset_id", Id, ForeignKey("datasets.id", ondelete="CASCADE"), nullable=False, index=True),
)

dataset_input_tags = key_value_table("dataset_input_tags", "input_id", of="dataset_inputs.id")

run_models = Table(
    "run_models",
    metadata,
    Column("run_id", Id, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    # "in" for a model that the run used, "out" for one that it made. model_id is the id of a logged model.
    Column("direction", String, nullable=False),
    Column("model_id", String, nullable=False, index=True),
    Column("step", Int64, nullable=False),
    PrimaryKeyConstraint("run_id", "direction", "model_id"),
)

logged_models = Table(
    "logged_models",
    metadata,
    # Children refer to this number, which is shorter than model_id ("m-" and 32 hex digits).
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
    # Not a foreign key: MLflow accepts any text, and a model may outlive the run that made it.
    Column("source_run_id", String, nullable=False),
)
# A page of an experiment's newest models is read from this index, tie-breaker included.
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
    # A copy of the model's, so that "best models of this experiment" is read from one index.
    Column("experiment_id", Id, nullable=False),
    Column("key", String, nullable=False),
    # "" for a metric without a dataset: two NULLs would count as different in the constraint below.
    Column("dataset_name", String, nullable=False),
    Column("dataset_digest", String, nullable=False),
    Column("timestamp", Int64, nullable=False),
    Column("step", Int64, nullable=False),
    Column("value", Float64, nullable=False),
    Column("is_nan", Boolean(create_constraint=False), nullable=False),
    # The order of these columns makes the index usable for finding one metric of one model.
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
