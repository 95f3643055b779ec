"""Deletions of artifacts over HTTP: the trash, what comes back with a run, and what is refused."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from trackway.server.app import create_app
from trackway.server.config import Config
from trackway.storage.schema.audit import audit

SERVED = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(params=["folder", "s3"])
def destination(request, tmp_path, monkeypatch):
    if request.param == "folder":
        return str(tmp_path / "artifacts")
    object_store = request.getfixturevalue("object_store")
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{object_store.bucket()}/prefix"


@pytest.fixture
def api(store_uri, destination):
    config = Config(backend_store_uri=store_uri, artifacts_destination=destination)
    return create_app(config, start_jobs=False).test_client()


@pytest.fixture
def folder_api(store_uri, tmp_path):
    config = Config(backend_store_uri=store_uri, artifacts_destination=str(tmp_path / "artifacts"))
    return create_app(config, start_jobs=False).test_client()


def post(api, path, **body):
    answer = api.post(f"/api/2.0/mlflow/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def put(api, path, data=b"hello"):
    assert api.put(f"{SERVED}/{path}", data=data).status_code == 200


def make_run(api, *files, experiment_id="0"):
    run_id = post(api, "runs/create", experiment_id=experiment_id)["run"]["info"]["run_id"]
    for name in files:
        put(api, f"{experiment_id}/{run_id}/artifacts/{name}", name.encode())
    return run_id


def read(api, path):
    answer = api.get(f"{SERVED}/{path}")
    return answer.data if answer.status_code == 200 else answer.status_code


def rows(api, *columns):
    database = api.application.extensions["trackway"].database
    with database.begin(write=False) as tx:
        return [tuple(row) for row in tx.execute(sa.select(*columns).order_by(audit.c.id))]


def deletions(api):
    return [path for action, path in rows(api, audit.c.action, audit.c.target) if action == "DeleteArtifact"]


def test_files_that_were_deleted_come_back_with_their_run(api):
    run_id, other = make_run(api, "m/a", "m/b", "f"), make_run(api, "m/a")
    artifacts = f"0/{run_id}/artifacts"
    assert api.delete(f"{SERVED}/{artifacts}/m/a").status_code == 200  # by a user
    assert api.delete(f"{SERVED}/0/{other}/artifacts").status_code == 200
    post(api, "runs/delete", run_id=run_id)
    assert api.delete(f"{SERVED}/{artifacts}").status_code == 200  # by `mlflow gc`
    assert [read(api, f"{artifacts}/{name}") for name in ("m/a", "m/b", "f")] == [404] * 3
    assert post(api, "runs/restore", run_id=run_id) == {}
    assert [read(api, f"{artifacts}/{name}") for name in ("m/a", "m/b", "f")] == [b"m/a", b"m/b", b"f"]
    assert read(api, f"0/{other}/artifacts/m/a") == 404
    assert (
        api.get(f"/api/2.0/mlflow/runs/get?run_id={run_id}").get_json()["run"]["info"]["lifecycle_stage"]
        == "active"
    )


def test_restoring_a_run_overwrites_no_file(api):
    run_id = make_run(api, "f", "g")
    artifacts = f"0/{run_id}/artifacts"
    assert api.delete(f"{SERVED}/{artifacts}").status_code == 200
    put(api, f"{artifacts}/f", b"newer")
    post(api, "runs/delete", run_id=run_id)
    post(api, "runs/restore", run_id=run_id)
    assert [read(api, f"{artifacts}/{name}") for name in ("f", "g")] == [b"newer", b"g"]


def test_an_active_run_is_restored_without_its_deleted_files(api):
    run_id = make_run(api, "f")
    api.delete(f"{SERVED}/0/{run_id}/artifacts/f")
    assert post(api, "runs/restore", run_id=run_id) == {}
    assert read(api, f"0/{run_id}/artifacts/f") == 404


def test_files_come_back_with_their_experiment(api):
    experiment_id = post(api, "experiments/create", name="mine")["experiment_id"]
    run_id = make_run(api, "f", experiment_id=experiment_id)
    post(api, "experiments/delete", experiment_id=experiment_id)
    assert api.delete(f"{SERVED}/{experiment_id}").status_code == 200
    assert read(api, f"{experiment_id}/{run_id}/artifacts/f") == 404
    post(api, "experiments/restore", experiment_id=experiment_id)
    assert read(api, f"{experiment_id}/{run_id}/artifacts/f") == b"f"
    answer = api.post("/api/2.0/mlflow/experiments/restore", json={"experiment_id": experiment_id})
    assert answer.status_code == 404


def test_a_folder_of_more_than_one_run_is_not_deleted_by_mistake(api):
    location = "mlflow-artifacts:/team%20a/project"
    experiment_id = post(api, "experiments/create", name="mine", artifact_location=location)["experiment_id"]
    run_id = make_run(api, "f")
    put(api, "team a/project/run/artifacts/f")
    put(api, "0/models/m-1/artifacts/f")
    for path, owner in [
        ("0", "0"),
        ("0/models", "0"),
        ("team a", experiment_id),
        ("team a/project", experiment_id),
        ("team a/project/", experiment_id),
        ("team a/project/traces", experiment_id),
    ]:
        answer = api.delete(f"{SERVED}/{path}")
        assert answer.status_code == 400
        assert answer.get_json()["error_code"] == "INVALID_PARAMETER_VALUE"
        assert answer.get_json()["message"] == (
            f"'{path.rstrip('/')}' holds the artifacts of experiment {owner}, not of one run or model. "
            "Nothing was deleted. Delete the artifacts of single runs, or delete the experiment first. "
            "To delete them all the same, add ?recursive=experiment to the URL."
        )
    assert "root of the artifact store" in api.delete(f"{SERVED}/.").get_json()["message"]
    assert deletions(api) == []
    for path in (f"0/{run_id}", "0/models/m-1", "team a/project/run", "team"):
        assert api.delete(f"{SERVED}/{path}").status_code == 200
    put(api, "team a/project/run/artifacts/f")
    assert api.delete(f"{SERVED}/team a?recursive=run").status_code == 400
    assert api.delete(f"{SERVED}/team a?recursive=experiment").status_code == 200
    assert read(api, "team a/project/run/artifacts/f") == 404
    assert deletions(api)[-1] == "artifact:team a"
    post(api, "experiments/delete", experiment_id=experiment_id)
    assert api.delete(f"{SERVED}/team a").status_code == 200


def test_nobody_reaches_the_trash_over_http(folder_api, tmp_path):
    api = folder_api
    run_id = make_run(api, "f")
    api.delete(f"{SERVED}/0/{run_id}/artifacts/f")
    [hidden] = [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
    path = hidden.relative_to(tmp_path / "artifacts")
    assert path.parts[0] == ".trackway-trash"
    for inside in (path, path.parts[0], f"0/{path.name}"):
        answers = [
            api.get(f"{SERVED}/{inside}"),
            api.put(f"{SERVED}/{inside}", data=b"x"),
            api.delete(f"{SERVED}/{inside}"),
            api.get(SERVED, query_string={"path": inside}),
        ]
        assert [answer.get_json()["message"] for answer in answers] == ["Invalid path"] * 4
    assert api.get(SERVED).get_json()["files"] == [{"path": "0", "is_dir": True}]
    assert hidden.read_bytes() == b"f"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_run_whose_files_the_server_does_not_keep_is_restored(store_uri, tmp_path):
    config = Config(backend_store_uri=store_uri, serve_artifacts=False, default_artifact_root="gs://bucket")
    api = create_app(config, start_jobs=False).test_client()
    run_id = post(api, "runs/create", experiment_id="0")["run"]["info"]["run_id"]
    post(api, "runs/delete", run_id=run_id)
    assert post(api, "runs/restore", run_id=run_id) == {}
