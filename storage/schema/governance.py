"""Policies, what they said of model versions, and approvals of versions."""

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from .base import Id, Int64, String, metadata

policies = Table(
    "policies",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace_id", Id, ForeignKey("workspaces.id"), nullable=False),
    Column("name", String, nullable=False),
    # Which models it is about: a pattern with * and ?, and the same as a pattern of LIKE, escaped by \.
    Column("models", String, nullable=False),
    Column("models_like", String, nullable=False),
    # What it guards, such as "alias:production".
    Column("target", String, nullable=False),
    # JSON: [{"name": ..., "expression": ...}], and ["user:alice", "role:release"].
    Column("rules", String, nullable=False),
    Column("editors", String, nullable=False),
    Column("mode", String, nullable=False),
    # Counts the changes of the policy, from 1.
    Column("revision", Int64, nullable=False),
    Column("creation_time", Int64, nullable=False),
    Column("last_updated_time", Int64, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace_id", Id, ForeignKey("workspaces.id"), nullable=False),
    # No foreign keys: verdicts outlive policies and models.
    Column("policy", String, nullable=False),
    Column("revision", Int64, nullable=False),
    Column("model_id", Id, nullable=False),
    Column("version", Int64, nullable=False),
    Column("target", String, nullable=False),
    # pass, fail, warn (it failed, but the policy only warns), overridden or rollback.
    Column("outcome", String, nullable=False),
    # JSON: each rule with the values found, see ``client_compat/governance/evaluation.py``.
    Column("results", String, nullable=False),
    # What asked for it: alias, stage, rename or gate.
    Column("cause", String, nullable=False),
    # Why an administrator overrode it.
    Column("reason", String),
    Column("user", String),
    Column("request_id", String, nullable=False),
    Column("time_ms", Int64, nullable=False),
)
Index("ix_verdicts_version", verdicts.c.model_id, verdicts.c.version, verdicts.c.id)

approvals = Table(
    "approvals",
    metadata,
    # Rows are only added: of each user the newest decides.
    Column("id", Id, primary_key=True),
    # The row of the version: approvals go with it.
    Column("version_id", Id, ForeignKey("model_versions.id", ondelete="CASCADE"), nullable=False),
    Column("target", String, nullable=False),
    # approve, reject, or withdraw.
    Column("decision", String, nullable=False),
    Column("comment", String),
    # The digest of the version's files at that time: changed files void it. NULL: not known.
    Column("root_digest", String),
    Column("user", String, nullable=False),
    Column("time_ms", Int64, nullable=False),
)
Index("ix_approvals_version", approvals.c.version_id, approvals.c.target, approvals.c.id)
