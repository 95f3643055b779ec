"""Deletion of traces: what jobs delete afterwards."""

from __future__ import annotations

import json

import sqlalchemy as sa

from tests.factories import make_experiment
from trackway.storage.database import Tx
from trackway.storage.schema.jobs import jobs
from trackway.storage.traces import archival, deletion, rows, tags


def make_trace(tx: Tx, trace_id: str, experiment_id: str, archive: str = "") -> str:
    location = rows.IN_ARCHIVE if archive else rows.IN_DATABASE
    row_id = rows.insert(tx, trace_id, int(experiment_id), {"spans_location": location})
    assert row_id
    if archive:
        folder = f"{archive}/traces/{trace_id}/artifacts"
        tags.write(tx, row_id, {archival.LOCATION: folder})
    return trace_id


def payloads(tx: Tx) -> list[tuple[str, list[str]]]:
    query = sa.select(jobs.c.payload).where(jobs.c.kind == deletion.DELETE_FILES).order_by(jobs.c.id)
    found = [json.loads(text) for text in tx.execute(query).scalars()]
    return [(payload["location"], sorted(payload["traces"])) for payload in found]


def test_files_and_archives_are_deleted_by_jobs(tx: Tx) -> None:
    mine = make_experiment(tx)
    home = f"mlflow-artifacts:/{mine}"
    for trace_id, archive in (("tr-a", ""), ("tr-b", home), ("tr-c", "s3://archive/x")):
        make_trace(tx, trace_id, mine, archive)
    assert deletion.delete(tx, ["tr-a", "tr-b", "tr-c", "tr-absent"]) == 3
    assert payloads(tx) == [("s3://archive/x", ["tr-c"]), (home, ["tr-a", "tr-b", "tr-c"])]


def test_many_traces_become_several_jobs(tx: Tx) -> None:
    mine = make_experiment(tx)
    ids = [make_trace(tx, f"tr-{number:04}", mine) for number in range(1001)]
    assert deletion.delete(tx, ids) == 1001
    assert [len(found) for _, found in payloads(tx)] == [500, 500, 1]


def test_of_a_purged_experiment_only_archives_elsewhere_need_jobs(tx: Tx) -> None:
    mine = make_experiment(tx)
    for number, archive in enumerate(("", f"mlflow-artifacts:/{mine}", "s3://archive/x")):
        make_trace(tx, f"tr-{number}", mine, archive)
    assert deletion.delete_of_experiment(tx, int(mine), 10) == 3
    assert payloads(tx) == [("s3://archive/x", ["tr-2"])]


def test_an_id_that_is_used_again_is_not_absent(tx: Tx) -> None:
    make_trace(tx, "tr-new", make_experiment(tx))
    assert deletion.absent(tx, ["tr-old", "tr-new"]) == ["tr-old"]
