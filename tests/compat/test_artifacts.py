"""The unchanged MLflow client and files: the same scripts against Trackway, over a folder and over S3, and
against MLflow's own server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import requests
from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from tests.databases import Databases
from tests.services import BIN, MlflowServer, ObjectStore, TrackwayServer

from .scripts import Script, play

pytestmark = pytest.mark.usefixtures("leave_no_trace")

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def dialect() -> str:
    """Files lie outside of the database."""
    return "sqlite"


@pytest.fixture(scope="module", params=["folder", "s3"])
def trackway(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TrackwayServer]:
    with databases.fresh("sqlite") as uri:
        options: tuple[str, ...] = ()
        environment: dict[str, str] = {}
        if request.param == "s3":
            store: ObjectStore = request.getfixturevalue("object_store")
            options = (
                *("--artifacts-destination", f"s3://{store.bucket()}/some/prefix"),
                *("--artifacts-public-endpoint", store.url.replace("127.0.0.1", "localhost")),
            )
            environment = store.environment
        server = TrackwayServer(tmp_path_factory.mktemp("server"), uri, options, environment)
        server.start()
        yield server
        server.kill()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def listing(run_id: str, path: str | None = None) -> list[Any]:
    """All files of a run, as the client lists them."""
    found = []
    for file in MlflowClient().list_artifacts(run_id, path):
        # MLflow leaves the size of an empty file out; here it is 0.
        found.append((file.path, file.is_dir, file.file_size or None))
        if file.is_dir:
            found += listing(run_id, file.path)
    return found


def texts_and_files() -> Any:
    Path("a b.txt").write_text("words")
    Path("empty").touch()
    folder = Path("folder")
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "x.bin").write_bytes(bytes(range(256)) * 100)
    (folder / "deep" / "er" / "ü.txt").write_text("ü")
    with mlflow.start_run() as run:
        mlflow.log_artifact("a b.txt")
        mlflow.log_artifact("a b.txt", "100% odd+name&more/päth")
        mlflow.log_artifact("empty", "deep/er")
        mlflow.log_artifacts("folder", "all")
        mlflow.log_artifacts("folder")
        mlflow.log_text("text", "texts/t.md")
        mlflow.log_text("newer", "texts/t.md")
        mlflow.log_dict({"a": [1, None]}, "d.json")
        mlflow.log_dict({"a": 1}, "d.yaml")
    run_id = run.info.run_id
    root = run.info.artifact_uri
    whole = Path(mlflow.artifacts.download_artifacts(artifact_uri=root, dst_path="down"))
    again = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="all/deep"))
    return (
        listing(run_id),
        sorted(
            (str(path.relative_to(whole)), path.read_bytes()) for path in whole.rglob("*") if path.is_file()
        ),
        [path.name for path in again.rglob("*")],
        mlflow.artifacts.load_text(f"{root}/texts/t.md"),
        mlflow.artifacts.load_dict(f"{root}/d.json"),
        mlflow.artifacts.load_text(f"runs:/{run_id}/a b.txt"),
        MlflowClient().list_artifacts(run_id, "a b.txt"),
        MlflowClient().list_artifacts(run_id, "nothing"),
    )


def pictures_and_tables() -> Any:
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd

    figure, axes = plt.subplots()
    axes.plot([0, 1], [2, 3])
    with mlflow.start_run() as run:
        mlflow.log_figure(figure, "figures/f.png")
        mlflow.log_image(np.zeros((8, 8, 3), dtype=np.uint8), "i.png")
        mlflow.log_image(np.ones((8, 8, 3), dtype=np.uint8), key="seen", step=3)
        mlflow.log_table({"q": ["a", "b"], "n": [1, 2]}, "table.json")
        mlflow.log_table(pd.DataFrame({"q": ["c"], "n": [3]}), "table.json")
    plt.close(figure)
    image = mlflow.artifacts.load_image(f"{run.info.artifact_uri}/i.png")
    table = mlflow.load_table("table.json", run_ids=[run.info.run_id])
    kept = [(path, is_dir) for path, is_dir, _ in listing(run.info.run_id) if not path.startswith("images/")]
    return image.size, table.to_dict("list"), kept


def test_a_run_logs_more_tables_than_8000_characters_name(trackway: TrackwayServer) -> None:
    """MLflow's server cuts the tag that lists the tables, and its client then cannot log another one."""
    mlflow.set_tracking_uri(trackway.url)
    with mlflow.start_run(experiment_id="0") as run:
        names = [f"{number:0100}.json" for number in range(100)]
        earlier = [{"path": name, "type": "table"} for name in names]
        mlflow.set_tag("mlflow.loggedArtifacts", json.dumps(earlier))
        mlflow.log_table({"q": ["a"]}, "one.json")
        mlflow.log_table({"q": ["b"]}, "another.json")
    listed = json.loads(MlflowClient().get_run(run.info.run_id).data.tags["mlflow.loggedArtifacts"])
    assert [item["path"] for item in listed] == [*names, "one.json", "another.json"]
    table = MlflowClient().load_table("0", "one.json", run_ids=[run.info.run_id])
    assert table.to_dict("list") == {"q": ["a"]}


