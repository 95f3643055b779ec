"""The fluent API, which has a current experiment and a current run, and the command line."""

import mlflow

from .board import call, client, command, equal, refused, since, takes, world

FLUENT = "Fluent API and command line"


def _experiment() -> str:
    return mlflow.set_experiment(world.name("fluent")).experiment_id


@call(FLUENT, "mlflow.set_experiment")
def _() -> None:
    name = world.name("fluent")
    first = mlflow.set_experiment(name)
    equal(first.name, name)
    equal(mlflow.set_experiment(experiment_id=first.experiment_id).name, name)
    with mlflow.start_run() as run:
        equal(run.info.experiment_id, first.experiment_id)


@call(FLUENT, "mlflow.create_experiment")
def _() -> None:
    experiment_id = mlflow.create_experiment(world.name("fluent"), tags={"a": "b"})
    equal(client().get_experiment(experiment_id).tags, {"a": "b"})


@call(FLUENT, "mlflow.get_experiment")
def _() -> None:
    equal(mlflow.get_experiment("0").name, "Default")


@call(FLUENT, "mlflow.get_experiment_by_name")
def _() -> None:
    equal(mlflow.get_experiment_by_name("Default").experiment_id, "0")
    equal(mlflow.get_experiment_by_name(world.name("nothing")), None)


@call(FLUENT, "mlflow.search_experiments")
def _() -> None:
    name = world.name("fluent")
    experiment_id = mlflow.create_experiment(name)
    found = mlflow.search_experiments(filter_string=f"name = '{name}'")
    equal([experiment.experiment_id for experiment in found], [experiment_id])


@call(FLUENT, "mlflow.list_experiments")
def _() -> None:
    experiment_id = _experiment()
    equal(experiment_id in [experiment.experiment_id for experiment in mlflow.list_experiments()], True)


@call(FLUENT, "mlflow.delete_experiment")
def _() -> None:
    experiment_id = mlflow.create_experiment(world.name("fluent"))
    mlflow.delete_experiment(experiment_id)
    equal(mlflow.get_experiment(experiment_id).lifecycle_stage, "deleted")


@call(FLUENT, "mlflow.restore_experiment")
def _() -> None:
    experiment_id = mlflow.create_experiment(world.name("fluent"))
    mlflow.delete_experiment(experiment_id)
    mlflow.restore_experiment(experiment_id)
    equal(mlflow.get_experiment(experiment_id).lifecycle_stage, "active")


@call(FLUENT, "mlflow.set_experiment_tag")
def _() -> None:
    experiment_id = _experiment()
    mlflow.set_experiment_tag("a", "b")
    equal(mlflow.get_experiment(experiment_id).tags["a"], "b")


@call(FLUENT, "mlflow.set_experiment_tags")
def _() -> None:
    experiment_id = _experiment()
    mlflow.set_experiment_tags({"a": "b", "c": 1})
    tags = mlflow.get_experiment(experiment_id).tags
    equal((tags["a"], tags["c"]), ("b", "1"))


@call(FLUENT, "mlflow.delete_experiment_tag")
def _() -> None:
    experiment_id = _experiment()
    mlflow.set_experiment_tag("a", "b")
    mlflow.delete_experiment_tag("a")
    equal("a" in mlflow.get_experiment(experiment_id).tags, False)


@call(FLUENT, "mlflow.start_run")
def _() -> None:
    _experiment()
    with mlflow.start_run(run_name="named", tags={"a": "b"}, description="# what it is") as run:
        equal(client().get_run(run.info.run_id).info.status, "RUNNING")
    logged = client().get_run(run.info.run_id)
    equal((logged.info.status, logged.info.run_name), ("FINISHED", "named"))
    tags = logged.data.tags
    equal((tags["a"], tags["mlflow.note.content"]), ("b", "# what it is"))
    equal(tags["mlflow.source.type"], "LOCAL")
    equal(tags["mlflow.user"] != "", True)


@call(FLUENT, "mlflow.start_run", "without a name")
def _() -> None:
    _experiment()
    with mlflow.start_run() as run:
        pass
    name = client().get_run(run.info.run_id).data.tags["mlflow.runName"]
    equal(name.count("-"), 2)


