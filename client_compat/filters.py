"""The search language: parses filters to syntax trees, and order_by clauses to columns.

    disjunction = conjunction {OR conjunction}
    conjunction = negation {AND negation}
    negation    = NOT negation | "(" disjunction ")" | comparison
    comparison  = key operator value
                | key ([NOT] IN) "(" value {"," value} ")"
                | key IS [NOT] NULL
                | key BETWEEN value AND value

A filter that MLflow 3.17 accepts has the same meaning here. A filter that it refuses is refused with the same
error message, except for the extensions below. `searchable.py` declares the keys, operators and values of
each entity.

OR, NOT, parentheses and BETWEEN are Trackway's extensions. NOT binds tighter than AND, and AND tighter than
OR. BETWEEN includes both ends, and is allowed wherever "=" is.

``tags.x != 'y'`` is true for entities that have the tag with another value, and false for entities without
the tag. NOT negates its operand, and there is no third truth value as in SQL: ``NOT tags.x = 'y'`` is true
for entities without the tag.

MLflow reads filters with an SQL tokenizer. Its side effects are not copied: ``tags.1`` and ``params.case``
are ordinary keys, keywords are case-insensitive, and there are no comments. One is copied, because clients
concatenate filters: AND may be repeated, may stand at either end, and may be missing between comparisons.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .errors import InvalidParameter
from .fields import IN, NUMERIC, PRESENCE, TEXTUAL, OrderBy, Searchable, Value, number

MAX_LENGTH = 200_000  # characters; clients do send `run_id IN (...)` with thousands of runs
MAX_COMPARISONS = 500
MAX_PATTERN_LENGTH = 10_000  # of LIKE; SQLite refuses 50,000 bytes
_PATTERN_OPERATORS = {"LIKE", "ILIKE"}
MAX_DEPTH = 50  # NOTs and parentheses around one comparison


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison. `kind` is that of the field, for example "tag" or "metric".

    `value` is a tuple for IN, NOT IN and BETWEEN, and None for IS NULL and IS NOT NULL.
    """

    kind: str
    key: str
    op: str
    value: Value


@dataclass(frozen=True, slots=True)
class And:
    """True if all parts are true."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True if at least one part is true."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True if the part is false."""

    part: Node


Node = Comparison | And | Or | Not


def parse_filter(text: str | None, entity: Searchable) -> Node | None:
    """Return the syntax tree of a filter, or None if the filter matches everything.

    Raise InvalidParameter, with MLflow's message, for a filter that is not valid for the entity.
    """
    if not text:
        return None
    if len(text) > MAX_LENGTH:
        raise InvalidParameter(f"The filter string has more than {MAX_LENGTH} characters.")
    if text.isspace():
        raise InvalidParameter(entity.blank.format(text=text))
    return _Parser(text, entity).filter()


def comparisons(node: Node | None) -> Iterator[Comparison]:
    """Yield all comparisons of a tree, from left to right."""
    if isinstance(node, Comparison):
        yield node
    elif isinstance(node, Not):
        yield from comparisons(node.part)
    elif node is not None:
        for part in node.parts:
            yield from comparisons(part)


def parse_order_by(clauses: Iterable[str], entity: Searchable) -> list[OrderBy]:
    """Return the columns of an order. The last ones are tie-breakers, so that the order is total."""
    clauses = list(clauses)
    return entity.complete((_order_by(clause, entity) for clause in clauses), clauses)


class OrderByMessage(Protocol):
    """One column of an order in a search of logged models."""

    field_name: str | None
    ascending: bool
    dataset_name: str | None
    dataset_digest: str | None


def order_by_messages(clauses: Iterable[OrderByMessage], entity: Searchable) -> list[OrderBy]:
    """Do the same as `parse_order_by` for columns in messages, whose names are not quoted."""
    clauses = list(clauses)
    return entity.complete((_order_by_message(clause, entity) for clause in clauses), clauses)


# The tokens. A key is one token, including its prefix, dots and quotes. All other tokens are values,
# operators, reserved words and punctuation.
# Possessive quantifiers, and alternatives with different first characters, prevent backtracking.
# Before Python 3.11.4, a possessive group such as (...)*+ ends at a wrong position if a repetition fails
# midway (gh-106052). Here a group is therefore possessive only if its repetition cannot fail.
_TICKED = r"`(?:[^`]++|``)*`(?!`)"
_DOUBLE = r'"(?:[^"\\]++|""|\\"|\\)*"'
_SINGLE = r"'(?:[^'\\]++|''|\\'|\\)*'"
_NUMBER = r"-?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?(?!\w)"
_WORDS = r"(?i:(?:NOT\s++)?(?:LIKE|ILIKE|RLIKE|IN)\b|IS\s++(?:NOT\s++)?NULL\b)"
_KEY = rf"(?:\w++|{_TICKED}|{_DOUBLE})(?:\.(?:\w++|{_TICKED}|{_DOUBLE}|{_SINGLE}))*"
_TOKEN = re.compile(rf"\s*+({_SINGLE}|[<>=~!]++|(?=[-.0-9]){_NUMBER}|(?=[iInNlLrR]){_WORDS}|{_KEY}|\S)")
_OPERATOR_CHARACTERS = frozenset("<>=~!")
# They are parsed although no field has them, so that the error names the operator, as for "==".
_UNSUPPORTED_OPERATORS = ("NOT LIKE", "NOT ILIKE", "NOT RLIKE")
_OPERATORS = frozenset((*NUMERIC, *TEXTUAL, "RLIKE", *IN, *PRESENCE, "BETWEEN", *_UNSUPPORTED_OPERATORS))
_DIRECTIONS = ("ASC", "DESC")
_ENDS_CONJUNCTION = frozenset(("", "OR", "NOT", "(", ")"))
_ONLY_IN_QUOTED_KEYS = frozenset("-+/@#%^&|")
_RESERVED = frozenset(("AND", "OR", "NOT", "IS", *_OPERATORS))


