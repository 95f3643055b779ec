"""The class of calls, and helpers that create experiments, runs and models for them."""

import inspect
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import mlflow.artifacts
import mlflow.pyfunc
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
from mlflow.tracking import MlflowClient

WORKED = "worked"
ABSENT = "absent"


class Call(NamedTuple):
    area: str
    method: str
    note: str
    needs: Callable[[], bool]
    remark: str
    play: Callable[[], None]

    @property
    def is_in_this_client(self) -> bool:
        is_command = " " in self.method  # `mlflow runs`; every client has it.
        return is_command or (find(self.method) is not None and self.needs())


class World:
    """Data for calls. Names contain ``prefix``, because all clients use the same server."""

    def __init__(self) -> None:
        self.prefix = f"{mlflow.__version__} {uuid.uuid4().hex[:8]}"
        self.url = self.webhook_url = ""
        # A server that requires a log-in, and the credentials of the user "board".
        self.closed_url = self.password = self.token = ""
        self.folder = Path(tempfile.mkdtemp(prefix="trackway-board-"))
        self._names = 0

    def name(self, kind: str) -> str:
        self._names += 1
        return f"{kind} {self._names} {self.prefix}"

    def experiment(self) -> str:
        return client().create_experiment(self.name("experiment"))

    def run(self, experiment_id: str | None = None, **tags: str) -> str:
        return client().create_run(experiment_id or self.experiment(), tags=tags).info.run_id

    def model(self, versions: int = 0) -> str:
        name = self.name("model")
        client().create_registered_model(name)
        run = client().get_run(self.run()) if versions else None
        for _ in range(versions):
            source = f"{run.info.artifact_uri}/model"
            client().create_model_version(name, source, run.info.run_id, await_creation_for=None)
        return name

    def file(self, path: str, text: str) -> str:
        """Create a local file in a new folder. Return its path."""
        file = self.new_folder() / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    def new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=str(self.folder)))


calls: list[Call] = []
world = World()


def call(
    area: str,
    method: str,
    note: str = "",
    *,
    needs: Callable[[], bool] = lambda: True,
    remark: str = "",
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Declare a row of the board.

    ``method`` is the method as a user writes it. ``needs`` returns whether the client has what else the call
    uses. ``remark`` tells the reader why a client that has the method does not.
    """

    def declare(play: Callable[[], None]) -> Callable[[], None]:
        calls.append(Call(area, method, note, needs, remark, play))
        return play

    return declare


def client() -> MlflowClient:
    return MlflowClient()


_HEADS = {"MlflowClient": MlflowClient, "ArtifactRepository": MlflowArtifactsRepository, "mlflow": mlflow}


def find(dotted: str) -> Any:
    """Return the function with a name such as ``MlflowClient.get_run``, or None if this client lacks it."""
    head, *rest = dotted.split(".")
    found = _HEADS[head]
    for name in rest:
        try:
            found = getattr(found, name, None)
        except ImportError:  # Some modules are imported lazily, and mlflow-skinny lacks their dependencies.
            return None
    return found


def takes(method: str, parameter: str) -> Callable[[], bool]:
    return lambda: parameter in inspect.signature(find(method)).parameters


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def since(version: str) -> Callable[[], bool]:
    """Return a check for a release, for calls that changed without a difference that ``takes`` can find."""
    return lambda: _minor(mlflow.__version__) >= _minor(version)


def equal(found: Any, expected: Any) -> None:
    if found != expected:
        raise AssertionError(f"got {found!r}, expected {expected!r}")


def close_in_time(found_ms: int) -> None:
    if abs(found_ms - time.time() * 1000) > 600_000:
        raise AssertionError(f"{found_ms} is not a time within this test run")


def refused(code: str, act: Callable[[], Any]) -> str:
    """Return the error message of the server. Raise an error if the call succeeds or the code differs."""
    try:
        answer = act()
    except mlflow.exceptions.MlflowException as error:
        equal(error.error_code, code)
        return error.message
    raise AssertionError(f"{code} expected, got {answer!r}")


def command(*words: str) -> str:
    """Run the client's command line. Return its output."""
    from click.testing import CliRunner
    from mlflow.cli import cli

    result = CliRunner().invoke(cli, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    equal((result.exit_code, "" if result.exit_code == 0 else result.output), (0, ""))
    return result.output


def outcome(call: Call) -> str:
    """Run a call. Return ``worked``, ``absent``, or the reason of the failure."""
    if not call.is_in_this_client:
        return ABSENT
    try:
        call.play()
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    finally:
        while mlflow.active_run():
            mlflow.end_run()
    return WORKED
