"""The client releases of the board, and their virtual environments."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".venv-board"
_REQUIREMENTS = Path(__file__).parent / "requirements"

# mlflow-skinny is the client without libraries for models. These are installed with it, because calls that
# log tables, images and models, or return data frames, need them.
_LIBRARIES = ("pandas", "numpy", "matplotlib")
# Up to 2.14 the client imports pkg_resources, which newer releases of setuptools do not contain.
_PKG_RESOURCES = "setuptools<70"
# mlflow.server.get_app_client imports MLflow's server, which mlflow-skinny has without its libraries.
_SERVER = ("Flask", "Flask-WTF", "sqlalchemy<2.1", "alembic", "graphene")
# Up to 3.0 the client's tracing does not work with newer releases.
_OPENTELEMETRY = "opentelemetry-sdk<1.45"


class Client(NamedTuple):
    """A release of the client. ``needs`` are requirements that it lacks or does not limit enough.

    ``kind`` tells several environments of a release apart.
    """

    version: str
    needs: tuple[str, ...] = ()
    kind: str = ""

    @property
    def name(self) -> str:
        """The name of its environment."""
        return self.version + self.kind

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])

    @property
    def requirements(self) -> Path:
        """The file with all packages of the environment and their versions, written by ``lock``."""
        return _REQUIREMENTS / f"{self.name}.txt"

    @property
    def python(self) -> Path:
        return ENVIRONMENTS / self.name / "bin" / "python"


# The newest patch release of each minor release.
CLIENTS = (
    Client("1.30.1", (_PKG_RESOURCES,)),
    Client("2.0.1", (_PKG_RESOURCES,)),
    # Its datasets call DataFrame.applymap, which pandas 3 has removed.
    Client("2.9.2", (_PKG_RESOURCES, "pandas<3")),
    Client("2.14.3", (_PKG_RESOURCES, _OPENTELEMETRY)),
    Client("2.22.5", (_OPENTELEMETRY,)),
    Client("3.0.1", (_OPENTELEMETRY,)),
    Client("3.5.1"),
    Client("3.11.1"),
    # test_langchain.py traces its calls.
    Client("3.17.2", ("langchain-core",)),
)
# Clients of the two older forms that the calls for users and permissions have had. The third is that of the
# release with which these tests run.
ADMINS = (
    Client("2.9.2", (_PKG_RESOURCES, "pandas<3", *_SERVER), "-admin"),
    Client("3.12.0", _SERVER, "-admin"),
)


def install(client: Client, say: Callable[[str], None]) -> None:
    """Create the environment of a client, unless it exists with the current requirements."""
    wanted = hashlib.sha256(client.requirements.read_bytes() + sys.version.encode()).hexdigest()
    folder = client.python.parent.parent
    stamp = folder / ".installed"
    ENVIRONMENTS.mkdir(exist_ok=True)
    with _locked(ENVIRONMENTS / f"{client.name}.lock"):
        if stamp.exists() and stamp.read_text() == wanted:
            return
        say(f"installing mlflow-skinny {client.version} into {folder.relative_to(ROOT)}")
        shutil.rmtree(folder, ignore_errors=True)
        for command in _installation(folder, client):
            _run(command)
        stamp.write_text(wanted)


def lock(clients: Iterable[Client], say: Callable[[str], None]) -> None:
    """Write the requirements files with the newest versions that the clients allow. It needs uv."""
    for client in clients:
        say(f"resolving mlflow-skinny {client.version}")
        wanted = "\n".join((f"mlflow-skinny=={client.version}", *_LIBRARIES, *client.needs))
        _run(
            [
                *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
                *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
                *("--upgrade", "--output-file", str(client.requirements), "-"),
            ],
            wanted,
        )


def _installation(folder: Path, client: Client) -> Iterator[list[str]]:
    python, requirements = str(client.python), str(client.requirements)
    # Wheels only, so that the installation needs no compiler.
    if uv := shutil.which("uv"):
        yield [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
        yield [uv, "pip", "install", "--quiet", "--python", python, "--only-binary=:all:", "-r", requirements]
    else:
        yield [sys.executable, "-m", "venv", str(folder)]
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        yield [*pip, "--only-binary=:all:", "-r", requirements]


def _run(command: list[str], given: str | None = None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(command, input=given, env=environment, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process create an environment while others wait for it."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
