"""Chart libraries that HTML files of artifacts load from other hosts, fetched once and served by this server.

MLflow's client writes figures of Plotly as HTML files that load ``plotly-<version>.min.js`` from
``https://cdn.plot.ly``. The content policy of the UI blocks other hosts, and a closed network has none. The
wheel of Plotly contains the same library.
"""

from __future__ import annotations

import re
import sys
import tempfile
import zipfile
from pathlib import Path

from ..config import data_home
from . import files

FETCH_COMMAND = "trackway ui fetch-plotly"
ROUTE = "/chart-libraries/"
_INSIDE = "plotly/package_data/plotly.min.js"
_VERSION = re.compile(rb"plotly\.js v(\d+\.\d+\.\d+)\b")
_HEADER_LENGTH = 1000
_NAME = re.compile(r"plotly-(\d+)\.(\d+)\.(\d+)\.min\.js")
# That of Plotly 7.1 has 5 MB.
_MAX_SIZE = 64 * 1024 * 1024


def folders() -> list[Path]:
    """Return the folders of the libraries: in the virtual environment, and in the user's data folder."""
    return [Path(root, "trackway", "chart-libraries") for root in (Path(sys.prefix, "share"), data_home())]


def names() -> list[str]:
    """Return the file names of the fetched libraries, the newest version first."""
    found = {path.name for folder in folders() if folder.is_dir() for path in folder.iterdir()}
    versions = {name: tuple(map(int, match.groups())) for name in found if (match := _NAME.fullmatch(name))}
    return sorted(versions, key=versions.__getitem__, reverse=True)


def find(name: str) -> Path | None:
    """Return the path of a library, or None if there is none of this name."""
    if not _NAME.fullmatch(name):
        return None
    return next((path for folder in folders() if (path := folder / name).is_file()), None)


def fetch_plotly(wheel: Path | None = None, release: str = "") -> Path:
    """Write the library in a wheel of Plotly, which is downloaded if not given, and return its path.

    ``release`` is that of the Python package; "" is the newest. Raise ``files.FetchError`` or ``OSError``.
    """
    in_environment, in_home = folders()
    target = in_environment if files.is_environment_writable() else in_home
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as scratch:
        requirement = f"plotly=={release}" if release else "plotly"
        source = wheel or files.download(Path(scratch), requirement, FETCH_COMMAND)
        content = _read(source)
        version = _VERSION.search(content[:_HEADER_LENGTH])
        if version is None:
            raise files.FetchError(
                f"The library in {source.name} does not name its version in its first lines."
            )
        library = Path(scratch, f"plotly-{version[1].decode()}.min.js")
        library.write_bytes(content)
        files.compress(Path(scratch, library.name))
        for path in (library.with_name(library.name + ".gz"), library):
            path.replace(target / path.name)
        return target / library.name


def _read(wheel: Path) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = archive.getinfo(_INSIDE)
            if member.file_size > _MAX_SIZE:
                raise files.FetchError(f"{_INSIDE} in {wheel.name} is larger than {_MAX_SIZE} bytes.")
            return archive.read(member)
    except KeyError:
        raise files.FetchError(
            f"{wheel.name} does not contain {_INSIDE}, as wheels of `plotly` do."
        ) from None
    except (OSError, zipfile.BadZipFile) as error:
        raise files.FetchError(f"{wheel} cannot be read as a wheel: {error}") from None
