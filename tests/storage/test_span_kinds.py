"""Kinds of spans: an experiment has only so many."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.factories import make_experiment
from tests.trace_factories import make_trace, span
from trackway.storage.database import Tx
from trackway.storage.schema.traces import span_bodies, span_kinds, traces
from trackway.storage.traces import kinds, rows

from .test_trace_search import find, index


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "MAX_KINDS", 3)
    monkeypatch.setattr(kinds, "_MORE_KINDS", 2)


def kinds_of(tx: Tx, experiment_id: str) -> list[tuple[str, ...]]:
    c = span_kinds.c
    query = sa.select(c.name, c.type, c.status, c.model).where(c.experiment_id == int(experiment_id))
    return [tuple(row) for row in tx.execute(query.order_by(c.id))]


@pytest.mark.usefixtures("few")
def test_new_names_have_no_kinds_of_their_own_in_a_full_experiment(tx: Tx) -> None:
    experiment_id = make_experiment(tx)
    for number in range(20):
        make_trace(
            tx,
            span("root"),
            span(f"step {number:02}", f"T{number}", "ERROR", **{"mlflow.llm.model": f"m{number}"}),
            experiment_id=experiment_id,
            trace_id=f"tr-{number:02}",
        )
    index(tx)
    # The two that were next have types, the others none.
    assert kinds_of(tx, experiment_id)[3:] == [
        ("(other)", "T2", "ERROR", ""),
        ("(other)", "T3", "ERROR", ""),
        ("(other)", "(other)", "ERROR", ""),
    ]
    for filter, expected in (
        ("span.name = 'step 15'", ["tr-15"]),
        ("span.name = 'step 00'", ["tr-00"]),
        ("span.name LIKE 'step 1%' AND span.type = 'T12'", ["tr-12"]),
        ("span.type = 'T1'", ["tr-01"]),
        ("span.name RLIKE '^step .7$' AND span.status = 'ERROR'", ["tr-07", "tr-17"]),
        ("span.name = '(other)'", []),
    ):
        assert sorted(find(tx, filter, experiment_id)) == expected, filter
    assert len(find(tx, "span.name = 'root'", experiment_id)) == 20
    assert make_trace(tx, span("other"), experiment_id=make_experiment(tx))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    "name", ['say "yes"', "C:\\new\\u0041", "two\nlines", "Straße 😀", "100%", "a_b", "x" * 3000]
)
def test_names_with_any_characters_are_found(tx: Tx, name: str) -> None:
    experiment_id = make_experiment(tx)
    make_trace(tx, span("a"), span("b"), span("c"), experiment_id=experiment_id)
    expected = [make_trace(tx, span("a"), span(name), experiment_id=experiment_id)]
    index(tx)
    for pattern in (name, f"%{name}", f"{name[:4]}%"):
        assert find(tx, f"span.name LIKE '{pattern}'", experiment_id) == expected, pattern
    assert find(tx, f"span.name = '{name}'", experiment_id) == expected


@pytest.mark.usefixtures("few")
def test_archived_traces_are_found_by_names_that_have_kinds(tx: Tx) -> None:
    experiment_id = make_experiment(tx)
    for number in range(9):
        make_trace(tx, span("root"), span(f"s{number}"), experiment_id=experiment_id, trace_id=f"tr-{number}")
    old = sa.select(traces.c.id).where(traces.c.trace_id == "tr-7")
    tx.execute(sa.delete(span_bodies).where(span_bodies.c.trace_id.in_(old)))
    tx.execute(sa.update(traces).where(traces.c.trace_id == "tr-7").values(spans_location=rows.IN_ARCHIVE))
    assert len(find(tx, "span.name = 'root'", experiment_id)) == 9
    assert find(tx, "span.name = 's8' OR span.name = 's1'", experiment_id) == ["tr-8", "tr-1"]
    assert find(tx, "span.name = 's7'", experiment_id) == []
