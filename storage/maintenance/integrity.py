"""Whether a SQLite database file is damaged."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import exc

from trackway.client_compat.errors import ApiError

from ..database import Database

_MAX_PROBLEMS = 20


def problems(database: Database) -> list[str]:
    """Return a sentence for each problem, at most ``_MAX_PROBLEMS``; none for PostgreSQL.

    It reads the whole file: SQLite's pages, the order of its indexes, and rows without their parent.
    """
    if database.dialect != "sqlite":
        return []
    try:
        with database.begin(write=False) as tx:
            pages = tx.execute(sa.text(f"PRAGMA integrity_check({_MAX_PROBLEMS})")).scalars().all()
            orphans = tx.execute(sa.text("PRAGMA foreign_key_check")).fetchmany(_MAX_PROBLEMS)
    except (exc.DBAPIError, ApiError) as error:
        return [str(getattr(error, "orig", None) or error)]
    found = [str(text) for text in pages if text != "ok"]
    found += [f"row {row.rowid} of {row.table} has no row in {row.parent}" for row in orphans]
    return found[:_MAX_PROBLEMS]
