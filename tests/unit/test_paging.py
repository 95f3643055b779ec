"""Page tokens: what goes in comes out, and everything else is refused."""

import base64
import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.client_compat import paging
from trackway.client_compat.errors import InvalidParameter

QUERY = ("runs", ["1", "2"], "metrics.loss < 0.5", "start_time DESC")
REFUSED = r"^Invalid page token"
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
# Half of a surrogate pair: JSON bodies can carry one, so positions can hold one.
LONE_SURROGATE = "\ud800"


def same(left: object, right: object) -> bool:
    """Equal with the type, NaN and the sign of zero."""
    return type(left) is type(right) and repr(left) == repr(right)


@given(st.lists(VALUES))
def test_a_position_comes_back_exactly(position):
    decoded = paging.decode(paging.encode(QUERY, position), QUERY)
    assert len(decoded) == len(position)
    assert all(map(same, decoded, position))


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 2**70, 1, 1.0, True, "", LONE_SURROGATE, None]
)
def test_odd_values_come_back_exactly(value):
    assert same(paging.decode(paging.encode(QUERY, [value]), QUERY)[0], value)


@given(st.lists(VALUES))
def test_a_token_needs_no_escaping_in_a_url(position):
    token = paging.encode(QUERY, position)
    assert token
    assert all(c.isascii() and (c.isalnum() or c in "-_") for c in token)


@given(st.text(), st.text())
def test_a_token_of_another_query_is_refused(one, other):
    token = paging.encode((one,), [1])
    if one == other:
        assert paging.decode(token, (other,)) == [1]
    else:
        with pytest.raises(paging.TokenOfAnotherQuery, match=REFUSED):
            paging.decode(token, (other,))
        assert paging.is_intact(token)


def test_parts_of_a_query_do_not_run_together():
    token = paging.encode(("ab", "c"), [1])
    with pytest.raises(InvalidParameter, match="another query"):
        paging.decode(token, ("a", "bc"))


@given(st.text())
def test_garbage_is_refused(token):
    with pytest.raises(InvalidParameter, match=REFUSED):
        paging.decode(token, QUERY)


@given(st.binary())
def test_garbage_in_base64_is_refused(raw):
    with pytest.raises(InvalidParameter, match=REFUSED):
        paging.decode(base64.urlsafe_b64encode(raw).decode(), QUERY)


@given(st.data())
def test_a_damaged_token_is_refused(data):
    token = paging.encode(QUERY, [1700000000000, "a" * 32, math.nan])
    cut = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([c for c in "Ab0-_=" if c != token[cut]]))
    for damaged in (token[:cut], token[:cut] + other + token[cut + 1 :], token + other):
        with pytest.raises(InvalidParameter, match=REFUSED) as refusal:
            paging.decode(damaged, QUERY)
        assert refusal.type is InvalidParameter
        assert not paging.is_intact(damaged)


def test_a_token_of_mlflow_is_refused():
    with pytest.raises(InvalidParameter, match=REFUSED):
        paging.decode(base64.b64encode(json.dumps({"offset": 5}).encode()).decode(), QUERY)


@pytest.mark.parametrize("body", [b"", b"{}", b"[[1]]", b'[{"a":1}]', b"[" * 100_000, b"[1", b"1", b"\xff"])
def test_a_forged_body_is_refused(body):
    with pytest.raises(InvalidParameter, match=REFUSED):
        paging.decode(paging._seal(paging._hash(QUERY) + body), QUERY)


def test_an_endless_token_is_refused_unread():
    with pytest.raises(InvalidParameter, match="more than"):
        paging.decode("A" * 10_000_000, QUERY)


def test_the_longest_position_fits():
    tags = ["\U0001f600" * 8000] * 3
    assert paging.decode(paging.encode(QUERY, tags), QUERY) == tags


def test_another_process_reads_the_token():
    code = f"from trackway.client_compat import paging; print(paging.encode({QUERY!r}, [1, 'a']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert paging.decode(done.stdout.strip(), QUERY) == [1, "a"]


def test_a_page_is_cut_where_the_next_one_begins():
    assert paging.cut([1, 2], 2, QUERY, lambda last: [last]) == ([1, 2], None)
    page, token = paging.cut([1, 2, 3], 2, QUERY, lambda last: [last])
    assert page == [1, 2]
    assert paging.decode(token, QUERY) == [2]
