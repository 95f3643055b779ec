"""The index of the texts of spans."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.storage.test_trace_search import find, index
from tests.trace_factories import ids, make_trace, span
from trackway.client_compat import genai_messages as g
from trackway.storage.database import Database, Tx
from trackway.storage.schema.traces import traces
from trackway.storage.traces import deletion, search, span_texts, text_index


def candidates(tx: Tx, text: str) -> list[str]:
    """The ids of the traces that the index finds."""
    grams = text_index.Grams(text_index.grams_of(text))
    found = text_index.candidates(tx, grams).subquery()
    query = sa.select(traces.c.trace_id).where(traces.c.id.in_(sa.select(found.c.id)))
    return list(tx.execute(query.order_by(traces.c.trace_id)).scalars())


def test_a_trace_is_indexed_once_it_has_rested(tx: Tx) -> None:
    trace = make_trace(tx, span(text="some words"))
    assert text_index.waiting(tx) == []
    [document] = text_index.waiting(tx, rest_ms=0)
    assert "some words" in document.text
    text_index.add(tx, [document])
    assert text_index.waiting(tx, rest_ms=-1) == []
    assert candidates(tx, "SOME words") == [trace]
    assert candidates(tx, "other words") == []


def test_a_trace_that_changed_meanwhile_is_not_marked_as_indexed(tx: Tx) -> None:
    trace = make_trace(tx, span(text="first"))
    documents = text_index.waiting(tx, rest_ms=-1)
    make_trace(tx, span(text="second"), trace_id=trace)
    text_index.add(tx, documents)
    assert candidates(tx, "first") == []
    assert len(text_index.waiting(tx, rest_ms=-1)) == 1
    assert find(tx, "trace.text LIKE '%second%'") == [trace]


def test_a_deleted_trace_leaves_the_index(tx: Tx) -> None:
    gone, other = make_trace(tx, span(text="one thing")), make_trace(tx, span(text="other thing"))
    index(tx)
    deletion.delete(tx, [gone])
    assert candidates(tx, "thing") == [other]
    deletion.delete(tx, [other])
    assert candidates(tx, "thing") == []
    # Its number may be given again.
    again = make_trace(tx, span(text="third thing"))
    index(tx)
    assert candidates(tx, "thing") == [again]


@pytest.mark.parametrize("indexed", [0, 1, 2])
def test_traces_in_any_state_can_be_deleted(tx: Tx, indexed: int) -> None:
    """FTS5 reports damage if more is removed than was added."""
    trace = make_trace(tx, span(text="a"))
    if indexed:
        index(tx)
    make_trace(tx, span(text="much more text than before"), trace_id=trace)
    if indexed == 2:
        index(tx)
    deletion.delete(tx, [trace])
    make_trace(tx, span(text="new"))
    index(tx)
    assert find(tx, "trace.text LIKE '%much more%'") == []


def test_the_index_is_whole_after_many_changes(tx: Tx) -> None:
    for number in range(30):
        make_trace(tx, span(text=f"number {number} of many"), trace_id=f"tr-{number}")
    index(tx)
    for number in range(0, 30, 3):
        make_trace(tx, span(text=f"changed {number}"), trace_id=f"tr-{number}")
    index(tx)
    deletion.delete(tx, [f"tr-{number}" for number in range(0, 30, 2)])
    if tx.dialect == "sqlite":
        tx.execute(sa.text("INSERT INTO trace_texts(trace_texts) VALUES ('integrity-check')"))
    assert sorted(find(tx, "trace.text LIKE '%changed%'")) == sorted(f"tr-{n}" for n in range(3, 30, 6))
    assert len(find(tx, "trace.text LIKE '%of many%'")) == 15


def test_without_the_index_everything_is_found(tx: Tx) -> None:
    if tx.dialect != "sqlite":
        return
    trace = make_trace(tx, span(text="some words"))
    index(tx)
    tx.execute(sa.text("DROP TABLE trace_texts"))
    assert find(tx, "trace.text LIKE '%words%'") == [trace]
    assert text_index.waiting(tx, rest_ms=-1) == []
    deletion.delete(tx, [trace])


@pytest.mark.parametrize(
    "text",
    ["plain", 'with "quotes"', "back\\slash", "C:\\new\\table", "line\nbreak\ttab", "Grüne", "漢字 漢字",
     "😀😀😀", "\u0000zero", "İstanbul", "a\\\\b", "{\"json\": \"in text\"}", "\\u0041", "ΟΔΟΣ"],
)  # fmt: skip
def test_whatever_is_in_a_span_is_found_by_text_and_by_attribute(tx: Tx, text: str) -> None:
    trace = make_trace(tx, span(text=text, nested={"deep": [text]}))
    make_trace(tx, span(text="other"))
    index(tx)
    assert find(tx, f"trace.text LIKE '%{text}%'") == [trace]
    assert find(tx, f"trace.text ILIKE '%{text.upper()}%'") == [trace]
    assert find(tx, f"span.attributes.text = '{text}'") == [trace]
    assert find(tx, f"span.attributes.nested LIKE '%{text}%'") == [trace]


def test_escapes_of_any_depth_are_resolved() -> None:
    line = rb'{"name": "\u00fc", "attributes": {"a": "\"\\ud83d\\ude00 \\\"x\\\"\"", "b": "[\"\\n\"]"}}'
    assert span_texts.text_of(line) == '{"name": "ü", "attributes": {"a": ""😀 "x""", "b": "["\n"]"}}'
    assert span_texts.SpanText(line).attribute("a") == '😀 "x"'


def test_what_is_not_indexed_is_a_candidate(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_MAX_SPANS_READ", 3)
    for _ in range(10):
        make_trace(tx, span(text="hay"))
    index(tx)
    trace = make_trace(tx, span(text="needle"), time_ms=1)
    found, token = search.find_page(
        tx,
        g.SearchTracesV3(
            locations=[
                g.TraceLocation(mlflow_experiment=g.TraceLocation.MlflowExperimentLocation(experiment_id="0"))
            ],
            filter="trace.text LIKE '%needle%'",
        ),
    )
    assert (ids(found), token) == ([trace], None)


def test_the_transactions_of_the_indexer(database: Database) -> None:
    with database.begin(write=True) as tx:
        trace = make_trace(tx, span(text="needle"))
    documents = database.run(lambda tx: text_index.waiting(tx, rest_ms=-1), write=False)
    database.run(lambda tx: text_index.add(tx, documents), write=True)
    with database.begin(write=True) as tx:
        assert candidates(tx, "needle") == [trace]
        deletion.delete(tx, [trace])
