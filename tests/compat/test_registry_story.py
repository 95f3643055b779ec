"""As a new user would: train, register, promote, load, move the alias, ask who moved it."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tests.services import TrackwayServer

TRACKWAY = Path(sys.executable).parent / "trackway"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("dialect", ["sqlite"], scope="module")  # the client's part takes long, and twice
def test_a_new_users_first_model(shared_server: TrackwayServer) -> None:
    mlflow.set_tracking_uri(shared_server.url)
    mlflow.set_experiment("iris")
    data, species = load_iris(return_X_y=True)
    mlflow.sklearn.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            LogisticRegression(max_iter=300).fit(data, species)
    finally:
        mlflow.sklearn.autolog(disable=True)

    client = MlflowClient()
    first = mlflow.register_model(f"runs:/{run.info.run_id}/model", "iris")
    client.set_registered_model_alias("iris", "champion", first.version)
    assert len(mlflow.pyfunc.load_model("models:/iris@champion").predict(data)) == 150

    moment = time.time()
    time.sleep(1.1)
    model = LogisticRegression(C=0.1, max_iter=300).fit(data, species)
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, name="model", registered_model_name="iris", pip_requirements=[])
    client.set_registered_model_alias("iris", "champion", "2")
    loaded = mlflow.pyfunc.load_model("models:/iris@champion")
    assert list(loaded.predict(data)) == list(model.predict(data))

    assert "alias champion moved  1     2" in _history(shared_server.url, "iris")
    then = datetime.fromtimestamp(moment).isoformat()
    assert "champion: version 1\n" in _history(shared_server.url, "iris", "--alias", "champion", "--at", then)
    assert "champion: version 2\n" in _history(shared_server.url, "iris", "--alias", "champion")
    mlflow.set_tracking_uri(None)


def _history(url: str, *words: str) -> str:
    command = [str(TRACKWAY), "history", *words, "--tracking-uri", url]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
