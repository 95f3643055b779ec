"""The schema's revision: made new, checked at start, moved on by ``trackway db upgrade``.

Alembic is imported only where tables are made or changed: it costs a third of a second.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from trackway.client_compat import uris

from ..database import DEFAULT_WORKSPACE, Database, insert_new
from ..schema import tracking

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parents[1] / "migrations"
# From the names of the files: 0001_tracking.py is revision 0001.
REVISIONS = sorted(path.name[:4] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))
HEAD = REVISIONS[-1]
# PostgreSQL's lock for whoever changes tables.
UPGRADE_LOCK = 7265636
# When experiment 0 was made: it differs between any two databases, and a replica has its primary's.
DATABASE_IDENTITY = sa.select(tracking.experiments.c.creation_time).where(tracking.experiments.c.id == 0)
_REVISION = re.compile(r"\d{4}")


class SchemaError(Exception):
    """The database is not at the revision that this version needs; the text says what to do."""


def revision(database: Database) -> str | None:
    """The revision of the database's schema, None for an empty database.

    Raises ``SchemaError`` for a database that holds another program's tables.
    """
    with database.engine.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        found: str | None = None
        if "alembic_version" in tables:
            found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    # MLflow keeps its schema with alembic as well; its revisions are hashes.
    if not _REVISION.fullmatch(found) if found else {"experiments", "runs"} & tables:
        raise SchemaError(
            "The database holds tables of another program (MLflow's own?). Give Trackway an empty database."
        )
    return found


def check(database: Database) -> None:
    """Raise ``SchemaError`` unless the schema is the one this version works with."""
    found = revision(database)
    if found == HEAD:
        return
    if found is None:
        raise SchemaError("The database is empty. Run: trackway db upgrade --backend-store-uri <uri>")
    if found > HEAD:
        raise _too_new(found)
    raise SchemaError(
        f"The database is at revision {found}, this version needs {HEAD}. Make a copy of it, then run: "
        "trackway db upgrade --backend-store-uri <uri>"
    )


def prepare(database: Database, artifact_root: str) -> None:
    """Make a new database's tables, or check those of an old one; see that experiment 0 is there."""
    if revision(database) is None:
        upgrade(database)
    else:
        check(database)
    seed(database, artifact_root)


def upgrade(database: Database, to: str = "head") -> None:
    """Run the migrations that the database has not seen. Safe to call from several hosts at once.

    Raises ``SchemaError`` for a database that another program or a newer Trackway has made.
    """
    from alembic import command

    found = revision(database)
    if found is not None and found > HEAD:
        raise _too_new(found)
    config = _config()
    with database.writing() as connection:
        if database.dialect == "postgresql":
            # Two replicas that start together on a new database: the second waits, then finds it done.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def seed(database: Database, artifact_root: str) -> None:
    """Put in what every database has from the start: the default workspace and experiment 0."""
    with database.begin(write=False) as tx:
        if tx.execute(sa.select(tracking.experiments.c.id).where(tracking.experiments.c.id == 0)).first():
            return
    with database.begin(write=True) as tx:
        if tx.dialect == "postgresql":
            # Of two that draw an id together, the one with id 2 may come first.
            tx.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        # The first workspace gets id 1, which database.DEFAULT_WORKSPACE counts on.
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
        f"The database is at revision {found}, made by a newer Trackway; this one knows revisions "
        f"up to {HEAD}. Install the newer version."
    )


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config
