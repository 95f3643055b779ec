"""INSERT ... ON CONFLICT, written once for both databases.

SQLAlchemy offers ON CONFLICT only in the dialect of each database, so each statement would have to be written
twice. This module uses SQLAlchemy's interface for syntax extensions instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement, SyntaxExtension
from sqlalchemy.sql.visitors import InternalTraversal


def insert_new(table: sa.Table) -> sa.Insert:
    """Return an INSERT that skips a row if it violates a unique index."""
    return sa.insert(table).ext(_OnConflict())


def upsert(
    table: sa.Table,
    *columns: str,
    key: Sequence[str] = (),
    where: sa.ColumnElement[bool] | None = None,
) -> sa.Insert:
    """Return an INSERT that updates ``columns`` of the existing row if there is one with the same key.

    ``key`` names the columns of a unique index; the default is the primary key. With ``where``, only existing
    rows that meet this condition are updated; it may compare the table's columns with ``excluded(table)``.
    """
    names = key or [column.name for column in table.primary_key.columns]
    return sa.insert(table).ext(_OnConflict(names, columns, where))


def excluded(table: sa.Table) -> Any:
    """Return the columns of the row that was not inserted: SQL's ``excluded``."""
    return sa.alias(table, "excluded").c


class _OnConflict(SyntaxExtension, ClauseElement):
    _traverse_internals = [  # noqa: RUF012 -- SQLAlchemy makes the key of its statement cache from these
        ("key", InternalTraversal.dp_string_list),
        ("columns", InternalTraversal.dp_string_list),
        ("where", InternalTraversal.dp_clauseelement),
    ]
    inherit_cache = True

    def __init__(
        self,
        key: Sequence[str] = (),
        columns: Sequence[str] = (),
        where: sa.ColumnElement[bool] | None = None,
    ) -> None:
        self.key = list(key)
        self.columns = list(columns)
        self.where = where

    def apply_to_insert(self, insert_stmt: sa.Insert) -> None:
        insert_stmt.apply_syntax_extension_point(self.append_replacing_same_type, "post_values")


@compiles(_OnConflict)
def _compile(element: _OnConflict, compiler: Any, **_options: Any) -> str:
    if not element.columns:
        return "ON CONFLICT DO NOTHING"
    quote = compiler.preparer.quote
    key = ", ".join(map(quote, element.key))
    changes = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in element.columns)
    text = f"ON CONFLICT ({key}) DO UPDATE SET {changes}"
    if element.where is not None:
        text += " WHERE " + compiler.process(element.where, include_table=True, use_schema=False)
    return text
