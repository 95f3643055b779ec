"""``trackway gc`` as its user sees it, beside a running server that has seen all of what goes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from tests import factories
from tests.services import BIN, ObjectStore, TrackwayServer
from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.server.cli import trash
from trackway.storage.artifacts.local import LocalStore
from trackway.storage.artifacts.locations import Locations
from trackway.storage.database import Database
from trackway.storage.tracking import runs


def command(uri: str, destination: str | Path, *options: str, **environment: str) -> tuple[int, str, str]:
    """Exit code and what was printed, on stdout and on stderr."""
    words = [str(BIN / "trackway"), "gc", "--backend-store-uri", uri]
    words += ["--artifacts-destination", str(destination), *options]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=120, env={**os.environ, **environment}, check=False
    )
    return done.returncode, done.stdout, done.stderr


def gc(server: TrackwayServer, *options: str) -> tuple[int, str, str]:
    return command(server.store_uri, server.folder / "artifacts", *options)


@pytest.fixture
def client(server: TrackwayServer) -> MlflowClient:
    return MlflowClient(server.url)


def make_run(client: MlflowClient, experiment_id: str = "0") -> str:
    """A run with an artifact, which the server has in mind."""
    run_id = str(client.create_run(experiment_id).info.run_id)
    client.log_batch(run_id, metrics=[Metric("loss", 1 / (step + 1), step, step) for step in range(50)])
    client.log_text(run_id, "text", "folder/file.txt")
    assert client.get_run(run_id)
    assert client.search_runs([experiment_id])
    return run_id


def make_model(client: MlflowClient, folder: Path, experiment_id: str = "0") -> str:
    model_id = str(client.create_logged_model(experiment_id).model_id)
    (folder / "weights").write_text("1 2 3")
    client.log_model_artifact(model_id, str(folder / "weights"))
    return model_id


def files(server: TrackwayServer) -> list[str]:
    """Folders that have the artifacts of something, below that of its experiment."""
    root = server.folder / "artifacts"
    return sorted({str(path.parent.relative_to(root)) for path in root.rglob("*") if path.is_file()})


def refusal(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(MlflowException) as caught:
        call(*arguments)
    return str(caught.value.error_code)


GONE = "RESOURCE_DOES_NOT_EXIST"


def test_runs_models_and_experiments_go_with_their_artifacts(
    server: TrackwayServer, client: MlflowClient, tmp_path: Path
) -> None:
    experiment_id = client.create_experiment("mine")
    inner = make_run(client, experiment_id)
    inner_model = make_model(client, tmp_path, experiment_id)
    run_id, kept = make_run(client), make_run(client)
    model_id, kept_model = make_model(client, tmp_path), make_model(client, tmp_path)
    client.delete_run(run_id)
    client.delete_logged_model(model_id)
    client.delete_experiment(experiment_id)

    code, said, complaints = gc(server)
    assert (code, complaints) == (0, "")
    assert said.splitlines() == [
        *(f"Run {run} was permanently deleted." for run in (inner, run_id)),
        f"Logged model {model_id} was permanently deleted.",
        f"Logged model {inner_model} was permanently deleted.",
        f"Experiment {experiment_id} was permanently deleted.",
        "2 runs, 2 logged models and 1 experiment permanently deleted.",
    ]
    assert files(server) == sorted([f"0/{kept}/artifacts/folder", f"0/models/{kept_model}/artifacts"])
    assert not (server.folder / "artifacts" / "0" / run_id).exists()
    for run in (run_id, inner):
        assert refusal(client.get_run, run) == GONE
        assert client.get_metric_history(run, "loss") == []
        assert refusal(client.log_metric, run, "loss", 1) == GONE
        assert refusal(client.restore_run, run) == GONE
        assert refusal(client.list_artifacts, run) == GONE
    for model in (model_id, inner_model):
        assert refusal(client.get_logged_model, model) == GONE
        assert refusal(client.delete_logged_model, model) == GONE
    assert refusal(client.get_experiment, experiment_id) == GONE
    assert refusal(client.create_run, experiment_id) == GONE
    assert client.search_runs([experiment_id]) == []
    assert client.create_experiment("mine") != experiment_id
    assert [run.info.run_id for run in client.search_runs(["0"])] == [kept]
    assert len(client.get_metric_history(kept, "loss")) == 50
    assert gc(server) == (0, "There is nothing to delete in the trash.\n", "")


def test_a_dry_run_says_what_would_go_and_changes_nothing(
    server: TrackwayServer, client: MlflowClient
) -> None:
    run_id = make_run(client)
    client.delete_run(run_id)
    code, said, complaints = gc(server, "--dry-run")
    assert (code, complaints) == (0, "")
    assert said.splitlines() == [
        f"Run {run_id} would be deleted.",
        "1 run would be permanently deleted. Nothing was changed.",
    ]
    client.restore_run(run_id)
    assert [file.path for file in client.list_artifacts(run_id)] == ["folder"]
    assert len(client.get_metric_history(run_id, "loss")) == 50


def test_only_what_is_named_goes(server: TrackwayServer, client: MlflowClient) -> None:
    first, second, other = (make_run(client) for _ in range(3))
    for run_id in (first, second, other):
        client.delete_run(run_id)
    code, said, _ = gc(server, "--run-ids", f"{first}, {second}", "--tracking-uri", server.url)
    assert code == 0
    assert said.splitlines()[-1] == "2 runs permanently deleted."
    client.restore_run(other)
    assert files(server) == [f"0/{other}/artifacts/folder"]


def test_ids_that_cannot_go_are_named_and_nothing_goes(server: TrackwayServer, client: MlflowClient) -> None:
    deleted, active = make_run(client), make_run(client)
    client.delete_run(deleted)
    code, said, complaints = gc(server, "--run-ids", f"{deleted},{active},nobody", "--experiment-ids", "0")
    assert (code, said) == (1, "")
    assert complaints.splitlines() == [
        f"Error: Run {active} is not in the trash: delete it before you purge it.",
        "Run nobody does not exist.",
        "Experiment 0 is not in the trash: delete it before you purge it.",
    ]
    code, _, complaints = gc(server, "--run-ids", deleted, "--older-than", "1d")
    assert code == 1
    assert complaints.startswith(f"Error: Run {deleted} was deleted ")
    client.restore_run(deleted)
    assert len(client.list_artifacts(deleted)) == 1


def test_the_age_is_that_of_lying_in_the_trash(server: TrackwayServer, client: MlflowClient) -> None:
    run_id = make_run(client)
    client.delete_run(run_id)
    nothing = "There is nothing to delete in the trash that is old enough.\n"
    assert gc(server, "--older-than", "1d1h") == (0, nothing, "")
    time.sleep(0.05)
    assert gc(server, "--older-than", "0.05s")[1].endswith("1 run permanently deleted.\n")


def test_an_experiment_with_a_restored_run_stays(server: TrackwayServer, client: MlflowClient) -> None:
    experiment_id = client.create_experiment("mine")
    run_id = make_run(client, experiment_id)
    client.delete_experiment(experiment_id)
    client.restore_run(run_id)
    sentence = (
        f"Experiment {experiment_id} is not purged: its run {run_id} is active. Delete the run, or "
        "restore the experiment.\n"
    )
    assert gc(server) == (0, "There is nothing else to delete in the trash.\n", sentence)
    assert gc(server, "--experiment-ids", experiment_id) == (1, "", f"Error: {sentence}")
    assert len(client.list_artifacts(run_id)) == 1


def test_what_leaves_the_trash_before_its_turn_keeps_its_artifacts(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.begin(write=True) as tx:
        first, second = sorted(factories.make_run(tx) for _ in range(2))
        for run_id in (first, second):
            runs.delete(tx, run_id)
    deleted = []

    def restore_the_other(store: LocalStore, path: str) -> None:
        deleted.append(path)
        other = second if first in path else first
        database.run(lambda tx: runs.restore(tx, other), write=True)

    monkeypatch.setattr(LocalStore, "remove", restore_the_other)
    trash.Purge(database, Locations(str(tmp_path), ""), None, None).work(dry_run=False)
    [path] = deleted
    kept = second if first in path else first
    assert capsys.readouterr().err == f"Run {kept} was skipped: it left the trash.\n"
    with database.begin(write=False) as tx:
        assert factories.get_run(tx, kept)


def test_a_run_cannot_be_restored_while_its_artifacts_are_deleted(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.begin(write=True) as tx:
        run_id = factories.make_run(tx)
        runs.delete(tx, run_id)
    refusals = []

    def restore_meanwhile(store: LocalStore, path: str) -> None:
        for change in (runs.restore, runs.delete):
            try:
                database.run(lambda tx, change=change: change(tx, run_id), write=True)
            except InvalidParameter as error:
                refusals.append(error.message)
        with database.begin(write=False) as tx:
            run = factories.get_run(tx, run_id)
        assert run.info
        assert run.info.lifecycle_stage == "deleted"

    monkeypatch.setattr(LocalStore, "remove", restore_meanwhile)
    trash.Purge(database, Locations(str(tmp_path), ""), None, None).work(dry_run=False)
    assert refusals == [f"The run {run_id} cannot be restored: `trackway gc` is deleting it."]
    said = capsys.readouterr().out
    assert said == f"Run {run_id} was permanently deleted.\n1 run permanently deleted.\n"


def test_a_purge_that_was_stopped_after_the_artifacts_goes_on(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin(write=True) as tx:
        runs.delete(tx, run_id := factories.make_run(tx))

    def stop(store: LocalStore, path: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "remove", stop)
        with pytest.raises(KeyboardInterrupt):
            trash.Purge(database, Locations(str(tmp_path), ""), None, None).work(dry_run=False)
    with pytest.raises(InvalidParameter, match="is deleting it"):
        database.run(lambda tx: runs.restore(tx, run_id), write=True)
    trash.Purge(database, Locations(str(tmp_path), ""), None, None).work(dry_run=False)
    with pytest.raises(NotFound):
        database.run(lambda tx: runs.find(tx, run_id), write=False)


def test_files_that_were_uploaded_after_the_purge_are_found(
    server: TrackwayServer, client: MlflowClient, tmp_path: Path
) -> None:
    experiment_id = client.create_experiment("late")
    run_id, kept = make_run(client, experiment_id), make_run(client, experiment_id)
    client.delete_run(run_id)
    assert gc(server)[0] == 0
    folder = server.folder / "artifacts" / experiment_id
    for name in (run_id, "f" * 32):  # one that was purged here, and one that this server does not know
        (folder / name / "artifacts").mkdir(parents=True)
        (folder / name / "artifacts" / "late").write_text("late")
    code, said, _ = gc(server, "--dry-run")
    assert (code, f"{experiment_id}/{run_id}, uploaded after" in said) == (0, True)
    code, said, _ = gc(server)
    assert (code, "was deleted" in said) == (0, True)
    assert sorted(path.name for path in folder.iterdir()) == sorted([kept, "f" * 32])


def test_files_of_a_registered_version_are_kept(server: TrackwayServer, client: MlflowClient) -> None:
    experiment_id = client.create_experiment("registered")
    used, other = make_run(client, experiment_id), make_run(client, experiment_id)
    client.create_registered_model("m")
    client.create_model_version("m", f"runs:/{used}/folder", used)
    client.delete_experiment(experiment_id)
    code, said, kept = gc(server)
    assert code == 0
    assert f"Run {other} was permanently deleted." in said
    assert f"Run {used} is not purged: version 1 of model 'm' uses its files" in kept
    assert (server.folder / "artifacts" / experiment_id / used / "artifacts" / "folder" / "file.txt").exists()
    code, _, refused = gc(server, "--run-ids", used)
    assert code == 1
    assert "--with-registered" in refused
    code, said, _ = gc(server, "--with-registered")
    assert f"Run {used} was permanently deleted." in said
    assert f"Experiment {experiment_id} was permanently deleted." in said


def test_a_location_that_nobody_gave_to_the_server_is_left_alone(
    server: TrackwayServer, client: MlflowClient, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    experiment_id = client.create_experiment("mine", artifact_location=outside.as_uri())
    run_id = make_run(client, experiment_id)
    kept = outside / run_id / "artifacts" / "folder" / "file.txt"
    assert kept.exists()
    client.delete_run(run_id)
    code, said, complaints = gc(server)
    assert (code, said.splitlines()[-1]) == (0, "1 run permanently deleted.")
    assert complaints == (
        f"The artifacts of run {run_id} at {outside.as_uri()}/{run_id}/artifacts were not deleted: they are "
        "outside of --artifacts-destination and --default-artifact-root.\n"
    )
    assert kept.exists()
    assert refusal(client.get_run, run_id) == GONE


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_link_that_leads_outside_is_not_followed(
    server: TrackwayServer, client: MlflowClient, tmp_path: Path
) -> None:
    experiment_id = client.create_experiment("mine", artifact_location="mlflow-artifacts:/link")
    make_run(client)  # with which the folder is there
    (outside := tmp_path / "outside").mkdir()
    (server.folder / "artifacts" / "link").symlink_to(outside)
    run_id = client.create_run(experiment_id).info.run_id
    (outside / run_id).mkdir()
    client.delete_run(run_id)
    code, _, complaints = gc(server)
    assert code == 0
    assert "were not deleted" in complaints
    assert (outside / run_id).exists()


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_folder_to_which_clients_write_themselves(
    server: TrackwayServer, client: MlflowClient, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    experiment_id = client.create_experiment("mine", artifact_location=f"{root.as_uri()}/1")
    run_id = make_run(client, experiment_id)
    client.delete_run(run_id)
    assert gc(server, "--default-artifact-root", str(root))[0] == 0
    assert list((root / "1").iterdir()) == []


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_folder_that_is_not_there_is_most_likely_the_wrong_one(
    server: TrackwayServer, client: MlflowClient, tmp_path: Path
) -> None:
    run_id = make_run(client)
    client.delete_run(run_id)
    code, said, complaints = command(server.store_uri, tmp_path / "wrong")
    assert (code, said) == (1, "")
    assert complaints.startswith(
        f"Error: There is no folder {tmp_path / 'wrong'}, which should contain the artifacts of run"
    )
    client.restore_run(run_id)
    assert len(client.list_artifacts(run_id)) == 1


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_bucket_that_is_away_and_comes_back(
    store_uri: str, object_store: ObjectStore, serve: Callable[..., TrackwayServer]
) -> None:
    destination = f"s3://{object_store.bucket()}/prefix"
    environment = object_store.environment
    server = serve("--artifacts-destination", destination, **environment)
    client = MlflowClient(server.url)
    run_id, kept = make_run(client), make_run(client)
    client.delete_run(run_id)
    away = environment | {"MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9"}
    code, said, complaints = command(store_uri, destination, **away)
    assert (code, said) == (1, "Nothing permanently deleted.\n")
    assert complaints.startswith("Error: The artifact store cannot be ")
    assert complaints.endswith(
        "Items that are not listed above are still in the trash; run the command again.\n"
    )
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert command(store_uri, destination, **environment)[0] == 0
    bucket, _, prefix = destination.removeprefix("s3://").partition("/")
    left = [item.object_name for item in object_store.client().list_objects(bucket, prefix, recursive=True)]
    assert left == [f"prefix/0/{kept}/artifacts/folder/file.txt"]


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("age", ["", "30", "d", "1h2d", "1.2.3d", "1 d", "-1d", "2w"])
def test_an_age_that_is_none(store_uri: str, tmp_path: Path, age: str) -> None:
    code, _, complaints = command(store_uri, tmp_path, "--older-than", age)
    assert code == 2
    assert f"{age!r} is not an age; write days, hours, minutes and seconds" in " ".join(complaints.split())


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("age", ["1d", "1d2h3m4s", "1.2d3h4m5s", ".5s", "1000000000000000d"])
def test_ages(store_uri: str, tmp_path: Path, age: str) -> None:
    assert command(store_uri, tmp_path, "--older-than", age)[0] == 0


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_ids_that_are_an_unset_variable_do_not_empty_the_trash(store_uri: str, tmp_path: Path) -> None:
    code, _, complaints = command(store_uri, tmp_path, "--run-ids", "")
    assert code == 2
    assert "it contains no id" in complaints
