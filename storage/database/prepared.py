"""Prepared statements: built with SQLAlchemy, compiled once per database, then given to the driver as text.

They are for hot paths. SQLAlchemy spends 20 to 40 microseconds on each execution (the key of its statement
cache, the execution context, the columns of the result), while SQLite runs the statement itself in 4.
"""

from __future__ import annotations

import functools
import json
from collections import namedtuple
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

Values = Sequence[Any]


class Plan(NamedTuple):
    """A statement compiled for one database."""

    sql: str
    # Converts the values from the caller's order to the driver's; None if nothing has to be converted.
    reorder: Callable[[Values], Values] | None
    # Makes a named tuple of a row of the driver's; None if the statement returns no rows.
    row: Callable[[Any], Any] | None
    # The statement for many rows, which takes one array for each column; None: run it for each row.
    array_sql: str | None
    # Whether PostgreSQL makes one plan for all values.
    generic_plan: bool

    def driver_values(self, values: Values) -> Values:
        """Return a call's values in the driver's order and types."""
        return values if self.reorder is None else self.reorder(values)


class Prepared:
    """A statement and the names of its parameters, in the order in which callers pass the values.

    For an INSERT these are the names of its columns. Run it with ``Tx.first``, ``Tx.rows``, ``Tx.run`` or
    ``Tx.run_many``. Rows are named tuples with the values as the driver returns them: SQLite's booleans are
    0 and 1.

    ``generic_plan`` makes PostgreSQL use one plan for all values. By default it makes a new plan for each
    execution if it expects that plan to be a little faster.
    """

    def __init__(
        self,
        statement: sa.Select[Any] | sa.Insert | sa.Update | sa.Delete,
        *names: str,
        generic_plan: bool = False,
    ) -> None:
        self._statement = statement
        self._names = names
        self._generic_plan = generic_plan
        self._plans: dict[str, Plan] = {}

    def plan(self, dialect: sa.Dialect) -> Plan:
        """Return the statement compiled for the dialect. It is compiled at the first call."""
        plan = self._plans.get(dialect.name)
        if plan is None:
            plan = self._plans[dialect.name] = self._compile(dialect)
        return plan

    def _compile(self, dialect: sa.Dialect) -> Plan:
        statement = self._statement
        if dialect.name == "postgresql":
            # PostgreSQL's own form, $1: libpq gets the text without psycopg's cursors, which translate %s.
            dialect = type(dialect)(paramstyle="numeric_dollar")  # type: ignore[call-arg]
        is_one_row = (
            isinstance(statement, sa.Insert) and statement.select is None and not statement._multi_values
        )
        columns = self._names if is_one_row else None
        compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
        if compiled.post_compile_params or compiled.literal_execute_params:
            # Write lists for IN into the text now; SQLAlchemy would do so at each execution.
            compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        array_sql = None
        if isinstance(statement, sa.Insert) and is_one_row and dialect.name == "postgresql":
            array_sql = str(_from_arrays(statement, self._names).compile(dialect=dialect))
        returned = [column.name for column in statement.exported_columns]
        row_class: Any = namedtuple("Row", returned)  # type: ignore[misc]
        row = row_class._make if returned else None
        reorder = self._reordering(compiled, dialect)
        return Plan(str(compiled), reorder, row, array_sql, self._generic_plan)

    def _reordering(self, compiled: Any, dialect: sa.Dialect) -> Callable[[Values], Values] | None:
        """Return ``Plan.reorder``: the function that converts a call's values, or None if none is needed."""
        order: list[str] = compiled.positiontup or []
        if unknown := set(self._names) - set(order):
            raise TypeError(f"The statement has no parameters {sorted(unknown)}: {compiled}")
        types = {name: bind.type for bind, name in compiled.bind_names.items()}
        convert = {
            name: processor
            for name in order
            if name in types  # elements of a list for IN have no type of their own here
            # Both drivers take Python's bool, float and bytes, and PostgreSQL's takes lists.
            and not isinstance(types[name], sa.Boolean | sa.Float | sa.LargeBinary | sa.ARRAY)
            and (processor := types[name].dialect_impl(dialect).bind_processor(dialect))
        }
        if order == list(self._names) and not convert:
            return None
        names = self._names
        constants = {name: compiled.params[name] for name in order if name not in names}
        places = {name: place for place, name in enumerate((*names, *constants))}
        # The last place stands twice, since itemgetter with a single place returns no tuple.
        pick = itemgetter(*(places[name] for name in order), places[order[-1]])
        converted = [(names.index(name), processor) for name, processor in convert.items() if name in names]
        rest = tuple(constants.values())

        def reorder(values: Values) -> Values:
            if len(values) != len(names):
                raise TypeError(f"The statement takes the values {names}, but {len(values)} were given.")
            if converted:
                values = list(values)
                for place, processor in converted:
                    values[place] = processor(values[place])
            picked: Values = pick((*values, *rest))[:-1]
            return picked

        return reorder


