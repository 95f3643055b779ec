"""The requests of a soak test: those of training clients, of the UI, and of the model registry."""

from __future__ import annotations

import os
import random
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from .wire import Connection, for_run, get, post, request

_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_RECENT = 40
_MODELS = 20
_MODEL = "soaked"
_FILE = os.urandom(64 * 1024)
_NOW_MS = 1_700_000_000_000


class State:
    """The state that connections share: the current runs, and a counter for unique names and values."""

    def __init__(self, port: int) -> None:
        self.runs: deque[tuple[str, str]] = deque(maxlen=_RECENT)
        self._lock = threading.Lock()
        self._number = 0
        connection = Connection(port)
        self.experiment: str = connection.post("experiments/create", {"name": "soak"})["experiment_id"]
        caller = Caller(port, self, random.Random(0))
        for _ in range(_RECENT):
            caller.create_run()
        run, uri = self.runs[0]
        for number in range(20):
            caller.put(f"{path_of(uri)}/model/file-{number}", _FILE)
        for model in range(_MODELS):
            name = f"{_MODEL}-{model}"
            connection.post("registered-models/create", {"name": name})
            connection.post("model-versions/create", {"name": name, "source": f"{uri}/model", "run_id": run})

    def number(self) -> int:
        with self._lock:
            self._number += 1
            return self._number


class Caller:
    """One connection. Each public method sends one request with new values."""

    def __init__(self, port: int, state: State, dice: random.Random) -> None:
        self._port = port
        self._state = state
        self._dice = dice
        self._connection = Connection(port, timeout_s=60)

    def call(self) -> None:
        """Send a random request, by the weights of ``MIX``. Raise ``Refused`` or ``OSError`` if it fails."""
        self._dice.choices(_CALLS, _WEIGHTS)[0](self)

    def create_run(self) -> None:
        number = self._state.number()
        body = {
            "experiment_id": self._state.experiment,
            "user_id": f"user-{number % 50}",
            "run_name": f"run-{number}",
            "start_time": _NOW_MS + number,
            "tags": [
                {"key": "mlflow.user", "value": "soak"},
                {"key": "mlflow.source.name", "value": "train.py"},
            ],
        }
        info = self._connection.post("runs/create", body)["run"]["info"]
        self._state.runs.append((info["run_id"], info["artifact_uri"]))

    def end_run(self) -> None:
        body = for_run(self._run(), status="FINISHED", end_time=_NOW_MS)
        self._post("runs/update", body)

    def log_metric(self) -> None:
        self._post(
            "runs/log-metric", for_run(self._run(), **self._metric(f"metric-{self._dice.randrange(5)}"))
        )

    def log_batch(self) -> None:
        number = self._state.number()
        body = {
            "run_id": self._run(),
            "metrics": [self._metric(f"metric-{key}") for key in range(10)],
            "params": [{"key": f"param-{key}-{number}", "value": str(key)} for key in range(5)],
            "tags": [{"key": f"tag-{key}", "value": str(number)} for key in range(2)],
        }
        self._post("runs/log-batch", body)

    def log_many_metrics(self) -> None:
        metrics = [self._metric(f"metric-{key % 5}") for key in range(200)]
        self._post("runs/log-batch", {"run_id": self._run(), "metrics": metrics, "params": [], "tags": []})

    def set_tag(self) -> None:
        body = for_run(self._run(), key=f"tag-{self._dice.randrange(5)}", value=str(self._state.number()))
        self._post("runs/set-tag", body)

    def log_param(self) -> None:
        self._post("runs/log-parameter", for_run(self._run(), key=f"p{self._state.number()}", value="1"))

    def get_run(self) -> None:
        self._get("runs/get", for_run(self._run()))

    def history(self) -> None:
        self._get("metrics/get-history", for_run(self._run(), metric_key="metric-1", max_results=25000))

    def newest(self) -> None:
        self._search()

    def best(self) -> None:
        self._search(filter="metrics.`metric-1` > 0.5", order_by=["metrics.`metric-1` DESC"])

    def of_one_user(self) -> None:
        self._search(filter=f"attributes.user_id = 'user-{self._dice.randrange(50)}'")

    def upload(self) -> None:
        _, uri = self._dice.choice(self._state.runs)
        self.put(f"{path_of(uri)}/file-{self._dice.randrange(4)}", _FILE[: self._dice.randrange(100, 65536)])

    def list_artifacts(self) -> None:
        self._get("artifacts/list", for_run(self._run()))

    def download(self) -> None:
        _, uri = self._state.runs[0]
        self.put(f"{path_of(uri)}/here", _FILE)
        self._connection.send(request("GET", f"{_ARTIFACTS}/{path_of(uri)}/here", None, self._port))

    def archive(self) -> None:
        path = f"/api/3.0/trackway/models/{self._model()}/1.zip"
        self._connection.send(request("GET", path, None, self._port))

    def set_alias(self) -> None:
        body = {"name": self._model(), "alias": f"alias-{self._dice.randrange(3)}", "version": "1"}
        self._post("registered-models/alias", body)

    def search_models(self) -> None:
        query = {"filter": f"name LIKE '{_MODEL}%'", "max_results": 100}
        self._get("registered-models/search", query)

    def experiments(self) -> None:
        self._post("experiments/search", {"max_results": 100})

    def put(self, path: str, data: bytes) -> None:
        head = request("PUT", f"{_ARTIFACTS}/{path}", None, self._port).removesuffix(b"\r\n")
        self._connection.send(head + f"Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def _search(self, **more: Any) -> None:
        body = {"experiment_ids": [self._state.experiment], "max_results": 100, **more}
        self._post("runs/search", body)

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self._connection.send(post(path, body, self._port))

    def _get(self, path: str, query: dict[str, Any]) -> None:
        self._connection.send(get(path, query, self._port))

    def _run(self) -> str:
        return self._dice.choice(self._state.runs)[0]

    def _model(self) -> str:
        return f"{_MODEL}-{self._dice.randrange(_MODELS)}"

    def _metric(self, key: str) -> dict[str, Any]:
        number = self._state.number()
        return {"key": key, "value": self._dice.random(), "timestamp": _NOW_MS + number, "step": number}


def path_of(uri: str) -> str:
    """Return the path of an artifact URI, relative to the artifact root of the server."""
    return uri.removeprefix("mlflow-artifacts:/").lstrip("/")


# Requests per thousand. A run is used until 40 newer runs exist, so that the size of runs stays constant.
MIX: dict[Callable[[Caller], None], int] = {
    Caller.log_metric: 400,
    Caller.log_batch: 80,
    Caller.log_many_metrics: 20,
    Caller.set_tag: 80,
    Caller.log_param: 60,
    Caller.create_run: 25,
    Caller.end_run: 25,
    Caller.get_run: 120,
    Caller.history: 30,
    Caller.newest: 30,
    Caller.best: 20,
    Caller.of_one_user: 20,
    Caller.upload: 20,
    Caller.list_artifacts: 15,
    Caller.download: 10,
    Caller.archive: 2,
    Caller.set_alias: 10,
    Caller.search_models: 20,
    Caller.experiments: 13,
}
_CALLS, _WEIGHTS = list(MIX), list(MIX.values())
