"""Traces of programs: their spans, tags, metadata and assessments.

A trace is found by the columns of ``traces``, by its tags and metadata, and by the kinds of its spans. What
is not searched is in ``span_bodies``: the spans as clients read them, as compressed lines of JSON. A program
has few kinds of spans (name, type, status, model), so a filter on spans compares the rows of ``span_kinds``,
of which an experiment has some hundred, and not those of ``spans``.
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from .base import Float64, Id, Int64, String, key_value_table, metadata

traces = Table(
    "traces",
    metadata,
    # Children refer to this number, which is shorter than the id on the wire.
    Column("id", Id, primary_key=True),
    Column("trace_id", String, nullable=False, unique=True),
    Column("experiment_id", Id, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    # Milliseconds since the epoch. The duration is in milliseconds; NULL: unknown, the trace has not ended.
    Column("request_time", Int64, nullable=False),
    Column("duration", Int64),
    Column("state", String, nullable=False),
    Column("client_request_id", String),
    Column("request_preview", String),
    Column("response_preview", String),
    # The sums of the spans, or what the client said. NULL: unknown.
    Column("input_tokens", Int64),
    Column("output_tokens", Int64),
    Column("total_tokens", Int64),
    Column("cache_read_input_tokens", Int64),
    Column("cache_creation_input_tokens", Int64),
    Column("input_cost", Float64),
    Column("output_cost", Float64),
    Column("total_cost", Float64),
    # Which of these values the client has said itself (bits of ``traces.Given``); spans do not change them.
    Column("given", Integer, nullable=False),
    # Where the spans are: TRACKING_STORE (``span_bodies``), ARTIFACT_REPO (a file of the client's) or
    # ARCHIVE_REPO.
    Column("spans_location", String, nullable=False),
    # The number of the next row of ``span_bodies``.
    Column("next_chunk", Integer, nullable=False),
    # Whether the text index has the spans as they are now.
    Column("is_indexed", Boolean(create_constraint=False), nullable=False),
    # When something of the trace was written last.
    Column("update_time", Int64, nullable=False),
)
# A page of an experiment's newest traces is read from this index, tie-breaker included.
Index("ix_traces_newest", traces.c.experiment_id, traces.c.request_time.desc(), traces.c.trace_id)
Index(
    "ix_traces_by_state",
    traces.c.experiment_id,
    traces.c.state,
    traces.c.request_time.desc(),
    traces.c.trace_id,
)
# A partial index, on the traces that the text index lacks: the condition is in the migration.
Index("ix_traces_not_indexed", traces.c.update_time, traces.c.id)

trace_tags = key_value_table("trace_tags", "trace_id", of="traces.id")
trace_metadata = key_value_table("trace_metadata", "trace_id", of="traces.id")
for _table in (trace_tags, trace_metadata):
    # Partial indexes on short values, as for the tags of runs.
    Index(f"ix_{_table.name}_by_value", _table.c.key, _table.c.value, _table.c.trace_id)

span_kinds = Table(
    "span_kinds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("experiment_id", Id, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    # Of the columns below: names may be longer than an entry of an index.
    Column("digest", String, nullable=False),
    Column("name", String, nullable=False),
    Column("type", String, nullable=False),
    # UNSET, OK or ERROR.
    Column("status", String, nullable=False),
    # Empty if the span names none.
    Column("model", String, nullable=False),
    Column("provider", String, nullable=False),
    UniqueConstraint("experiment_id", "digest"),
)

spans = Table(
    "spans",
    metadata,
    Column("trace_id", Id, ForeignKey("traces.id", ondelete="CASCADE"), nullable=False),
    # The span's 8 bytes as a signed number; likewise its parent's. NULL: a root.
    Column("span_id", Int64, nullable=False),
    Column("parent_id", Int64),
    Column("kind_id", Id, ForeignKey("span_kinds.id", ondelete="CASCADE"), nullable=False),
    # Nanoseconds since the epoch. NULL: the span has not ended.
    Column("start_ns", Int64, nullable=False),
    Column("end_ns", Int64),
    Column("input_tokens", Int64),
    Column("output_tokens", Int64),
    Column("total_tokens", Int64),
    Column("cache_read_input_tokens", Int64),
    Column("cache_creation_input_tokens", Int64),
    Column("input_cost", Float64),
    Column("output_cost", Float64),
    Column("total_cost", Float64),
    PrimaryKeyConstraint("trace_id", "span_id"),
)
Index("ix_spans_by_kind", spans.c.kind_id, spans.c.trace_id)

span_bodies = Table(
    "span_bodies",
    metadata,
    Column("trace_id", Id, ForeignKey("traces.id", ondelete="CASCADE"), nullable=False),
    # Of a span that is in several chunks the one in the last chunk counts.
    Column("chunk", Integer, nullable=False),
    # Lines of JSON, one for each span, compressed by Zstandard.
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("trace_id", "chunk"),
)

trace_runs = Table(
    "trace_runs",
    metadata,
    Column("trace_id", Id, ForeignKey("traces.id", ondelete="CASCADE"), nullable=False),
    # The run's id on the wire: as in MLflow, it need not exist.
    Column("run_uuid", String, nullable=False),
    PrimaryKeyConstraint("trace_id", "run_uuid"),
)
Index("ix_trace_runs_by_run", trace_runs.c.run_uuid, trace_runs.c.trace_id)

trace_prompts = Table(
    "trace_prompts",
    metadata,
    Column("trace_id", Id, ForeignKey("traces.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("version", String, nullable=False),
    PrimaryKeyConstraint("trace_id", "name", "version"),
)
Index("ix_trace_prompts_by_prompt", trace_prompts.c.name, trace_prompts.c.version, trace_prompts.c.trace_id)

assessments = Table(
    "assessments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("assessment_id", String, nullable=False),
    Column("trace_id", Id, ForeignKey("traces.id", ondelete="CASCADE"), nullable=False),
    # A copy of the trace's.
    Column("experiment_id", Id, nullable=False),
    Column("name", String, nullable=False),
    # feedback, expectation or issue.
    Column("kind", String, nullable=False),
    # JSON text.
    Column("value", String, nullable=False),
    # The value as filters compare it: texts without quotes, other values as JSON. NULL: null.
    Column("text", String),
    # The value as statistics use it: numbers, 1 for true and "yes", 0 for false and "no".
    Column("number", Float64),
    # Whether the value is a number; filters compare only these as numbers.
    Column("is_number", Boolean(create_constraint=False), nullable=False),
    # JSON text of error_code, error_message and stack_trace.
    Column("error", String),
    Column("rationale", String),
    Column("source_type", String, nullable=False),
    Column("source_id", String),
    # JSON text of an object of texts.
    Column("metadata", String),
    # The session that the metadata names: the assessment counts for each of its traces.
    Column("session", String),
    Column("span_id", String),
    Column("run_uuid", String),
    Column("overrides", String),
    Column("is_valid", Boolean(create_constraint=False), nullable=False),
    Column("creation_time", Int64, nullable=False),
    Column("last_update_time", Int64, nullable=False),
    UniqueConstraint("trace_id", "assessment_id"),
)
Index("ix_assessments_by_name", assessments.c.experiment_id, assessments.c.name, assessments.c.trace_id)
# A partial index, on the assessments that have a session.
Index("ix_assessments_by_session", assessments.c.experiment_id, assessments.c.session, assessments.c.name)
# The index of the spans' texts, ``trace_texts``, is only in the migration: its table is a different one on
# each database.
