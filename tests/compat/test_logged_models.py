"""Logged models: the same requests, and the same scripts of the real client, to Trackway and to MLflow."""

from __future__ import annotations

import uuid
from typing import Any

import mlflow
import numpy
import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus, Metric

from tests.services import MlflowServer, TrackwayServer

from .conversation import Ask, compare
from .scripts import Script, play, refused

pytestmark = pytest.mark.usefixtures("leave_no_trace")

API = "/api/2.0/mlflow"
MODELS = f"{API}/logged-models"
SQL = "MLflow shows its SQL"


def post(path: str, body: Any, ours: str = "", **save: str) -> Ask:
    return Ask("POST", f"{API}/{path}", body, save=save, ours=ours)


def patch(path: str, body: Any, ours: str = "") -> Ask:
    return Ask("PATCH", f"{MODELS}/{path}", body, ours=ours)


def get(path: str) -> Ask:
    return Ask("GET", f"{MODELS}/{path}")


def delete(path: str) -> Ask:
    return Ask("DELETE", f"{MODELS}/{path}", {})


def finalize(model: str, status: Any, ours: str = "") -> Ask:
    return patch(model, {"model_id": model, "status": status}, ours)


def tags(model: str, **values: str) -> Ask:
    return patch(f"{model}/tags", {"tags": [{"key": key, "value": values[key]} for key in values]})


def params(model: str, ours: str = "", **values: str) -> Ask:
    listed = [{"key": key, "value": values[key]} for key in values]
    return post(f"logged-models/{model}/params", {"model_id": model, "params": listed}, ours)


def metric(key: str, value: Any, timestamp: int, ours: str = "", run: str = "$r", **more: Any) -> Ask:
    body = {"run_id": run, "key": key, "value": value, "timestamp": timestamp, **more}
    return post("runs/log-metric", body, ours)


def find(ours: str = "", **search: Any) -> Ask:
    return post("logged-models/search", {"experiment_ids": ["$e"], **search}, ours)


def start() -> list[Ask]:
    """An experiment $e with a run $r."""
    return [
        post("experiments/create", {"name": f"models {uuid.uuid4().hex}"}, e="experiment_id"),
        post("runs/create", {"experiment_id": "$e", "start_time": 1}, r="run.info.run_id"),
    ]


def create(**body: Any) -> Ask:
    return post("logged-models", {"experiment_id": "$e", **body})


def made(save: str, **body: Any) -> Ask:
    body = {"experiment_id": "$e", "name": save, **body}
    return post("logged-models", body, **{save: "model.info.model_id"})


def life() -> list[Ask]:
    listed = [{"key": "lr", "value": "small"}, {"key": "empty", "value": ""}, {"key": "none"}]
    return [
        *start(),
        made("a"),
        made("b", model_type="agent", source_run_id="nope", params=listed, tags=listed),
        create(name=""),
        create(name=None),
        create(name=" "),
        *(create(name=name) for name in ("a/b", "a.b", "a:b", "a%", 'a"', "a'", 5)),
        create(tags="x"),
        post("logged-models", {"name": "x"}),
        post("logged-models", {"experiment_id": "98765"}),
        post("logged-models", {"experiment_id": "abc"}),
        params("$b", z="x"),
        params("$b"),
        params("$b", ours="the same value again is fine", lr="small"),
        params("$b", ours=SQL, lr="large"),
        params("m-nope", z="x"),
        get("$b"),
        get("m-nope"),
        finalize("$b", "LOGGED_MODEL_READY"),
        finalize("$b", 3),
        finalize("$b", "LOGGED_MODEL_PENDING"),
        finalize("$b", 0),
        finalize("$b", "READY", ours="MLflow takes what it does not know for unspecified"),
        finalize("$b", None),
        finalize("m-nope", 2),
        tags("$b", q="x", empty=""),
        patch("$b/tags", {"tags": [{"key": "q", "value": "x"}, {"key": "q", "value": "y"}]}),
        patch("$b/tags", {"tags": []}),
        patch("$b/tags", {}),
        tags("m-nope", q="x"),
        get("$b"),
        delete("$b/tags/q"),
        delete("$b/tags/q"),
        delete("m-nope/tags/q"),
        delete("$b"),
        delete("$b"),
        delete("m-nope"),
        get("$b"),
        get("$b?allow_deleted=true"),
        get("$b?allow_deleted=false"),
        get("m-nope?allow_deleted=true"),
        find(),
        finalize("$b", 2),
        tags("$b", q="x"),
        params("$b", late="x"),
        delete("$b/tags/q"),
        post("experiments/delete", {"experiment_id": "$e"}),
        create(),
        get("$a"),
        tags("$a", q="x"),
        finalize("$a", 2),
        find(),
        post("experiments/restore", {"experiment_id": "$e"}),
        find(),
    ]


