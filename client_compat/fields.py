"""Classes for the declarations in `searchable.py`, and the checks of comparisons against them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .errors import InvalidParameter

Scalar = str | int | float
Value = Scalar | tuple[Scalar, ...] | None

NUMERIC = ("<", "<=", ">", ">=", "=", "!=")
TEXTUAL = ("=", "!=", "LIKE", "ILIKE")
IN = ("IN", "NOT IN")
PRESENCE = ("IS NULL", "IS NOT NULL")

_NUMBER_START = frozenset(".0123456789")
MAX_LIST = 10_000  # values in one list; SQLite binds at most 32,766


@dataclass(frozen=True, slots=True)
class Field:
    """A field that filters can compare.

    A comparison is checked in the same order as in MLflow: first the type of the value (`read`), then the
    operator (`operators`), then the value itself (`refine`). The `wrong_*` texts are templates of MLflow's
    error messages with the variables `op`, `key` and `value`; key and value are shown as the user wrote them.
    """

    kind: str
    operators: Collection[str]
    read: Callable[[Field, str, str], Scalar]
    wrong_operator: str
    wrong_value: str = ""
    wrong_number: str = ""  # for a number instead of a string; "": wrong_value
    wrong_list: str = ""  # for a list if `takes_lists` is false; "": wrong_value
    wrong_null: str = ""  # for IS [NOT] NULL if it is not in `operators`; "": wrong_operator
    takes_lists: bool = False
    key: str | None = None  # the canonical key; None: the key that the user wrote
    refine: Callable[[str, str, Scalar], Scalar] | None = None

    def value(self, key: str, operator: str, written: list[str]) -> Value:
        """Return the value of a comparison from the tokens after the operator.

        Raise InvalidParameter, with MLflow's message, if the field does not accept the operator or the value.
        """
        value: Value = None
        if operator in IN:
            value = self._list(key, operator, written)
        elif operator == "BETWEEN":
            value = (self.read(self, key, written[0]), self.read(self, key, written[1]))
        elif written:
            value = self.read(self, key, written[0])
        if operator not in self.operators and not (operator == "BETWEEN" and "=" in self.operators):
            template = self.wrong_operator if written else self.wrong_null or self.wrong_operator
            raise InvalidParameter(template.format(op=operator, key=key))
        if self.refine is None or value is None:
            return value
        if isinstance(value, tuple):
            return tuple([self.refine(operator, key, one) for one in value])
        return self.refine(operator, key, value)

    def _list(self, key: str, operator: str, written: list[str]) -> tuple[Scalar, ...]:
        if not self.takes_lists:
            template = self.wrong_list or self.wrong_value
            shown = " ".join(written).replace(" ,", ",")
            raise InvalidParameter(template.format(op=operator, key=key, value=f"({shown})"))
        if written[-1:] == [","]:
            written = written[:-1]
        values = [_list_item(token) for token in written[::2]]
        if len(values) > MAX_LIST:
            raise InvalidParameter(f"A list in the filter string has more than {MAX_LIST} values.")
        expected = "While parsing a list in the query, expected"
        if not values:
            raise InvalidParameter(f"{expected} a non-empty list of string values, but got empty list")
        if None in values or len(written) % 2 == 0 or any(token != "," for token in written[1::2]):
            raise InvalidParameter(f"{expected} a non-empty list of string values, but got ill-formed list.")
        texts = tuple([value for value in values if isinstance(value, str)])
        if len(texts) < len(values):
            raise InvalidParameter(
                f"{expected} string value, punctuation, or whitespace, "
                f"but got different type in list: {tuple(values)}"
            )
        return texts


def _list_item(token: str) -> Scalar | None:
    """Return the value of a list item, or None if it has none.

    In a list, and only there, MLflow reads strings as Python literals: 'it\\'s' and 'it''s' lose a character.
    """
    if not is_text(token):
        return number(token)
    inner = token[1:-1]
    if "\\" not in inner and token[0] not in inner:
        return inner
    try:
        return str(ast.literal_eval(token))
    except (SyntaxError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that are allowed after one prefix."""

    kind: str
    named: Mapping[str, Field] = field(default_factory=dict)  # keys with their own fields
    other: Field | None = None  # the field of all other keys; None: they are unknown
    other_prefix: str = ""  # other keys must begin with this
    unknown: str = ""  # template of the error message for an unknown key


