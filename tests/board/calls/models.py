"""Models with the pyfunc flavor, which needs no library: log, register, load and promote."""

from pathlib import Path
from typing import Any

import mlflow
import mlflow.pyfunc

from .board import call, client, equal, since, world

AREA = "Models"


class Doubling(mlflow.pyfunc.PythonModel):
    # No type hints: newer clients check inputs against them.
    def predict(self, context, model_input, params=None):
        return model_input * 2


def _log_model(**options: Any) -> Any:
    with mlflow.start_run(experiment_id=world.experiment()):
        # Requirements are given, because inferring them needs a process and the package index.
        options.setdefault("pip_requirements", ["mlflow"])
        return mlflow.pyfunc.log_model("model", python_model=Doubling(), **options)


def _predicts(uri: str) -> None:
    import pandas

    model = mlflow.pyfunc.load_model(uri)
    equal(list(model.predict(pandas.DataFrame({"x": [1, 2]}))["x"]), [2, 4])


@call(AREA, "mlflow.pyfunc.log_model")
def _() -> None:
    info = _log_model()
    _predicts(info.model_uri)
    _predicts(f"runs:/{info.run_id}/model")


@call(AREA, "mlflow.pyfunc.log_model", "registered by its name")
def _() -> None:
    name = world.name("pyfunc")
    info = _log_model(registered_model_name=name)
    version = client().get_model_version(name, "1")
    equal((version.run_id, version.status), (info.run_id, "READY"))
    _predicts(f"models:/{name}/1")
    _predicts(f"models:/{name}/latest")


@call(AREA, "mlflow.pyfunc.load_model", "by stage")
def _() -> None:
    name = world.name("pyfunc")
    _log_model(registered_model_name=name)
    client().transition_model_version_stage(name, "1", "Production")
    _predicts(f"models:/{name}/Production")


@call(AREA, "mlflow.pyfunc.load_model", "by alias", needs=since("2.3"))
def _() -> None:
    name = world.name("pyfunc")
    _log_model(registered_model_name=name)
    client().set_registered_model_alias(name, "champion", "1")
    _predicts(f"models:/{name}@champion")


@call(AREA, "mlflow.register_model", "and load")
def _() -> None:
    name = world.name("pyfunc")
    info = _log_model()
    mlflow.register_model(info.model_uri, name)
    _predicts(f"models:/{name}/1")


@call(AREA, "mlflow.pyfunc.log_model", "told by its run")
def _() -> None:
    info = _log_model()
    run = client().get_run(info.run_id)
    if since("3.0")():
        equal([each.model_id for each in run.outputs.model_outputs], [info.model_id])
    else:
        equal("model" in run.data.tags["mlflow.log-model.history"], True)


@call(AREA, "mlflow.artifacts.download_artifacts", "of a model version")
def _() -> None:
    name = world.name("pyfunc")
    _log_model(registered_model_name=name)
    folder = mlflow.artifacts.download_artifacts(
        artifact_uri=f"models:/{name}/1", dst_path=str(world.new_folder())
    )
    equal((Path(folder) / "MLmodel").is_file(), True)
