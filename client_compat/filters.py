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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .errors import InvalidParameter
from .fields import IN, PRESENCE, OrderBy, Searchable, Value
from .filter_tokens import (
    OPERATOR_CHARACTERS,
    OPERATORS,
    canonical_operator,
    is_value,
    is_word,
    malformed,
    tokens_of,
)

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


_DIRECTIONS = ("ASC", "DESC")
_ENDS_CONJUNCTION = frozenset(("", "OR", "NOT", "(", ")"))


class BooleanParser:
    """Recursive descent parser of AND, OR, NOT and parentheses. Subclasses parse the comparisons."""

    __slots__ = ("pos", "text", "tokens")

    def __init__(self, text: str) -> None:
        self.text = text
        # "" marks the end, twice because a comparison reads two tokens at once.
        self.tokens: list[str] = [*tokens_of(text), "", ""]
        self.pos = 0

    def comparison(self) -> Comparison:
        """Parse one comparison, which begins at ``pos``."""
        raise NotImplementedError

    def malformed(self, start: int) -> InvalidParameter:
        """Return the error for tokens from ``start`` that are no comparison."""
        raise NotImplementedError

    def whole(self) -> Node | None:
        """Parse the whole text. Return None if it has no comparison."""
        self._take_all("AND")
        if not self.tokens[self.pos]:
            return None
        node = self._disjunction(0)
        if self.tokens[self.pos]:
            raise self.malformed(self.pos)
        return node

    def _disjunction(self, depth: int) -> Node:
        parts = [self._conjunction(depth)]
        while self.take("OR"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self, depth: int) -> Node:
        parts = [self._negation(depth)]
        while (token := self.tokens[self.pos].upper()) not in _ENDS_CONJUNCTION:
            if token != "AND":
                parts.append(self.comparison())
            elif self._take_all("AND") and self.tokens[self.pos]:
                parts.append(self._negation(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self, depth: int) -> Node:
        start = self.pos
        token = self.tokens[start].upper()
        if token != "NOT" and token != "(":
            return self.comparison()
        if depth == MAX_DEPTH:
            raise InvalidParameter(f"The filter string is nested more than {MAX_DEPTH} levels deep.")
        self.pos += 1
        if token == "NOT":
            return Not(self._negation(depth + 1))
        node = self._disjunction(depth + 1)
        if not self.take(")"):
            raise self.malformed(start)
        return node

    def value(self, start: int) -> str:
        """Take a value and return its token. ``start`` is the beginning of the comparison, for errors."""
        token = self.tokens[self.pos]
        if not is_value(token):
            raise self.malformed(start)
        self.pos += 1
        return token

    def bracketed(self, start: int) -> list[str]:
        """Take what is between two parentheses and return its tokens: commas and inner parentheses, too."""
        if not self.take("("):
            raise self.malformed(start)
        begin, depth = self.pos, 1
        while depth:
            token = self.tokens[self.pos]
            if not token:
                raise self.malformed(start)
            depth += (token == "(") - (token == ")")
            self.pos += 1
        return self.tokens[begin : self.pos - 1]

    def take(self, word: str) -> bool:
        """Take the token if it is this word, and return whether it is."""
        if self.tokens[self.pos].upper() != word:
            return False
        self.pos += 1
        return True

    def _take_all(self, word: str) -> bool:
        start = self.pos
        while self.take(word):
            pass
        return self.pos > start


class _Parser(BooleanParser):
    """Parser of one filter."""

    __slots__ = ("comparisons", "entity", "error")

    def __init__(self, text: str, entity: Searchable) -> None:
        super().__init__(text)
        self.entity = entity
        self.comparisons = 0
        # The first error in a key, an operator or a value.
        self.error: InvalidParameter | None = None

    def filter(self) -> Node | None:
        """Parse the whole filter. Return None if it has no comparison."""
        node = self.whole()
        if self.error:
            raise self.error
        return node

    def comparison(self) -> Comparison:
        start = self.pos
        self.comparisons += 1
        if self.comparisons > MAX_COMPARISONS:
            raise InvalidParameter(f"The filter string has more than {MAX_COMPARISONS} comparisons.")
        operator = canonical_operator(self.tokens[start + 1])
        if operator not in OPERATORS and operator[:1] not in OPERATOR_CHARACTERS:
            raise self.malformed(start)
        written = self.value(start)
        self.pos += 1
        if operator in PRESENCE:
            values = []
        elif operator in IN:
            values = self.bracketed(start)
        else:
            values = [self.value(start)]
            if operator in _PATTERN_OPERATORS and len(values[0]) > MAX_PATTERN_LENGTH:
                raise InvalidParameter(
                    f"The pattern of {operator} has {len(values[0])} characters; "
                    f"it may have {MAX_PATTERN_LENGTH}."
                )
            if operator == "BETWEEN":
                if not self.take("AND"):
                    raise self.malformed(start)
                values.append(self.value(start))
        try:
            field, key = self.entity.find(written)
            return Comparison(field.kind, field.key or key, operator, field.value(key, operator, values))
        except InvalidParameter as error:
            # MLflow looks for text that is no comparison first, in the whole filter.
            self.error = self.error or error
            return Comparison("", written, operator, None)

    def malformed(self, start: int) -> InvalidParameter:
        return malformed(self.entity, self.text, self.tokens, start)


def _order_by(clause: str, entity: Searchable) -> OrderBy:
    if len(clause) <= MAX_LENGTH:
        match tokens_of(clause):
            case [key] if _is_key(key):
                return entity.column(key, True)
            case [key, direction] if _is_key(key) and direction.upper() in _DIRECTIONS:
                return entity.column(key, direction.upper() == "ASC")
            case [key, word] if _is_key(key) and _is_key(word):
                raise InvalidParameter(f"Invalid ordering key in order_by clause '{clause}'.")
    raise InvalidParameter(f"Invalid order_by clause '{clause}'. Could not be parsed.")


def _is_key(token: str) -> bool:
    return is_word(token) and token.upper() not in _DIRECTIONS


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
