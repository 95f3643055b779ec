"""The search language: from the text of a filter to a small tree, and from order_by clauses to columns.

    filter      = disjunction
    disjunction = conjunction {OR conjunction}
    conjunction = negation {AND negation}
    negation    = NOT negation | "(" disjunction ")" | comparison
    comparison  = key operator value | key [NOT] IN list | key IS [NOT] NULL | key BETWEEN value AND value

What MLflow 3.17 takes means the same here, and what it refuses is refused in its words; which keys,
operators and values an entity has is declared in `searchable.py`. OR, NOT, parentheses and BETWEEN
are ours. NOT binds tighter than AND, AND tighter than OR. BETWEEN includes both ends and is allowed
wherever "=" is.

A comparison means the same wherever it stands. ``tags.x != 'y'`` holds for an entity that has the
tag, with another value. NOT turns the truth of what follows around, and there is no third truth
value: ``NOT tags.x = 'y'`` also holds for an entity without the tag.

MLflow reads filters with an SQL tokenizer, whose accidents we leave behind: ``type``, ``1`` and
``case`` are good keys behind a prefix, keywords have no case, and there are no comments. We do keep
that an AND may be missing between two comparisons, doubled, or dangling at either end.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .errors import InvalidParameter
from .searchable import LISTED, NUMERIC, PRESENCE, Field, Keys, OrderBy, Scalar, Searchable, is_text, number

MAX_LENGTH = 200_000  # characters; `run_id IN (...)` with some thousand runs is a real request
MAX_LIST = 10_000  # values of one list; SQLite binds at most 32,766
MAX_COMPARISONS = 500
MAX_DEPTH = 50  # parentheses and NOTs inside one another

Value = Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`value` is a tuple for IN, NOT IN and BETWEEN, and None for IS NULL and IS NOT NULL."""

    kind: str
    key: str
    op: str
    value: Value


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


Node = Comparison | And | Or | Not


def parse_filter(text: str | None, entity: Searchable) -> Node | None:
    """The tree of a filter; None where there is nothing to filter by."""
    if not text:
        return None
    if len(text) > MAX_LENGTH:
        raise InvalidParameter(f"The filter string is longer than {MAX_LENGTH} characters.")
    if text.isspace():
        raise InvalidParameter(entity.blank.format(text=text))
    return _Parser(text, entity).filter()


def comparisons(node: Node | None) -> Iterator[Comparison]:
    """Every comparison in a tree, from left to right."""
    if isinstance(node, Comparison):
        yield node
    elif isinstance(node, Not):
        yield from comparisons(node.part)
    elif node is not None:
        for part in node.parts:
            yield from comparisons(part)


def parse_order_by(clauses: Iterable[str], entity: Searchable) -> list[OrderBy]:
    """The whole order that is asked for, tie-breakers included."""
    clauses = list(clauses)
    return _complete((_order_by(clause, entity) for clause in clauses), clauses, entity)


class FieldOrder(Protocol):
    """How a search of logged models spells one order_by."""

    field_name: str | None
    ascending: bool | None
    dataset_name: str | None
    dataset_digest: str | None


def order_by_fields(fields: Iterable[FieldOrder], entity: Searchable) -> list[OrderBy]:
    """As `parse_order_by`, for clauses that come as messages: a name as it stands, or metrics.<key>."""
    fields = list(fields)
    return _complete((_column_of_field(asked, entity) for asked in fields), fields, entity)


