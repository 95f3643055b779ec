"""Deleted traces take their files with them, and purged experiments their traces."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.api.test_gc import gc
from tests.api.test_refusing_stores import until
from tests.api.test_trace_files import NODE, file_of, path_of
from tests.api.test_traces import TRACE, V3, info
from tests.services import TrackwayServer


def call(server: TrackwayServer, verb: str, path: str, body: Any = None) -> Any:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    headers = {"User-Agent": NODE, "Content-Type": "application/json"}
    request = urllib.request.Request(server.url + path, data, headers, method=verb)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def make_trace(server: TrackwayServer, trace_id: str, experiment_id: str = "0") -> None:
    """A trace with spans from a file, and an attachment."""
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
    call(server, "POST", V3, {"trace": {"trace_info": info(trace_id, trace_location=location)}})
    for name, data in (
        ("traces.json", json.dumps(file_of("3.0", trace_id)).encode()),
        ("attachments/a", b"x"),
    ):
        call(server, "PUT", path_of(trace_id, name).replace("/0/", f"/{experiment_id}/"), data)


def kept(server: TrackwayServer) -> list[str]:
    """Return the ids of the traces with files."""
    return sorted(path.name for path in (server.folder / "artifacts").glob("*/traces/*"))


@pytest.mark.parametrize("number", [1, 25])
def test_the_files_of_deleted_traces_go(server: TrackwayServer, number: int) -> None:
    ids = [f"tr-{n:032x}" for n in range(number)]
    for trace_id in (*ids, TRACE):
        make_trace(server, trace_id)
    assert kept(server) == [*ids, TRACE]
    deleted = call(server, "POST", f"{V3}/delete-traces", {"experiment_id": "0", "request_ids": ids})
    assert deleted == {"traces_deleted": number}
    until(lambda: kept(server) == [TRACE])


def test_a_purged_experiment_goes_with_its_traces(server: TrackwayServer) -> None:
    made = call(server, "POST", "/api/2.0/mlflow/experiments/create", {"name": "mine"})
    ids = [f"tr-{n:032x}" for n in range(5)]
    for trace_id in ids:
        make_trace(server, trace_id, made["experiment_id"])
    make_trace(server, TRACE)
    call(server, "POST", "/api/2.0/mlflow/experiments/delete", made)
    code, said, complaints = gc(server)
    assert (code, complaints) == (0, "")
    assert said.splitlines() == [
        f"Experiment {made['experiment_id']} was permanently deleted.",
        "1 experiment permanently deleted.",
    ]
    assert kept(server) == [TRACE]
    found = call(server, "POST", f"{V3}/batchGetInfos", {"trace_ids": [*ids, TRACE]})["trace_infos"]
    assert [trace["trace_id"] for trace in found] == [TRACE]