class _Parser:
    """Recursive descent parser of one filter."""

    __slots__ = ("comparisons", "entity", "pos", "text", "tokens")

    def __init__(self, text: str, entity: Searchable) -> None:
        self.text = text
        self.entity = entity
        # "" marks the end, twice because a comparison reads two tokens at once.
        self.tokens: list[str] = [*_tokens(text), "", ""]
        self.pos = 0
        self.comparisons = 0

    def filter(self) -> Node | None:
        """Parse the whole filter. Return None if it has no comparison."""
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
        while (token := self.tokens[self.pos].upper()) not in _ENDS_CONJUNCTION:
            if token != "AND":
                parts.append(self._comparison())
            elif self._take_all("AND") and self.tokens[self.pos]:
                parts.append(self._negation(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self, depth: int) -> Node:
        start = self.pos
        token = self.tokens[start].upper()
        if token != "NOT" and token != "(":
            return self._comparison()
        if depth == MAX_DEPTH:
            raise InvalidParameter(f"The filter string is nested more than {MAX_DEPTH} levels deep.")
        self.pos += 1
        if token == "NOT":
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
        operator = self.tokens[start + 1]
        if operator not in _OPERATORS and operator[:1] not in _OPERATOR_CHARACTERS:
            operator = " ".join(operator.upper().split())
            if operator not in _OPERATORS:
                raise self._malformed(start)
        written = self._value(start)
        self.pos += 1
        if operator in PRESENCE:
            values = []
        elif operator in IN:
            values = self._list(start)
        else:
            values = [self._value(start)]
            if operator in _PATTERN_OPERATORS and len(values[0]) > MAX_PATTERN_LENGTH:
                raise InvalidParameter(
                    f"The pattern of {operator} has {len(values[0])} characters; "
                    f"it may have {MAX_PATTERN_LENGTH}."
                )
            if operator == "BETWEEN":
                if not self._take("AND"):
                    raise self._malformed(start)
                values.append(self._value(start))
        field, key = self.entity.find(written)
        return Comparison(field.kind, field.key or key, operator, field.value(key, operator, values))

    def _value(self, start: int) -> str:
        token = self.tokens[self.pos]
        if not _is_value(token):
            raise self._malformed(start)
        self.pos += 1
        return token

    def _list(self, start: int) -> list[str]:
        """Return the tokens between two parentheses, commas included."""
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
        """Return MLflow's error for text that is not a comparison.

        The message shows up to 20 tokens from `start` to the next AND or OR.
        """
        if ";" in self.tokens[:-3]:
            return InvalidParameter(self.entity.many_statements.format(text=self.text))
        end = start + 1
        while end < start + 20 and self.tokens[end].upper() not in ("", "AND", "OR"):
            end += 1
        clause = self.tokens[start:end] if self.tokens[start] else self.tokens[-3:-2]
        # A key that must be quoted, such as tags.a-b.
        if _is_value(clause[0]) and clause[1:] and clause[1] in _ONLY_IN_QUOTED_KEYS:
            found = "".join(itertools.takewhile(lambda token: token[0] not in _OPERATOR_CHARACTERS, clause))
            return InvalidParameter(f"Invalid comparison clause. Expected 'Identifier' found '{found}'")
        return InvalidParameter(
            self.entity.malformed.format(
                text=self.text,
                clauses=", ".join(f"'{token}'" for token in clause),
                bare_clauses=", ".join(clause),
            )
        )


def _tokens(text: str) -> list[str]:
    # Without strip(), trailing white space takes quadratic time: the search starts anew at each character.
    return _TOKEN.findall(text.strip())


def _is_value(token: str) -> bool:
    """Return whether a token is a string, a number or a word: no operator, reserved word or end mark."""
    if len(token) < 2:
        return token.isalnum() or token == "_"
    return token[0] == "'" or (token[0] not in _OPERATOR_CHARACTERS and token.upper() not in _RESERVED)


def _order_by(clause: str, entity: Searchable) -> OrderBy:
    if len(clause) <= MAX_LENGTH:
        match _tokens(clause):
            case [key] if _is_key(key):
                return entity.column(key, True)
            case [key, direction] if _is_key(key) and direction.upper() in _DIRECTIONS:
                return entity.column(key, direction.upper() == "ASC")
            case [key, word] if _is_key(key) and _is_key(word):
                raise InvalidParameter(f"Invalid ordering key in order_by clause '{clause}'.")
    raise InvalidParameter(f"Invalid order_by clause '{clause}'. Could not be parsed.")


def _is_key(token: str) -> bool:
    return _is_value(token) and token[0] != "'" and number(token) is None and token.upper() not in _DIRECTIONS


def _order_by_message(clause: OrderByMessage, entity: Searchable) -> OrderBy:
    written = clause.field_name or ""
    ascending = clause.ascending is not False
    prefix, dot, key = written.partition(".")
    if not dot:
        return entity.column(f"`{written}`", ascending)
    if prefix not in entity.prefixes or entity.prefixes[prefix].kind not in entity.orderable_kinds:
        raise InvalidParameter(entity.wrong_order_kind.format(kind=prefix, key=key, written=written))
    kind = entity.prefixes[prefix].kind
    return OrderBy(kind, key, ascending, clause.dataset_name or None, clause.dataset_digest or None)
