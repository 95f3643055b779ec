"""The search language: the tree of a filter, what our superset of MLflow's language means, and its limits.

That the rest is MLflow's language is compared in tests/compat/test_search_language.py.
"""

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.client_compat import filters
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.fields import MAX_LIST
from trackway.client_compat.filters import And, Comparison, Not, Or, comparisons, parse_filter, parse_order_by
from trackway.client_compat.searchable import EXPERIMENTS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS, OrderBy

A, B, C, D = (Comparison("metric", key, "=", 1.0) for key in "ABCD")


def parse(text):
    """A filter of runs in which the letters A to D stand for comparisons."""
    return parse_filter(re.sub(r"(?<!\.)\b([ABCD])\b", r"metrics.\1 = 1", text), RUNS)


def refusal(text, entity=RUNS):
    with pytest.raises(InvalidParameter) as e:
        parse_filter(text, entity)
    return e.value.message


@pytest.mark.parametrize("text", [None, "", "AND", "and AND"])
def test_no_filter_is_no_tree(text):
    assert parse_filter(text, RUNS) is None


def test_one_comparison_stands_alone():
    assert parse("A") == A


def test_comparisons_are_joined_in_the_order_they_are_written():
    assert parse("A AND B and C") == And((A, B, C))


@pytest.mark.parametrize("text", ["AND A", "A AND", "A AND AND B", "A B", "AND A AND B AND AND"])
def test_ands_may_be_doubled_dangling_or_missing(text):
    assert parse(text) in (A, And((A, B)))


# The superset.


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("A OR B AND C", Or((A, And((B, C))))),
        ("A AND B OR C", Or((And((A, B)), C))),
        ("A or B Or C", Or((A, B, C))),
        ("( A OR B ) AND C", And((Or((A, B)), C))),
        ("( ( A ) )", A),
        ("NOT A AND B", And((Not(A), B))),
        ("not NOT A", Not(Not(A))),
        ("NOT ( A AND B ) OR C", Or((Not(And((A, B))), C))),
        ("NOT A OR NOT B AND C", Or((Not(A), And((Not(B), C))))),
        ("( A AND ( B OR ( C AND D ) ) )", And((A, Or((B, And((C, D))))))),
    ],
)
def test_not_binds_tighter_than_and_tighter_than_or(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("metrics.a BETWEEN -1 AND 2.5", "a", (-1.0, 2.5)),
        ("start_time between 1 and 2", "start_time", (1, 2)),
        ("params.a Between 'x' And \"y\"", "a", ("x", "y")),
    ],
)
def test_between_has_two_values(text, key, value):
    found = parse(text)
    assert (found.key, found.op, found.value) == (key, "BETWEEN", value)


def test_the_and_of_between_is_not_the_and_between_comparisons():
    between = Comparison("metric", "E", "BETWEEN", (1.0, 2.0))
    assert parse("A AND metrics.E BETWEEN 1 AND 2 AND B") == And((A, between, B))


def test_the_values_of_between_are_what_the_field_takes():
    assert refusal("metrics.a BETWEEN 1 AND 'x'") == "Expected numeric value type for metric. Found 'x'"
    assert refusal("params.a BETWEEN 'x' AND 2").startswith("Expected a quoted string value for parameter")
    assert refusal("creation_time BETWEEN 1 AND 2.5", EXPERIMENTS).startswith("Invalid value for numeric")
    assert parse_filter("version_number BETWEEN '1' AND 2", MODEL_VERSIONS).value == (1, 2)


def test_all_comparisons_of_a_tree_are_found():
    assert list(comparisons(parse("NOT ( A OR B ) AND ( C OR NOT D ) "))) == [A, B, C, D]
    assert list(comparisons(None)) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("OR", "'OR'"),
        ("A OR ", "'OR'"),
        ("A OR OR B", "'OR', 'metrics.B', '=', '1'"),
        ("NOT", "'NOT'"),
        ("A NOT B", "'NOT', 'metrics.B', '=', '1'"),
        ("A ( B ) ", "'( metrics.B = 1 )'"),
        ("( A", "'(', 'metrics.A', '=', '1'"),
        ("A )", "')'"),
        ("()", "')'"),
        ("metrics.a BETWEEN 1", "'metrics.a', 'BETWEEN', '1'"),
        ("metrics.a BETWEEN 1 OR 2", "'metrics.a', 'BETWEEN', '1'"),
        ("metrics.a NOT BETWEEN 1 AND 2", "'metrics.a', 'NOT', 'BETWEEN', '1'"),
        ("metrics.a =", "'metrics.a', '='"),
        ("= 1", "'=', '1'"),
        ("tags.a = 'x", "'tags.a', '=', ''', 'x'"),
        ("tags.`a = 'x'", "'tags', '.', '`', 'a', '=', ''x''"),
        ("x " * 1000, ", ".join(["'x x'"] * 10)),
    ],
)
def test_what_is_no_comparison_is_shown(text, shown):
    with pytest.raises(InvalidParameter) as e:
        parse(text)
    assert e.value.message == f"Invalid clause(s) in filter string: {shown}"


