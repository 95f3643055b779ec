"""Logged models, which clients have since 3.0."""

import os

import mlflow

from .board import call, client, close_in_time, equal, refused, world

AREA = "Logged models"


@call(AREA, "MlflowClient.create_logged_model")
def _() -> None:
    experiment_id = world.experiment()
    run_id = world.run(experiment_id)
    made = client().create_logged_model(experiment_id, "m", run_id, {"a": "b"}, {"lr": "0.1"}, "Agent")
    found = client().get_logged_model(made.model_id)
    equal((found.name, found.source_run_id, found.experiment_id), ("m", run_id, experiment_id))
    equal((found.tags, found.params, found.model_type), ({"a": "b"}, {"lr": "0.1"}, "Agent"))
    equal(str(found.status), "PENDING")
    location = f"mlflow-artifacts:/{experiment_id}/models/{made.model_id}/artifacts"
    equal(found.artifact_location, location)
    close_in_time(found.creation_timestamp)


@call(AREA, "MlflowClient.get_logged_model")
def _() -> None:
    model_id = client().create_logged_model(world.experiment()).model_id
    found = client().get_logged_model(model_id)
    equal((found.model_id, found.name.count("-") >= 2), (model_id, True))
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_logged_model("m-" + "0" * 32))


@call(AREA, "MlflowClient.finalize_logged_model")
def _() -> None:
    model_id = client().create_logged_model(world.experiment()).model_id
    equal(str(client().finalize_logged_model(model_id, "READY").status), "READY")
    equal(str(client().get_logged_model(model_id).status), "READY")


@call(AREA, "MlflowClient.delete_logged_model")
def _() -> None:
    experiment_id = world.experiment()
    model_id = client().create_logged_model(experiment_id).model_id
    client().delete_logged_model(model_id)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_logged_model(model_id))
    equal(list(client().search_logged_models([experiment_id])), [])


@call(AREA, "MlflowClient.log_model_params")
def _() -> None:
    model_id = client().create_logged_model(world.experiment()).model_id
    params = {f"p{number}": str(number) for number in range(150)}
    client().log_model_params(model_id, params)
    equal(client().get_logged_model(model_id).params, params)


@call(AREA, "MlflowClient.set_logged_model_tags")
def _() -> None:
    model_id = client().create_logged_model(world.experiment()).model_id
    client().set_logged_model_tags(model_id, {"a": "b", "c": 3})
    equal(client().get_logged_model(model_id).tags, {"a": "b", "c": "3"})


@call(AREA, "MlflowClient.delete_logged_model_tag")
def _() -> None:
    model_id = client().create_logged_model(world.experiment(), tags={"a": "b"}).model_id
    client().delete_logged_model_tag(model_id, "a")
    equal(client().get_logged_model(model_id).tags, {})


@call(AREA, "MlflowClient.search_logged_models")
def _() -> None:
    experiment_id = world.experiment()
    run_id = world.run(experiment_id)
    ids = []
    for number, accuracy in enumerate([0.5, 0.75, 0.25]):
        model = client().create_logged_model(experiment_id, f"m{number}", run_id, params={"n": str(number)})
        client().log_metric(run_id, "accuracy", accuracy, model_id=model.model_id)
        ids.append(model.model_id)

    def searched(filter_string: str = "", **options: object) -> list[int]:
        page = client().search_logged_models([experiment_id], filter_string, **options)
        return [ids.index(model.model_id) for model in page]

    by_accuracy = {"order_by": [{"field_name": "metrics.accuracy", "ascending": False}]}
    equal(sorted(searched()), [0, 1, 2])
    equal(searched("name = 'm1'"), [1])
    equal(searched("params.n = '2'"), [2])
    equal(searched("metrics.accuracy >= 0.5", **by_accuracy), [1, 0])
    equal(searched(**by_accuracy), [1, 0, 2])
    page = client().search_logged_models([experiment_id], max_results=2, **by_accuracy)
    rest = client().search_logged_models([experiment_id], max_results=2, page_token=page.token, **by_accuracy)
    equal([ids.index(model.model_id) for model in [*page, *rest]], [1, 0, 2])
    equal(bool(rest.token), False)


