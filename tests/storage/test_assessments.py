"""Assessments of traces as the store keeps them, on every database."""

from __future__ import annotations

from typing import Any

import pytest

from tests.databases import statements_of
from tests.factories import START_MS, at, make_experiment
from tests.trace_factories import make_trace
from trackway.client_compat import genai_messages as g
from trackway.client_compat.errors import AlreadyExists, InvalidParameter, NotFound
from trackway.client_compat.wire import NULL
from trackway.storage.database import Database, Tx
from trackway.storage.traces import assessments, deletion, infos, rows, start

_NS_PER_MS = 1_000_000


def feedback(value: Any = "yes", name: str = "correct", **more: Any) -> g.Assessment:
    return g.Assessment(assessment_name=name, feedback=g.Feedback(value=value), **more)


def add(tx: Tx, trace_id: str, value: Any = "yes", **more: Any) -> str:
    return assessments.create(tx, trace_id, feedback(value, **more)).assessment_id or ""


def validity(tx: Tx, trace_id: str) -> dict[str | None, bool]:
    return {found.assessment_id: found.valid for found in infos.get(tx, trace_id).assessments}


def trace_info(trace_id: str, experiment: str, *new: g.Assessment) -> g.TraceInfoV3:
    place = g.TraceLocation.MlflowExperimentLocation(experiment_id=experiment)
    return g.TraceInfoV3(
        trace_id=trace_id,
        trace_location=g.TraceLocation(type="MLFLOW_EXPERIMENT", mlflow_experiment=place),
        request_time=START_MS * _NS_PER_MS,
        assessments=list(new),
    )


def test_an_assessment_is_read_as_it_was_written(tx: Tx) -> None:
    trace = make_trace(tx)
    new = feedback(
        {"a": [1.0, None]},
        source=g.AssessmentSource(source_type="HUMAN", source_id="bob"),
        create_time=START_MS * _NS_PER_MS,
        span_id="0123",
        rationale="because",
        metadata={"mlflow.assessment.sourceRunId": "r1"},
    )
    made = assessments.create(at(tx, START_MS + 5), trace, new)
    assert assessments.get(tx, trace, made.assessment_id or "") == made
    assert infos.get(tx, trace).assessments == [made]
    assert made == g.Assessment(
        assessment_id=made.assessment_id,
        assessment_name="correct",
        trace_id=trace,
        span_id="0123",
        source=g.AssessmentSource(source_type="HUMAN", source_id="bob"),
        create_time=START_MS * _NS_PER_MS,
        last_update_time=(START_MS + 5) * _NS_PER_MS,
        feedback=g.Feedback(value={"a": [1.0, None]}),
        rationale="because",
        metadata={"mlflow.assessment.sourceRunId": "r1"},
        valid=True,
    )


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        ("Yes", ('"Yes"', "Yes", 1.0, False)),
        ("no ", ('"no "', "no ", 0.0, False)),
        ("good", ('"good"', "good", None, False)),
        (True, ("true", "true", 1.0, False)),
        (0.25, ("0.25", "0.25", 0.25, True)),
        ([1.0], ("[1.0]", "[1.0]", None, False)),
        (NULL, ("null", None, None, False)),
    ],
)
def test_what_filters_and_statistics_compare(tx: Tx, value: Any, columns: tuple[Any, ...]) -> None:
    trace = make_trace(tx)
    key = add(tx, trace, value)
    row = tx.first(assessments._FIND, rows.find(tx, trace).id, key)
    assert (row.value, row.text, row.number, bool(row.is_number)) == columns


def test_who_overrides_an_assessment_makes_it_invalid_until_deleted(tx: Tx) -> None:
    trace = make_trace(tx)
    first = add(tx, trace, "no")
    second = add(tx, trace, "yes", overrides=first)
    third = add(tx, trace, "perhaps", overrides=second)
    assert validity(tx, trace) == {first: False, second: False, third: True}
    # The third one overrides now what the second one had overridden.
    assessments.delete(tx, trace, second)
    assert validity(tx, trace) == {first: False, third: True}
    assessments.delete(tx, trace, third)
    assert validity(tx, trace) == {first: True}
    assessments.delete(tx, trace, third)
    assessments.delete(tx, "tr-none", third)
    other = make_trace(tx)
    with pytest.raises(NotFound, match=f"Assessment with ID '{first}' not found for trace '{other}'"):
        add(tx, other, overrides=first)
    assert infos.get(tx, other).assessments == []


def test_ids_are_those_of_a_trace(tx: Tx) -> None:
    trace, other = make_trace(tx), make_trace(tx)
    add(tx, trace, "yes", assessment_id="a-1")
    with pytest.raises(AlreadyExists, match="Assessment with ID 'a-1' already exists for trace"):
        add(tx, trace, "no", assessment_id="a-1")
    add(tx, other, "no", assessment_id="a-1")
    assessments.delete(tx, other, "a-1")
    kept = assessments.get(tx, trace, "a-1").feedback
    assert kept
    assert kept.value == "yes"


