"""Who may use the server: principals (users and service accounts), their tokens and sessions.

Passwords, tokens and session ids are stored as hashes only. Principals belong to the whole server, not to a
workspace: their rights in each workspace are in other tables.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, UniqueConstraint

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
    Column("creation_time", Int64, nullable=False),
    # The name of the user who made it.
    Column("created_by", String),
    # NULL: it does not expire.
    Column("expiry_time", Int64),
    Column("revoked_time", Int64),
    Column("last_used_time", Int64),
)
Index("ix_tokens_of_principal", tokens.c.principal_id, tokens.c.id)

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