@call(FLUENT, "mlflow.start_run", "resumed")
def _() -> None:
    _experiment()
    with mlflow.start_run() as run:
        mlflow.log_param("a", 1)
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_param("b", 2)
    logged = client().get_run(run.info.run_id)
    equal((logged.data.params, logged.info.status), ({"a": "1", "b": "2"}, "FINISHED"))


@call(FLUENT, "mlflow.start_run", "nested")
def _() -> None:
    experiment_id = _experiment()
    with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
        mlflow.log_metric("m", 1)
    tags = client().get_run(child.info.run_id).data.tags
    equal(tags["mlflow.parentRunId"], parent.info.run_id)
    filter_string = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    found = client().search_runs([experiment_id], filter_string)
    equal([run.info.run_id for run in found], [child.info.run_id])


@call(FLUENT, "mlflow.start_run", "that fails")
def _() -> None:
    _experiment()
    try:
        with mlflow.start_run() as run:
            raise ZeroDivisionError
    except ZeroDivisionError:
        equal(client().get_run(run.info.run_id).info.status, "FAILED")


@call(FLUENT, "mlflow.end_run")
def _() -> None:
    _experiment()
    run = mlflow.start_run()
    mlflow.end_run("KILLED")
    equal(client().get_run(run.info.run_id).info.status, "KILLED")


@call(FLUENT, "mlflow.get_run")
def _() -> None:
    run_id = world.run()
    equal(mlflow.get_run(run_id).info.run_id, run_id)


@call(FLUENT, "mlflow.get_parent_run")
def _() -> None:
    _experiment()
    with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
        pass
    equal(mlflow.get_parent_run(child.info.run_id).info.run_id, parent.info.run_id)


@call(FLUENT, "mlflow.last_active_run")
def _() -> None:
    _experiment()
    with mlflow.start_run() as run:
        mlflow.log_param("a", 1)
    equal(mlflow.last_active_run().data.params, {"a": "1"})
    equal(mlflow.last_active_run().info.run_id, run.info.run_id)


@call(FLUENT, "mlflow.delete_run")
def _() -> None:
    run_id = world.run()
    mlflow.delete_run(run_id)
    equal(client().get_run(run_id).info.lifecycle_stage, "deleted")


@call(FLUENT, "mlflow.restore_run")
def _() -> None:
    run_id = world.run()
    mlflow.delete_run(run_id)
    mlflow.restore_run(run_id)
    equal(client().get_run(run_id).info.lifecycle_stage, "active")


@call(FLUENT, "mlflow.log_param")
def _() -> None:
    _experiment()
    with mlflow.start_run() as run:
        equal(mlflow.log_param("a", [1, "b"]), [1, "b"])
        refused("INVALID_PARAMETER_VALUE", lambda: mlflow.log_param("a", 2))
    equal(client().get_run(run.info.run_id).data.params, {"a": "[1, 'b']"})


@call(FLUENT, "mlflow.log_params")
def _() -> None:
    _experiment()
    params = {f"key {number}": number for number in range(250)}
    with mlflow.start_run() as run:
        for start in range(0, 250, 100):
            mlflow.log_params(dict(list(params.items())[start : start + 100]))
    found = client().get_run(run.info.run_id).data.params
    equal(found, {key: str(value) for key, value in params.items()})


@call(FLUENT, "mlflow.log_metric")
def _() -> None:
    _experiment()
    with mlflow.start_run() as run:
        for step in range(3):
            mlflow.log_metric("loss", 3 - step, step=step)
    history = client().get_metric_history(run.info.run_id, "loss")
    equal([(point.step, point.value) for point in history], [(0, 3.0), (1, 2.0), (2, 1.0)])


@call(FLUENT, "mlflow.log_metrics")
def _() -> None:
    _experiment()
    with mlflow.start_run() as run:
        mlflow.log_metrics({"a": 1, "b": 2.5}, step=4)
    equal(client().get_run(run.info.run_id).data.metrics, {"a": 1.0, "b": 2.5})
    equal(client().get_metric_history(run.info.run_id, "b")[0].step, 4)


@call(FLUENT, "mlflow.log_metrics", "asynchronously", needs=takes("mlflow.log_metrics", "synchronous"))
def _() -> None:
    _experiment()
    with mlflow.start_run() as run:
        waiting = [mlflow.log_metrics({"a": step}, step=step, synchronous=False) for step in range(20)]
        for operation in waiting:
            operation.wait()
    history = client().get_metric_history(run.info.run_id, "a")
    equal([point.value for point in history], [float(step) for step in range(20)])


