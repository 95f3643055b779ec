"""Tokens of the search language, and the error for tokens that are no comparison."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from .errors import InvalidParameter
from .fields import IN, NUMERIC, PRESENCE, TEXTUAL, Searchable, number

# A key is one token, including its prefix, dots and quotes. All other tokens are values,
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
OPERATOR_CHARACTERS = frozenset("<>=~!")
# They are parsed although no field has them, so that the error names the operator, as for "==".
_UNSUPPORTED_OPERATORS = ("NOT LIKE", "NOT ILIKE", "NOT RLIKE")
OPERATORS = frozenset((*NUMERIC, *TEXTUAL, "RLIKE", *IN, *PRESENCE, "BETWEEN", *_UNSUPPORTED_OPERATORS))
_RESERVED = frozenset(("AND", "OR", "NOT", "IS", *OPERATORS))
_BRACKETS = {"(": ")", "[": "]"}
_ONLY_IN_QUOTED_KEYS = frozenset("-+/@#%^&|")
_MAX_SHOWN = 20  # tokens


def tokens_of(text: str) -> list[str]:
    """Return the tokens of a filter or of a clause of an order."""
    # Without strip(), trailing white space takes quadratic time: the search starts anew at each character.
    return _TOKEN.findall(text.strip())


def token_positions(text: str) -> list[int]:
    """Return where each token begins in the text, counted from 0."""
    stripped = text.lstrip()
    return [found.start(1) + len(text) - len(stripped) for found in _TOKEN.finditer(stripped.rstrip())]


def is_value(token: str) -> bool:
    """Return whether a token is a string, a number or a word: no operator, reserved word or end mark."""
    if len(token) < 2:
        return token.isalnum() or token == "_"
    return token[0] == "'" or (token[0] not in OPERATOR_CHARACTERS and token.upper() not in _RESERVED)


def is_word(token: str) -> bool:
    """Return whether a token can be a key."""
    return is_value(token) and token[0] != "'" and number(token) is None


def canonical_operator(token: str) -> str:
    """Return a token as operators are written in `OPERATORS`."""
    return token if token in OPERATORS else " ".join(token.upper().split())


def malformed(entity: Searchable, text: str, tokens: Sequence[str], start: int) -> InvalidParameter:
    """Return MLflow's error for text that is not a comparison.

    `tokens` are those of the text, and two end marks (""). The message shows those from `start` to the next
    AND, OR or comparison, at most 20.
    """
    if ";" in tokens[:-3]:
        return InvalidParameter(entity.many_statements.format(text=text))
    end = start + 1
    while end < start + _MAX_SHOWN and not _ends_clause(tokens, end):
        end += 1
    if not tokens[start]:
        start, end = len(tokens) - 3, len(tokens) - 2
    clause = tokens[start:end]
    # A key that must be quoted, such as tags.a-b.
    if is_value(clause[0]) and clause[1:] and clause[1] in _ONLY_IN_QUOTED_KEYS:
        found = "".join(itertools.takewhile(lambda token: token[0] not in OPERATOR_CHARACTERS, clause))
        return InvalidParameter(f"Invalid comparison clause. Expected 'Identifier' found '{found}'")
    groups = _groups(text.strip(), tokens, start, end)
    return InvalidParameter(
        entity.malformed.format(
            text=text,
            clauses=", ".join(f"'{group}'" for group in groups),
            bare_clauses=", ".join(groups),
        )
    )


def _ends_clause(tokens: Sequence[str], pos: int) -> bool:
    """Return whether the token is an end mark, AND or OR, or begins a comparison after a word."""
    if tokens[pos].upper() in ("", "AND", "OR"):
        return True
    if not is_value(tokens[pos]) or not is_word(tokens[pos - 1]):
        return False
    operator, value = canonical_operator(tokens[pos + 1]), tokens[pos + 2] if tokens[pos + 1] else ""
    if operator in IN:
        return value == "("
    return operator in PRESENCE or (operator in OPERATORS and is_value(value))


def _groups(text: str, tokens: Sequence[str], start: int, end: int) -> list[str]:
    """Return the texts of tokens as MLflow's parser groups them: two words, and what is in brackets."""
    spans = [found.span(1) for found in itertools.islice(_TOKEN.finditer(text), end)]
    groups: list[str] = []
    is_one_word = False  # the last group
    while start < end:
        last = start
        closing = _BRACKETS.get(tokens[start])
        if closing and closing in tokens[start:end]:
            last = tokens.index(closing, start)
        written = text[spans[start][0] : spans[last][1]]
        if is_one_word and is_word(tokens[start]):
            groups[-1] += f" {written}"
            is_one_word = False
        else:
            groups.append(written)
            is_one_word = is_word(tokens[start])
        start = last + 1
    return groups
