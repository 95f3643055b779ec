"""Deletion of artifacts, which moves them to the trash of the store, and their restoration with their run.

A request for a folder that holds more than one run is most likely a mistake: a client computed a wrong path.
It must say that it means it.
"""

from __future__ import annotations

from trackway.client_compat import artifact_paths
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter, PermissionDenied
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.server.request_body import parse_query
from trackway.storage.access import artifact_owners
from trackway.storage.artifacts import spellings, trash
from trackway.storage.artifacts.locations import Locations
from trackway.storage.artifacts.trash import is_within
from trackway.storage.database import Tx
from trackway.storage.maintenance import unfinished
from trackway.storage.tracking import experiments

from .messages import served_place, served_store

# Folders beside the runs of an experiment, with one folder for each logged model or trace.
_SHARED_FOLDERS = ("models", "traces")


@handles(m.DeleteArtifact, can=policy.delete_artifacts, transaction="none")
def delete_artifact(ctx: Context, req: m.DeleteArtifact) -> m.DeleteArtifact.Response:
    """Move a file or folder to the trash.

    The audit row is committed before anything disappears: without a database nothing is deleted.
    """
    store = served_store(ctx, m.DeleteArtifact)
    asked = artifact_paths.check(ctx.path_values["artifact_path"])
    path = spellings.find(served_place(ctx, store, asked, is_deleted=True)).path
    inner = artifact_owners.without_folder(path) if ctx.identity.has_workspaces else path
    if not inner:
        raise InvalidParameter("The root of the artifact store cannot be deleted. Nothing was deleted.")
    query = parse_query(ctx.request.environ.get("QUERY_STRING", ""))
    is_meant = "experiment" in query.get("recursive", ())
    answer = m.DeleteArtifact.Response()

    def allow(tx: Tx) -> m.DeleteArtifact.Response:
        if not is_meant:
            _refuse_experiment(tx, path, ctx.backend.artifacts)
        return answer

    def record() -> None:
        ctx.run(allow, write=True, target=f"artifact:{path}")

    store.delete(path, record, unfinished.tag(ctx.request.id, path))
    return answer


def restore_files(ctx: Context, location: str) -> None:
    """Move the files of a run or experiment back from the trash, except where there are others now.

    Only the store that this server serves has a trash; files at another location are left as they are.
    """
    locations = ctx.backend.artifacts
    try:
        place = locations.place(location)
    except (InvalidParameter, PermissionDenied):
        return
    if ctx.config.serve_artifacts and place.store is locations.served and place.path:
        trash.restore_all(place.store.trash, place.path)


def _refuse_experiment(tx: Tx, path: str, locations: Locations) -> None:
    """Raise ``InvalidParameter`` if the path holds the files of an experiment that is not in the trash."""
    names = path.split("/")
    name = names[-2] if len(names) > 1 and names[-1] in _SHARED_FOLDERS else names[-1]
    for experiment_id, location in experiments.active_locations(tx):
        # With thousands of experiments, most of the time would be spent on URIs that cannot be meant.
        if name.isalnum() and name not in location and "%" not in location:
            continue
        try:
            place = locations.place(location)
        except (InvalidParameter, PermissionDenied):  # not in a store of this server
            continue
        if place.store is locations.served and (
            is_within(place.path, path) or path in [place.at(name).path for name in _SHARED_FOLDERS]
        ):
            raise InvalidParameter(
                f"'{path}' holds the artifacts of experiment {experiment_id}, not of one run or model. "
                "Nothing was deleted. Delete the artifacts of single runs, or delete the experiment first. "
                "To delete them all the same, add ?recursive=experiment to the URL."
            )
