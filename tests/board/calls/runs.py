"""Runs: create, find, update, tag, delete and restore; parameters and batches."""

import time

import mlflow
from mlflow.entities import Metric, Param, RunTag, ViewType

from .board import call, client, close_in_time, equal, refused, takes, world


@call("Runs", "MlflowClient.create_run")
def _() -> None:
    experiment_id = world.experiment()
    made = client().create_run(experiment_id, start_time=1_600_000_000_000, tags={"a": "b"})
    run = client().get_run(made.info.run_id)
    equal(run.info.experiment_id, experiment_id)
    equal((run.info.status, run.info.lifecycle_stage), ("RUNNING", "active"))
    equal((run.info.start_time, run.info.end_time), (1_600_000_000_000, None))
    equal(run.data.tags["a"], "b")
    equal(run.info.artifact_uri, f"mlflow-artifacts:/{experiment_id}/{run.info.run_id}/artifacts")
    close_in_time(client().create_run(experiment_id).info.start_time)


@call("Runs", "MlflowClient.create_run", "with a name", needs=takes("MlflowClient.create_run", "run_name"))
def _() -> None:
    run = client().create_run(world.experiment(), run_name="named")
    equal(run.data.tags["mlflow.runName"], "named")
    equal(client().get_run(run.info.run_id).info.run_name, "named")


@call("Runs", "MlflowClient.get_run")
def _() -> None:
    run_id = world.run()
    equal(client().get_run(run_id).info.run_id, run_id)
    equal(client().get_run(run_id).to_dictionary()["data"]["metrics"], {})
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_run("0" * 32))


@call("Runs", "MlflowClient.get_parent_run")
def _() -> None:
    experiment_id = world.experiment()
    parent_id = world.run(experiment_id)
    child_id = world.run(experiment_id, **{"mlflow.parentRunId": parent_id})
    equal(client().get_parent_run(child_id).info.run_id, parent_id)
    equal(client().get_parent_run(parent_id), None)


@call("Runs", "MlflowClient.update_run")
def _() -> None:
    run_id = world.run()
    client().update_run(run_id, status="SCHEDULED")
    equal(client().get_run(run_id).info.status, "SCHEDULED")
    client().update_run(run_id, name="renamed")
    run = client().get_run(run_id)
    equal((run.info.run_name, run.data.tags["mlflow.runName"]), ("renamed", "renamed"))
    equal(run.info.status, "SCHEDULED")


@call("Runs", "MlflowClient.set_terminated")
def _() -> None:
    run_id = world.run()
    client().set_terminated(run_id, "FAILED", end_time=1_600_000_000_001)
    run = client().get_run(run_id)
    equal((run.info.status, run.info.end_time), ("FAILED", 1_600_000_000_001))
    other_id = world.run()
    client().set_terminated(other_id)
    run = client().get_run(other_id)
    equal(run.info.status, "FINISHED")
    close_in_time(run.info.end_time)


@call("Runs", "MlflowClient.delete_run")
def _() -> None:
    run_id = world.run()
    client().delete_run(run_id)
    equal(client().get_run(run_id).info.lifecycle_stage, "deleted")
    refused("INVALID_PARAMETER_VALUE", lambda: client().set_tag(run_id, "a", "b"))


@call("Runs", "MlflowClient.restore_run")
def _() -> None:
    run_id = world.run()
    client().delete_run(run_id)
    client().restore_run(run_id)
    equal(client().get_run(run_id).info.lifecycle_stage, "active")
    client().set_tag(run_id, "a", "b")


@call("Runs", "MlflowClient.set_tag")
def _() -> None:
    run_id = world.run()
    client().set_tag(run_id, "a", "b")
    client().set_tag(run_id, "a", "c")
    client().set_tag(run_id, "mlflow.note.content", "# é")
    tags = client().get_run(run_id).data.tags
    equal((tags["a"], tags["mlflow.note.content"]), ("c", "# é"))


@call("Runs", "MlflowClient.delete_tag")
def _() -> None:
    run_id = world.run(a="b")
    client().delete_tag(run_id, "a")
    equal(client().get_run(run_id).data.tags.get("a"), None)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().delete_tag(run_id, "a"))


@call("Runs", "MlflowClient.log_param")
def _() -> None:
    run_id = world.run()
    client().log_param(run_id, "lr", 0.1)
    client().log_param(run_id, "lr", 0.1)
    equal(client().get_run(run_id).data.params, {"lr": "0.1"})
    message = refused("INVALID_PARAMETER_VALUE", lambda: client().log_param(run_id, "lr", 0.2))
    equal("Changing param values is not allowed" in message, True)


