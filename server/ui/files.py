"""Where the built pages of MLflow's UI lie on this machine, and how they come there out of a wheel.

The pages are those of the version that this server speaks; they come as they are in the `mlflow` wheel,
of which nothing else is kept and nothing is run.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path, PurePosixPath

from ..config import data_home
from ..version import MLFLOW_VERSION

INDEX = "index.html"
FETCH_COMMAND = "trackway ui fetch"
_INSIDE = PurePosixPath("mlflow/server/js/build")
# Pictures and fonts are compressed in themselves.
COMPRESSIBLE = frozenset({".js", ".mjs", ".cjs", ".css", ".html", ".json", ".svg", ".txt", ".ttf", ".eot"})
LEAST_COMPRESSED = 1024
# A wheel is not a stranger's, but what it unpacks to is bounded all the same; 3.17's is 27 MB.
_MAX_UNPACKED = 512 * 1024 * 1024


class FetchError(Exception):
    """The pages could not be had; the text is a sentence for whoever asked."""


def find(chosen: str = "") -> Path | None:
    """The folder with the UI's ``index.html``: the chosen one, else a fetched or an installed mlflow's.

    None where there is none. Nothing stands in for a chosen folder without pages.
    """
    folders = [Path(chosen)] if chosen else [*fetched_folders(), *_installed()]
    return next((folder for folder in folders if (folder / INDEX).is_file()), None)


def fetched_folders() -> list[Path]:
    """Where fetched pages are kept: beside the environment, which one `rm` removes, else the user's data."""
    beside = Path(sys.prefix, "share")
    return [Path(root, "trackway", "ui", MLFLOW_VERSION) for root in (beside, data_home())]


def default_target() -> Path:
    """The first of those folders that can be written; the system's own Python is left alone."""
    beside, home = fetched_folders()
    is_environment = sys.prefix != sys.base_prefix
    return beside if is_environment and os.access(sys.prefix, os.W_OK) else home


def fetch(target: Path, wheel: Path | None = None) -> None:
    """Put the pages into a folder, whole or not at all, out of a wheel that is given or downloaded."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as scratch:
        pages = Path(scratch, "pages")
        unpack(wheel or _download(Path(scratch)), pages)
        _compress(pages)
        if target.exists():
            target.rename(Path(scratch, "old"))
        pages.rename(target)


def unpack(wheel: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [member for member in archive.infolist() if _is_page(member)]
            if sum(member.file_size for member in members) > _MAX_UNPACKED:
                raise FetchError(f"The pages in {wheel} are larger than {_MAX_UNPACKED} bytes.")
            for member in members:
                path = target / PurePosixPath(member.filename).relative_to(_INSIDE)
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, path.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except (OSError, zipfile.BadZipFile) as error:
        raise FetchError(f"{wheel} cannot be read as a wheel: {error}") from None
    if not (target / INDEX).is_file():
        raise FetchError(
            f"{wheel.name} holds no pages of the UI. The wheel of `mlflow` does; "
            "those of `mlflow-skinny` and `mlflow-tracing` do not."
        )


def _is_page(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    return not member.is_dir() and path.is_relative_to(_INSIDE) and ".." not in path.parts


def _download(scratch: Path) -> Path:
    """The wheel without its dependencies, by this environment's pip and its settings."""
    requirement = f"mlflow=={MLFLOW_VERSION}"
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"]
    command += ["--no-input", "--retries", "2", "--timeout", "15", "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(scratch), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheel = next(scratch.glob("mlflow-*.whl"), None)
    if done.returncode or wheel is None:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        why = lines[-1].strip() if lines else f"pip ended with {done.returncode}"
        raise FetchError(
            f"The wheel {requirement} could not be downloaded: {why}\n"
            f"Without a network, bring the wheel here and run: {FETCH_COMMAND} --wheel PATH"
        )
    return wheel


def _compress(pages: Path) -> None:
    """Lay a gzip file beside each page that gets smaller by it."""
    for path in list(_files(pages)):
        if path.suffix in COMPRESSIBLE and path.stat().st_size >= LEAST_COMPRESSED:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _installed() -> Iterator[Path]:
    """The pages of an installed mlflow, found without running a line of it."""
    try:
        spec = PathFinder.find_spec("mlflow")
    except (ImportError, ValueError):
        return
    for location in (spec and spec.submodule_search_locations) or ():
        yield Path(location).joinpath(*_INSIDE.parts[1:])
