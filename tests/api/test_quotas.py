"""Quotas of workspaces: what is used is counted, warned of, and refused."""

from __future__ import annotations

import json

import pytest
import requests
from click.testing import CliRunner

from tests.access import ADMIN, authorization, closed_server, error_code
from tests.databases import statements_of
from trackway.server.cli import main
from trackway.storage import usage

M2 = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
OVER = (403, "QUOTA_EXCEEDED")


@pytest.fixture
def server(store_uri, tmp_path):
    with closed_server(store_uri, tmp_path / "artifacts") as server:
        yield server


@pytest.fixture
def trackway(store_uri, server):
    def run(*words):
        server.backend.usage.flush()
        result = CliRunner().invoke(main, [*words, "--backend-store-uri", store_uri])
        assert result.exit_code == 0, result.output
        server.backend.usage.flush()
        lines = [line.split() for line in result.stdout.splitlines()[1:]]
        return {(line[0], line[1]): line[2:] for line in lines}

    return run


def create_run(server):
    return server.call("POST", f"{M2}/runs/create", experiment_id="0")


def log(server, run_id, count):
    metrics = [{"key": "m", "value": 1, "timestamp": 1, "step": step} for step in range(count)]
    return server.call("POST", f"{M2}/runs/log-batch", run_id=run_id, metrics=metrics)


def test_what_is_written_is_counted(server, trackway):
    run_id = create_run(server).json["run"]["info"]["run_id"]
    assert log(server, run_id, 3).status_code == 200
    body = {"run_id": run_id, "key": "other", "value": 1, "timestamp": 1}
    server.ok("POST", f"{M2}/runs/log-metric", **body)
    server.ok("POST", f"{M2}/experiments/create", name="e")
    assert server.client.put(f"{FILES}/0/a.bin", data=b"12345", headers=admin()).status_code == 200
    used = trackway("usage")
    assert {kind: row[0] for (workspace, kind), row in used.items() if workspace == "default"} == {
        "experiments": "1",
        "runs": "1",
        "points": "4",
        "artifact_bytes": "5",
    }


def admin():
    return authorization(ADMIN)


def test_a_request_above_a_hard_limit_is_refused_and_reads_go_on(server, trackway):
    trackway("quota", "set", "runs", "--hard", "2")
    runs = [create_run(server) for _ in range(3)]
    assert [response.status_code for response in runs] == [200, 200, 403]
    assert error_code(runs[2]) == OVER
    assert "'default' has 2 runs, and its quota is 2" in runs[2].json["message"]
    run_id = runs[0].json["run"]["info"]["run_id"]
    assert server.ok("GET", f"{M2}/runs/get", run_id=run_id)
    assert log(server, run_id, 1).status_code == 200
    server.backend.refusals.write()
    (entry,) = server.ok("GET", "/api/3.0/trackway/audit", outcome="over quota")["entries"]
    assert (entry["action"], entry["user"]) == ("CreateRun", "admin")
    assert "its quota is 2" in json.loads(entry["detail"])["reason"]


def test_a_quota_that_was_raised_is_obeyed(server, trackway, store_uri):
    trackway("quota", "set", "runs", "--hard", "0")
    assert error_code(create_run(server)) == OVER
    words = ["quota", "set", "runs", "--hard", "1", "--backend-store-uri", store_uri]
    assert CliRunner().invoke(main, words).exit_code == 0
    server.backend.usage._read_at = 0  # it is read again after a second
    assert create_run(server).status_code == 200
    assert error_code(create_run(server)) == OVER


def test_points_and_bytes_of_artifacts_are_limited_by_their_number(server, trackway):
    run_id = create_run(server).json["run"]["info"]["run_id"]
    trackway("quota", "set", "points", "--hard", "5")
    trackway("quota", "set", "artifact_bytes", "--hard", "10")
    assert log(server, run_id, 4).status_code == 200
    assert error_code(log(server, run_id, 2)) == OVER
    assert server.ok("GET", f"{M2}/runs/get", run_id=run_id)["run"]["data"]["metrics"][0]["step"] == 3
    for size, status in ((8, 200), (3, 403), (2, 200)):
        path = f"{FILES}/0/{size}.bin"
        assert server.client.put(path, data=b"x" * size, headers=admin()).status_code == status
    listed = server.client.get(f"{FILES}?path=0", headers=admin()).json["files"]
    assert sorted(file["path"] for file in listed) == ["2.bin", "8.bin"]


