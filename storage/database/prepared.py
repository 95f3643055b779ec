"""Statements of the hot paths: built with SQLAlchemy, compiled once, then handed to the driver as text.

SQLAlchemy spends 20 to 40 microseconds on each execution (its cache's key, a context, a result's
columns), where SQLite needs 4 for the statement itself.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

Values = Sequence[Any]


class Plan(NamedTuple):
    """A statement as one database takes it."""

    sql: str
    # From the values in the caller's order to those in the driver's; None where they are the same.
    reorder: Callable[[Values], Values] | None
    # Makes a row of what the driver returns; None where nothing comes back.
    row: Callable[[Any], Any] | None
    # The statement for many rows, which takes an array for each column; None: executemany.
    of_arrays: str | None
    # Whether the database is to plan it once, for whatever values.
    generic_plan: bool

    def driver_values(self, values: Values) -> Values:
        """A call's values as the driver takes them."""
        return values if self.reorder is None else self.reorder(values)


class Prepared:
    """A statement with the names of its parameters, in the order in which calls give their values.

    For an INSERT they are the names of its columns. Rows are named tuples, their values as the driver
    has them: SQLite's booleans are 0 and 1. See ``Tx.first``, ``Tx.rows``, ``Tx.run`` and ``Tx.run_many``.

    ``generic_plan`` says that one way to read it is right whatever the values: PostgreSQL, which
    else plans it again for each where that promises a little, then need not.
    """

    def __init__(
        self,
        statement: sa.Select[Any] | sa.Insert | sa.Update | sa.Delete,
        *names: str,
        generic_plan: bool = False,
    ) -> None:
        self._statement = statement
        self._names = names
        self._is_for_any_values = generic_plan
        self._plans: dict[str, Plan] = {}

    def plan(self, dialect: sa.Dialect) -> Plan:
        plan = self._plans.get(dialect.name)
        if plan is None:
            plan = self._plans[dialect.name] = self._compile(dialect)
        return plan

    def _compile(self, dialect: sa.Dialect) -> Plan:
        statement = self._statement
        if dialect.name == "postgresql":
            # As the database itself has them; it is handed the text past the driver's cursors.
            dialect = type(dialect)(paramstyle="numeric_dollar")  # type: ignore[call-arg]
        is_one_row = (
            isinstance(statement, sa.Insert) and statement.select is None and not statement._multi_values
        )
        columns = self._names if is_one_row else None
        compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
        if compiled.post_compile_params or compiled.literal_execute_params:
            # Lists for IN become part of the text, as they would at each execution.
            compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        of_arrays = None
        if isinstance(statement, sa.Insert) and is_one_row and dialect.name == "postgresql":
            of_arrays = str(_from_arrays(statement, self._names).compile(dialect=dialect))
        returned = [column.name for column in statement.exported_columns]
        row_class: Any = namedtuple("Row", returned)  # type: ignore[misc]
        row = row_class._make if returned else None
        reorder = self._reordering(compiled, dialect)
        return Plan(str(compiled), reorder, row, of_arrays, self._is_for_any_values)

    def _reordering(self, compiled: Any, dialect: sa.Dialect) -> Callable[[Values], Values] | None:
        order: list[str] = compiled.positiontup or []
        if unknown := set(self._names) - set(order):
            raise TypeError(f"The statement has no parameters {sorted(unknown)}: {compiled}")
        types = {name: bind.type for bind, name in compiled.bind_names.items()}
        convert = {
            name: processor
            for name in order
            if name in types  # not one of a list for IN
            # Python's own are taken by both drivers, and its lists by PostgreSQL's.
            and not isinstance(types[name], sa.Boolean | sa.Float | sa.ARRAY)
            and (processor := types[name].dialect_impl(dialect).bind_processor(dialect))
        }
        if order == list(self._names) and not convert:
            return None
        names = self._names
        constants = {name: compiled.params[name] for name in order if name not in names}
        places = {name: place for place, name in enumerate((*names, *constants))}
        # Twice the last: of one place alone it would be no tuple.
        pick = itemgetter(*(places[name] for name in order), places[order[-1]])
        converted = [(names.index(name), processor) for name, processor in convert.items() if name in names]
        rest = tuple(constants.values())

        def reorder(values: Values) -> Values:
            if len(values) != len(names):
                raise TypeError(f"The statement takes {names}, not {len(values)} values.")
            if converted:
                values = list(values)
                for place, processor in converted:
                    values[place] = processor(values[place])
            picked: Values = pick((*values, *rest))[:-1]
            return picked

        return reorder


def multi_row(statement: sa.Insert, count: int, *names: str) -> Prepared:
    """An INSERT of ``count`` rows at once; its values are theirs in one list, row by row."""
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
    """INSERT of the rows that an array for each column makes together.

    executemany, which sends each row by itself, takes several times as long: 26 against 8 ms for
    1,000 points.
    """
    columns = [statement.table.c[name] for name in names]
    arrays = [sa.bindparam(c.name, type_=sa.ARRAY(c.type)) for c in columns]
    rows = sa.func.unnest(*arrays).table_valued(*names).render_derived()
    return statement.from_select(list(names), sa.select(*rows.c))


class _Keys(sa.types.UserDefinedType[Any]):
    """A list of texts as one parameter."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "TEXT[]"

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        return json.dumps if dialect.name == "sqlite" else None


class _Among(sa.ColumnElement[Any]):
    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[str], keys: sa.BindParameter[Any]) -> None:
        self.column = column
        self.keys = keys
        # Not Boolean, which would become "... = 1" on SQLite, and that uses no index.
        self.type = sa.types.NullType()


def in_list(column: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """Whether the column's text is in the list given as parameter ``name``: the same SQL for any length."""
    return _Among(column, sa.bindparam(name, type_=_Keys()))


@compiles(_Among)
def _compile_among(element: _Among, compiler: Any, **options: Any) -> str:
    column, keys = compiler.process(element.column, **options), compiler.process(element.keys, **options)
    return f"{column} = ANY ({keys}::TEXT[])"


@compiles(_Among, "sqlite")
def _compile_among_sqlite(element: _Among, compiler: Any, **options: Any) -> str:
    column, keys = compiler.process(element.column, **options), compiler.process(element.keys, **options)
    return f"{column} IN (SELECT value FROM json_each({keys}))"


__all__ = ["Plan", "Prepared", "in_list", "multi_row"]
