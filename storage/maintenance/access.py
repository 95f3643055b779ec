"""Whether the server's account may read and write the database: for `/ready`, the start and `trackway db`.

Requests find out by themselves, see ``database/errors.py``. These checks find it before a request does.
"""

from __future__ import annotations

import os

import sqlalchemy as sa

from trackway.client_compat.errors import Unusable

from .. import schema
from ..database import Database, translated

_MAX_NAMES = 5
_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
# Sequences of SERIAL columns need a right of their own.
_PROBLEMS = sa.text(f"""
    WITH ours AS (SELECT name, to_regclass(name) AS id FROM unnest(CAST(:tables AS text[])) AS name)
    SELECT current_setting('transaction_read_only') = 'on' AS is_read_only,
        (SELECT string_agg(name, ', ' ORDER BY name) FROM ours WHERE id IS NULL) AS missing,
        (SELECT string_agg(name, ', ' ORDER BY name) FROM ours
          WHERE NOT ({" AND ".join(f"has_table_privilege(id, '{right}')" for right in _RIGHTS)})) AS refused,
        (SELECT string_agg(s.relname, ', ' ORDER BY s.relname)
           FROM ours JOIN pg_depend d ON d.refobjid = ours.id AND d.deptype = 'a'
           JOIN pg_class s ON s.oid = d.objid
          WHERE CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE') END) AS sequences
""")
# The schema is the first of the search path; current_schema() is the first that the account may use.
_ACCOUNT = sa.text("""
    SELECT quote_ident(current_user) AS role,
        (SELECT quote_ident(nspname) FROM pg_namespace, string_to_array(translate(
                replace(current_setting('search_path'), '$user', current_user), '" ', ''), ',') AS path
          WHERE nspname = ANY (path) ORDER BY array_position(path, nspname::text) LIMIT 1) AS schema,
        (SELECT quote_ident(tableowner) FROM pg_tables WHERE tablename = 'alembic_version' LIMIT 1) AS owner
""")


class MissingRight(Unusable):
    """The server's account lacks a right on PostgreSQL."""


def check(database: Database) -> None:
    """Raise ``ApiError`` if the database does not answer or cannot be written."""
    if database.dialect == "sqlite":
        database.ping()
        _check_file(database.engine.url.database or "")
        return
    if is_read_only(database):
        raise Unusable("The database is read-only: runs and models can be read, but nothing can be stored.")


def is_read_only(database: Database) -> bool:
    """Return whether PostgreSQL refuses writes: a standby, or default_transaction_read_only is on.

    Raise ``Unusable`` if a table or a right on one is missing. False for SQLite.
    """
    if database.dialect == "sqlite":
        return False
    tables = sorted(schema.metadata.tables)
    with translated(), database.engine.connect() as connection:
        found = connection.execute(_PROBLEMS, {"tables": tables}).one()
    if found.missing:
        raise Unusable(f"The database lacks tables that the server needs: {found.missing}.")
    if found.refused or found.sequences:
        names = ", ".join(names for names in (found.refused, found.sequences) if names).split(", ")
        shown = ", ".join(names[:_MAX_NAMES]) + (", ..." if len(names) > _MAX_NAMES else "")
        raise MissingRight(
            f"The server's account may not read and write {len(names)} tables or sequences: {shown}."
        )
    return bool(found.is_read_only)


def check_schema(connection: sa.Connection) -> None:
    """Raise ``MissingRight`` if the account may use no schema; it would see no tables, as in an empty one."""
    if connection.dialect.name == "postgresql" and not connection.scalar(sa.text("SELECT current_schema()")):
        raise MissingRight("The server's account may use no schema of the database's search_path.")


def advise(database: Database, error: Exception) -> None:
    """Add a note with the GRANT that helps, if the error says that a right is missing on PostgreSQL.

    Other errors are left alone, so a caller needs not know which one it has.
    """
    state = getattr(getattr(error.__cause__, "orig", None), "sqlstate", None)
    if not isinstance(error, MissingRight) and state not in ("42501", "3F000"):
        return
    with translated(), database.engine.connect() as connection:
        role, schema_name, owner = connection.execute(_ACCOUNT).one()
    if "must be owner" in str(error):
        error.add_note(
            f"Run the command as the owner of the tables, or let an administrator run: "
            f"GRANT {owner} TO {role};"
        )
        return
    rights = ", ".join(_RIGHTS)
    error.add_note(
        f"Let an administrator run: GRANT USAGE, CREATE ON SCHEMA {schema_name} TO {role}; "
        f"GRANT {rights} ON ALL TABLES IN SCHEMA {schema_name} TO {role}; "
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema_name} TO {role};"
    )


def _check_file(path: str) -> None:
    """Raise ``Unusable`` if the file of a SQLite database has gone or cannot be written."""
    for place in (path, os.path.dirname(os.path.abspath(path))):
        if not os.path.exists(place):
            raise Unusable(f"{place} does not exist any more.")
        if not os.access(place, os.W_OK):
            raise Unusable(f"{place} cannot be written by the server.")