def test_above_a_soft_limit_responses_have_a_warning(server, trackway, caplog):
    trackway("quota", "set", "runs", "--soft", "1")
    assert "X-Trackway-Warning" not in create_run(server).headers
    warned = create_run(server)
    assert warned.status_code == 200
    assert warned.headers["X-Trackway-Warning"].startswith("The workspace 'default' has 2 runs, more than")
    create_run(server)
    assert caplog.text.count("more than the soft limit 1") == 1


def test_a_new_quota_counts_what_is_there(server, trackway, store_uri):
    run_id = create_run(server).json["run"]["info"]["run_id"]
    log(server, run_id, 7)
    server.backend.usage._added.clear()
    assert trackway("quota", "set", "points", "--soft", "100") == {("default", "points"): ["7", "100", "-"]}
    assert trackway("quota", "set", "points") == {("default", "points"): ["7", "-", "-"]}
    assert trackway("quota", "list") == {}


def test_what_gc_deletes_is_subtracted(server, trackway, store_uri, tmp_path):
    run_id = create_run(server).json["run"]["info"]["run_id"]
    log(server, run_id, 7)
    server.backend.usage.flush()
    server.ok("POST", f"{M2}/runs/delete", run_id=run_id)
    words = ["gc", "--backend-store-uri", store_uri, "--artifacts-destination", str(tmp_path / "artifacts")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    used = trackway("usage")
    assert (used["default", "runs"][0], used["default", "points"][0]) == ("0", "0")


def test_writes_have_no_statement_for_their_quota(server, trackway):
    run_id = create_run(server).json["run"]["info"]["run_id"]
    statements = statements_of(server.backend.database)
    log(server, run_id, 1)
    without = len(statements)
    trackway("quota", "set", "points", "--hard", "100", "--soft", "1")
    log(server, run_id, 1)
    statements.clear()
    log(server, run_id, 1)
    assert len(statements) <= without
    assert not [text for text in statements if "usage" in text or "quotas" in text]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("runs", "--workspace", "nowhere", "--hard", "1"), "Workspace 'nowhere' not found"),
        (("runs", "--soft", "2", "--hard", "1"), "The soft limit 2 is above the hard limit 1."),
        (("boats", "--hard", "1"), "'boats' is not one of"),
    ],
)
def test_a_quota_that_cannot_be_set_says_why(server, store_uri, words, text):
    result = CliRunner().invoke(main, ["quota", "set", *words, "--backend-store-uri", store_uri])
    assert result.exit_code > 0
    assert text in result.output


# ---- clients that upload directly to a bucket


@pytest.fixture
def bucket_server(store_uri, object_store, monkeypatch):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    with closed_server(store_uri, f"s3://{object_store.bucket()}") as server:
        yield server


def upload_parts(server, name, data):
    """Upload a file in one part, as MLflow's client does. Return the response to the completion."""

    def post(step, **body):
        path = f"/api/2.0/mlflow-artifacts/mpu/{step}/0"
        return server.client.post(path, json={"path": name, **body}, headers=admin())

    begun = post("create", num_parts=1)
    if begun.status_code != 200:
        return begun
    [part] = begun.json["credentials"]
    etag = requests.put(part["url"], data=data, timeout=30).headers["ETag"]
    return post("complete", upload_id=begun.json["upload_id"], parts=[{"part_number": 1, "etag": etag}])


@pytest.mark.parametrize("dialect", ["sqlite"], scope="module")
def test_multipart_uploads_are_counted_when_they_are_completed(bucket_server, store_uri):
    server = bucket_server

    def used():
        server.backend.usage.flush()
        return {state.kind: state.used for state in server.backend.database.run(usage.states, write=False)}

    assert upload_parts(server, "a.bin", b"x" * 1000).status_code == 200
    assert used()["artifact_bytes"] == 1000
    words = ["quota", "set", "artifact_bytes", "--hard", "1500", "--backend-store-uri", store_uri]
    assert CliRunner().invoke(main, words).exit_code == 0
    server.backend.usage.flush()
    assert upload_parts(server, "b.bin", b"x" * 600).status_code == 200  # its size was not known before
    assert used()["artifact_bytes"] == 1600
    assert error_code(upload_parts(server, "c.bin", b"x")) == OVER