def metrics() -> list[Ask]:
    on_iris = {"dataset_name": "iris", "dataset_digest": "d1"}
    batch = [
        {"key": "acc", "value": 0.1, "timestamp": 1, "step": 0, "model_id": "$a"},
        {"key": "acc", "value": 0.1, "timestamp": 1, "step": 0, "model_id": "$a"},
        {"key": "acc", "value": 0.9, "timestamp": 100, "step": 0, "model_id": "$b", **on_iris},
        {"key": "other", "value": 3, "timestamp": 5, "step": 0},
    ]
    return [
        *start(),
        post("runs/create", {"experiment_id": "$e", "start_time": 1}, s="run.info.run_id"),
        made("a"),
        made("b"),
        metric("acc", 0.5, 10, model_id="$b", step=1),
        metric("acc", 0.5, 10, model_id="$b", step=1),
        metric("acc", 0.6, 11, model_id="$b", **on_iris),
        metric("half", 0.7, 12, model_id="$b", dataset_name="iris"),
        metric("half", 0.7, 12, model_id="$b", dataset_digest="d1"),
        metric("half", 0.7, 12, dataset_name="iris"),
        metric("run", 0.5, 99, **on_iris),
        metric("run", 0.5, 56, model_id=""),
        metric("acc", 0.5, 55, model_id="m-nope", ours=SQL),
        post("runs/log-batch", {"run_id": "$s", "metrics": batch, "params": [{"key": "p", "value": "x"}]}),
        metric("z inf", "-Infinity", 57, model_id="$b"),
        get("$a"),
        get("$b"),
        Ask("GET", f"{API}/runs/get", query={"run_id": "$r"}),
        Ask("GET", f"{API}/runs/get", query={"run_id": "$s"}),
        Ask("GET", f"{API}/metrics/get-history", query={"run_id": "$r", "metric_key": "acc"}),
        delete("$b"),
        metric("acc", 0.5, 77, model_id="$b"),
        post("runs/delete", {"run_id": "$r"}),
        metric("acc", 0.5, 79, model_id="$a"),
        find(),
    ]


def outputs() -> list[Ask]:
    def log(kind: str, *models: dict[str, Any], ours: str = "") -> Ask:
        return post(f"runs/{kind}", {"run_id": "$r", "models": list(models)}, ours)

    return [
        *start(),
        made("a"),
        log("outputs", {"model_id": "$a", "step": 3}),
        log("outputs", {"model_id": "m-nope", "step": 4}),
        log("outputs", {"model_id": "$a", "step": 4}, ours=SQL),
        log("outputs"),
        post("runs/outputs", {"run_id": "$r"}),
        post("runs/outputs", {"run_id": "nope", "models": [{"model_id": "$a"}]}),
        log("log-inputs", {"model_id": "$a"}),
        log("log-inputs", {"model_id": "$a"}),
        delete("$a"),
        Ask("GET", f"{API}/runs/get", query={"run_id": "$r"}, ours="the step sent last holds"),
        post("runs/delete", {"run_id": "$r"}),
        log("outputs", {"model_id": "m-other"}),
    ]


