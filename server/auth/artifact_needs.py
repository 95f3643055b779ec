"""What requests about artifacts need: permissions on the experiment that owns the files.

The owner is found by where the experiments, runs and logged models of the database store their artifacts, not
by the numbers in a path: locations are chosen by clients, and after an import the numbers differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from trackway.client_compat import artifact_paths, model_sources, registry_rules, uris, workspace_rules
from trackway.client_compat.access_rules import ALL
from trackway.client_compat.errors import ApiError, InvalidParameter, PermissionDenied
from trackway.storage.access import artifact_owners, containers
from trackway.storage.access.artifact_owners import Owner
from trackway.storage.artifacts.locations import is_proxied

from . import needs
from .needs import Asked
from .rights import Action, Rights, Rung

if TYPE_CHECKING:
    from trackway.client_compat.wire import Message
    from trackway.storage.artifacts.locations import Locations, Place
    from trackway.storage.database import Tx

    from .identity import Identity

_TIER_FOLDERS = {"models": "logged_model", "traces": "trace"}
_RUN_ID = re.compile("[0-9a-f]{32}")
_READ_VERSION = needs.parse("M:read, !version")


class WithinArtifacts(NamedTuple):
    """Needs on the experiment that owns a path of the served store.

    The first folder below the experiment's location names the kind of artifacts: of a run, a logged model or
    a trace. A path without an owner is decided by the permission on the workspace, or the default. Who
    manages a folder, that is deletes it, needs the same for all experiments with a location in it. What
    another workspace has is not allowed.
    """

    action: Action

    def is_allowed(self, asked: Asked) -> bool:
        """Return whether the rights allow the action on the path."""
        tx, identity, rights, request, path_values, places = asked
        sent = path_values.get("artifact_path") or getattr(request, "path", None) or ""
        if places is None or not places.serves:
            return True  # the handler says that the server has no artifacts
        path = artifact_paths.check(sent)
        if identity.has_workspaces:
            path = artifact_owners.meant(tx, places, places.served, identity.workspace_name, path)
        # Folders of new files are stored under their decoded names.
        paths = sorted({path, artifact_paths.check_folder(path)})
        owners = artifact_owners.find_all(tx, places, places.served, paths)
        return all(_are_allowed(tx, rights, owners, path, self.action) for path in paths)


class WithinNewLocation(NamedTuple):
    """Needs for an experiment with an artifact location of its own: to manage all that have files there.

    Otherwise the creator of an experiment would manage the files of others through it. A location that is the
    store itself, or begins with a number, as the default locations of later experiments do, belongs to
    others, too.
    """

    def is_allowed(self, asked: Asked) -> bool:
        tx, _, rights, request, _, places = asked
        location = getattr(request, "artifact_location", None)
        place = _new_place(places, location) if location else None
        if place is None or places is None:
            return True
        owners = artifact_owners.find_all(tx, places, place.store, [place.path])
        concerned = [owner for owner in owners if owner.holds(place.path) or owner.is_below(place.path)]
        if not concerned:
            inner = artifact_owners.without_folder(place.path)
            return bool(inner) and not inner.split("/")[0].isdecimal()
        if artifact_owners.any_foreign(tx, concerned):
            return False
        return all(rights.allow([Rung("experiment", owner.id, "manage")]) for owner in concerned)


class WithinSource(NamedTuple):
    """Needs on the source of a new model version: the version that it names, or the owner of the files.

    The handler itself refuses a source on this server outside of the run or logged model of the request.
    """

    def is_allowed(self, asked: Asked) -> bool:
        tx, _, rights, request, _, places = asked
        source = getattr(request, "source", None) or ""
        try:
            scheme = urlsplit(source).scheme
            named = model_sources.parse_model_uri(source) if scheme == "models" else None
        except (ApiError, ValueError):
            return True  # the handler refuses it
        if named is not None:
            name = named.name or ""
            is_prompt = rights.distinguishes_prompts and containers.is_prompt(tx, name)
            return not name or needs.are_met(_READ_VERSION, rights, name, is_prompt=is_prompt)
        place = None if _is_checked_by_handler(request, source, scheme) else _place(places, source)
        if place is None or places is None:
            return True
        owners = artifact_owners.find_all(tx, places, place.store, [place.path])
        return _are_allowed(tx, rights, owners, place.path, "read")


def _is_checked_by_handler(request: Message, source: str, scheme: str) -> bool:
    """Return whether the handler accepts a source only in the artifacts of the run or logged model."""
    tags = {tag.key: tag.value for tag in getattr(request, "tags", ())}
    is_on_server = scheme in ("", "file", "runs") or model_sources.is_proxied(source)
    return is_on_server and not registry_rules.is_prompt(tags)


def check_new_location(tx: Tx, identity: Identity, places: Locations, location: str) -> None:
    """Check the location that a client chose for an experiment in one of several workspaces.

    Raise ``InvalidParameter`` unless it is in the folder of the workspace, and ``PermissionDenied`` if
    another workspace has artifacts at, in or around it. This holds for administrators, too.
    """
    place = _new_place(places, location) if identity.has_workspaces else None
    if place is None:
        return
    workspace = identity.workspace_name
    artifact_owners.check_folder_of(workspace, place.path)
    if not place.path or not artifact_owners.is_in_folder_of(workspace, place.path):
        raise InvalidParameter(
            f"artifact_location in the workspace {workspace!r} must be in its own folder, for example "
            f"mlflow-artifacts:/{workspace_rules.FOLDER}/{workspace}/my-folder. Got {location!r}."
            if workspace != workspace_rules.DEFAULT
            else f"artifact_location must not be the root of the artifact store. Got {location!r}."
        )
    owners = artifact_owners.find_all(tx, places, place.store, [place.path])
    concerned = [owner for owner in owners if owner.holds(place.path) or owner.is_below(place.path)]
    if artifact_owners.any_foreign(tx, concerned):
        raise PermissionDenied(f"The artifacts at {location!r} belong to another workspace.")


def check_source(tx: Tx, identity: Identity, places: Locations, location: str) -> None:
    """Raise ``PermissionDenied`` if a new version has its files in another one of several workspaces.

    This holds for administrators, too: whoever may read the version reads them.
    """
    place = _place(places, uris.absolute(location)) if identity.has_workspaces else None
    if place is None:
        return
    owners = artifact_owners.find_all(tx, places, place.store, [place.path])
    holders = artifact_owners.of_path(tx, owners, place.path)
    is_inside = artifact_owners.is_in_folder_of(identity.workspace_name, place.path)
    if artifact_owners.any_foreign(tx, holders) or not (holders or is_inside):
        raise PermissionDenied(f"The artifacts at {location!r} belong to another workspace.")


def _new_place(places: Locations | None, location: str) -> Place | None:
    """Return the place of a location that a client chose, or None if it is in no store of this server.

    Raise ``InvalidParameter`` if it is in a store, at a path that no file can have.
    """
    location = uris.absolute(location)
    if places is None or (is_proxied(location) and not places.serves):
        return None
    try:
        return places.place(location)
    except (PermissionDenied, ValueError):
        return None


def _place(places: Locations | None, location: str) -> Place | None:
    """Return the place of a location in a store of this server, or None."""
    try:
        return None if places is None else places.place(location)
    except (ApiError, ValueError):
        return None


def _are_allowed(tx: Tx, rights: Rights, owners: Sequence[Owner], path: str, action: Action) -> bool:
    """Return whether the rights allow an action on a path of a store."""
    holders = artifact_owners.of_path(tx, owners, path)
    below = [owner for owner in owners if owner.is_below(path)] if action == "manage" else []
    if artifact_owners.any_foreign(tx, [*holders, *below]):
        return False
    if not holders and not rights.allow([Rung("workspace", ALL, action)]):
        return False
    if not all(_is_allowed(rights, owner.id, owner.tail(path), action) for owner in holders):
        return False
    return all(_is_allowed(rights, owner.id, (), action) for owner in below)


def _is_allowed(rights: Rights, experiment_id: str, parts: Sequence[str], action: Action) -> bool:
    experiment = Rung("experiment", experiment_id, "read")
    own = experiment._replace(action=action)
    return rights.allow([experiment]) and all(
        rights.allow([Rung(tier, ALL, action), own]) for tier in _tiers(parts)
    )


def _tiers(parts: Sequence[str]) -> Iterable[str]:
    """Return the kinds of artifacts that a path below an experiment's location has."""
    if parts and parts[0] in _TIER_FOLDERS:
        return (_TIER_FOLDERS[parts[0]],)
    if parts and (_RUN_ID.fullmatch(parts[0]) or parts[1:2] == ["artifacts"]):
        return ("run",)
    return ("run", "trace", "logged_model")