def test_an_update_changes_the_named_fields(tx: Tx) -> None:
    trace = make_trace(tx)
    key = add(at(tx, START_MS), trace, "no", rationale="first", metadata={"a": "1", "b": "2"})
    new = feedback("yes", name="right", rationale="second", metadata={"b": "3", "mlflow.trace.session": "s"})
    changed = assessments.update(at(tx, START_MS + 1), trace, key, new, ["feedback", "metadata"])
    assert changed.feedback
    assert (changed.assessment_name, changed.feedback.value, changed.rationale) == ("correct", "yes", "first")
    assert changed.metadata == {"a": "1", "b": "3", "mlflow.trace.session": "s"}
    assert changed.last_update_time == (START_MS + 1) * _NS_PER_MS
    changed = assessments.update(tx, trace, key, new, ["assessment_name", "rationale"])
    assert (changed.assessment_name, changed.rationale) == ("right", "second")
    row = tx.first(assessments._FIND, rows.find(tx, trace).id, key)
    assert (row.number, row.session, row.creation_time) == (1.0, "s", START_MS)


def test_an_update_does_not_change_the_kind(tx: Tx) -> None:
    trace = make_trace(tx)
    key = add(tx, trace)
    new = g.Assessment(assessment_name="c", expectation=g.Expectation(value=1.0))
    with pytest.raises(
        InvalidParameter, match=r"^Cannot update expectation value on a Feedback assessment\.$"
    ):
        assessments.update(tx, trace, key, new, ["expectation"])
    expected = assessments.create(tx, trace, new).assessment_id or ""
    with pytest.raises(
        InvalidParameter, match=r"^Cannot update feedback value on an Expectation assessment\.$"
    ):
        assessments.update(tx, trace, expected, feedback(), ["feedback"])
    for field in ("valid", "span_id", "nope"):
        with pytest.raises(InvalidParameter, match="An update can change these fields: assessment_name"):
            assessments.update(tx, trace, key, feedback(valid=False), ["rationale", field])
    assert assessments.get(tx, trace, key).rationale is None


def test_a_trace_comes_with_its_assessments(tx: Tx) -> None:
    experiment = make_experiment(tx)
    trace = "tr-" + "5" * 32
    wrong = feedback("no", assessment_id="a-1")
    right = feedback("yes", overrides="a-1", create_time=START_MS * _NS_PER_MS)
    info = trace_info(trace, experiment, wrong, right, right)
    for _ in range(2):  # a client may send it again
        start.start(tx, info, sends_spans=True)
        assert list(validity(tx, trace).values()) == [True, False]
    # Assessments that came meanwhile stay.
    key = add(tx, trace, "late")
    start.start(tx, trace_info(trace, experiment, feedback("maybe", assessment_id="a-1")), sends_spans=True)
    found = {item.assessment_id: item for item in infos.get(tx, trace).assessments}
    assert len(found) == 3
    assert key in found
    changed = found["a-1"]
    assert changed.feedback
    assert (changed.feedback.value, changed.valid) == ("maybe", False)
    with pytest.raises(InvalidParameter, match="Unknown assessment type: None"):
        start.start(tx, trace_info("tr-6", experiment, g.Assessment(assessment_name="x")), sends_spans=True)


def test_assessments_of_a_deleted_trace_are_gone(tx: Tx) -> None:
    trace = make_trace(tx)
    key = add(tx, trace)
    deletion.delete(tx, [trace])
    with pytest.raises(NotFound, match=f"^Trace with request_id '{trace}' not found$"):
        assessments.get(tx, trace, key)
    with pytest.raises(NotFound, match=f"^Trace with ID '{trace}' not found"):
        add(tx, trace)


def test_assessments_of_another_workspace_are_not_found(database: Database) -> None:
    with database.begin(write=True) as tx:
        trace = make_trace(tx)
        key = add(tx, trace)
    with database.begin(write=True, workspace=2) as tx:
        with pytest.raises(NotFound):
            assessments.get(tx, trace, key)
        with pytest.raises(NotFound):
            add(tx, trace)
        assessments.delete(tx, trace, key)
    with database.begin(write=False) as tx:
        assert assessments.get(tx, trace, key).valid


def test_the_assessments_of_many_traces_are_read_by_one_statement(database: Database) -> None:
    with database.begin(write=True) as tx:
        made = [make_trace(tx) for _ in range(5)]
        for trace in made:
            add(tx, trace)
    statements = statements_of(database)
    with database.begin(write=False) as tx:
        assert all(info.assessments for info in infos.get_many(tx, made))
    assert len([text for text in statements if "assessments" in text]) == 1
