"""Traces: their spans, tags, metadata and assessments."""

from contextlib import suppress

import sqlalchemy as sa
from alembic import op

from trackway.storage.schema.base import Float64, Id, Int64, String

revision = "0014"
down_revision = "0013"

_IS_SHORT = sa.text("length(value) <= 100")
_HAS_SESSION = sa.text("session IS NOT NULL")
_IS_NOT_INDEXED = sa.text("NOT is_indexed")


def upgrade() -> None:
    op.create_table(
        "span_kinds",
        sa.Column("id", Id, nullable=False),
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("digest", String, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("type", String, nullable=False),
        sa.Column("status", String, nullable=False),
        sa.Column("model", String, nullable=False),
        sa.Column("provider", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name="fk_span_kinds_experiment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_span_kinds"),
        sa.UniqueConstraint("experiment_id", "digest", name="uq_span_kinds_experiment_id_digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "traces",
        sa.Column("id", Id, nullable=False),
        sa.Column("trace_id", String, nullable=False),
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("request_time", Int64, nullable=False),
        sa.Column("duration", Int64, nullable=True),
        sa.Column("state", String, nullable=False),
        sa.Column("client_request_id", String, nullable=True),
        sa.Column("request_preview", String, nullable=True),
        sa.Column("response_preview", String, nullable=True),
        sa.Column("input_tokens", Int64, nullable=True),
        sa.Column("output_tokens", Int64, nullable=True),
        sa.Column("total_tokens", Int64, nullable=True),
        sa.Column("cache_read_input_tokens", Int64, nullable=True),
        sa.Column("cache_creation_input_tokens", Int64, nullable=True),
        sa.Column("input_cost", Float64, nullable=True),
        sa.Column("output_cost", Float64, nullable=True),
        sa.Column("total_cost", Float64, nullable=True),
        sa.Column("given", sa.Integer, nullable=False),
        sa.Column("spans_location", String, nullable=False),
        sa.Column("next_chunk", sa.Integer, nullable=False),
        sa.Column("is_indexed", sa.Boolean, nullable=False),
        sa.Column("update_time", Int64, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name="fk_traces_experiment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_traces"),
        sa.UniqueConstraint("trace_id", name="uq_traces_trace_id"),
    )
    op.create_index(
        "ix_traces_by_state",
        "traces",
        ["experiment_id", "state", sa.text("request_time DESC"), "trace_id"],
    )
    op.create_index("ix_traces_newest", "traces", ["experiment_id", sa.text("request_time DESC"), "trace_id"])
    op.create_index(
        "ix_traces_not_indexed",
        "traces",
        ["update_time", "id"],
        sqlite_where=_IS_NOT_INDEXED,
        postgresql_where=_IS_NOT_INDEXED,
    )
    op.create_table(
        "assessments",
        sa.Column("id", Id, nullable=False),
        sa.Column("assessment_id", String, nullable=False),
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("kind", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.Column("text", String, nullable=True),
        sa.Column("number", Float64, nullable=True),
        sa.Column("is_number", sa.Boolean, nullable=False),
        sa.Column("error", String, nullable=True),
        sa.Column("rationale", String, nullable=True),
        sa.Column("source_type", String, nullable=False),
        sa.Column("source_id", String, nullable=True),
        sa.Column("metadata", String, nullable=True),
        sa.Column("session", String, nullable=True),
        sa.Column("span_id", String, nullable=True),
        sa.Column("run_uuid", String, nullable=True),
        sa.Column("overrides", String, nullable=True),
        sa.Column("is_valid", sa.Boolean, nullable=False),
        sa.Column("creation_time", Int64, nullable=False),
        sa.Column("last_update_time", Int64, nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.id"], name="fk_assessments_trace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_assessments"),
        sa.UniqueConstraint("trace_id", "assessment_id", name="uq_assessments_trace_id_assessment_id"),
    )
    op.create_index("ix_assessments_by_name", "assessments", ["experiment_id", "name", "trace_id"])
    op.create_index(
        "ix_assessments_by_session",
        "assessments",
        ["experiment_id", "session", "name"],
        sqlite_where=_HAS_SESSION,
        postgresql_where=_HAS_SESSION,
    )
    op.create_table(
        "span_bodies",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("chunk", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.id"], name="fk_span_bodies_trace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_id", "chunk", name="pk_span_bodies"),
    )
    op.create_table(
        "spans",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("span_id", Int64, nullable=False),
        sa.Column("parent_id", Int64, nullable=True),
        sa.Column("kind_id", Id, nullable=False),
        sa.Column("start_ns", Int64, nullable=False),
        sa.Column("end_ns", Int64, nullable=True),
        sa.Column("input_tokens", Int64, nullable=True),
        sa.Column("output_tokens", Int64, nullable=True),
        sa.Column("total_tokens", Int64, nullable=True),
        sa.Column("cache_read_input_tokens", Int64, nullable=True),
        sa.Column("cache_creation_input_tokens", Int64, nullable=True),
        sa.Column("input_cost", Float64, nullable=True),
        sa.Column("output_cost", Float64, nullable=True),
        sa.Column("total_cost", Float64, nullable=True),
        sa.ForeignKeyConstraint(["kind_id"], ["span_kinds.id"], name="fk_spans_kind_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trace_id"], ["traces.id"], name="fk_spans_trace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trace_id", "span_id", name="pk_spans"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_spans_by_kind", "spans", ["kind_id", "trace_id"])
    op.create_table(
        "trace_metadata",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.id"], name="fk_trace_metadata_trace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_id", "key", name="pk_trace_metadata"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_trace_metadata_by_value",
        "trace_metadata",
        ["key", "value", "trace_id"],
        sqlite_where=_IS_SHORT,
        postgresql_where=_IS_SHORT,
    )
    op.create_table(
        "trace_prompts",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("name", String, nullable=False),
        sa.Column("version", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.id"], name="fk_trace_prompts_trace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_id", "name", "version", name="pk_trace_prompts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_trace_prompts_by_prompt", "trace_prompts", ["name", "version", "trace_id"])
    op.create_table(
        "trace_runs",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("run_uuid", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.id"], name="fk_trace_runs_trace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_id", "run_uuid", name="pk_trace_runs"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_trace_runs_by_run", "trace_runs", ["run_uuid", "trace_id"])
    op.create_table(
        "trace_tags",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("key", String, nullable=False),
        sa.Column("value", String, nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.id"], name="fk_trace_tags_trace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_id", "key", name="pk_trace_tags"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_trace_tags_by_value",
        "trace_tags",
        ["key", "value", "trace_id"],
        sqlite_where=_IS_SHORT,
        postgresql_where=_IS_SHORT,
    )
    _create_text_index()


def _create_text_index() -> None:
    """Create the index of the texts of spans (``storage/traces/text_index.py``)."""
    if op.get_bind().dialect.name == "sqlite":
        # A SQLite library without FTS5, or older than 3.34: searches then read the spans of each trace.
        with suppress(sa.exc.OperationalError):
            op.execute(
                "CREATE VIRTUAL TABLE trace_texts USING fts5(text, content='', columnsize=0, detail='none', "
                "tokenize='trigram case_sensitive 1')"
            )
        return
    op.create_table(
        "trace_texts",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("grams", sa.ARRAY(sa.SmallInteger), nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.id"], name="fk_trace_texts_trace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_id", name="pk_trace_texts"),
    )
    # PostgreSQL does not count what it takes to read values that are stored out of line, and would read the
    # whole table instead of the index. Nor are statistics of any use: all traces have some thousand numbers.
    op.execute("ALTER TABLE trace_texts ALTER COLUMN grams SET STORAGE MAIN")
    op.execute("ALTER TABLE trace_texts ALTER COLUMN grams SET STATISTICS 0")
    op.create_index("ix_trace_texts_grams", "trace_texts", ["grams"], postgresql_using="gin")
