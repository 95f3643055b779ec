"""The revision of the database's schema: create it, check it at start, upgrade it (``trackway db upgrade``).

Alembic is imported only to create or change tables, because the import takes a third of a second.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from trackway.client_compat import uris

from ..database import DEFAULT_WORKSPACE, Database, insert_new
from ..schema import tracking
from . import access

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parents[1] / "migrations"
# The file name begins with the revision: 0001_tracking.py is revision 0001.
REVISIONS = sorted(path.name[:4] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))
HEAD = REVISIONS[-1]
# Number of the PostgreSQL advisory lock that a transaction takes before it changes tables.
UPGRADE_LOCK = 7265636
# Identifies a database: the creation time of experiment 0 differs between any two databases, but a replica
# has that of its primary.
DATABASE_IDENTITY = sa.select(tracking.experiments.c.creation_time).where(tracking.experiments.c.id == 0)
_REVISION = re.compile(r"\d{4}")


class SchemaError(Exception):
    """The database is not at the revision that this version needs. The message says what to do."""


def revision(database: Database) -> str | None:
    """Return the revision of the database's schema, or None if the database is empty.

    Raise ``SchemaError`` if it contains tables of another program, ``Unusable`` if no schema can be used.
    """
    with database.engine.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        found: str | None = None
        if "alembic_version" in tables:
            found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        else:
            access.check_schema(connection)
    # MLflow uses Alembic as well, but its revisions are hexadecimal hashes.
    if not _REVISION.fullmatch(found) if found else {"experiments", "runs"} & tables:
        raise SchemaError(
            "The database contains tables of another program (MLflow?). Give Trackway an empty database."
        )
    return found


def check(database: Database) -> None:
    """Raise ``SchemaError`` if the schema is not at the revision that this version needs."""
    found = revision(database)
    if found == HEAD:
        return
    if found is None:
        raise SchemaError("The database is empty. Run: trackway db upgrade --backend-store-uri <uri>")
    if found > HEAD:
        raise _too_new(found)
    raise SchemaError(
        f"The database is at revision {found}, this version needs {HEAD}. Make a backup of it, then run: "
        "trackway db upgrade --backend-store-uri <uri>"
    )


def prepare(database: Database, artifact_root: str) -> bool:
    """Create the tables of an empty database, or check the revision of an existing one; add experiment 0.

    Return whether the database was empty. Raise ``SchemaError`` as ``check`` does.
    """
    is_new = revision(database) is None
    if is_new:
        upgrade(database)
    else:
        check(database)
    seed(database, artifact_root)
    return is_new


def upgrade(database: Database, to: str = "head") -> None:
    """Run the migrations up to the revision ``to`` that have not been run yet.

    Idempotent, and safe to call from several hosts at once. Raise ``SchemaError`` if the database is that of
    another program or of a newer Trackway.
    """
    from alembic import command

    found = revision(database)
    if found is not None and found > HEAD:
        raise _too_new(found)
    config = _config()
    with database.writing() as connection:
        if database.dialect == "postgresql":
            # If two servers start on a new database at once, the second waits here, then has nothing to do.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def seed(database: Database, artifact_root: str) -> None:
    """Insert the default workspace and experiment 0, which every database has. Idempotent."""
    with database.begin(write=False) as tx:
        if tx.execute(sa.select(tracking.experiments.c.id).where(tracking.experiments.c.id == 0)).first():
            return
    with database.begin(write=True) as tx:
        if tx.dialect == "postgresql":
            # Without the lock two servers could take ids 1 and 2, and the one with id 2 could insert first.
            tx.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        # The first workspace gets id 1, which is database.DEFAULT_WORKSPACE.
        tx.execute(insert_new(tracking.workspaces), {"name": "default"})
        tx.execute(
            insert_new(tracking.experiments),
            {
                "id": 0,
                "workspace_id": DEFAULT_WORKSPACE,
                "name": "Default",
                "artifact_location": uris.append(artifact_root, "0"),
                "lifecycle_stage": "active",
                "creation_time": tx.now_ms,
                "last_update_time": tx.now_ms,
            },
        )


def _too_new(found: str) -> SchemaError:
    return SchemaError(
        f"The database is at revision {found}, made by a newer Trackway; this version supports "
        f"revisions up to {HEAD}. Install the newer version."
    )


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config
