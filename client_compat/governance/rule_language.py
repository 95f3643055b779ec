"""The language of rules: the search language, with facts instead of keys.

    comparison = fact operator value
               | fact operator [number "*"] fact [("+" | "-") number]
               | fact ([NOT] IN) "(" value {"," value} ")"
               | fact IS [NOT] NULL
               | fact BETWEEN value AND value

Everything else is as in ``filters``: AND, OR, NOT, parentheses. A rule is checked when it is saved: each fact
must exist, and its kind decides which operators and values it may be compared with. So a rule that can be
true of no version because of a misspelling is refused, and the error says where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from ..errors import InvalidParameter
from ..fields import IN, NUMERIC, PRESENCE, TEXTUAL, Scalar, number
from ..filter_tokens import OPERATORS, canonical_operator, is_word, token_positions
from ..filters import BooleanParser, Comparison, Node, comparisons
from . import facts
from .facts import NUMBER, TEXT, Fact, Kind

MAX_LENGTH = 5_000  # characters of a rule
MAX_COMPARISONS = 50
MAX_LIST = 1_000
_OPERATORS: dict[Kind, tuple[str, ...]] = {
    NUMBER: (*NUMERIC, *IN, *PRESENCE, "BETWEEN"),
    TEXT: (*TEXTUAL, *IN, *PRESENCE),
}


@dataclass(frozen=True, slots=True)
class RuleComparison(Comparison):
    """A comparison of a fact with a value, or with ``factor * other + offset``."""

    fact: Fact
    other: Fact | None = None
    factor: float = 1
    offset: float = 0


def parse(text: str) -> Node:
    """Return the syntax tree of a rule; its comparisons are ``RuleComparison``.

    Raise ``InvalidParameter`` with the position of the first word that is wrong.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidParameter(f"A rule has at most {MAX_LENGTH} characters; this one has {len(text)}.")
    node = _Parser(text).whole()
    if node is None:
        raise InvalidParameter("A rule must have at least one comparison, such as metrics.accuracy > 0.9.")
    return node


def facts_of(node: Node) -> list[Fact]:
    """Return the facts that a rule needs, each once."""
    found = {}
    for comparison in comparisons(node):
        if isinstance(comparison, RuleComparison):
            found[comparison.fact] = True
            if comparison.other is not None:
                found[comparison.other] = True
    return list(found)


class _Parser(BooleanParser):
    __slots__ = ("count",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.count = 0

    def malformed(self, start: int) -> InvalidParameter:
        found = self.tokens[start]
        if not found:
            return InvalidParameter(f"The rule ends too early: {self.text.strip()!r}.")
        return InvalidParameter(
            f"{found!r} at character {self._position(start)} does not begin a comparison; write for example "
            "metrics.accuracy >= 0.9 AND tags.owner IS NOT NULL."
        )

    def comparison(self) -> RuleComparison:
        start = self.pos
        self.count += 1
        if self.count > MAX_COMPARISONS:
            raise InvalidParameter(f"A rule has at most {MAX_COMPARISONS} comparisons.")
        fact = self._fact()
        operator = canonical_operator(self.tokens[self.pos])
        if operator not in OPERATORS:
            if not self.tokens[self.pos]:
                raise self.malformed(self.pos)
            self._refuse(self.pos, f"is no operator; {fact.text} may be compared by {_list_of(fact.kind)}.")
        if operator not in _OPERATORS[fact.kind]:
            self._refuse(
                self.pos,
                f"is not possible with {fact.text}, a {fact.kind}; the operators are {_list_of(fact.kind)}.",
            )
        self.pos += 1
        key, kind = fact.text, fact.group
        if operator in PRESENCE:
            return RuleComparison(kind, key, operator, None, fact)
        if operator in IN:
            return RuleComparison(kind, key, operator, self._list(fact, start), fact)
        if operator == "BETWEEN":
            low = self._literal(fact)
            if not self.take("AND"):
                raise self.malformed(self.pos)
            at = self.pos
            high = self._literal(fact)
            if low > high:  # type: ignore[operator]
                self._refuse(at, f"is less than {low}: nothing is between them.")
            return RuleComparison(kind, key, operator, (low, high), fact)
        return self._with_operand(fact, operator)

    def _with_operand(self, fact: Fact, operator: str) -> RuleComparison:
        """Parse what stands on the right of an operator."""
        at, factor, offset = self.pos, 1.0, 0.0
        token = self.tokens[at]
        if number(token) is not None and self.tokens[at + 1] == "*":
            factor = self._number(fact)
            self.take("*")
        elif not is_word(token) or token[0] == '"':
            return RuleComparison(fact.group, fact.text, operator, self._literal(fact), fact)
        other_at = self.pos
        other = self._fact()
        if other.kind != fact.kind:
            self._refuse(
                other_at, f"is a {other.kind}; {fact.text}, a {fact.kind}, cannot be compared with it."
            )
        if fact.kind == TEXT and (factor != 1 or "LIKE" in operator):
            self._refuse(at, f"is not possible: {fact.text} is a text.")
        # "a - 0.1" has the tokens "-" and "0.1", but "a -0.1" has the token "-0.1".
        sign = self.tokens[self.pos]
        if fact.kind == NUMBER and sign in ("+", "-"):
            self.pos += 1
            offset = self._number(fact) * (-1 if sign == "-" else 1)
        elif fact.kind == NUMBER and sign.startswith("-"):
            offset = self._number(fact)
        return RuleComparison(fact.group, fact.text, operator, None, fact, other, factor, offset)

    def _fact(self) -> Fact:
        at = self.pos
        token = self.tokens[at]
        if not is_word(token):
            raise self.malformed(at)
        self.pos += 1
        try:
            return facts.parse(token)
        except InvalidParameter as error:
            raise InvalidParameter(f"At character {self._position(at)}: {error.message}") from None

    def _literal(self, fact: Fact) -> Scalar:
        """Take the value that a fact is compared with."""
        if fact.kind == NUMBER:
            return self._number(fact)
        at = self.pos
        token = self.value(at)
        if token[0] not in "'\"" or len(token) < 2:
            self._refuse(at, f"is no text; {fact.text} is compared with a text in quotes.")
        return token[1:-1]

    def _number(self, fact: Fact) -> float:
        at = self.pos
        token = self.tokens[at]
        if not token:
            raise self.malformed(at)
        found = number(token)
        if found is None:
            self._refuse(at, f"is no number; {fact.text} is compared with a number.")
        self.pos += 1
        return found

    def _list(self, fact: Fact, start: int) -> tuple[Scalar, ...]:
        if not self.take("("):
            raise self.malformed(self.pos if self.tokens[self.pos] else start)
        values = [self._literal(fact)]
        while self.take(","):
            values.append(self._literal(fact))
        if not self.take(")"):
            raise self.malformed(self.pos)
        if len(values) > MAX_LIST:
            raise InvalidParameter(f"A list in a rule has at most {MAX_LIST} values.")
        return tuple(values)

    def _refuse(self, at: int, why: str) -> NoReturn:
        raise InvalidParameter(f"{self.tokens[at]!r} at character {self._position(at)} {why}")

    def _position(self, at: int) -> int:
        """Return where a token begins, counted from 1."""
        return token_positions(self.text)[at] + 1


def _list_of(kind: Kind) -> str:
    return ", ".join(_OPERATORS[kind])
