"""Who may use the server: principals (users and service accounts), tokens, share links, sessions, issuers,
roles.

Passwords, tokens, share links and session ids are stored as hashes only. Principals belong to the whole
server, not to a workspace: their rights in each workspace are in other tables.
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

from .base import Id, Int64, String, metadata

principals = Table(
    "principals",
    metadata,
    Column("id", Id, primary_key=True),
    # "user" or "service"
    Column("kind", String, nullable=False),
    # The name of Basic authentication. Users and service accounts share one set of names.
    Column("name", String, nullable=False, unique=True),
    # Argon2id in PHC format; NULL if there is no password: service accounts, users of an identity provider.
    Column("password_hash", String),
    Column("is_admin", Boolean, nullable=False),
    # An inactive principal cannot log in.
    Column("is_active", Boolean, nullable=False),
    # The identity provider that knows the principal, and its identifier there.
    Column("issuer", String),
    Column("subject", String),
    Column("creation_time", Int64, nullable=False),
    Column("last_update_time", Int64, nullable=False),
    UniqueConstraint("issuer", "subject"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Id, primary_key=True),
    # The part of the token that is no secret; it finds the row.
    Column("token_id", String, nullable=False, unique=True),
    Column("principal_id", Id, ForeignKey("principals.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    # SHA-256 of the token, in hexadecimal digits. A secret of 256 random bits needs no slow hash.
    Column("digest", String, nullable=False),
    # Words separated by spaces; empty: all rights of the principal.
    Column("scopes", String, nullable=False),
    # The experiments and models that it is limited to, as JSON; NULL: all.
    Column("limits", String),
    Column("creation_time", Int64, nullable=False),
    # The name of the user who made it.
    Column("created_by", String),
    # NULL: it does not expire.
    Column("expiry_time", Int64),
    Column("revoked_time", Int64),
    Column("last_used_time", Int64),
    # The rule by which the token was exchanged for one of an issuer; NULL for other tokens.
    Column("trust_rule_id", Id, ForeignKey("trust_rules.id", ondelete="CASCADE")),
    # JSON object: tags of the runs that are created with the token.
    Column("run_tags", String),
)
Index("ix_tokens_of_principal", tokens.c.principal_id, tokens.c.id)
Index("ix_tokens_of_trust_rule", tokens.c.trust_rule_id)

issuers = Table(
    "issuers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    # The claim "iss" of its tokens (JWT), and the address of its discovery document.
    Column("url", String, nullable=False, unique=True),
    # The claim "aud" of tokens that are for this server.
    Column("audience", String, nullable=False),
    # "gitlab", "github" or "other": what its claims mean.
    Column("kind", String, nullable=False),
    Column("creation_time", Int64, nullable=False),
)

trust_rules = Table(
    "trust_rules",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("issuer_id", Id, ForeignKey("issuers.id", ondelete="CASCADE"), nullable=False),
    # The service account as which the bearer of a matching token acts.
    Column("principal_id", Id, ForeignKey("principals.id", ondelete="CASCADE"), nullable=False),
    # JSON object: a pattern for each claim that a token must have.
    Column("conditions", String, nullable=False),
    # The workspace in which the bearer has the account's rights; NULL: all.
    Column("workspace_id", Id, ForeignKey("workspaces.id")),
    # As of tokens.
    Column("scopes", String, nullable=False),
    # The longest lifetime of an API token that is exchanged for the issuer's.
    Column("max_lifetime_ms", Int64, nullable=False),
    Column("creation_time", Int64, nullable=False),
    Column("created_by", String),
)
Index("ix_trust_rules_of_issuer", trust_rules.c.issuer_id, trust_rules.c.id)
Index("ix_trust_rules_of_principal", trust_rules.c.principal_id)
Index("ix_trust_rules_of_workspace", trust_rules.c.workspace_id)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    # SHA-256 of the session id, which is in the browser's cookie.
    Column("digest", String, nullable=False, unique=True),
    Column("principal_id", Id, ForeignKey("principals.id", ondelete="CASCADE"), nullable=False),
    Column("creation_time", Int64, nullable=False),
    # Updated every few minutes of use: a session that is not used ends.
    Column("last_used_time", Int64, nullable=False),
    # The time at which it ends even if it is used.
    Column("expiry_time", Int64, nullable=False),
)
Index("ix_sessions_of_principal", sessions.c.principal_id, sessions.c.id)

share_links = Table(
    "share_links",
    metadata,
    Column("id", Id, primary_key=True),
    # The part of the link that is no secret; it finds the row.
    Column("link_id", String, nullable=False, unique=True),
    # Whoever made it: the link shows only what this principal may read.
    Column("principal_id", Id, ForeignKey("principals.id", ondelete="CASCADE"), nullable=False),
    Column("workspace_id", Id, ForeignKey("workspaces.id"), nullable=False),
    Column("label", String, nullable=False),
    # SHA-256 of the secret in its address, as of tokens.
    Column("digest", String, nullable=False),
    # The experiments and runs that it shows, as JSON.
    Column("limits", String, nullable=False),
    Column("creation_time", Int64, nullable=False),
    Column("expiry_time", Int64, nullable=False),
    Column("revoked_time", Int64),
    Column("last_used_time", Int64),
)
Index("ix_share_links_of_principal", share_links.c.principal_id, share_links.c.id)

roles = Table(
    "roles",
    metadata,
    Column("id", Id, primary_key=True),
    # The name of a workspace, which need not exist yet, as in MLflow.
    Column("workspace", String, nullable=False),
    Column("name", String, nullable=False),
    Column("description", String),
    # The principal whose own permissions these are; NULL for a named role.
    Column("owner_id", Id, ForeignKey("principals.id", ondelete="CASCADE")),
    UniqueConstraint("workspace", "name"),
)
Index("ix_roles_of_owner", roles.c.owner_id)

role_members = Table(
    "role_members",
    metadata,
    Column("id", Id, primary_key=True),
    Column("principal_id", Id, ForeignKey("principals.id", ondelete="CASCADE"), nullable=False),
    Column("role_id", Id, ForeignKey("roles.id", ondelete="CASCADE"), nullable=False),
    UniqueConstraint("principal_id", "role_id"),
)
Index("ix_role_members_of_role", role_members.c.role_id)

grants = Table(
    "grants",
    metadata,
    Column("id", Id, primary_key=True),
    Column("role_id", Id, ForeignKey("roles.id", ondelete="CASCADE"), nullable=False),
    # "experiment", "registered_model", "run", ...: access_rules.RESOURCE_TYPES.
    Column("resource_type", String, nullable=False),
    # "*" for all, else an experiment's id, the name of a model or prompt, ...
    Column("resource_id", String, nullable=False),
    # READ, USE, EDIT, MANAGE or DENY
    Column("permission", String, nullable=False),
    UniqueConstraint("role_id", "resource_type", "resource_id"),
)
# A resource that is renamed or deleted takes its grants along.
Index("ix_grants_of_resource", grants.c.resource_type, grants.c.resource_id)

workspace_names = Table(
    "workspace_names",
    metadata,
    # "gitlab"
    Column("provider", String, nullable=False),
    # A project's number or path in lower case, such as "42" or "group/project".
    Column("name", String, nullable=False),
    Column("workspace_id", Id, ForeignKey("workspaces.id"), nullable=False),
    PrimaryKeyConstraint("provider", "name"),
)

access_state = Table(
    "access_state",
    metadata,
    # One row, with id 1.
    Column("id", Id, primary_key=True),
    # Greater after each change to principals, tokens and sessions. Processes compare it with the epoch of
    # what they have cached.
    Column("epoch", Int64, nullable=False),
    # Signs set-up links and CSRF tokens, in hexadecimal digits; the same for all servers of the database.
    Column("signing_key", String, nullable=False),
)