def deletions() -> Any:
    with mlflow.start_run() as run:
        for path in ("a/b/1.txt", "a/b/2.txt", "a/3.txt", "4.txt"):
            mlflow.log_text("x", path)
    repository = get_artifact_repository(run.info.artifact_uri)
    repository.delete_artifacts("a/b")
    first = only_files(run.info.run_id)
    repository.delete_artifacts("4.txt")
    repository.delete_artifacts("4.txt")
    return first, only_files(run.info.run_id)


def only_files(run_id: str) -> list[str]:
    """Without folders: on a disk they stay when their last file goes, and in SeaweedFS for a while."""
    return [path for path, is_folder, _ in listing(run_id) if not is_folder]


def what_is_missing() -> Any:
    with mlflow.start_run() as run:
        mlflow.log_text("x", "folder/f.txt")
    root = run.info.artifact_uri
    return [
        answer_to(act)
        for act in (
            lambda: MlflowClient().list_artifacts(run.info.run_id, "../x"),
            lambda: MlflowClient().list_artifacts("0" * 32),
            lambda: mlflow.artifacts.load_text(f"{root}/none.txt"),
            lambda: mlflow.artifacts.load_text(f"{root}/folder"),
            lambda: MlflowClient().log_text(run.info.run_id, "x", "../up.txt"),
        )
    ]


def answer_to(act: Script) -> tuple[str, int]:
    """How the client refuses, and with which status the server did."""
    try:
        act()
    except Exception as error:
        return type(error).__name__, getattr(getattr(error, "response", None), "status_code", 0)
    raise AssertionError("That should have been refused.")


