"""A server that requires a log-in: every way to give credentials, and what a client makes of a refusal."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from .board import call, client, equal, refused, since, world

AREA = "Log-in"
USER = "board"


@contextmanager
def _at_closed_server(url: str = "", **environment: str) -> Iterator[None]:
    saved = dict(os.environ)
    os.environ.update(environment)
    mlflow.set_tracking_uri(url or world.closed_url)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
        mlflow.set_tracking_uri(world.url)


def _works(*, registers: bool = True) -> None:
    with mlflow.start_run(experiment_id=world.experiment()) as run:
        mlflow.log_metric("loss", 0.5)
        mlflow.log_text("words", "notes.txt")
    run_id = run.info.run_id
    equal(client().get_run(run_id).data.metrics, {"loss": 0.5})
    path = client().download_artifacts(run_id, "notes.txt", str(world.new_folder()))
    equal(Path(path).read_text(), "words")
    if registers:
        name = world.model(versions=1)
        equal(client().get_model_version(name, "1").name, name)


def _fails(**environment: str) -> str:
    """Return the message of the exception for an experiment's search. It must be one of MLflow's."""
    with _at_closed_server(**environment):
        try:
            found: Any = client().get_experiment("0")
        except MlflowException as error:
            return str(error)
    raise AssertionError(f"got {found!r}, expected an MlflowException")


def _password(name: str = USER) -> "dict[str, str]":
    return {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": world.password}


@call(AREA, "mlflow.start_run", "with MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
def _() -> None:
    with _at_closed_server(**_password()):
        _works()


@call(AREA, "mlflow.start_run", "with an API token as MLFLOW_TRACKING_TOKEN")
def _() -> None:
    with _at_closed_server(MLFLOW_TRACKING_TOKEN=world.token):
        _works()


@call(AREA, "mlflow.start_run", "with an API token as MLFLOW_TRACKING_PASSWORD")
def _() -> None:
    with _at_closed_server(MLFLOW_TRACKING_USERNAME="token", MLFLOW_TRACKING_PASSWORD=world.token):
        _works()


@call(AREA, "mlflow.start_run", "with a password in the tracking URI")
def _() -> None:
    with _at_closed_server(
        world.closed_url.replace("://", f"://{USER}:{world.password.replace(' ', '%20')}@")
    ):
        _works()


@call(AREA, "mlflow.start_run", "with an API token in the tracking URI")
def _() -> None:
    with _at_closed_server(world.closed_url.replace("://", f"://token:{world.token}@")):
        _works()


@call(
    AREA,
    "mlflow.start_run",
    "with a password in ~/.mlflow/credentials",
    needs=since("2.5"),
    remark="MLflow reads the file since 2.5; up to 2.9, its calls of the model registry do not",
)
def _() -> None:
    lines = ["[mlflow]", f"mlflow_tracking_username = {USER}", f"mlflow_tracking_password = {world.password}"]
    file = world.file(".mlflow/credentials", "\n".join(lines))
    with _at_closed_server(HOME=str(Path(file).parent.parent)):
        _works(registers=since("2.10")())


@call(AREA, "MlflowClient.get_experiment", "without credentials")
def _() -> None:
    equal("401" in _fails() or "not authenticated" in _fails(), True)


@call(AREA, "MlflowClient.get_experiment", "with a wrong password")
def _() -> None:
    # A name of its own, because wrong passwords of a user make further attempts wait.
    equal("username or the password is wrong" in _fails(**_password(f"nobody {world.prefix}")), True)


@call(AREA, "MlflowClient.get_experiment", "with a wrong token")
def _() -> None:
    equal("The bearer token is no API token" in _fails(MLFLOW_TRACKING_TOKEN="nonsense"), True)


@call(AREA, "MlflowClient.rename_experiment", "without permission")
def _() -> None:
    with _at_closed_server(**_password()):
        message = refused("PERMISSION_DENIED", lambda: client().rename_experiment("0", world.name("stolen")))
    equal(USER in message, True)