@call(FLUENT, "mlflow.set_tag")
def _() -> None:
    _experiment()
    with mlflow.start_run() as run:
        mlflow.set_tag("a", 1)
    equal(client().get_run(run.info.run_id).data.tags["a"], "1")


@call(FLUENT, "mlflow.set_tags")
def _() -> None:
    _experiment()
    with mlflow.start_run() as run:
        mlflow.set_tags({"a": 1, "b": "ü"})
    tags = client().get_run(run.info.run_id).data.tags
    equal((tags["a"], tags["b"]), ("1", "ü"))


@call(FLUENT, "mlflow.delete_tag")
def _() -> None:
    _experiment()
    with mlflow.start_run() as run:
        mlflow.set_tag("a", 1)
        mlflow.delete_tag("a")
    equal("a" in client().get_run(run.info.run_id).data.tags, False)


@call(FLUENT, "mlflow.log_input")
def _() -> None:
    import pandas

    _experiment()
    frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [0.0, 1.0]})
    dataset = mlflow.data.from_pandas(frame, source="https://example.org/x.csv", name="small", targets="y")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="train")
    logged = client().get_run(run.info.run_id).inputs.dataset_inputs[0]
    equal((logged.dataset.name, logged.dataset.digest), ("small", dataset.digest))
    equal(mlflow.data.get_source(logged.dataset).url, "https://example.org/x.csv")


@call(FLUENT, "mlflow.log_inputs")
def _() -> None:
    import pandas

    _experiment()
    frame = pandas.DataFrame({"x": [1.0]})
    datasets = [mlflow.data.from_pandas(frame, name=name) for name in ("a", "b")]
    with mlflow.start_run() as run:
        mlflow.log_inputs(datasets, contexts=["train", "test"], tags_list=[None, None])
    inputs = client().get_run(run.info.run_id).inputs.dataset_inputs
    contexts = {each.dataset.name: each.tags[0].value for each in inputs}
    equal(contexts, {"a": "train", "b": "test"})


@call(FLUENT, "mlflow.search_runs")
def _() -> None:
    experiment_id = _experiment()
    with mlflow.start_run() as run:
        mlflow.log_param("a", 1)
        mlflow.log_metric("m", 2)
    frame = mlflow.search_runs([experiment_id], "params.a = '1'")
    equal(list(frame["run_id"]), [run.info.run_id])
    equal((frame["params.a"][0], frame["metrics.m"][0]), ("1", 2.0))


@call(
    FLUENT,
    "mlflow.search_runs",
    "by experiment names, as a list",
    needs=takes("mlflow.search_runs", "experiment_names"),
)
def _() -> None:
    name = world.name("fluent")
    mlflow.set_experiment(name)
    with mlflow.start_run() as run:
        pass
    found = mlflow.search_runs(experiment_names=[name], output_format="list")
    equal([each.info.run_id for each in found], [run.info.run_id])


@call(FLUENT, "mlflow.list_run_infos")
def _() -> None:
    experiment_id = _experiment()
    with mlflow.start_run() as run:
        pass
    equal([info.run_id for info in mlflow.list_run_infos(experiment_id)], [run.info.run_id])


@call(FLUENT, "mlflow experiments", "create, rename, delete, restore")
def _() -> None:
    name = world.name("cli")
    command("experiments", "create", "--experiment-name", name)
    experiment_id = client().get_experiment_by_name(name).experiment_id
    command("experiments", "rename", "--experiment-id", experiment_id, "--new-name", f"{name} 2")
    equal(client().get_experiment(experiment_id).name, f"{name} 2")
    command("experiments", "delete", "--experiment-id", experiment_id)
    command("experiments", "restore", "--experiment-id", experiment_id)
    search = "search" if since("2.0")() else "list"
    equal(f"{name} 2" in command("experiments", search), True)


@call(FLUENT, "mlflow runs", "list, describe, delete, restore")
def _() -> None:
    experiment_id = world.experiment()
    run_id = world.run(experiment_id)
    equal(run_id in command("runs", "list", "--experiment-id", experiment_id), True)
    equal(run_id in command("runs", "describe", "--run-id", run_id), True)
    command("runs", "delete", "--run-id", run_id)
    command("runs", "restore", "--run-id", run_id)
    equal(client().get_run(run_id).info.lifecycle_stage, "active")
