"""Find a file or folder that a client requests with another spelling of its name.

MLflow's client decodes the percent-encoding in the names of a listing before it requests them: it lists
``dog%step%20.png`` and requests ``dog%step .png``. See ``client_compat/artifact_paths.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from trackway.client_compat import artifact_paths
from trackway.client_compat.errors import InvalidParameter, NotFound

from . import ArtifactStore, Entry
from .locations import Place

T = TypeVar("T")

# How many folders above a missing path are searched. The parent is enough, except for a name that has an
# encoded slash: its parent may be missing. More would list folders with many runs.
_MAX_LEVELS = 2


def read(place: Place, access: Callable[[Place], T]) -> T:
    """Return ``access(place)``. If that raises ``NotFound``, try the place with the other spelling."""
    try:
        return access(place)
    except NotFound:
        found = _other_spelling(place)
        if found is None:
            raise
    return access(found)


def list_folder(place: Place) -> list[Entry]:
    """Return the entries of a folder, sorted by path; an empty list for a file or a missing path.

    The entries' paths begin with ``place.path``, also if the folder was found by another spelling.
    """
    entries = place.store.list(place.path)
    if entries or place.path == place.root or _exists(place):
        return entries
    found = _other_spelling(place, levels=1)
    if found is None:
        return []
    skip = len(found.path)
    return [entry._replace(path=place.path + entry.path[skip:]) for entry in place.store.list(found.path)]


def find(place: Place) -> Place:
    """Return the place itself, or if it does not exist, the place with the other spelling, if any."""
    if place.path == place.root or _exists(place):
        return place
    return _other_spelling(place) or place


def _exists(place: Place) -> bool:
    try:
        place.store.open(place.path, partly=True).close()
    except NotFound:
        return False
    except InvalidParameter:  # a folder
        return True
    return True


def _other_spelling(place: Place, levels: int = _MAX_LEVELS) -> Place | None:
    root_depth = place.root.count("/") + 1 if place.root else 0
    parts = place.path.split("/")
    for level in range(1, levels + 1):
        depth = len(parts) - level
        if depth < root_depth:
            return None
        folder, rest = "/".join(parts[:depth]), "/".join(parts[depth:])
        if entries := place.store.list(folder):
            found = _search(place.store, entries, artifact_paths.as_listed(rest))
            return Place(place.store, found, place.root) if found else None
    return None


def _search(store: ArtifactStore, entries: list[Entry], wanted: str) -> str | None:
    """Return the path of the entry, or of one below it, that clients request as ``wanted``."""
    for entry in entries:
        listed = artifact_paths.as_listed(entry.path.rpartition("/")[2])
        if listed == wanted:
            return entry.path
        if entry.is_dir and wanted.startswith(f"{listed}/"):
            found = _search(store, store.list(entry.path), wanted[len(listed) + 1 :])
            if found:
                return found
    return None
