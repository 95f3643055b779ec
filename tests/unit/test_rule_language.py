"""Rules: which are refused, with which words, and when a rule holds."""

from __future__ import annotations

import pytest

from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.governance import policy_rules, rule_language
from trackway.client_compat.governance.evaluation import Found, evaluate

ABSENT = Found(None, "absent", "there is none")
PENDING = Found(None, "pending", "it is being read")
NO_VERSION = Found(None, "no_version", "the alias 'a' names no version yet")


def result(expression, **values):
    """What a rule says if its facts have these values; a keyword has "_" instead of "."."""
    node = rule_language.parse(expression)
    found = {}
    for fact in rule_language.facts_of(node):
        value = values[fact.text.replace(".", "_").replace('"', "")]
        found[fact] = value if isinstance(value, Found) else Found(value)
    return evaluate("r", expression, node, found)


@pytest.mark.parametrize(
    ("expression", "values", "holds"),
    [
        ("metrics.a >= 0.9", {"metrics_a": 0.9}, True),
        ("metrics.a > 0.9", {"metrics_a": 0.9}, False),
        ("metrics.a >= alias.a.metrics.a - 0.1", {"metrics_a": 0.85, "alias_a_metrics_a": 0.9}, True),
        ("metrics.a >= alias.a.metrics.a -0.1", {"metrics_a": 0.7, "alias_a_metrics_a": 0.9}, False),
        ("metrics.a <= 2 * metrics.b + 1", {"metrics_a": 7, "metrics_b": 3}, True),
        ("metrics.a BETWEEN 1 AND 2", {"metrics_a": 2}, True),
        ("metrics.a IN (1, 2)", {"metrics_a": 3}, False),
        ("tags.t IN ('x', 'y')", {"tags_t": "y"}, True),
        ("tags.t LIKE 'x%'", {"tags_t": "xyz"}, True),
        ("tags.t = 'x' OR (tags.t = 'y' AND metrics.a > 1)", {"tags_t": "y", "metrics_a": 2}, True),
        ("NOT tags.t = 'x'", {"tags_t": "y"}, True),
        ("description IS NOT NULL", {"description": "text"}, True),
        ("description IS NULL", {"description": ABSENT}, True),
    ],
)
def test_a_rule_holds(expression, values, holds):
    assert result(expression, **values).holds is holds


@pytest.mark.parametrize("missing", [ABSENT, PENDING, Found(float("nan"))])
@pytest.mark.parametrize(
    "expression", ["metrics.a > 1", "NOT metrics.a > 1", "NOT (metrics.a > 1 AND metrics.b > 1)"]
)
def test_what_is_not_known_fails_with_and_without_not(missing, expression):
    assert not result(expression, metrics_a=missing, metrics_b=5).holds


def test_what_may_still_appear_is_not_known_to_be_absent():
    for expression in ("tags.t IS NULL", "NOT tags.t IS NULL", "tags.t IS NOT NULL"):
        found = result(expression, tags_t=PENDING)
        assert (found.holds, found.is_pending) == (False, True)


@pytest.mark.parametrize(
    "expression", ["metrics.a > alias.a.metrics.a", "NOT metrics.a <= alias.a.metrics.a"]
)
def test_the_first_version_of_an_alias_is_not_compared(expression):
    assert result(expression, metrics_a=1, alias_a_metrics_a=NO_VERSION).holds


def test_a_result_tells_what_was_found():
    found = result(
        "metrics.a > 1 AND tags.t = 'x' AND metrics.b >= alias.a.metrics.b",
        metrics_a=0.93,
        tags_t=ABSENT,
        metrics_b=1,
        alias_a_metrics_b=Found(2.5, version=6),
    )
    assert found.reasons == (
        "metrics.a is 0.93; tags.t is not known: there is none; metrics.b is 1; "
        "alias.a.metrics.b of version 6 is 2.5"
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("metrcs.a > 1", "At character 1: There is no fact metrcs.a. Did you mean metrics.KEY?"),
        (
            "metrics.a > 1 AND approvals.othrs > 1",
            "At character 19: There is no fact approvals.othrs. Did you mean approvals.others?",
        ),
        ("metrics.a > 'x'", "'x'\" at character 13 is no number; metrics.a is compared with a number."),
        ("tags.t > 'x'", "'>' at character 8 is not possible with tags.t, a text; the operators are "),
        ("tags.t = 3", "'3' at character 10 is no text; tags.t is compared with a text in quotes."),
        ("metrics.a > tags.t", "'tags.t' at character 13 is a text; metrics.a, a number, cannot be compared"),
        ("metrics.a BETWEEN 3 AND 1", "'1' at character 25 is less than 3: nothing is between them."),
        ("metrics.a >", "The rule ends too early: 'metrics.a >'."),
        ("", "A rule must have at least one comparison"),
        ("(metrics.a > 1", "'(' at character 1 does not begin a comparison"),
        ("metrics.a 3", "'3' at character 11 is no operator"),
        ("metrics > 3", "At character 1: metrics is incomplete; write for example metrics.name."),
        ("alias.a > 3", "At character 1: alias.a is incomplete; write for example alias.a.metrics.accuracy."),
        ("alias.a.alias.b.metrics.m > 3", "has an alias within an alias"),
        ("on.d > 3", 'on.d is incomplete; write for example on."iris-test".accuracy.'),
    ],
)
def test_a_rule_that_cannot_be_true_is_refused_with_its_place(expression, message):
    with pytest.raises(InvalidParameter) as caught:
        rule_language.parse(expression)
    assert message in caught.value.message


def test_a_long_rule_is_refused():
    for expression in ("metrics.a > " + "1" * 5_000, " AND ".join(["metrics.a > 1"] * 51)):
        with pytest.raises(InvalidParameter, match="A rule has at most"):
            rule_language.parse(expression)
    with pytest.raises(InvalidParameter, match="nested more than"):
        rule_language.parse("(" * 51 + "metrics.a > 1" + ")" * 51)


def test_a_pattern_of_models_matches_as_like_does():
    for models, name, matches in [
        ("*", "iris", True),
        ("iris", "iris", True),
        ("iris", "Iris", False),
        ("fraud-*", "fraud-eu", True),
        ("fraud-?", "fraud-eu", False),
        ("a_b", "axb", False),
        ("[ab]", "a", False),
    ]:
        assert policy_rules.covers(models, name) is matches
    assert policy_rules.like_pattern(r"100%_*?\x") == r"100\%\_%_\\x"
