"""Whether a SQLite database file is damaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
            return problems_of(lambda statement: tx.execute(sa.text(statement)))
    except (exc.DBAPIError, ApiError) as error:
        return [str(getattr(error, "orig", None) or error)]


def problems_of(execute: Callable[[str], Any]) -> list[str]:
    """Return a sentence for each problem of the SQLite database in which ``execute`` runs a statement."""
    pages = execute(f"PRAGMA integrity_check({_MAX_PROBLEMS})").fetchall()
    orphans = execute("PRAGMA foreign_key_check").fetchmany(_MAX_PROBLEMS)
    found = [str(text) for (text,) in pages if text != "ok"]
    found += [f"row {row} of {table} has no row in {parent}" for table, row, parent, _ in orphans]
    return found[:_MAX_PROBLEMS]