@call("Runs", "MlflowClient.log_batch")
def _() -> None:
    run_id = world.run()
    now = int(time.time() * 1000)
    client().log_batch(
        run_id,
        metrics=[Metric("loss", 1 / (step + 1), now, step) for step in range(500)],
        params=[Param(f"p{number}", str(number)) for number in range(100)],
        tags=[RunTag("a", "b"), RunTag("c", "")],
    )
    data = client().get_run(run_id).data
    equal(data.metrics, {"loss": 1 / 500})
    equal(data.params, {f"p{number}": str(number) for number in range(100)})
    equal((data.tags["a"], data.tags["c"]), ("b", ""))
    equal(len(client().get_metric_history(run_id, "loss")), 500)


@call("Runs", "MlflowClient.log_batch", "refused as a whole")
def _() -> None:
    run_id = world.run()
    client().log_param(run_id, "lr", "1")
    refused(
        "INVALID_PARAMETER_VALUE",
        lambda: client().log_batch(run_id, [Metric("m", 1.0, 1, 1)], [Param("new", "1"), Param("lr", "2")]),
    )
    data = client().get_run(run_id).data
    equal((data.params, data.metrics), ({"lr": "1"}, {}))


@call("Runs", "MlflowClient.list_run_infos")
def _() -> None:
    experiment_id = world.experiment()
    ids = {world.run(experiment_id) for _ in range(3)}
    deleted_id = world.run(experiment_id)
    client().delete_run(deleted_id)
    equal({info.run_id for info in client().list_run_infos(experiment_id)}, ids)
    infos = client().list_run_infos(experiment_id, run_view_type=ViewType.DELETED_ONLY)
    equal([info.run_id for info in infos], [deleted_id])
    page = client().list_run_infos(experiment_id, max_results=2)
    rest = client().list_run_infos(experiment_id, max_results=2, page_token=page.token)
    equal({info.run_id for info in [*page, *rest]}, ids)


def _three_runs() -> tuple[str, list[str]]:
    """Create runs with the losses 0.5, 0.25 and NaN, their number as a param, and a tag Even or Odd."""
    experiment_id = world.experiment()
    ids = []
    for number, loss in enumerate([0.5, 0.25, float("nan")]):
        run_id = client().create_run(experiment_id, 1_600_000_000_000 + number).info.run_id
        client().log_metric(run_id, "val loss", loss)
        client().log_param(run_id, "number", number)
        client().set_tag(run_id, "kind", "Odd" if number % 2 else "Even")
        ids.append(run_id)
    return experiment_id, ids


@call("Runs", "MlflowClient.search_runs")
def _() -> None:
    experiment_id, ids = _three_runs()

    def searched(filter_string: str = "", **options: object) -> list[int]:
        runs = client().search_runs([experiment_id], filter_string, **options)
        return [ids.index(run.info.run_id) for run in runs]

    equal(searched(), [2, 1, 0])
    equal(searched("metrics.`val loss` < 0.5"), [1])
    equal(searched('metrics."val loss" >= 0.25 and params.number != "0"'), [1])
    equal(searched("tags.kind = 'Even'"), [2, 0])
    equal(searched("tags.kind LIKE 'Ev%'"), [2, 0])
    equal(searched("tags.kind ILIKE 'e%'"), [2, 0])
    equal(searched("attributes.status = 'RUNNING'"), [2, 1, 0])
    equal(searched(f"attributes.run_id IN ('{ids[0]}', '{ids[2]}')"), [2, 0])
    equal(searched(order_by=["metrics.`val loss` ASC"]), [1, 0, 2])
    equal(searched(order_by=["params.number DESC"]), [2, 1, 0])
    equal(searched(order_by=["attributes.start_time ASC"]), [0, 1, 2])
    client().delete_run(ids[0])
    equal(searched(), [2, 1])
    equal(searched(run_view_type=ViewType.DELETED_ONLY), [0])
    equal(searched(run_view_type=ViewType.ALL), [2, 1, 0])
    refused("INVALID_PARAMETER_VALUE", lambda: searched("nonsense"))


@call("Runs", "MlflowClient.search_runs", "in pages")
def _() -> None:
    experiment_id, ids = _three_runs()
    found, token = [], None
    for size in (2, 1):
        page = client().search_runs([experiment_id], max_results=2, page_token=token)
        equal(len(page), size)
        found += [run.info.run_id for run in page]
        token = page.token
    equal((found, token), (ids[::-1], None))


@call("Runs", "MlflowClient.search_runs", "by dataset", needs=lambda: hasattr(mlflow, "log_input"))
def _() -> None:
    experiment_id = world.experiment()
    run_id = world.run(experiment_id)
    world.run(experiment_id)
    from .inputs import dataset_input

    client().log_inputs(run_id, [dataset_input("wine", "train")])
    found = client().search_runs([experiment_id], "dataset.name = 'wine' AND dataset.context = 'train'")
    equal([run.info.run_id for run in found], [run_id])