# The whole vocabulary. A key is one token together with its prefix, dots and quotes, which leaves
# only operators, reserved words and punctuation to the parser. Where a quantifier could be read in
# two ways it is possessive: no text makes the expression go over the same characters again.
_TICKED = r"`(?:[^`]++|``)*+`"
_DOUBLE = r'"(?:[^"\\]++|""|\\"|\\)*"'
_SINGLE = r"'(?:[^'\\]++|''|\\'|\\)*'"
_TOKEN = re.compile(
    rf"""
    -?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:e[-+]?[0-9]++)?+(?!\w)             # a number
    | (?:NOT\s++)?(?:LIKE|ILIKE|RLIKE|IN)\b | IS\s++(?:NOT\s++)?NULL\b          # an operator of letters
    | (?:\w++|{_TICKED}|{_DOUBLE})(?:\.(?:\w++|{_TICKED}|{_DOUBLE}|{_SINGLE}))*+  # a key, a word, a "text"
    | {_SINGLE}
    | [<>=~!]++
    | \S
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OPERATORS = frozenset((*NUMERIC, *LISTED, "RLIKE", *PRESENCE, "BETWEEN"))
_DIRECTIONS = ("ASC", "DESC")
_SIGNS = frozenset("=!<>~")
_NO_VALUE = frozenset(("AND", "OR", "NOT", "IS", *_OPERATORS))


class _Parser:
    """Recursive descent over the tokens of one filter."""

    __slots__ = ("comparisons", "entity", "pos", "text", "tokens")

    def __init__(self, text: str, entity: Searchable) -> None:
        self.text = text
        self.entity = entity
        self.tokens: list[str] = [*_TOKEN.findall(text), "", ""]  # we look two tokens ahead at most
        self.pos = 0
        self.comparisons = 0

    def filter(self) -> Node | None:
        self._take_all("AND")
        if not self.tokens[self.pos]:
            return None
        node = self._disjunction(0)
        if self.tokens[self.pos]:
            raise self._malformed(self.pos)
        return node

    def _disjunction(self, depth: int) -> Node:
        parts = [self._conjunction(depth)]
        while self._take("OR"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self, depth: int) -> Node:
        parts = [self._negation(depth)]
        while True:
            if self._take_all("AND"):
                if not self.tokens[self.pos]:
                    break
                parts.append(self._negation(depth))
            elif self.tokens[self.pos].upper() not in ("", "OR", "NOT", "(", ")", ";"):
                parts.append(self._comparison())
            else:
                break
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self, depth: int) -> Node:
        start = self.pos
        negated = self._take("NOT")
        if not negated and not self._take("("):
            return self._comparison()
        if depth == MAX_DEPTH:
            raise InvalidParameter(f"The filter string nests deeper than {MAX_DEPTH} levels.")
        if negated:
            return Not(self._negation(depth + 1))
        node = self._disjunction(depth + 1)
        if not self._take(")"):
            raise self._malformed(start)
        return node

    def _comparison(self) -> Comparison:
        start = self.pos
        self.comparisons += 1
        if self.comparisons > MAX_COMPARISONS:
            raise InvalidParameter(f"The filter string has more than {MAX_COMPARISONS} comparisons.")
        key, sign = self.tokens[start : start + 2]
        operator = sign if sign in _OPERATORS else " ".join(sign.upper().split())
        if not _is_value(key) or not (operator in _OPERATORS or sign[:1] in _SIGNS):
            raise self._malformed(start)
        self.pos += 2
        if operator in PRESENCE:
            return _compare(self.entity, key, operator, [])
        if operator in ("IN", "NOT IN"):
            return _compare(self.entity, key, operator, self._list(start))
        values = [self._value(start)]
        if operator == "BETWEEN":
            if not self._take("AND"):
                raise self._malformed(start)
            values.append(self._value(start))
        return _compare(self.entity, key, operator, values)

    def _value(self, start: int) -> str:
        token = self.tokens[self.pos]
        if not _is_value(token):
            raise self._malformed(start)
        self.pos += 1
        return token

    def _list(self, start: int) -> list[str]:
        """What stands between two parentheses."""
        if not self._take("("):
            raise self._malformed(start)
        try:
            end = self.tokens.index(")", self.pos)
        except ValueError:
            raise self._malformed(start) from None
        inner = self.tokens[self.pos : end]
        self.pos = end + 1
        return inner

    def _take(self, word: str) -> bool:
        if self.tokens[self.pos].upper() != word:
            return False
        self.pos += 1
        return True

    def _take_all(self, word: str) -> bool:
        start = self.pos
        while self._take(word):
            pass
        return self.pos > start

    def _malformed(self, start: int) -> InvalidParameter:
        """MLflow's words for what is no comparison: everything up to the next AND or OR."""
        if ";" in self.tokens and self.tokens[-3] != ";":
            return InvalidParameter(self.entity.many_statements.format(text=self.text))
        end = start + 1
        while self.tokens[end].upper() not in ("", "AND", "OR"):
            end += 1
        clause = [token for token in self.tokens[start:end] if token] or ["end of filter"]
        if len(clause) > 1 and clause[1][0] in "-+/@#%^&|":
            found = "".join(itertools.takewhile(lambda token: token[0] not in _SIGNS, clause))
            return InvalidParameter(f"Invalid comparison clause. Expected 'Identifier' found '{found}'")
        return InvalidParameter(
            self.entity.malformed.format(
                text=self.text,
                clauses=", ".join(f"'{token}'" for token in clause),
                bare_clauses=", ".join(clause),
            )
        )


def _is_value(token: str) -> bool:
    """Whether a token is text, a number or a word, not an operator, punctuation or the end."""
    if len(token) < 2:
        return token.isalnum() or token == "_"
    return token[0] not in _SIGNS and (token[0] in "'\"" or token.upper() not in _NO_VALUE)


def _compare(entity: Searchable, written: str, operator: str, source: list[str]) -> Comparison:
    """A comparison whose parts are in place: what its key means here, and whether the rest suits it."""
    keys, key = _split(written, entity)
    field = keys.named.get(key) or (keys.free if key.startswith(keys.free_under) else None)
    if field is None:
        if is_text(written) or number(written) is not None:
            raise InvalidParameter(f"Invalid comparison clause. Expected 'Identifier' found '{written}'")
        raise InvalidParameter(keys.unknown.format(key=key))
    value: Value = None
    if operator in ("IN", "NOT IN"):
        value = _list_value(field, key, source)
    elif operator == "BETWEEN":
        value = (field.read(field, key, source[0]), field.read(field, key, source[1]))
    elif source:
        value = field.read(field, key, source[0])
    if (operator if operator != "BETWEEN" else "=") not in field.operators:
        words = field.wrong_operator if source or not field.wrong_null else field.wrong_null
        raise InvalidParameter(words.format(op=operator, key=key))
    if field.refine and value is not None:
        if isinstance(value, tuple):
            value = tuple([field.refine(operator, key, one) for one in value])
        else:
            value = field.refine(operator, key, value)
    return Comparison(field.kind, field.key or key, operator, value)


def _split(written: str, entity: Searchable) -> tuple[Keys, str]:
    """The keys that a prefix stands for, and the key without prefix and quotes."""
    prefix, dot, key = written.partition(".")
    if not dot:
        return entity.attributes, _unquoted(prefix)
    keys = entity.prefixes.get(prefix) or entity.prefixes.get(prefix.strip("`"))
    if keys is None:
        raise InvalidParameter(entity.unknown_prefix.format(prefix=prefix.strip("`")))
    return keys, _unquoted(key)


def _unquoted(key: str) -> str:
    return key[1:-1] if key[0] in "`\"'" and len(key) > 1 else key


def _list_value(field: Field, key: str, source: list[str]) -> tuple[Scalar, ...]:
    if not field.takes_lists:
        written = f"({' '.join(source)})"
        raise InvalidParameter((field.wrong_list or field.wrong_value).format(key=key, value=written))
    if source[-1:] == [","]:
        source = source[:-1]
    values = [_list_item(token) for token in source[::2]]
    if len(values) > MAX_LIST:
        raise InvalidParameter(f"A list in the filter string has more than {MAX_LIST} values.")
    wanted = "While parsing a list in the query, expected"
    if None in values or any(token != "," for token in source[1::2]):
        raise InvalidParameter(f"{wanted} a non-empty list of string values, but got ill-formed list.")
    if not values:
        raise InvalidParameter(f"{wanted} a non-empty list of string values, but got empty list")
    texts = tuple([value for value in values if isinstance(value, str)])
    if len(texts) < len(values):
        raise InvalidParameter(
            f"{wanted} string value, punctuation, or whitespace, "
            f"but got different type in list: {tuple(values)}"
        )
    return texts


def _list_item(token: str) -> Scalar | None:
    """In a list, and only there, MLflow reads text as Python does: 'it\\'s' and 'it''s' are one string."""
    if not is_text(token):
        return number(token)
    inner = token[1:-1]
    if "\\" not in inner and token[0] not in inner and "\n" not in inner:
        return inner
    try:
        return str(ast.literal_eval(token))
    except (SyntaxError, ValueError):
        return None


def _order_by(clause: str, entity: Searchable) -> OrderBy:
    match _TOKEN.findall(clause):
        case [written] if _is_key(written):
            return _column(written, True, entity)
        case [written, direction] if _is_key(written) and direction.upper() in ("ASC", "DESC"):
            return _column(written, direction.upper() == "ASC", entity)
        case [written, word] if _is_key(written) and _is_key(word):
            raise InvalidParameter(f"Invalid ordering key in order_by clause '{clause}'.")
    raise InvalidParameter(f"Invalid order_by clause '{clause}'. Could not be parsed.")


def _is_key(token: str) -> bool:
    return _is_value(token) and token[0] != "'" and number(token) is None and token.upper() not in _DIRECTIONS


def _column(written: str, ascending: bool, entity: Searchable) -> OrderBy:
    keys, key = _split(written, entity)
    if keys is entity.attributes:
        column = entity.orderable.get(key)
        if column is None:
            raise InvalidParameter(entity.unknown_order.format(key=key, written=written))
        return OrderBy(keys.named[key].kind if key in keys.named else keys.kind, column, ascending)
    if key not in keys.named and not keys.free:
        raise InvalidParameter(keys.unknown.format(key=key))
    if keys.kind not in entity.orderable_kinds:
        raise InvalidParameter(entity.wrong_order_kind.format(kind=keys.kind, key=key, written=written))
    return OrderBy(keys.kind, key, ascending)


def _column_of_field(asked: FieldOrder, entity: Searchable) -> OrderBy:
    written = asked.field_name or ""
    ascending = asked.ascending is not False
    prefix, dot, key = written.partition(".")
    if not dot:
        column = entity.orderable.get(written)
        if column is None:
            raise InvalidParameter(entity.unknown_order.format(key=written, written=written))
        return OrderBy(entity.attributes.kind, column, ascending)
    if prefix not in entity.prefixes or entity.prefixes[prefix].kind not in entity.orderable_kinds:
        raise InvalidParameter(entity.wrong_order_kind.format(kind=prefix, key=key, written=written))
    kind = entity.prefixes[prefix].kind
    return OrderBy(kind, key, ascending, asked.dataset_name or None, asked.dataset_digest or None)


def _complete(asked: Iterable[OrderBy], clauses: Sequence[object], entity: Searchable) -> list[OrderBy]:
    """The columns asked for or else the default ones, each once, and the tie-breakers they lack."""
    columns: dict[object, OrderBy] = {}
    for column in asked if clauses else entity.default_order:
        if columns.setdefault(_identity(column), column) is not column and entity.repeated_order:
            raise InvalidParameter(entity.repeated_order.format(clauses=clauses))
    for column in entity.tie_break:
        columns.setdefault(_identity(column), column)
    return list(columns.values())


def _identity(column: OrderBy) -> tuple[str | None, ...]:
    return column.kind, column.key, column.dataset_name, column.dataset_digest