def searches() -> list[Ask]:
    def order(
        field: str | None, ascending: bool | None = None, name: str = "", digest: str = "", ours: str = ""
    ) -> Ask:
        asked = {"field_name": field, "ascending": ascending, "dataset_name": name, "dataset_digest": digest}
        return find(ours, order_by=[{key: value for key, value in asked.items() if value not in (None, "")}])

    iris, wine = ({"dataset_name": n, "dataset_digest": f"{n}1"} for n in ("iris", "wine"))
    sizes: list[dict[str, Any]] = [
        {"max_results": 2, "order_by": [{"field_name": "name"}]},
        {"max_results": 4},
        {"max_results": 0},
        {"max_results": 2_147_483_647},
    ]
    return [
        *start(),
        post("runs/create", {"experiment_id": "$e", "start_time": 1}, s="run.info.run_id"),
        made("a", params=[{"key": "lr", "value": "small"}], tags=[{"key": "t", "value": "Red"}]),
        made("b", params=[{"key": "lr", "value": "large"}], tags=[{"key": "t", "value": "red"}]),
        made("c", model_type="agent", source_run_id="$r", tags=[{"key": "a.b", "value": "x"}]),
        made("d", model_type="agent", params=[{"key": "my key", "value": "small"}]),
        metric("loss", 0.5, 1, model_id="$a", step=9, **iris),
        metric("loss", 0.9, 2, model_id="$a", step=1, **wine),
        metric("loss", 0.7, 1, model_id="$b", **iris),
        metric("loss", 0.1, 2, model_id="$b", run="$s"),
        metric("loss", 0.2, 1, model_id="$c", **wine),
        metric("loss", 0.3, 5, model_id="$c", run="$s", **wine),
        find(),
        *(find(**size) for size in sizes),
        *(
            find(filter=text)
            for text in (
                "name = 'a'",
                "name='a'",
                "name != 'a'",
                "name LIKE '%'",
                "name ILIKE 'A'",
                "name IN ('a', 'c')",
                "name NOT IN ('a', 'c')",
                "attributes.name = 'b' AND name = 'b'",
                "model_id = '$a'",
                "model_type = 'agent'",
                "source_run_id = '$r'",
                "lifecycle_stage = 'active'",
                "experiment_id = '$e'",
                "creation_time > 0",
                "creation_timestamp > 0 AND last_updated_timestamp > 100",
                "last_updated_timestamp_ms < 100",
                "metrics.loss > 0.6",
                "metrics.loss >= 0.9 AND params.lr = 'small'",
                "metrics.loss != 0.2",
                "metrics.nope = 1",
                "params.lr != 'small'",
                "params.`my key` = 'small'",
                "tags.t = 'red'",
                "tags.t ILIKE 'RED'",
                "tags.a.b = 'x'",
                "tags.nope = 'x'",
                "metrics.loss LIKE 'x'",
                "params.lr > '1'",
                "spam.x = 'y'",
            )
        ),
        *(
            find(datasets=datasets, filter=text)
            for datasets in ([iris], [wine], [iris, wine], [{**iris, "dataset_digest": "x"}])
            for text in ("", "metrics.loss > 0.6", "name != 'a'")
        ),
        find(datasets=[{"dataset_name": "iris"}], ours="over REST MLflow finds nothing without a digest"),
        find(datasets=[{"dataset_digest": "iris1"}]),
        find(datasets=[{}]),
        *(
            order(field, ascending)
            for field in ("metrics.loss", "metrics.nope", "name", "creation_time", "model_type", "status")
            for ascending in (None, True, False)
        ),
        order("metrics.loss", False, "iris"),
        order("metrics.loss", True, "iris", "iris1"),
        order("metrics.loss", True, "", "wine1"),
        order("metrics.loss", True, "iris", "nope"),
        find(order_by=[{"field_name": "model_type"}, {"field_name": "metrics.loss", "ascending": False}]),
        order("params.lr"),
        order("nope", ours="MLflow calls the class of the error ATTRIBUTE_NOT_FOUND"),
        order(None, ours="MLflow calls the class of the error ATTRIBUTE_NOT_FOUND"),
        find(max_results=-1, ours="MLflow answers a page without models"),
        find(page_token="garbage", ours="MLflow answers 500"),
        find(filter="foo = 'x'", ours="MLflow answers 500"),
        find(filter="status = 'READY'"),
        post("logged-models/search", {}),
        post("logged-models/search", {"experiment_ids": []}),
        post("logged-models/search", {"experiment_ids": ["abc"]}),
        post("logged-models/search", {"experiment_ids": [""]}),
        post("logged-models/search", {"experiment_ids": ["98765"]}),
    ]


@pytest.mark.parametrize("conversation", [life, metrics, outputs, searches], ids=lambda f: f.__name__)
def test_the_answers_are_mlflows(
    conversation: Any, shared_server: TrackwayServer, mlflow_server: MlflowServer
) -> None:
    differences = compare(shared_server.url, mlflow_server.url, conversation())
    assert not differences, "\n\n".join(differences)


def ready_model(**said: Any) -> Any:
    """As ``mlflow.create_external_model``, without the file that it writes."""
    model = mlflow.initialize_logged_model(**said)
    return mlflow.finalize_logged_model(model.model_id, "READY")


def page_tokens() -> list[str]:
    """How a token is refused that belongs to another search."""
    client, here = MlflowClient(), mlflow.tracking.fluent._get_experiment_id()
    other = client.create_experiment(f"other {uuid.uuid4().hex}")
    for name in "ab":
        ready_model(name=name)
    order = [{"field_name": "name"}]
    token = client.search_logged_models([here], max_results=1, order_by=order).token
    searches: list[dict[str, Any]] = [
        {"experiment_ids": [other], "order_by": order},
        {"experiment_ids": [here], "order_by": order, "filter_string": "name = 'b'"},
        {"experiment_ids": [here], "order_by": [{"field_name": "name", "ascending": False}]},
    ]
    page = client.search_logged_models([here], max_results=1, order_by=order, page_token=token)
    assert [model.name for model in page] == ["b"]
    return [
        refused(lambda s=search: client.search_logged_models(**s, page_token=token)).split(" Expected")[0]  # type: ignore[misc]
        for search in searches
    ]


