"""Patterns of filters, matched in Python: LIKE, ILIKE and RLIKE, in time that is linear in the text.

RLIKE means what ``re.search`` means, but Python's own matcher goes back and forth: for ``(a+)+$`` its time
doubles with each character of the text, and it holds the interpreter lock meanwhile. So patterns with
repetitions are matched by an automaton (K. Thompson, 1968), whose states are made as they are needed.
Look-around and references to groups have no such automaton and are refused.
"""

from __future__ import annotations

import re
import re._constants as sre  # type: ignore[import-not-found,import-untyped,unused-ignore]
import re._parser as parser  # type: ignore[import-not-found,import-untyped,unused-ignore]
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from .errors import InvalidParameter

MAX_REGEX_LENGTH = 1000
# Nodes of an automaton. x{500} has 500.
_MAX_NODES = 2000
# Transitions that an automaton remembers; then it begins anew.
_MAX_REMEMBERED = 20_000

# lower() makes the first of the letter at the end of a word, and the second elsewhere.
_FINAL_SIGMA, _SIGMA = "\u03c2", "\u03c3"

Matches = Callable[[str], bool]
Place = Callable[[str, str, bool], bool]


def fold(text: str) -> str:
    """Return the text as ILIKE compares it: without upper case. Character by character, unlike ``lower``."""
    return text.lower().replace(_FINAL_SIGMA, _SIGMA)


@lru_cache(maxsize=256)
def like(pattern: str, *, ignore_case: bool = False) -> Matches:
    """Return whether a text is like a pattern: % is any text, _ any character; nothing escapes them."""
    if ignore_case:
        inner = like(fold(pattern))
        return lambda text: inner(fold(text))
    first, *rest = [_compiled_part(part) for part in pattern.split("%")]
    return partial(_is_like, first, rest)


def _compiled_part(part: str) -> re.Pattern[str]:
    return re.compile("".join("." if char == "_" else re.escape(char) for char in part), re.DOTALL)


def _is_like(first: re.Pattern[str], rest: list[re.Pattern[str]], text: str) -> bool:
    if not rest:
        return first.fullmatch(text) is not None
    found = first.match(text)
    # Each part may be found at the first place where it fits: only the last one has to be at the end.
    for part in rest[:-1]:
        if found is None:
            return False
        found = part.search(text, found.end())
    if found is None:
        return False
    last = rest[-1]
    start = len(text) - _length_of(last)
    return start >= found.end() and last.fullmatch(text, start) is not None


@lru_cache(maxsize=512)
def _length_of(part: re.Pattern[str]) -> int:
    return int(parser.parse(part.pattern, re.DOTALL).getwidth()[0])


@lru_cache(maxsize=64)
def regex(pattern: str) -> Matches:
    """Return whether a regular expression is found in a text, as ``re.search`` does.

    Raise ``InvalidParameter`` for a pattern that is too long, wrong, or cannot be matched in linear time.
    """
    if len(pattern) > MAX_REGEX_LENGTH:
        raise InvalidParameter(
            f"The pattern of RLIKE has {len(pattern)} characters; it may have {MAX_REGEX_LENGTH}."
        )
    try:
        parsed = parser.parse(pattern)
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidParameter(f"Invalid regular expression '{pattern}' for RLIKE: {error}.") from None
    if not _repeats(parsed):
        return lambda text: compiled.search(text) is not None
    return _Automaton(pattern, parsed).search


def _repeats(parsed: Any) -> bool:
    """Return whether a part is repeated more than once, or cannot be matched by an automaton."""
    for op, value in parsed:
        if op is sre.SUBPATTERN:
            if _repeats(value[3]):
                return True
        elif op is sre.BRANCH:
            # Alternatives one after the other multiply.
            return True
        elif op not in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.AT):
            return True
    return False


