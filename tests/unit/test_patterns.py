"""Patterns of users: regular expressions find what ``re.search`` finds, in linear time."""

from __future__ import annotations

import random
import re

import pytest

from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.traces import patterns

TEXTS = [
    "",
    "a",
    "gpt-4o-mini",
    "GPT-4o",
    "line one\nline two\n",
    "aaaa",
    "aaab",
    "foo.bar",
    "x1 y22 z333",
    "Zürich ß",
    "a\n",
    "\n",
    "tool_call",
]
REGEXES = r"""
^gpt
gpt.*mini$
(?i)gpt-\d
a{2,3}b?$
(a|b)*c
^(a|aa)+$
x\d y\d+ z\d{3}
\btwo\b
\Btwo
one$
(?m)one$
(?m)^line
(?s)one.line
one.line
[^a-z]+$
[\w.]+r$
\.bar
^$
\A\z
^\s*$
a*?b
ü.*ß
(?i)ZÜ
(?:tool|agent)_(call|run)
[^\d\s]{5,}
\w+ü
.*.*=.*
$
^.{3}$
""".strip().splitlines()


def in_python(pattern: str) -> re.Pattern[str]:
    """Return the expression as Python writes it: in RE2, $ is the very end of a text, as \\z is."""
    return re.compile(pattern if "(?m)" in pattern else re.sub(r"\$|\\z", r"\\Z", pattern))


@pytest.mark.parametrize("pattern", REGEXES)
def test_a_regular_expression_finds_what_python_finds(pattern: str) -> None:
    for text in TEXTS:
        expected = in_python(pattern).search(text) is not None
        assert patterns.regex(pattern).matches(text) == expected, text


def test_random_regular_expressions_find_what_python_finds() -> None:
    chance = random.Random(22)
    pieces = ["a", "b", ".", "[ab]", "[^a]", "\\b", "^", "$", "(a|b)", "(ab)", "\\w", "\\n", "(?:a|)"]
    for _ in range(1500):
        pattern = "".join(
            chance.choice(pieces) + chance.choice(["", "", "*", "+", "?", "{1,2}", "*?"])
            for _ in range(chance.randint(1, 5))
        )
        try:
            found = in_python(pattern)
        except re.error:
            continue
        text = "".join(chance.choice("ab\n c") for _ in range(chance.randint(0, 7)))
        assert patterns.regex(pattern).matches(text) == (found.search(text) is not None), (pattern, text)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)+$", "(.*)*x", "(a|aa)+$", ".*.*.*.*.*x"])
def test_no_expression_takes_exponential_time(pattern: str) -> None:
    """Python's own matcher would take hours."""
    assert not patterns.regex(pattern).matches("a" * 5000 + "b")


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?=a)", "(?<!a)b", "(?>a+)", "a++", "a{5000}", "(", "a" * 1001, "\ud800"]
)
def test_other_expressions_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidParameter, match=r"^Invalid regular expression '"):
        patterns.regex(pattern)


def test_a_text_that_no_encoding_knows_is_matched_and_replaced() -> None:
    assert patterns.regex("key=.*end").matches("key=\ud800 end")
    assert patterns.regex(r"\d+").replace("\ud800 12 é", r"\1") == (r"? \1 é", 1)
    assert patterns.regex(r"\d+").replace("\ud800", "-") == ("\ud800", 0)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("a%", "abc", True),
        ("%c", "abc", True),
        ("%c", "abcd", False),
        ("%b%", "abc", True),
        ("a%a", "a", False),
        ("a%a", "aa", True),
        ("a_c", "abc", True),
        ("a_c", "ac", False),
        ("%", "", True),
        ("%a_b%", "xxa\nbxx", True),
        ("%.%", "abc", False),
        ("%a%b%c", "a b c b", False),
        ("ABC", "abc", False),
        ("", "", True),
        ("", "a", False),
        ("%ab%ab", "xab", False),
    ],
)
def test_like(pattern: str, text: str, expected: bool) -> None:
    assert patterns.like(pattern)(text) == expected


def test_ilike_ignores_case_in_all_languages() -> None:
    assert patterns.like("%ZÜRICH%", ignore_case=True)("in Zürich")
    assert patterns.like("ΟΔΟΣ%", ignore_case=True)("οδοσα")
    assert not patterns.like("%zurich%", ignore_case=True)("Zürich")


def test_like_takes_no_quadratic_time() -> None:
    assert not patterns.like("%a" * 200 + "%b")("a" * 20_000)
