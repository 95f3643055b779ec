"""The unchanged MLflow client at work: the same scripts against Trackway and MLflow's own server."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import uuid
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType

from tests.services import MlflowServer, TrackwayServer

from .scripts import Script, play, refused

pytestmark = pytest.mark.usefixtures("leave_no_trace")


def run_data(run: Any) -> dict[str, Any]:
    info = {key: value for key, value in dict(run.info).items() if key != "experiment_id"}
    return {
        "info": info,
        **run.data.to_dictionary(),
        "inputs": run.inputs.to_dictionary(),
        "outputs": run.outputs.to_dictionary() if run.outputs else None,
    }


def fluent() -> Any:
    with mlflow.start_run(run_name="parent", tags={"a": "b"}, description="# what it is") as parent:
        mlflow.log_params({"lr": 0.1, "layers": [1, 2], "none": None})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"acc": 0.5, "nan": float("nan"), "inf": float("inf")}, step=2)
        mlflow.set_tags({"k": "v", "mlflow.note.content": "changed"})
        with mlflow.start_run(nested=True, run_name="child") as child:
            mlflow.log_param("p", "1")
        changed = refused(lambda: mlflow.log_param("lr", 0.2))
    with pytest.raises(ZeroDivisionError), mlflow.start_run(run_name="fails") as failed:
        raise ZeroDivisionError
    found = mlflow.search_runs(order_by=["start_time ASC"], filter_string="tags.`mlflow.runName` != 'x'")
    columns = sorted(c for c in found.columns if c.startswith(("params.", "metrics.", "tags.")))
    runs = [run_data(mlflow.get_run(r.info.run_id)) for r in (parent, child, failed)]
    return changed, columns, list(found["status"]), runs


def client_runs() -> Any:
    client = MlflowClient()
    experiment = client.create_experiment(f"client {uuid.uuid4().hex}", tags={"team": "x"})
    run = client.create_run(experiment, start_time=5, tags={"t": "1"}, run_name="one").info.run_id
    client.log_batch(
        run,
        metrics=[Metric("m", value, timestamp=9, step=step) for step, value in enumerate((3.0, 1.0, 2.0))],
        params=[Param("p", "1")],
        tags=[RunTag("t", "2"), RunTag("u", "3")],
    )
    client.set_terminated(run, "KILLED", end_time=77)
    client.update_run(run, status="FINISHED", name="two")
    client.set_tag(run, "gone", "x")
    client.delete_tag(run, "gone")
    client.log_inputs(
        run,
        [
            DatasetInput(
                Dataset("iris", "d1", "local", "{}", schema="{}"), [InputTag("mlflow.data.context", "train")]
            )
        ],
    )
    history = [(m.value, m.step, m.timestamp) for m in client.get_metric_history(run, "m")]
    client.delete_run(run)
    gone = refused(lambda: client.log_metric(run, "m", 1))
    deleted = len(client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY))
    client.restore_run(run)
    refusals = [
        refused(lambda: client.get_run("nope")),
        refused(lambda: client.get_experiment("98765")),
        refused(lambda: client.search_runs([experiment], "nonsense")),
        refused(lambda: client.search_runs([experiment], order_by=["nope"])),
        refused(lambda: client.delete_tag(run, "gone")),
    ]
    return run_data(client.get_run(run)), history, gone, deleted, refusals


def client_experiments() -> Any:
    client = MlflowClient()
    name = f"exp {uuid.uuid4().hex}"
    experiment = client.create_experiment(name, tags={"a": "1"})
    client.set_experiment_tag(experiment, "b", "2")
    client.rename_experiment(experiment, f"{name} renamed")
    before = client.get_experiment(experiment)
    client.delete_experiment(experiment)
    listed = [
        e.name for e in client.search_experiments(ViewType.DELETED_ONLY, filter_string=f"name LIKE '{name}%'")
    ]
    blocked = refused(lambda: client.create_experiment(f"{name} renamed")).split(".")[0]
    client.restore_experiment(experiment)
    client.delete_experiment_tag(experiment, "b")
    after = client.get_experiment_by_name(f"{name} renamed")
    assert client.get_experiment_by_name("never") is None
    return before.tags, before.lifecycle_stage, len(listed), blocked, after.tags, after.lifecycle_stage


def pages() -> Any:
    client = MlflowClient()
    experiment = client.create_experiment(f"pages {uuid.uuid4().hex}")
    for number in range(7):
        client.create_run(experiment, start_time=number // 2, run_name=str(number))
    sizes, names, token = [], set(), None
    while True:
        page = client.search_runs([experiment], max_results=3, page_token=token)
        sizes.append(len(page))
        names |= {run.info.run_name for run in page}
        token = page.token
        if not token:
            return sizes, sorted(names)


def threads() -> Any:
    def work(number: int) -> None:
        with mlflow.start_run(run_name=f"t{number}"):
            for step in range(20):
                mlflow.log_metric("m", number, step=step)

    experiment = mlflow.get_experiment(mlflow.tracking.fluent._get_experiment_id()).experiment_id
    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    runs = mlflow.search_runs([experiment], output_format="list")
    lengths = [len(MlflowClient().get_metric_history(run.info.run_id, "m")) for run in runs]
    return sorted((run.info.run_name, run.info.status) for run in runs), lengths


def asynchronous() -> Any:
    with mlflow.start_run() as run:
        for step in range(300):
            mlflow.log_metric("m", step, step=step, synchronous=False)
        mlflow.log_params({f"p{n}": n for n in range(50)}, synchronous=False)
        mlflow.set_tag("t", "v", synchronous=False)
    mlflow.flush_async_logging()
    found = mlflow.get_run(run.info.run_id)
    history = MlflowClient().get_metric_history(run.info.run_id, "m")
    return len(history), found.data.metrics, found.data.params, found.data.tags["t"]


def autologging() -> Any:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    mlflow.sklearn.autolog(log_models=False, log_post_training_metrics=True, silent=True)
    features, labels = load_iris(return_X_y=True)
    with mlflow.start_run(run_name="iris") as run:
        model = LogisticRegression(max_iter=200).fit(features, labels)
        model.score(features, labels)
    with mlflow.start_run(run_name="grid") as grid:
        GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=2).fit(features, labels)
    experiment = run.info.experiment_id
    children = mlflow.search_runs([experiment], f"tags.mlflow.parentRunId = '{grid.info.run_id}'")
    data = [mlflow.get_run(r.info.run_id) for r in (run, grid)]
    return [
        (
            {key: round(value, 6) for key, value in r.data.metrics.items() if "time" not in key},
            dict(r.data.params),
            sorted(r.data.tags),
            [i.dataset.digest for i in r.inputs.dataset_inputs],
        )
        for r in data
    ], len(children)


SCRIPTS = [fluent, client_runs, client_experiments, pages, threads, asynchronous]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_script_sees_what_it_sees_on_mlflows_server(
    script: Script, shared_server: TrackwayServer, mlflow_server: MlflowServer
) -> None:
    assert play(script, shared_server.url) == play(script, mlflow_server.url)


@pytest.mark.slow
def test_autologging_of_scikit_learn(shared_server: TrackwayServer, mlflow_server: MlflowServer) -> None:
    ours = play(autologging, shared_server.url)
    assert ours == play(autologging, mlflow_server.url)
    assert ours[0][0][0]["training_accuracy_score"] > 0.9


def test_a_dataset_is_found_in_both_of_its_contexts(shared_server: TrackwayServer) -> None:
    import numpy as np

    mlflow.set_tracking_uri(shared_server.url)
    data = mlflow.data.from_numpy(np.array([1, 2]), name="numbers")
    experiment = mlflow.create_experiment(uuid.uuid4().hex)
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_input(data, context="train")
        mlflow.log_input(data, context="eval")
        mlflow.log_input(data, context="eval")
    inputs = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    assert [(i.dataset.name, i.tags[0].value) for i in inputs] == [("numbers", "train"), ("numbers", "eval")]
    for context in ("train", "eval"):
        found = MlflowClient().search_runs([experiment], f"dataset.context = '{context}'")
        assert [r.info.run_id for r in found] == [run.info.run_id]


def test_an_evaluation_keeps_its_scores_and_traces(shared_server: TrackwayServer) -> None:
    mlflow.set_tracking_uri(shared_server.url)
    mlflow.set_experiment(f"evaluation {uuid.uuid4().hex}")

    @mlflow.genai.scorer
    def twice(outputs: str) -> bool:
        return len(outputs) == 2

    result = mlflow.genai.evaluate(
        data=[{"inputs": {"question": "a"}}, {"inputs": {"question": "ab"}}],
        predict_fn=mlflow.trace(lambda question: question * 2),
        scorers=[twice],
    )
    assert mlflow.get_run(result.run_id).data.metrics == {"twice/mean": 0.5}
    found = mlflow.search_traces(filter_string="feedback.twice = 'true'", return_type="list")
    assert [trace.data.response for trace in found] == ['"aa"']
    linked = mlflow.search_traces(run_id=result.run_id, return_type="list")
    assert len(linked) == 2


@pytest.mark.slow
def test_system_metrics(shared_server: TrackwayServer) -> None:
    mlflow.set_tracking_uri(shared_server.url)
    mlflow.set_experiment("system metrics")
    mlflow.enable_system_metrics_logging()
    mlflow.set_system_metrics_sampling_interval(0.1)
    with mlflow.start_run() as run:
        threading.Event().wait(1.5)
    keys = mlflow.get_run(run.info.run_id).data.metrics.keys()
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= keys


@pytest.mark.slow  # each command imports mlflow, which takes seconds
@pytest.mark.parametrize("dialect", ["sqlite"], scope="module")
def test_the_command_line(shared_server: TrackwayServer) -> None:
    def cli(*words: str) -> str:
        command = [sys.executable, "-m", "mlflow", *words]
        environment = {"MLFLOW_TRACKING_URI": shared_server.url, "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=120, env=environment
        ).stdout

    name = f"cli {uuid.uuid4().hex}"
    [experiment] = re.findall(r"with id (\d+)", cli("experiments", "create", "-n", name))
    run = MlflowClient(shared_server.url).create_run(experiment, run_name="from the shell").info.run_id
    assert run in cli("runs", "list", "--experiment-id", experiment)
    assert '"run_name": "from the shell"' in cli("runs", "describe", "--run-id", run)
    cli("runs", "delete", "--run-id", run)
    cli("experiments", "delete", "-x", experiment)
    assert name in cli("experiments", "search", "--view", "deleted_only")
    assert MlflowClient(shared_server.url).get_run(run).info.lifecycle_stage == "deleted"
