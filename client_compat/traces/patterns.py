"""Patterns of users, matched in Python: LIKE, ILIKE, and regular expressions, in time linear in the text.

Regular expressions are RE2's: Python's own matcher goes back and forth, so that its time doubles with each
character of the text for ``(a+)+$``, and it holds the interpreter lock meanwhile. RE2 has no look-around and
no references to groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from ..errors import InvalidParameter

_MAX_REGEX_LENGTH = 1000
# Bytes for one expression. RE2 refuses those that repeat too much for it.
_REGEX_MEMORY = 1 << 20

# lower() makes the first of the letter at the end of a word, and the second elsewhere.
_FINAL_SIGMA, _SIGMA = "\u03c2", "\u03c3"

Matches = Callable[[str], bool]


def fold(text: str) -> str:
    """Return the text as ILIKE compares it: without upper case. Character by character, unlike ``lower``."""
    return text.lower().replace(_FINAL_SIGMA, _SIGMA)


@lru_cache(maxsize=256)
def like(pattern: str, *, ignore_case: bool = False) -> Matches:
    """Return whether a text is like a pattern: % is any text, _ any character; nothing escapes them."""
    if ignore_case:
        inner = like(fold(pattern))
        return lambda text: inner(fold(text))
    parts = pattern.split("%")
    first, *rest = [_compiled_part(part) for part in parts]
    return partial(_is_like, first, rest, len(parts[-1]))


def _compiled_part(part: str) -> re.Pattern[str]:
    return re.compile("".join("." if char == "_" else re.escape(char) for char in part), re.DOTALL)


def _is_like(first: re.Pattern[str], rest: list[re.Pattern[str]], length_of_last: int, text: str) -> bool:
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
    start = len(text) - length_of_last
    return start >= found.end() and rest[-1].fullmatch(text, start) is not None


class Regex:
    """A regular expression. Lone surrogates in a text, which UTF-8 cannot encode, count as "?"."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def matches(self, text: str) -> bool:
        """Return whether the expression is found anywhere in a text."""
        return self._compiled.search(text.encode("utf-8", "replace")) is not None

    def replace(self, text: str, replacement: str) -> tuple[str, int]:
        """Return the text with all that is found replaced, and how many places that are.

        ``replacement`` is taken literally: it has no references to groups.
        """
        found = text.encode("utf-8", "replace").decode()
        changed, count = self._compiled.subn(lambda match: replacement, found)
        return (changed, count) if count else (text, 0)


@lru_cache(maxsize=64)
def regex(pattern: str) -> Regex:
    """Return a compiled regular expression. Raise ``InvalidParameter`` if it is too large or wrong."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _REGEX_MEMORY
    try:
        if len(pattern) > _MAX_REGEX_LENGTH:
            raise re2.error(f"it has {len(pattern)} characters; it may have {_MAX_REGEX_LENGTH}")
        return Regex(re2.compile(pattern.encode(), options))
    except (re2.error, UnicodeEncodeError) as error:
        raise InvalidParameter(f"Invalid regular expression {pattern[:200]!r}: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return f"character {error.start} is half of a surrogate pair"
    reason = error.args[0]
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