@call(AREA, "MlflowClient.log_model_artifact")
def _() -> None:
    model_id = client().create_logged_model(world.experiment()).model_id
    client().log_model_artifact(model_id, world.file("a.txt", "words"))
    equal([file.path for file in client().list_logged_model_artifacts(model_id)], ["a.txt"])


@call(AREA, "MlflowClient.log_model_artifacts")
def _() -> None:
    model_id = client().create_logged_model(world.experiment()).model_id
    client().log_model_artifacts(model_id, os.path.dirname(world.file("a.txt", "words")))
    model = client().get_logged_model(model_id)
    equal(mlflow.artifacts.load_text(f"{model.artifact_location}/a.txt"), "words")


@call(AREA, "MlflowClient.list_logged_model_artifacts")
def _() -> None:
    model_id = client().create_logged_model(world.experiment()).model_id
    equal(client().list_logged_model_artifacts(model_id), [])
    client().log_model_artifact(model_id, world.file("a.txt", "words"))
    found = client().list_logged_model_artifacts(model_id)
    equal([(file.path, file.is_dir, file.file_size) for file in found], [("a.txt", False, 5)])


@call(AREA, "mlflow.initialize_logged_model")
def _() -> None:
    mlflow.set_experiment(world.name("models"))
    with mlflow.start_run() as run:
        model = mlflow.initialize_logged_model("m", params={"a": "1"})
        equal((str(model.status), model.source_run_id), ("PENDING", run.info.run_id))
        equal(str(mlflow.finalize_logged_model(model.model_id, "FAILED").status), "FAILED")


@call(AREA, "mlflow.create_external_model")
def _() -> None:
    mlflow.set_experiment(world.name("models"))
    model = mlflow.create_external_model("m", tags={"a": "b"}, model_type="agent")
    found = mlflow.get_logged_model(model.model_id)
    equal((found.name, str(found.status), found.tags["a"]), ("m", "READY", "b"))
    files = client().list_logged_model_artifacts(model.model_id)
    equal([file.path for file in files], ["MLmodel"])


@call(AREA, "mlflow.search_logged_models")
def _() -> None:
    mlflow.set_experiment(world.name("models"))
    model = mlflow.create_external_model("m")
    mlflow.create_external_model("other")
    found = mlflow.search_logged_models(filter_string="name = 'm'", output_format="list")
    equal([each.model_id for each in found], [model.model_id])
    equal(sorted(mlflow.search_logged_models()["name"]), ["m", "other"])


@call(AREA, "mlflow.log_outputs")
def _() -> None:
    from mlflow.entities import LoggedModelOutput

    mlflow.set_experiment(world.name("models"))
    model = mlflow.create_external_model("m")
    with mlflow.start_run() as run:
        mlflow.log_outputs([LoggedModelOutput(model.model_id, 2)])
    outputs = client().get_run(run.info.run_id).outputs.model_outputs
    equal([(each.model_id, each.step) for each in outputs], [(model.model_id, 2)])


@call(AREA, "mlflow.log_model_params")
def _() -> None:
    mlflow.set_experiment(world.name("models"))
    model = mlflow.initialize_logged_model("m")
    mlflow.log_model_params({"a": "1"}, model.model_id)
    equal(mlflow.get_logged_model(model.model_id).params, {"a": "1"})


@call(AREA, "mlflow.set_logged_model_tags")
def _() -> None:
    mlflow.set_experiment(world.name("models"))
    model_id = mlflow.create_external_model("m").model_id
    mlflow.set_logged_model_tags(model_id, {"a": "b"})
    equal(mlflow.get_logged_model(model_id).tags["a"], "b")


@call(AREA, "mlflow.delete_logged_model_tag")
def _() -> None:
    mlflow.set_experiment(world.name("models"))
    model_id = mlflow.create_external_model("m", tags={"a": "b"}).model_id
    mlflow.delete_logged_model_tag(model_id, "a")
    equal("a" in mlflow.get_logged_model(model_id).tags, False)


@call(AREA, "mlflow.set_active_model")
def _() -> None:
    mlflow.set_experiment(world.name("models"))
    name = "active"
    try:
        model_id = mlflow.set_active_model(name=name).model_id
        equal(mlflow.get_logged_model(model_id).name, name)
        equal(mlflow.set_active_model(name=name).model_id, model_id)
    finally:
        mlflow.clear_active_model()