@dataclass(frozen=True, slots=True)
class OrderBy:
    """One column of an order. The dataset is that of a metric; only logged models use it."""

    kind: str
    key: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None

    @property
    def column(self) -> tuple[str | None, ...]:
        """The column without its direction."""
        return self.kind, self.key, self.dataset_name, self.dataset_digest


@dataclass(frozen=True, slots=True)
class Searchable:
    """The search language of one entity: searchable keys, allowed orders, error messages."""

    attributes: Keys  # keys without a prefix
    prefixes: Mapping[str, Keys]
    unknown_prefix: str
    orderable: Mapping[str, str]  # attribute as the user writes it -> its key
    unknown_order: str
    orderable_kinds: Collection[str]
    wrong_order_kind: str
    tie_break: tuple[OrderBy, ...]  # added to every order to make it total, as keyset pagination needs
    default_order: tuple[OrderBy, ...] = ()
    repeated_order: str = "`order_by` contains duplicate fields: {clauses}"  # "": the first clause is used
    malformed: str = "Invalid clause(s) in filter string: {clauses}"
    many_statements: str = (
        "Search filter contained multiple expression {text!r}. Provide AND-ed expression list."
    )
    blank: str = "Invalid filter '{text}'. Could not be parsed."

    def find(self, written: str) -> tuple[Field, str]:
        """Return the field of a key, and the key without its prefix and quotes."""
        keys, key = self._split(written)
        found = keys.named.get(key)
        if found is None and keys.other is not None and key.startswith(keys.other_prefix):
            found = keys.other
        if found is not None:
            return found, key
        if is_text(written) or number(written) is not None:
            raise InvalidParameter(f"Invalid comparison clause. Expected 'Identifier' found '{written}'")
        raise InvalidParameter(keys.unknown.format(key=key))

    def column(self, written: str, ascending: bool) -> OrderBy:
        """Return the column for a key of an order_by clause."""
        keys, key = self._split(written)
        if keys is self.attributes:
            if key not in self.orderable:
                raise InvalidParameter(self.unknown_order.format(key=key, written=written))
            kind = keys.named[key].kind if key in keys.named else keys.kind
            return OrderBy(kind, self.orderable[key], ascending)
        if keys.kind in self.orderable_kinds:
            return OrderBy(keys.kind, key, ascending)
        self.find(written)
        raise InvalidParameter(self.wrong_order_kind.format(kind=keys.kind, key=key, written=written))

    def complete(self, requested: Iterable[OrderBy], clauses: Sequence[object]) -> list[OrderBy]:
        """Return the requested columns, or the default ones if there are no clauses, and the tie-breakers.

        No column occurs twice.
        """
        columns: dict[object, OrderBy] = {}
        for order_by in requested if clauses else self.default_order:
            if columns.setdefault(order_by.column, order_by) is not order_by and self.repeated_order:
                raise InvalidParameter(self.repeated_order.format(clauses=clauses))
        for order_by in self.tie_break:
            columns.setdefault(order_by.column, order_by)
        return list(columns.values())

    def _split(self, written: str) -> tuple[Keys, str]:
        prefix, dot, key = written.partition(".")
        if not dot:
            return self.attributes, _unquoted(prefix)
        keys = self.prefixes.get(prefix)
        if keys is None:  # MLflow splits at the first dot, even within quotes, and accepts `tags`.x
            bare = prefix[1:-1] if prefix[0] == prefix[-1] == "`" else prefix
            if bare not in self.prefixes:
                raise InvalidParameter(self.unknown_prefix.format(prefix=bare))
            keys = self.prefixes[bare]
        return keys, _unquoted(key)


def _unquoted(key: str) -> str:
    return key[1:-1] if key[:1] in ("`", '"', "'") and key[0] == key[-1] else key


def number(token: str) -> int | float | None:
    """Return the number in a token, or None. An integer of more than 64 bits is returned as a float."""
    digits = token.lstrip("-")
    if digits[:1] not in _NUMBER_START or "_" in digits:  # float() also accepts 1_000
        return None
    try:
        if len(token) <= 20 and digits.isdigit():
            value = int(token)
            return value if -(2**63) <= value < 2**63 else float(value)
        return float(token)
    except ValueError:
        return None


def is_text(token: str) -> bool:
    """Return whether a token is a string in single or double quotes."""
    return len(token) > 1 and token[0] in "'\"" and token[0] == token[-1]