class _Automaton:
    """A regular expression as a graph. Each node is a test of a character, a test of a place, or a fork."""

    def __init__(self, pattern: str, parsed: Any) -> None:
        self._pattern = pattern
        # A node is (test of a character, None, next), (None, test of a place, next) or (None, None, nexts).
        self._nodes: list[
            tuple[Matches | None, Callable[[str, str, bool], bool] | None, tuple[int, ...]]
        ] = []
        self._has_places = False
        self._end = self._add(None, None, ())
        self._start = self._sequence(parsed, parsed.state.flags, self._end)
        self._remembered: dict[Any, frozenset[int] | None] = {}

    def search(self, text: str) -> bool:
        states: frozenset[int] | None = frozenset((self._start,))
        before = ""
        remembered = self._remembered
        last = len(text) - 1
        for index, char in enumerate(text):
            place = (before, index == last) if self._has_places else None
            key = (states, char, place)
            try:
                states = remembered[key]
            except KeyError:
                states = self._step(states, before, char, index == last)
                if len(remembered) >= _MAX_REMEMBERED:
                    remembered.clear()
                remembered[key] = states
            if states is None:
                return True
            before = char
        return self._end in self._closure(states or (), before, "", True)

    def _step(self, states: Any, before: str, char: str, is_last: bool) -> frozenset[int] | None:
        """Return the states after a character, or None if the expression has been found before it."""
        closed = self._closure(states, before, char, is_last)
        if self._end in closed:
            return None
        after = {self._start}
        for number in closed:
            test, _, nexts = self._nodes[number]
            if test is not None and test(char):
                after.update(nexts)
        return frozenset(after)

    def _closure(self, states: Any, before: str, char: str, is_last: bool) -> set[int]:
        """Return the nodes that are reached without a character."""
        found: set[int] = set()
        open_nodes = list(states)
        while open_nodes:
            number = open_nodes.pop()
            if number in found:
                continue
            found.add(number)
            test, place, nexts = self._nodes[number]
            if test is None and (place is None or place(before, char, is_last)):
                open_nodes += nexts
        return found

    def _add(self, test: Any, place: Any, nexts: tuple[int, ...]) -> int:
        if len(self._nodes) >= _MAX_NODES:
            raise InvalidParameter(
                f"The regular expression '{self._pattern}' for RLIKE is too large: it repeats too much."
            )
        self._nodes.append((test, place, nexts))
        return len(self._nodes) - 1

    def _sequence(self, parsed: Any, flags: int, then: int) -> int:
        """Add the nodes of a sequence, from its end. Return the first one."""
        for op, value in reversed(list(parsed)):
            then = self._part(op, value, flags, then)
        return then

    def _part(self, op: Any, value: Any, flags: int, then: int) -> int:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            return self._add(_test_of(op, value, flags), None, (then,))
        if op is sre.AT:
            self._has_places = True
            return self._add(None, _place_of(value, flags), (then,))
        if op is sre.BRANCH:
            return self._add(None, None, tuple([self._sequence(part, flags, then) for part in value[1]]))
        if op is sre.SUBPATTERN:
            _, added, removed, part = value
            return self._sequence(part, (flags | added) & ~removed, then)
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            low, high, part = value
            return self._repeat(low, high, part, flags, then)
        raise InvalidParameter(
            f"The regular expression '{self._pattern}' for RLIKE uses look-around, atomic groups or "
            "references to groups, which this server does not support."
        )

    def _repeat(self, low: int, high: Any, part: Any, flags: int, then: int) -> int:
        if high is sre.MAXREPEAT:
            loop = self._add(None, None, ())
            self._nodes[loop] = (None, None, (self._sequence(part, flags, loop), then))
            then = loop
        else:
            end = then
            for _ in range(high - low):
                then = self._add(None, None, (self._sequence(part, flags, then), end))
        for _ in range(low):
            then = self._sequence(part, flags, then)
        return then


def _test_of(op: Any, value: Any, flags: int) -> Matches:
    """Return the test of a character by a part of a parsed expression."""
    if op is sre.ANY:
        return (lambda char: True) if flags & re.DOTALL else (lambda char: char != "\n")
    items = value if op is sre.IN else [(sre.LITERAL, value)]
    is_negated = op is sre.NOT_LITERAL
    if items[0][0] is sre.NEGATE:
        is_negated, items = True, items[1:]
    tests = [_item_test(item, flags) for item in items]
    if not flags & re.IGNORECASE:
        return lambda char: any(test(char) for test in tests) != is_negated

    def in_any_case(char: str) -> bool:
        cases = {char, char.lower(), char.upper()}
        return any(test(case) for test in tests for case in cases if len(case) == 1) != is_negated

    return in_any_case


def _item_test(item: tuple[Any, Any], flags: int) -> Matches:
    op, value = item
    if op is sre.LITERAL:
        return lambda char: ord(char) == value
    if op is sre.RANGE:
        return lambda char: value[0] <= ord(char) <= value[1]
    # Python's own tests of the categories, such as \d.
    compiled = re.compile(_CATEGORIES[value], flags & re.ASCII)
    return lambda char: compiled.match(char) is not None


_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}


def _place_of(value: Any, flags: int) -> Place:
    """Return the test of a place: by the character before it, the one after it, and whether that is the last.

    At the beginning and the end of the text the character is empty.
    """
    if value is sre.AT_BEGINNING and flags & re.MULTILINE:
        return lambda before, after, is_last: before in ("", "\n")
    if value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
        return lambda before, after, is_last: not before
    if value is sre.AT_END_STRING:
        return lambda before, after, is_last: not after
    if value is sre.AT_END and flags & re.MULTILINE:
        return lambda before, after, is_last: after in ("", "\n")
    if value is sre.AT_END:
        return lambda before, after, is_last: not after or (after == "\n" and is_last)
    is_word = re.compile(r"\w", flags & re.ASCII).match
    is_negated = value is sre.AT_NON_BOUNDARY

    def is_boundary(before: str, after: str, is_last: bool) -> bool:
        return ((is_word(before) is None) != (is_word(after) is None)) != is_negated

    return is_boundary