# Tokens.


@given(st.text(st.characters(exclude_characters="`", exclude_categories=["Cs"])))
def test_anything_can_be_a_key_between_backticks(key):
    assert parse_filter(f"metrics.`{key}` < 1", RUNS) == Comparison("metric", key, "<", 1.0)


@given(st.text(st.characters(exclude_characters="'\\", exclude_categories=["Cs"])))
def test_anything_can_be_a_text(text):
    assert parse_filter(f"params.a='{text}'AND params.b LIKE '{text}'", RUNS) == And(
        (Comparison("param", "a", "=", text), Comparison("param", "b", "LIKE", text))
    )


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_stay_whole(value):
    found = parse_filter(f"start_time = {value}", RUNS).value
    assert (found, type(found)) == (value, int)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_exact(value):
    assert parse_filter(f"metrics.a >= {value!r}", RUNS).value == value


@pytest.mark.parametrize("digits", [20, 400, 5000])
def test_integers_that_no_column_holds_are_floats(digits):
    assert type(parse_filter(f"end_time < {'9' * digits}", RUNS).value) is float


@given(st.text())
def test_any_text_is_parsed_or_refused(text):
    for entity in (RUNS, EXPERIMENTS):
        with contextlib.suppress(InvalidParameter):
            parse_filter(text, entity)
        with contextlib.suppress(InvalidParameter):
            parse_order_by([text], entity)


# Limits.


def test_nesting_is_bounded():
    assert parse("(" * 50 + "A" + ")" * 50) == A
    assert "nested" in refusal("(" * 51 + "metrics.a = 1" + ")" * 51)
    assert "nested" in refusal("NOT " * 10_000 + "metrics.a = 1")
    assert "nested" in refusal("(" * 100_000)


def test_the_number_of_comparisons_is_bounded():
    many = " OR ".join(["metrics.a = 1"] * filters.MAX_COMPARISONS)
    assert len(list(comparisons(parse_filter(many, RUNS)))) == filters.MAX_COMPARISONS
    assert "comparisons" in refusal(many + " OR metrics.a = 1")


def test_length_is_bounded():
    assert "characters" in refusal("params.a = '" + "x" * filters.MAX_LENGTH + "'")


def test_lists_are_bounded():
    def listed(size):
        return "run_id IN (" + ", ".join(["'x'"] * size) + ")"

    assert len(parse_filter(listed(MAX_LIST), RUNS).value) == MAX_LIST
    assert "values" in refusal(listed(MAX_LIST + 1))


PIECES = r"""' \' '' " ` a' a" tags. a. . -1 1e NOT_ NOT__IN_ NOT______x IS_ _ ( () (' (a, AND_ ; é a=1_
run_id_IN_( \ '\ "\ =! x, a_LIKE_'b'_OR_ 1.1. tags.`"""


@pytest.mark.parametrize("piece", PIECES.replace("\n", " ").split(" "))
def test_no_text_takes_longer_than_its_length_warrants(piece):
    long = piece.replace("_", " ") * filters.MAX_LENGTH
    for start in ("", "params.a = '", 'params.a = "', "params.a = 'x' AND"):
        began = time.perf_counter()
        with contextlib.suppress(InvalidParameter):
            parse_filter((start + long)[: filters.MAX_LENGTH], RUNS)
        assert time.perf_counter() - began < 1.0


# Orders.


def test_the_tie_breakers_complete_an_order():
    last = [OrderBy("attribute", "start_time", False), OrderBy("attribute", "run_id")]
    assert parse_order_by([], RUNS) == last
    assert parse_order_by(["metrics.`a b` DESC"], RUNS) == [OrderBy("metric", "a b", False), *last]
    assert parse_order_by(["Created"], RUNS) == [OrderBy("attribute", "start_time"), last[1]]
    assert parse_order_by(["run_id desc"], RUNS) == [OrderBy("attribute", "run_id", False), last[0]]


def test_experiments_without_an_order_come_newest_first():
    assert parse_order_by([], EXPERIMENTS) == [
        OrderBy("attribute", "creation_time", False),
        OrderBy("attribute", "experiment_id"),
    ]


def test_experiments_with_an_order_end_with_the_id_descending():
    assert parse_order_by(["name"], EXPERIMENTS)[-1] == OrderBy("attribute", "experiment_id", False)


def test_an_order_of_experiments_may_repeat_itself():
    asked = parse_order_by(["name", "experiment_id", "name DESC"], EXPERIMENTS)
    assert asked == [OrderBy("attribute", "name"), OrderBy("attribute", "experiment_id")]


def test_other_orders_may_not():
    with pytest.raises(
        InvalidParameter, match=r"`order_by` contains duplicate fields: \['name', 'name DESC'\]"
    ):
        parse_order_by(["name", "name DESC"], REGISTERED_MODELS)


def test_versions_come_latest_first():
    assert [(by.key, by.ascending) for by in parse_order_by([], MODEL_VERSIONS)] == [
        ("last_updated_timestamp", False),
        ("name", True),
        ("version_number", False),
    ]
