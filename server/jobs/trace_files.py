"""Deletes the files of traces that were deleted: attachments, and ``traces.json`` where it is a file."""

from __future__ import annotations

from trackway.client_compat.errors import InvalidParameter, PermissionDenied
from trackway.storage import jobs
from trackway.storage.artifacts.locations import Locations, Place
from trackway.storage.artifacts.trash import purge_all
from trackway.storage.database import Database
from trackway.storage.jobs import Job
from trackway.storage.traces import deletion

_FOLDER = "traces"
# The folders of so many traces are looked up one by one; for more, one listing shows which exist.
_MAX_SINGLE = 20


def delete(locations: Locations, database: Database, job: Job) -> None:
    """Do a job of the kind ``deletion.DELETE_FILES``. Files outside of this server's stores are left."""
    try:
        folder = locations.place(job.payload["location"]).at(_FOLDER)
    except (InvalidParameter, PermissionDenied):
        folder = None
    if folder:
        # A client may have begun a trace with the same id again.
        gone = database.run(
            lambda tx: deletion.absent(tx, job.payload["traces"]), write=False, workspace=job.workspace
        )
        for trace_id in _with_files(folder, gone):
            place = folder.at(trace_id)
            place.store.remove(place.path)
            purge_all(place.store.trash, place.path)
    database.run(lambda tx: jobs.finish(tx, job), write=True, workspace=job.workspace)


def _with_files(folder: Place, trace_ids: list[str]) -> list[str]:
    if len(trace_ids) <= _MAX_SINGLE:
        return trace_ids
    names = {entry.path.rpartition("/")[2] for entry in folder.store.list(folder.path)}
    return [trace_id for trace_id in trace_ids if trace_id in names]
