"""Which experiment owns a path in an artifact store: the one whose run or logged model is there, else the one
with the longest location around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from trackway.client_compat.errors import ApiError

from ..artifacts import ArtifactStore
from ..artifacts.locations import Locations
from ..database import Tx
from ..schema.tracking import experiments
from . import containers

_DEFAULT_ROOT = "mlflow-artifacts:/"
_MODELS = "models"


class Owner(NamedTuple):
    """An experiment and the path of its artifact location in a store."""

    id: str
    path: str

    def holds(self, path: str) -> bool:
        """Return whether a path is the location or below it."""
        return not self.path or path == self.path or path.startswith(f"{self.path}/")

    def is_below(self, path: str) -> bool:
        """Return whether the location is below a path."""
        return bool(self.path) and self.path != path and (not path or self.path.startswith(f"{path}/"))

    def tail(self, path: str) -> list[str]:
        """Return the names of a path below the location."""
        return [name for name in path[len(self.path) :].split("/") if name]


def find_all(tx: Tx, places: Locations, store: ArtifactStore, paths: Sequence[str]) -> list[Owner]:
    """Return the experiments with a location in the store around or below the paths; maybe others.

    Experiments at their default location are read only if they are around one of the paths: nothing but the
    root of the store is above them.
    """
    folders = {path.partition("/")[0] for path in paths}
    default = sa.literal(_DEFAULT_ROOT).concat(sa.cast(experiments.c.id, sa.String))
    query = sa.select(experiments.c.id, experiments.c.artifact_location).where(
        experiments.c.workspace_id == tx.workspace,
        sa.or_(
            experiments.c.id.in_([int(name) for name in folders if name.isdecimal() and len(name) < 19]),
            experiments.c.artifact_location != default,
        ),
    )
    found = []
    for row in tx.execute(query):
        try:
            place = places.place(row.artifact_location)
        except (ApiError, ValueError):  # not in a store of this server
            continue
        if place.store is store:
            found.append(Owner(str(row.id), place.path))
    return found


def of_path(tx: Tx, owners: Sequence[Owner], path: str) -> list[Owner]:
    """Return the experiment that owns a path, none, or several that share a location.

    If several locations are around the path, the run or logged model in the path decides.
    """
    around = [owner for owner in owners if owner.holds(path)]
    if len(around) < 2:
        return around
    if certain := [owner for owner in around if _has(tx, owner, path)]:
        return certain
    longest = max(len(owner.path) for owner in around)
    return [owner for owner in around if len(owner.path) == longest]


def _has(tx: Tx, owner: Owner, path: str) -> bool:
    """Return whether the path is in the folder of a run or logged model of the experiment."""
    names = owner.tail(path)
    if names[:1] == [_MODELS]:
        found = containers.of_logged_models(tx, names[1:2])
    else:
        found = containers.of_runs(tx, names[:1])
    return found == [owner.id]