def model_data(model: Any) -> dict[str, Any]:
    data = {key: value for key, value in dict(model).items() if key not in {"experiment_id", "metrics"}}
    metrics = [dict(metric) for metric in model.metrics or []]
    return {**data, "metrics": sorted(metrics, key=lambda x: (x["key"], x["timestamp"], x["step"], str(x)))}


def a_models_life() -> Any:
    client = MlflowClient()
    model = mlflow.initialize_logged_model(
        name="m", params={f"p{n}": n for n in range(250)}, tags={"a": "b"}, model_type="agent"
    )
    seen = [model_data(model)]
    for status in ("FAILED", LoggedModelStatus.READY):
        seen.append(model_data(mlflow.finalize_logged_model(model.model_id, status)))
    mlflow.set_logged_model_tags(model.model_id, {"a": "c", "n": 1})
    mlflow.delete_logged_model_tag(model.model_id, "a")
    seen.append(model_data(mlflow.last_logged_model()))
    external = ready_model(name="ext", model_type="x", params={"k": "v"})
    seen.append(model_data(mlflow.get_logged_model(external.model_id)))
    client.delete_logged_model(external.model_id)
    refusals = [
        refused(lambda: mlflow.get_logged_model(external.model_id)),
        refused(lambda: mlflow.get_logged_model("m-nope")),
        refused(lambda: mlflow.create_external_model(name="a/b")),
        refused(lambda: client.delete_logged_model_tag(model.model_id, "nope")),
    ]
    left = mlflow.search_logged_models(output_format="list")
    return seen, refusals, [model.name for model in left]


def runs_and_models() -> Any:
    client = MlflowClient()
    with mlflow.start_run() as run:
        model = ready_model(name="made here")
        mlflow.log_metric("acc", 0.5, step=1, timestamp=5, model_id=model.model_id)
        data = mlflow.data.from_numpy(numpy.arange(3), name="numbers")
        mlflow.log_metrics(
            {"loss": 2, "acc": 0.7}, step=2, timestamp=6, model_id=model.model_id, dataset=data
        )
        mlflow.log_outputs([LoggedModelOutput(model.model_id, step=2)])
        mlflow.log_input(None, model=LoggedModelInput("m-" + "0" * 32))
    client.log_batch(
        run.info.run_id,
        [
            Metric("auc", 0.9, 7, 3, model.model_id, "iris", "d1"),
            Metric("auc", 0.8, 8, 3, model.model_id, "iris", "d2"),
            Metric("alone", 1.0, 7, 3),
        ],
    )
    found = mlflow.get_run(run.info.run_id)
    return (
        model_data(mlflow.get_logged_model(model.model_id)),
        dict(found.data.metrics),
        [item.to_dictionary() for item in found.outputs.model_outputs],
        sorted(item.model_id == model.model_id for item in found.inputs.model_inputs),
        model_data(mlflow.get_logged_model(model.model_id))["source_run_id"] == run.info.run_id,
    )


def active_model() -> Any:
    older, active = (ready_model(name="active") for _ in range(2))
    assert mlflow.set_active_model(name="active").model_id == active.model_id
    with mlflow.start_run():
        mlflow.log_metric("m", 1, step=0, timestamp=5)
    with mlflow.set_active_model(model_id=older.model_id), mlflow.start_run():
        mlflow.log_metric("m", 2, step=0, timestamp=5)
    mlflow.clear_active_model()
    return [model_data(mlflow.get_logged_model(model.model_id)) for model in (older, active)]


def finding() -> Any:
    with mlflow.start_run():
        for number, name in enumerate("abcdefg"):
            model = ready_model(name=name, params={"n": number % 2}, tags={"t": name})
            if number % 3:
                mlflow.log_metric("m", number % 4, model_id=model.model_id, timestamp=number, step=0)

    def names(**search: Any) -> list[str]:
        return [model.name for model in mlflow.search_logged_models(output_format="list", **search)]

    table = mlflow.search_logged_models(filter_string="tags.t IN ('a', 'b')")
    best = [{"field_name": "metrics.m", "ascending": False}]
    return (
        names(),
        names(max_results=2),
        names(filter_string="params.n = '1' AND metrics.m >= 1"),
        names(order_by=best),
        names(order_by=best, max_results=3),
        names(order_by=[{"field_name": "metrics.m"}, {"field_name": "name", "ascending": False}]),
        sorted(table.columns),
        [str(status) for status in table["status"]],
    )


@pytest.mark.parametrize(
    "script", [a_models_life, runs_and_models, active_model, finding, page_tokens], ids=lambda f: f.__name__
)
def test_a_script_sees_what_it_sees_on_mlflows_server(
    script: Script, shared_server: TrackwayServer, mlflow_server: MlflowServer
) -> None:
    assert play(script, shared_server.url) == play(script, mlflow_server.url)