@functools.cache
def update_by_id(table: sa.Table, *columns: str) -> Prepared:
    """Return an UPDATE of the row with an id. Its values are the id and those of the columns."""
    values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
    update = sa.update(table).where(table.c.id == sa.bindparam("row")).values(values)
    return Prepared(update, "row", *(value.key for value in values.values()))


def multi_row(statement: sa.Insert, count: int, *names: str) -> Prepared:
    """Return an INSERT of ``count`` rows in one statement. Its values are one flat list, row by row."""
    rows = [[f"{name}_{number}" for name in names] for number in range(count)]
    values = [
        {
            name: sa.bindparam(key, type_=statement.table.c[name].type)
            for name, key in zip(names, row, strict=True)
        }
        for row in rows
    ]
    return Prepared(statement.values(values), *(key for row in rows for key in row))


def _from_arrays(statement: sa.Insert, names: Sequence[str]) -> sa.Insert:
    """Return an INSERT of many rows that takes one array for each column.

    executemany sends each row separately and takes several times as long: 26 ms instead of 8 for 1,000
    points.
    """
    columns = [statement.table.c[name] for name in names]
    arrays = [sa.bindparam(c.name, type_=sa.ARRAY(c.type)) for c in columns]
    rows = sa.func.unnest(*arrays).table_valued(*names).render_derived()
    return statement.from_select(list(names), sa.select(*rows.c))


class _TextList(sa.types.UserDefinedType[Any]):
    """The type of a list of texts that is one parameter: an array on PostgreSQL, JSON on SQLite."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "TEXT[]"

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        return json.dumps if dialect.name == "sqlite" else None


class _InList(sa.ColumnElement[Any]):
    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[str], texts: sa.BindParameter[Any]) -> None:
        self.column = column
        self.texts = texts
        # Not Boolean: on SQLite that would be compiled to "... = 1", which uses no index.
        self.type = sa.types.NullType()


def in_list(column: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """Return the condition that the column is in the list of the parameter ``name``.

    The SQL is the same for lists of any length, so it is compiled and prepared once.
    """
    return _InList(column, sa.bindparam(name, type_=_TextList()))


@compiles(_InList)
def _compile_in_list(element: _InList, compiler: Any, **options: Any) -> str:
    column, texts = compiler.process(element.column, **options), compiler.process(element.texts, **options)
    return f"{column} = ANY ({texts}::TEXT[])"


@compiles(_InList, "sqlite")
def _compile_in_list_sqlite(element: _InList, compiler: Any, **options: Any) -> str:
    column, texts = compiler.process(element.column, **options), compiler.process(element.texts, **options)
    return f"{column} IN (SELECT value FROM json_each({texts}))"


__all__ = ["Plan", "Prepared", "in_list", "multi_row", "update_by_id"]
