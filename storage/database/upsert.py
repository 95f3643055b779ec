"""INSERT that says what becomes of a row that is there already: the same words on both databases.

SQLAlchemy has them in each database's own dialect, so that a statement would be written once for each. This
is its interface for extensions of a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement, SyntaxExtension
from sqlalchemy.sql.visitors import InternalTraversal


def insert_new(table: sa.Table) -> sa.Insert:
    """INSERT of rows; one that breaks a unique index is left out."""
    return sa.insert(table).ext(_OnConflict())


def upsert(
    table: sa.Table,
    *columns: str,
    key: Sequence[str] = (),
    where: sa.ColumnElement[bool] | None = None,
) -> sa.Insert:
    """INSERT of rows; where one with the same key is there, its ``columns`` are set anew.

    ``key`` are the columns of a unique index, else those of the primary key. ``where`` says which rows are
    changed at all: it compares the table's columns with those of ``excluded``.
    """
    names = key or [column.name for column in table.primary_key.columns]
    return sa.insert(table).ext(_OnConflict(names, columns, where))


def excluded(table: sa.Table) -> Any:
    """The columns of the row that could not be inserted, as SQL names it."""
    return sa.alias(table, "excluded").c


class _OnConflict(SyntaxExtension, ClauseElement):
    _traverse_internals = [  # noqa: RUF012 -- what the cache of compiled statements tells them apart by
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
