"""Filters with many comparisons as SQL: one subquery makes all comparisons of a row.

``condition`` has a subquery for each comparison of a tag, param or metric, and the database plans and runs
them one by one. 500 of them took 6 s for 2,000 runs on SQLite. Here the comparisons are rows of a table that
the statement contains, each with a bit. One subquery joins the tags, params and metrics of a row with this
table, and returns the bits of the comparisons that are true, in a few integers. The filter then tests bits:
0.5 s.

Comparisons that are joined by OR share a bit, since it does not matter which of them is true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql.elements import Grouping

from trackway.client_compat.filters import And, Comparison, Node, Not, Or, comparisons

from .conditions import Column, Entity, compare_rows, comparison_of, condition, rows_of

# With fewer comparisons, subqueries of their own are as fast, and most of them need not be run.
_MIN_COMPARISONS = 16
# The values of longer lists stay in a subquery of their own: each would be a row, and a statement of SQLite
# has at most 32,766 parameters.
_MAX_LISTED = 10
_WORD_BITS = 62  # of the 64 of a signed integer
_MAX_JOINED = 25
# They are not true because of one row that fits.
_NEGATIVE = frozenset({"NOT IN", "IS NULL"})


def conditions(entity: Entity, parts: Sequence[Node]) -> list[Column]:
    """Return the parts of a filter as SQL conditions, which all have to be true."""
    compared = [each for part in parts for each in comparisons(part) if each.kind in entity.children]
    if len(compared) < _MIN_COMPARISONS:
        return [condition(entity, part) for part in parts]
    return [_Many(entity).condition(And(tuple(parts)))]


class _Bit(NamedTuple):
    """A bit, and the integer that it is in."""

    word: int
    mask: int


class _Many:
    """Builds the condition of one filter."""

    def __init__(self, entity: Entity) -> None:
        self._entity = entity
        self._bits = 0
        # The rows of the table of comparisons: word, mask, key and values, by kind and operator.
        self._rows: dict[tuple[str, str], list[tuple[Any, ...]]] = {}

    def condition(self, node: Node) -> Column:
        wanted = self._condition(node)
        if not self._rows:
            return wanted
        every = sa.union_all(*(self._hits(*group) for group in self._rows)).subquery()
        # Distinct, because the sum stands for a bitwise OR, which SQLite cannot aggregate.
        hits = sa.select(every).distinct().subquery()
        words = [
            sa.cast(sa.func.sum(sa.case((hits.c.word == word, hits.c.mask), else_=0)), sa.BigInteger)
            for word in range(self._bits // _WORD_BITS + 1)
        ]
        found = sa.select(
            *(sa.func.coalesce(word, 0).label(f"word_{index}") for index, word in enumerate(words))
        )
        found_in = found.select_from(hits).subquery("found")
        return sa.select(sa.literal_column("1")).select_from(found_in).where(wanted).exists()

    def _condition(self, node: Node) -> Column:
        match node:
            case And(parts):
                return _joined(sa.and_, [self._condition(part) for part in parts])
            case Or(parts):
                bit = self._next_bit()
                others = [part for part in parts if not self._add(part, bit)]
                choices = [self._condition(part) for part in others]
                if len(others) < len(parts):
                    choices.append(_is_set(bit))
                return _joined(sa.or_, choices)
            case Not(part):
                return sa.not_(sa.func.coalesce(self._condition(part), sa.false()))
            case Comparison():
                return self._comparison(node)
        raise AssertionError(node)

    def _comparison(self, node: Comparison) -> Column:
        bit = self._next_bit()
        if self._add(node, bit):
            return _is_set(bit)
        if node.op == "IS NULL" and self._add(Comparison(node.kind, node.key, "IS NOT NULL", None), bit):
            return sa.not_(_is_set(bit))
        return comparison_of(self._entity, node)

    def _next_bit(self) -> _Bit:
        word, place = divmod(self._bits, _WORD_BITS)
        self._bits += 1
        return _Bit(word, 1 << place)

    def _add(self, node: Node, bit: _Bit) -> bool:
        """Add a comparison to the table. Return False if it needs a condition of its own."""
        if not isinstance(node, Comparison) or node.op in _NEGATIVE or node.kind not in self._entity.children:
            return False
        if node.kind in self._entity.special and self._entity.special[node.kind](node) is not None:
            return False
        op, values = node.op, [node.value]
        if op == "IN":
            assert isinstance(node.value, tuple)
            if len(node.value) > _MAX_LISTED:
                return False
            op, values = "=", list(node.value)
        rows = self._rows.setdefault((node.kind, op), [])
        rows += ((*bit, node.key, *(value if isinstance(value, tuple) else (value,))) for value in values)
        return True

    def _hits(self, kind: str, op: str) -> sa.Select[Any]:
        """Return a query for the bits of the comparisons of a kind and operator that are true of a row."""
        rows = rows_of(self._entity, kind)
        value_type = rows.selected_columns.value.type
        data = self._rows[kind, op]
        values = [sa.column(f"value_{index}", value_type) for index in range(len(data[0]) - 3)]
        columns: list[sa.ColumnClause[Any]] = [
            *(sa.column(name, sa.BigInteger) for name in _Bit._fields),
            sa.column("key", sa.Text),
            *values,
        ]
        # Without MATERIALIZED the databases would evaluate the table again for each row of the search.
        table = sa.values(*columns).data(data).cte().prefix_with("MATERIALIZED").c
        value: Any = [table[column.name] for column in values]
        query: sa.Select[Any] = rows.with_only_columns(table.word, table.mask)
        query = compare_rows(query, rows, op, table.key, value if len(value) > 1 else value[0])
        return query.correlate(self._entity.owner.table)


def _is_set(bit: _Bit) -> Column:
    word: Column = sa.literal_column(f"found.word_{bit.word}", sa.BigInteger)
    return word.bitwise_and(sa.literal_column(str(bit.mask))) != sa.literal_column("0")


def _joined(join: Callable[..., Column], parts: list[Column]) -> Column:
    """Join conditions by AND or OR, as a tree: SQLite allows a depth of 1,000, and counts some twice."""
    while len(parts) > _MAX_JOINED:
        groups = [parts[index : index + _MAX_JOINED] for index in range(0, len(parts), _MAX_JOINED)]
        # The coercion keeps the parentheses, which SQLAlchemy would leave out.
        parts = [sa.type_coerce(Grouping(join(*group)), sa.Boolean) for group in groups]
    return join(*parts)
