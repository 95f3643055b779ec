"""Archival of spans to the artifact store."""

from __future__ import annotations

import json
import time

import pytest

from tests.api.test_ingest_rules import spans_of
from tests.api.test_traces import V3, refusal
from tests.api.test_tracking import ask
from tests.spans import export, span_of
from trackway.client_compat.errors import Unavailable
from trackway.server.jobs.trace_archival import Archiver

DAY_NS = 86_400 * 10**9
NOW_NS = time.time_ns()


@pytest.fixture
def archive(api):
    """Archive all that is due."""
    archiver = Archiver(api.application.extensions["trackway"])

    def turn():
        while not archiver.turn():
            pass

    return turn


def set_tag(api, key, value):
    body = {"experiment_id": "0", "key": key, "value": json.dumps(value)}
    ask(api, "POST", "/api/2.0/mlflow/experiments/set-experiment-tag", body)


def old_and_new(api):
    """Store a trace of three days ago with two spans, and one of an hour ago; return their ids."""
    root = span_of(
        "root",
        start_ns=NOW_NS - 3 * DAY_NS,
        attributes={"mlflow.spanInputs": '{"a": [1, "zwei", null, 1.5]}', "text": "1", "n": 7},
        status=2,
    )
    child = span_of("child", parent=root, start_ns=root.start_time_unix_nano + 5)
    child.kind = 3
    child.trace_state = "a=b"
    event = child.events.add(name="event", time_unix_nano=6)
    event.attributes.add(key="k").value.int_value = 3
    child.links.add(trace_id=bytes(16), span_id=bytes(8))
    return export(api, root, child), export(api, span_of("young", start_ns=NOW_NS - DAY_NS // 24))


def test_old_spans_are_moved_to_a_file_and_read_as_before(api, archive):
    old, young = old_and_new(api)
    before = {
        trace: ask(api, "GET", f"{V3}/get?trace_id={trace}")["trace"]["spans"] for trace in (old, young)
    }
    stored = spans_of(api, old)
    set_tag(api, "mlflow.trace.archivalRetention", {"type": "duration", "value": "2d"})
    archive()
    tags = ask(api, "GET", f"{V3}/{old}")["trace"]["trace_info"]["tags"]
    assert tags["mlflow.trace.spansLocation"] == "ARCHIVE_REPO"
    assert tags["mlflow.trace.archiveLocation"] == f"mlflow-artifacts:/0/traces/{old}/artifacts"
    listed = ask(api, "GET", f"/api/2.0/mlflow-artifacts/artifacts?path=0/traces/{old}/artifacts")
    assert [file["path"] for file in listed["files"]] == ["traces.pb"]
    after = {trace: ask(api, "GET", f"{V3}/get?trace_id={trace}")["trace"]["spans"] for trace in (old, young)}
    assert after == before
    assert spans_of(api, old) == stored
    both = ask(api, "GET", f"{V3}/batchGet?trace_ids={old}&trace_ids={young}")["traces"]
    assert [trace["spans"] for trace in both] == [before[old], before[young]]
    young_tags = ask(api, "GET", f"{V3}/{young}")["trace"]["trace_info"]["tags"]
    assert young_tags["mlflow.trace.spansLocation"] == "TRACKING_STORE"


def test_late_spans_of_an_archived_trace_are_refused(api, archive):
    root = span_of("root", start_ns=NOW_NS - 3 * DAY_NS)
    trace_id = export(api, root)
    set_tag(api, "mlflow.trace.archivalRetention", {"type": "duration", "value": "2d"})
    archive()
    answer = export(api, span_of("late", parent=root), raw=True)
    assert (answer.status_code, answer.json["error_code"]) == (400, "INVALID_STATE")
    assert answer.json["message"] == f"Cannot log spans to archived traces: '{trace_id}'."
    assert set(spans_of(api, trace_id)) == {"root"}


@pytest.mark.parametrize(
    ("request_", "archived"), [({"older_than": "2d"}, [True, False]), ({}, [True, True])]
)
def test_archiving_can_be_asked_for_once(api, archive, request_, archived):
    ids = old_and_new(api)
    set_tag(api, "mlflow.trace.archiveNow", request_)
    archive()
    found = ask(api, "POST", f"{V3}/batchGetInfos", {"trace_ids": ids})["trace_infos"]
    places = [info["tags"]["mlflow.trace.spansLocation"] for info in found]
    assert places == ["ARCHIVE_REPO" if is_archived else "TRACKING_STORE" for is_archived in archived]
    experiment = ask(api, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")["experiment"]
    assert "mlflow.trace.archiveNow" not in {tag["key"] for tag in experiment.get("tags", [])}


def test_a_duration_longer_than_a_database_counts_keeps_traces(api, archive):
    set_tag(api, "mlflow.trace.archivalRetention", {"type": "duration", "value": "9" * 31 + "d"})
    old, _ = old_and_new(api)
    archive()
    assert ask(api, "GET", f"{V3}/{old}")["trace"]["trace_info"]["tags"]["mlflow.trace.spansLocation"] == (
        "TRACKING_STORE"
    )


def test_a_trace_that_changes_meanwhile_is_archived_later(api, archive, monkeypatch):
    root = span_of("root", start_ns=NOW_NS - 3 * DAY_NS)
    trace_id = export(api, root)
    set_tag(api, "mlflow.trace.archiveNow", {})
    backend = api.application.extensions["trackway"]
    place_of, is_late = backend.artifacts.place, []

    def place(location):
        if not is_late:
            is_late.append(True)
            export(api, span_of("late", parent=root))
        return place_of(location)

    monkeypatch.setattr(backend.artifacts, "place", place)
    archive()
    assert set(spans_of(api, trace_id)) == {"root", "late"}
    tags = ask(api, "GET", f"{V3}/{trace_id}")["trace"]["trace_info"]["tags"]
    assert tags["mlflow.trace.spansLocation"] == "ARCHIVE_REPO"


def test_a_trace_whose_place_the_server_may_not_write_is_marked(api, archive):
    made = {"name": "elsewhere", "artifact_location": "s3://not-ours/a"}
    experiment = ask(api, "POST", "/api/2.0/mlflow/experiments/create", made)["experiment_id"]
    root = span_of("root", start_ns=NOW_NS - 3 * DAY_NS)
    trace_id = export(api, root, **{"X-Mlflow-Experiment-Id": experiment})
    body = {"experiment_id": experiment, "key": "mlflow.trace.archiveNow", "value": "{}"}
    ask(api, "POST", "/api/2.0/mlflow/experiments/set-experiment-tag", body)
    archive()
    tags = ask(api, "GET", f"{V3}/{trace_id}")["trace"]["trace_info"]["tags"]
    assert tags["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    assert tags["mlflow.trace.archivalFailure"] == "UNSUPPORTED_ARCHIVE_REPOSITORY"
    # Whoever has mended the cause removes the mark, so that the trace is archived again.
    ask(api, "DELETE", f"{V3}/{trace_id}/tags", {"key": "mlflow.trace.archivalFailure"})
    assert refusal(api, "DELETE", f"{V3}/{trace_id}/tags", {"key": "mlflow.trace.spansLocation"})[0] == 400


def test_the_store_of_one_experiment_does_not_stop_the_others(api, archive, monkeypatch):
    made = {"name": "first"}
    first = ask(api, "POST", "/api/2.0/mlflow/experiments/create", made)["experiment_id"]
    second = ask(api, "POST", "/api/2.0/mlflow/experiments/create", {"name": "second"})["experiment_id"]
    ids = {}
    for experiment in (first, second):
        root = span_of("root", start_ns=NOW_NS - 3 * DAY_NS)
        ids[experiment] = export(api, root, **{"X-Mlflow-Experiment-Id": experiment})
        body = {"experiment_id": experiment, "key": "mlflow.trace.archiveNow", "value": "{}"}
        ask(api, "POST", "/api/2.0/mlflow/experiments/set-experiment-tag", body)
    artifacts = api.application.extensions["trackway"].artifacts
    place_of = artifacts.place

    def place(location):
        if f"/{first}/" in location:
            raise Unavailable("The store cannot be reached.")
        return place_of(location)

    monkeypatch.setattr(artifacts, "place", place)
    archive()
    places = {
        experiment: ask(api, "GET", f"{V3}/{trace_id}")["trace"]["trace_info"]["tags"][
            "mlflow.trace.spansLocation"
        ]
        for experiment, trace_id in ids.items()
    }
    assert places == {first: "TRACKING_STORE", second: "ARCHIVE_REPO"}