@pytest.mark.parametrize("script", [texts_and_files, pictures_and_tables, deletions, what_is_missing])
def test_a_script_sees_what_mlflows_own_server_shows(
    script: Script,
    trackway: TrackwayServer,
    mlflow_server: MlflowServer,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = []
    for server in (trackway, mlflow_server):
        monkeypatch.chdir(tmp_path_factory.mktemp("client"))
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        results.append(play(script, server.url))
    for index, (ours, theirs) in enumerate(zip(*results, strict=True)):
        assert ours == theirs, index


def turn_to(server: TrackwayServer) -> None:
    mlflow.set_tracking_uri(server.url)
    mlflow.set_experiment("Default")


LOAD = """
import json, sys
import mlflow
model = mlflow.sklearn.load_model("models:/{name}@champion")
print(json.dumps(model.predict({rows}).tolist()))
"""


@pytest.mark.slow
def test_a_model_is_loaded_by_its_alias_where_nothing_is_shared(
    trackway: TrackwayServer, tmp_path: Path
) -> None:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    turn_to(trackway)
    rows, kinds = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=200).fit(rows, kinds)
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            model, name="iris", registered_model_name="iris", input_example=rows[:2]
        )
    version = str(logged.registered_model_version)
    MlflowClient().set_registered_model_alias("iris", "champion", version)

    home = tmp_path / "elsewhere"
    home.mkdir()
    code = LOAD.format(name="iris", rows=rows[::15].tolist())
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "MLFLOW_TRACKING_URI": trackway.url}
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=home, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(printed.stdout.splitlines()[-1]) == model.predict(rows[::15]).tolist()

    # And without any client: a serving system with curl.
    url = f"{trackway.url}/api/3.0/trackway/models/iris/@champion"
    assert "sklearn" in requests.get(f"{url}/MLmodel", timeout=20).text
    archive = requests.get(f"{url}.tar.gz", timeout=20).content
    (home / "model").mkdir()
    subprocess.run(["tar", "xz", "-C", home / "model"], input=archive, check=True)
    loaded = mlflow.sklearn.load_model(str(home / "model"))
    assert loaded.predict(rows).tolist() == model.predict(rows).tolist()


def test_a_logged_models_files_go_both_ways(trackway: TrackwayServer) -> None:
    turn_to(trackway)
    client = MlflowClient()
    model = client.create_logged_model(experiment_id="0", name="m")
    Path("folder").mkdir()
    Path("folder/a.txt").write_text("a")
    client.log_model_artifacts(model.model_id, "folder")
    Path("b.txt").write_text("b")
    client.log_model_artifact(model.model_id, "b.txt")
    found = client.list_logged_model_artifacts(model.model_id)
    assert [(file.path, file.file_size) for file in found] == [("a.txt", 1), ("b.txt", 1)]
    path = mlflow.artifacts.download_artifacts(f"models:/{model.model_id}", dst_path="down")
    assert sorted(file.name for file in Path(path).iterdir()) == ["a.txt", "b.txt"]


@pytest.mark.slow
def test_the_command_line_stores_lists_and_fetches(trackway: TrackwayServer, tmp_path: Path) -> None:
    turn_to(trackway)
    with mlflow.start_run() as run:
        pass
    run_id = run.info.run_id
    (tmp_path / "f.txt").write_text("by hand")

    def artifacts(*words: str) -> str:
        done = subprocess.run(
            [BIN / "mlflow", "artifacts", *words],
            env={**os.environ, "MLFLOW_TRACKING_URI": trackway.url},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    artifacts("log-artifact", "--local-file", "f.txt", "--run-id", run_id, "--artifact-path", "p")
    assert json.loads(artifacts("list", "--run-id", run_id, "--artifact-path", "p")) == [
        {"path": "p/f.txt", "is_dir": False, "file_size": 7}
    ]
    artifacts("download", "--run-id", run_id, "--artifact-path", "p", "--dst-path", "down")
    assert (tmp_path / "down" / "p" / "f.txt").read_text() == "by hand"


@pytest.mark.parametrize("forced", [False, True])
def test_large_files_go_in_parts_where_the_store_can(
    trackway: TrackwayServer, monkeypatch: pytest.MonkeyPatch, forced: bool
) -> None:
    """The client decides by itself, from server-info, or because its user said so."""
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(6 * MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(5 * MIB))
    if forced:
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    turn_to(trackway)
    data = os.urandom(12 * MIB)
    Path("large.bin").write_bytes(data)
    before = len(trackway.log)
    with mlflow.start_run() as run:
        mlflow.log_artifact("large.bin", "p")
    path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="p/large.bin")
    assert Path(path).read_bytes() == data
    said = trackway.log[before:]
    by_itself = "s3" in str(trackway._options)
    assert ("/mpu/complete/" in said) == by_itself
    assert ('"PUT", "path": "/api/2.0/mlflow-artifacts/artifacts' in said) != by_itself
