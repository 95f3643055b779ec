"""The correlation of filters of traces, on every database."""

from __future__ import annotations

import math

import pytest

from tests.databases import statements_of
from tests.factories import START_MS, make_experiment
from tests.trace_factories import make_trace, span
from trackway.client_compat.errors import InvalidParameter
from trackway.storage.database import Database, Tx
from trackway.storage.traces import correlation
from trackway.storage.traces.correlation import Counts

ERROR, CHAT, LATE = "status = 'ERROR'", "name = 'chat'", f"timestamp_ms >= {START_MS + 5000}"
SEARCH, FOUND = "span.name = 'search'", "trace.text LIKE '%found%'"


@pytest.fixture
def experiment(tx: Tx) -> str:
    """An experiment with ten traces, a second apart."""
    experiment = make_experiment(tx)
    for number in range(10):
        make_trace(
            tx,
            span(),
            span("search" if number % 2 else "ask", "TOOL", result="found" if number > 6 else "nothing"),
            experiment_id=experiment,
            time_ms=START_MS + 1000 * number,
            name="chat" if number < 4 else "agent",
            state="ERROR" if number % 3 == 0 else "OK",
        )
    return experiment


@pytest.mark.parametrize(
    ("base", "first", "second", "expected"),
    [
        ("", ERROR, CHAT, Counts(10, 4, 4, 2)),
        (LATE, ERROR, CHAT, Counts(5, 2, 0, 0)),
        ("", SEARCH, ERROR, Counts(10, 5, 4, 2)),
        ("", f"{ERROR} OR {CHAT}", f"NOT {CHAT}", Counts(10, 6, 6, 2)),
        # Python checks these.
        ("", FOUND, ERROR, Counts(10, 3, 4, 1)),
        ("", FOUND, SEARCH, Counts(10, 3, 5, 2)),
        (FOUND, SEARCH, "name RLIKE 'age.t'", Counts(3, 2, 3, 2)),
        (LATE, FOUND, "", Counts(5, 3, 5, 3)),
        ("name = 'none'", FOUND, SEARCH, Counts(0, 0, 0, 0)),
    ],
)
def test_counts(tx: Tx, experiment: str, base: str, first: str, second: str, expected: Counts) -> None:
    assert correlation.count(tx, [experiment], base, first, second) == expected
    assert correlation.count(tx, ["987654321"], base, first, second) == Counts(0, 0, 0, 0)


def test_a_filter_that_reads_too_many_texts_is_refused(
    tx: Tx, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correlation, "_MAX_SPANS_READ", 9)
    monkeypatch.setattr(correlation, "_SPANS_AT_A_TIME", 2)
    with pytest.raises(InvalidParameter, match=r"^More than 9 traces would have to be read .* base_filter"):
        correlation.count(tx, [experiment], "", FOUND, ERROR)
    assert correlation.count(tx, [experiment], LATE, FOUND, ERROR) == Counts(5, 3, 2, 1)


@pytest.mark.parametrize(
    ("counts", "plain", "smoothed"),
    [
        (Counts(100, 20, 10, 5), 0.306, 0.304),
        (Counts(10, 3, 3, 0), None, -0.309),
        (Counts(10, 10, 10, 10), 1.0, 1.0),
        (Counts(10, 0, 3, 0), None, None),
        (Counts(0, 0, 0, 0), None, None),
    ],
)
def test_the_measure(counts: Counts, plain: float | None, smoothed: float | None) -> None:
    for found, expected in ((correlation.npmi(counts, 0), plain), (correlation.npmi(counts, 0.5), smoothed)):
        assert found == (None if expected is None else pytest.approx(expected, abs=0.001))


def test_independent_filters_do_not_correlate() -> None:
    assert math.isclose(correlation.npmi(Counts(100, 20, 50, 10), 0) or 0, 0, abs_tol=1e-9)


def test_filters_of_columns_are_counted_by_one_statement(database: Database) -> None:
    with database.begin(write=True) as tx:
        make_trace(tx, name="chat")
    statements = statements_of(database)
    with database.begin(write=False) as tx:
        assert correlation.count(tx, ["0"], "", CHAT, ERROR) == Counts(1, 1, 0, 0)
    assert len([text for text in statements if "FROM traces" in text]) == 1
