"""Which experiment owns a path in an artifact store: the one whose run, logged model or trace is there, else
the one with the longest location around it.

In a workspace other than "default", the artifacts are in the workspace's folder of the store, ``workspaces/``
and its name. What moves to another workspace stays where it is, so the stored location says whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from trackway.client_compat import artifact_paths, workspace_rules
from trackway.client_compat.errors import ApiError, InvalidParameter, PermissionDenied

from ..artifacts import ArtifactStore
from ..artifacts.locations import Locations
from ..database import Tx
from ..schema.tracking import experiments, workspaces
from . import containers

_DEFAULT_ROOT = "mlflow-artifacts:/"
# Folders beside the runs of an experiment, and whose artifacts they have.
_FOLDERS = {"models": containers.of_logged_models, "traces": containers.of_traces}
# The number of names in the path of a workspace's folder.
_DEPTH = 2


class Owner(NamedTuple):
    """An experiment, the path of its artifact location in a store, and the id of its workspace."""

    id: str
    path: str
    workspace: int

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
    """Return the experiments of all workspaces with a location around or below the paths; maybe others.

    Experiments at their default location are read only if they are around one of the paths: nothing but the
    root of the store, or the folder of a workspace, is above them.
    """
    names = {name for path in paths for name in path.split("/")[: _DEPTH + 1]}
    number = sa.cast(experiments.c.id, sa.String)
    is_elsewhere = experiments.c.artifact_location != sa.literal(_DEFAULT_ROOT).concat(number)
    if not any(_is_above_workspace(path) for path in paths):
        folder = sa.literal(f"{_DEFAULT_ROOT}{workspace_rules.FOLDER}/").concat(workspaces.c.name)
        is_elsewhere &= experiments.c.artifact_location != folder.concat("/").concat(number)
    query = (
        sa.select(experiments.c.id, experiments.c.artifact_location, experiments.c.workspace_id)
        .join(workspaces, workspaces.c.id == experiments.c.workspace_id)
        .where(
            sa.or_(
                experiments.c.id.in_([int(name) for name in names if name.isdecimal() and len(name) < 19]),
                is_elsewhere,
            )
        )
    )
    found = []
    for row in tx.execute(query):
        try:
            place = places.place(row.artifact_location)
        except (ApiError, ValueError):  # not in a store of this server
            continue
        if place.store is store:
            found.append(Owner(str(row.id), place.path, row.workspace_id))
    return found


def of_path(tx: Tx, owners: Sequence[Owner], path: str) -> list[Owner]:
    """Return the experiment that owns a path, none, or several that share a location.

    If several locations are around the path, the run, logged model or trace in the path decides.
    """
    around = [owner for owner in owners if owner.holds(path)]
    if len(around) < 2:
        return around
    if certain := [owner for owner in around if _has(tx, owner, path)]:
        return certain
    longest = max(len(owner.path) for owner in around)
    return [owner for owner in around if len(owner.path) == longest]


def _has(tx: Tx, owner: Owner, path: str) -> bool:
    """Return whether the path is in the folder of a run, logged model or trace of the experiment."""
    names = owner.tail(path)
    if of_folder := _FOLDERS.get(names[0] if names else ""):
        found = of_folder(tx, names[1:2])
    else:
        found = containers.of_runs(tx, names[:1])
    return found == [owner.id]


def meant(
    tx: Tx, places: Locations, store: ArtifactStore, workspace: str, path: str, *, is_deleted: bool = False
) -> str:
    """Return the path in the store that a client means in a workspace, which is named.

    A path belongs to the folder of the workspace, whether it begins with it or not, unless an experiment of
    the workspace has its artifacts there. Raise ``InvalidParameter``, with MLflow's text, if it names the
    folder of another workspace, and ``PermissionDenied`` if another workspace has it, or artifacts in a
    folder that ``is_deleted``.
    """
    # Uploads decode folders completely, so a folder is found under its decoded name.
    decoded = artifact_paths.check_folder(path)
    found = path if workspace == workspace_rules.DEFAULT else _in_folder(workspace, path)
    found_decoded = artifact_paths.check_folder(found)
    owners = find_all(tx, places, store, sorted({path, decoded, found, found_decoded}))
    holders = of_path(tx, owners, decoded)
    is_own = bool(holders) and not any_foreign(tx, holders)
    if is_own or decoded.split("/")[0] == workspace_rules.FOLDER:
        found, found_decoded = path, decoded
    if not is_own:
        check_folder_of(workspace, decoded)
    concerned = [*of_path(tx, owners, found), *of_path(tx, owners, found_decoded)]
    if is_deleted:
        concerned += [owner for owner in owners if owner.is_below(found) or owner.is_below(found_decoded)]
    if any_foreign(tx, concerned):
        raise PermissionDenied(f"The artifacts at {path!r} belong to another workspace.")
    return found


def any_foreign(tx: Tx, owners: Sequence[Owner]) -> bool:
    """Return whether one of the experiments is in another workspace than that of the transaction."""
    return any(owner.workspace != tx.workspace for owner in owners)


def check_folder_of(workspace: str, path: str) -> None:
    """Raise ``InvalidParameter``, with MLflow's text, if a path names the folder of another workspace."""
    folder, _, rest = path.partition("/")
    if folder != workspace_rules.FOLDER:
        return
    named = rest.partition("/")[0]
    if not named:
        raise InvalidParameter("Artifact paths prefixed with 'workspaces/' must include a workspace name.")
    if named != workspace:
        raise InvalidParameter(
            f"Artifact path targets workspace '{named}' but the workspace specified in the request is "
            f"'{workspace}'."
        )


def is_in_folder_of(workspace: str, path: str) -> bool:
    """Return whether a path is in the folder of a workspace; for "default", in none of the others."""
    if workspace == workspace_rules.DEFAULT:
        return path.split("/")[0] != workspace_rules.FOLDER
    return path.startswith(_in_folder(workspace, "") + "/")


def without_folder(path: str) -> str:
    """Return a path without the folder of a workspace at its beginning."""
    names = path.split("/")
    return "/".join(names[_DEPTH:]) if names[0] == workspace_rules.FOLDER else path


def _in_folder(workspace: str, path: str) -> str:
    return artifact_paths.join(workspace_rules.FOLDER, workspace, path)


def _is_above_workspace(path: str) -> bool:
    """Return whether the path is the folder of a workspace, or around it."""
    names = path.split("/")
    return names[0] == workspace_rules.FOLDER and len(names) <= _DEPTH
