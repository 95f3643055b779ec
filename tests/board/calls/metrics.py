"""Metrics and their history; datasets and models that are inputs and outputs of runs."""

import math

from .board import call, client, close_in_time, equal, takes, world
from .inputs import dataset_input


@call("Metrics and inputs", "MlflowClient.log_metric")
def _() -> None:
    run_id = world.run()
    client().log_metric(run_id, "loss", 0.5, timestamp=1_600_000_000_000, step=2)
    client().log_metric(run_id, "loss", 0.9, timestamp=1_600_000_000_001, step=1)
    client().log_metric(run_id, "other / name", 3)
    data = client().get_run(run_id).data
    equal(data.metrics, {"loss": 0.5, "other / name": 3.0})
    latest = client().get_metric_history(run_id, "other / name")[0]
    close_in_time(latest.timestamp)
    equal(latest.step, 0)


@call("Metrics and inputs", "MlflowClient.log_metric", "NaN and infinite")
def _() -> None:
    run_id = world.run()
    client().log_metric(run_id, "nan", float("nan"))
    client().log_metric(run_id, "high", float("inf"))
    client().log_metric(run_id, "low", float("-inf"))
    metrics = client().get_run(run_id).data.metrics
    equal(math.isnan(metrics["nan"]), True)
    equal((metrics["high"] > 1e308, metrics["low"] < -1e308), (True, True))
    equal(math.isnan(client().get_metric_history(run_id, "nan")[0].value), True)


@call(
    "Metrics and inputs",
    "MlflowClient.log_metric",
    "of a logged model on a dataset",
    needs=takes("MlflowClient.log_metric", "model_id"),
)
def _() -> None:
    experiment_id = world.experiment()
    run_id = world.run(experiment_id)
    model_id = client().create_logged_model(experiment_id, "m", source_run_id=run_id).model_id
    client().log_metric(
        run_id, "acc", 0.75, step=1, model_id=model_id, dataset_name="wine", dataset_digest="abc123"
    )
    metric = client().get_logged_model(model_id).metrics[0]
    equal((metric.key, metric.value, metric.step), ("acc", 0.75, 1))
    equal((metric.dataset_name, metric.dataset_digest, metric.run_id), ("wine", "abc123", run_id))


@call("Metrics and inputs", "MlflowClient.get_metric_history")
def _() -> None:
    run_id = world.run()
    points = [(step, 1_600_000_000_000 + step, step / 2) for step in range(-1, 4)]
    for step, timestamp, value in points:
        client().log_metric(run_id, "loss", value, timestamp, step)
    found = client().get_metric_history(run_id, "loss")
    equal([(point.step, point.timestamp, point.value) for point in found], points)
    equal(list(client().get_metric_history(run_id, "nothing")), [])


@call("Metrics and inputs", "MlflowClient.log_inputs")
def _() -> None:
    run_id = world.run()
    client().log_inputs(run_id, [dataset_input("wine", "train")])
    logged = client().get_run(run_id).inputs.dataset_inputs[0]
    equal((logged.dataset.name, logged.dataset.digest), ("wine", "abc123"))
    equal((logged.dataset.source_type, logged.dataset.source), ("http", '{"url": "x"}'))
    equal([(tag.key, tag.value) for tag in logged.tags], [("mlflow.data.context", "train")])


@call(
    "Metrics and inputs",
    "MlflowClient.log_inputs",
    "with a logged model",
    needs=takes("MlflowClient.log_inputs", "models"),
)
def _() -> None:
    from mlflow.entities import LoggedModelInput

    experiment_id = world.experiment()
    run_id = world.run(experiment_id)
    model_id = client().create_logged_model(experiment_id, "m").model_id
    client().log_inputs(run_id, models=[LoggedModelInput(model_id)])
    inputs = client().get_run(run_id).inputs.model_inputs
    equal([logged.model_id for logged in inputs], [model_id])


@call("Metrics and inputs", "MlflowClient.log_outputs")
def _() -> None:
    from mlflow.entities import LoggedModelOutput

    experiment_id = world.experiment()
    run_id = world.run(experiment_id)
    model_id = client().create_logged_model(experiment_id, "m", source_run_id=run_id).model_id
    client().log_outputs(run_id, [LoggedModelOutput(model_id, 7)])
    outputs = client().get_run(run_id).outputs.model_outputs
    equal([(logged.model_id, logged.step) for logged in outputs], [(model_id, 7)])
