"""The releases on the board, and the environments that they run in."""

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

# mlflow-skinny is the client without the libraries that models are made with. Three of them come with
# it all the same, since what logs tables, pictures and models and returns data frames needs them.
_LIBRARIES = ("pandas", "numpy", "matplotlib")
# Up to 2.14 the client imports pkg_resources, which newer releases of setuptools no longer hold.
_PKG_RESOURCES = "setuptools<70"


class Client(NamedTuple):
    """``needs`` is what the client leaves out or too open in its own requirements."""

    version: str
    needs: tuple[str, ...] = ()

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])

    @property
    def requirements(self) -> Path:
        """Every package of the environment with its version, written by ``lock``."""
        return _REQUIREMENTS / f"{self.version}.txt"

    @property
    def python(self) -> Path:
        return ENVIRONMENTS / self.version / "bin" / "python"


# The newest patch of each minor.
CLIENTS = (
    Client("1.30.1", (_PKG_RESOURCES,)),
    Client("2.0.1", (_PKG_RESOURCES,)),
    # Its data sets call DataFrame.applymap, which pandas 3 dropped.
    Client("2.9.2", (_PKG_RESOURCES, "pandas<3")),
    Client("2.14.3", (_PKG_RESOURCES,)),
    Client("2.22.5"),
    Client("3.0.1"),
    Client("3.5.1"),
    Client("3.11.1"),
    Client("3.17.2"),
)


def install(client: Client, say: Callable[[str], None]) -> None:
    """Make the client's environment, unless it stands as ``requirements`` wants it."""
    wanted = hashlib.sha256(client.requirements.read_bytes() + sys.version.encode()).hexdigest()
    folder = client.python.parent.parent
    stamp = folder / ".installed"
    ENVIRONMENTS.mkdir(exist_ok=True)
    with _locked(ENVIRONMENTS / f"{client.version}.lock"):
        if stamp.exists() and stamp.read_text() == wanted:
            return
        say(f"installing mlflow-skinny {client.version} into {folder.relative_to(ROOT)}")
        shutil.rmtree(folder, ignore_errors=True)
        for command in _installation(folder, client):
            _run(command)
        stamp.write_text(wanted)


def lock(clients: Iterable[Client], say: Callable[[str], None]) -> None:
    """Write ``requirements`` anew. Takes uv, and the newest versions that the clients allow."""
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
    # Wheels only: an installation never needs a compiler.
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
    """One process makes an environment; those that want the same one wait for it."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
