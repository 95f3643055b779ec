"""Load by MLflow's client in several threads. It records each acknowledged write.

    python -m tests.scale.load URL FOLDER NAME

It ends when FOLDER has a file ``stop``. FOLDER/NAME.json then has the acknowledged writes, and the errors
that a user would have seen.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

THREADS = 3
STEPS = 5


class Worker(threading.Thread):
    """A user with one run after another, and a model with the alias champion at its newest version."""

    def __init__(self, url: str, folder: Path, name: str) -> None:
        super().__init__(name=name)
        self._client = mlflow.MlflowClient(url)
        self._folder = folder
        self.runs: list[dict[str, Any]] = []
        self.versions: list[dict[str, Any]] = []
        self.faults: list[str] = []

    def run(self) -> None:
        try:
            self._create_model()
            while not (self._folder / "stop").exists():
                self._train(len(self.runs))
        except Exception:
            self.faults.append(traceback.format_exc())

    def _create_model(self) -> None:
        try:
            self._client.create_registered_model(self.name)
        except MlflowException as fault:
            # The response to a first attempt was lost. `mlflow.register_model` ignores this error as well.
            if fault.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _train(self, number: int) -> None:
        """Write values that identify their run. Record each value after its call has returned."""
        client = self._client
        run = client.create_run("0", run_name=f"{self.name}-{number}").info.run_id
        noted: dict[str, Any] = {"run": run, "steps": [], "params": {}, "tags": {}, "text": None}
        self.runs.append(noted)
        for step in range(STEPS):
            client.log_metric(run, "loss", number + step, timestamp=step, step=step)
            noted["steps"].append([step, number + step])
        client.log_param(run, "rate", str(number))
        noted["params"]["rate"] = str(number)
        client.set_tag(run, "owner", self.name)
        noted["tags"]["owner"] = self.name
        client.log_batch(
            run,
            [Metric("batch", number, 1, step) for step in range(10)],
            [Param("depth", str(number))],
            [RunTag("batch", str(number))],
        )
        noted["params"]["depth"] = str(number)
        noted["tags"]["batch"] = str(number)
        text = f"{self.name} {number}\n" * 20_000
        client.log_text(run, text, "notes/text.txt")
        noted["text"] = hashlib.sha256(text.encode()).hexdigest()
        version = client.create_model_version(self.name, f"runs:/{run}/notes", run).version
        self.versions.append({"name": self.name, "version": int(version), "run": run})
        client.set_registered_model_alias(self.name, "champion", version)
        client.set_model_version_tag(self.name, version, "number", str(number))
        self.versions[-1]["number"] = str(number)
        client.set_terminated(run)
        noted["status"] = "FINISHED"


def main(url: str, folder: str, name: str) -> None:
    workers = [Worker(url, Path(folder), f"{name}-{number}") for number in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done = {
        part: [item for worker in workers for item in getattr(worker, part)]
        for part in ("runs", "versions", "faults")
    }
    Path(folder, f"{name}.json").write_text(json.dumps(done))


if __name__ == "__main__":
    main(*sys.argv[1:])
