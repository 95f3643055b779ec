"""Artifacts as files: uploads, downloads and archives."""

from __future__ import annotations

from collections.abc import Callable

from trackway.client_compat import artifact_paths
from trackway.client_compat import messages as m
from trackway.client_compat import trackway_artifacts as t
from trackway.client_compat.errors import BadRequest, InvalidParameter
from trackway.server.auth import policy
from trackway.server.edge import archives, files
from trackway.server.edge.transfers import Transfer, message, transfers
from trackway.server.handlers.traces import files as trace_files
from trackway.server.request_body import RequestBody
from trackway.server.responses import Answer, Stream
from trackway.storage.artifacts import Source
from trackway.storage.artifacts.locations import Place
from trackway.storage.database import Tx
from trackway.storage.maintenance import unfinished
from trackway.storage.registry import aliases
from trackway.storage.traces import files as stored_files
from trackway.storage.usage import ARTIFACT_BYTES

from .messages import (
    list_files,
    logged_model_location,
    new_file,
    run_location,
    served_place,
    served_store,
    version_location,
)

# MLflow's limit for uploads by the UI; the error message is MLflow's too. Clients use UploadArtifact, which
# has no limit.
_MAX_UI_UPLOAD_BYTES = 10 * 1024 * 1024


@transfers(m.DownloadArtifact, can=policy.read_artifacts)
def download_artifact(ctx: Transfer, req: m.DownloadArtifact) -> Answer | Stream:
    store = served_store(ctx, m.DownloadArtifact)
    place = served_place(ctx, store, artifact_paths.check(ctx.path_values["artifact_path"]))
    return trace_files.download(ctx, place) or files.send(ctx, place)


@transfers(m.UploadArtifact, can=policy.edit_artifacts)
def upload_artifact(ctx: Transfer, req: m.UploadArtifact) -> Answer:
    store = served_store(ctx, m.UploadArtifact)
    path = artifact_paths.check_new_file(ctx.path_values["artifact_path"])
    place = new_file(ctx, store, path)
    experiment_id = trace_files.experiment_of(ctx, place)
    return _receive(ctx, place) if experiment_id is None else _receive_spans(ctx, place, experiment_id)


@transfers(t.GetRunArtifact, can=policy.read_run)
def get_run_artifact(ctx: Transfer, req: t.GetRunArtifact) -> Stream:
    path = artifact_paths.check(req.path)
    return files.send(ctx, ctx.backend.artifacts.place(run_location(ctx, req.run_id)).at(path))


@transfers(t.GetModelVersionArtifact, can=policy.read_version)
def get_model_version_artifact(ctx: Transfer, req: t.GetModelVersionArtifact) -> Stream:
    path = artifact_paths.check(req.path)
    location = version_location(ctx, req.name, req.version)
    return files.send(ctx, ctx.backend.artifacts.place(location).at(path))


@transfers(t.GetLoggedModelArtifact, can=policy.read_logged_model)
def get_logged_model_artifact(ctx: Transfer, req: t.GetLoggedModelArtifact) -> Stream:
    if not req.artifact_file_path:
        raise BadRequest('Request must include the "artifact_file_path" query parameter.')
    path = artifact_paths.check(req.artifact_file_path)
    return files.send(ctx, ctx.backend.artifacts.place(logged_model_location(ctx, req.model_id)).at(path))


@transfers(t.UploadRunArtifact, can=policy.edit_run)
def upload_run_artifact(ctx: Transfer, req: t.UploadRunArtifact) -> Answer:
    if not req.run_uuid:
        raise InvalidParameter("Request must specify run_uuid.")
    if not req.path:
        raise InvalidParameter("Request must specify path.")
    path = artifact_paths.check_new_file(req.path)
    length = ctx.request.environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > _MAX_UI_UPLOAD_BYTES:
        raise InvalidParameter("Artifact size is too large. Max size is 10MB.")
    if not int(length):
        raise InvalidParameter("Request must specify data.")
    return _receive(ctx, ctx.backend.artifacts.place(run_location(ctx, req.run_uuid)).at(path))


@transfers(t.GetModelFile, can=policy.read_version)
def get_model_file(ctx: Transfer, req: t.GetModelFile) -> Answer | Stream:
    """Return a file, or the listing of a folder. With these, serving systems fetch a model by its alias."""
    path = artifact_paths.check(req.path)
    place = _version_place(ctx, req.name, req.version)
    if found := list_files(place, path):
        return message(m.ListArtifacts.Response(files=found))
    return files.send(ctx, place.at(path))


@transfers(t.GetModelArchive, can=policy.read_version)
def get_model_archive(ctx: Transfer, req: t.GetModelArchive) -> Stream:
    path = artifact_paths.check(req.path)
    place = _version_place(ctx, req.name, req.version)
    return archives.send(ctx, place.at(path), f"{req.name}-{req.version.lstrip('@')}", req.format)


@transfers(t.GetRunArchive, can=policy.read_run)
def get_run_archive(ctx: Transfer, req: t.GetRunArchive) -> Stream:
    path = artifact_paths.check(req.path)
    place = ctx.backend.artifacts.place(run_location(ctx, req.run_id))
    return archives.send(ctx, place.at(path), req.run_id, req.format)


@transfers(t.GetLoggedModelArchive, can=policy.read_logged_model)
def get_logged_model_archive(ctx: Transfer, req: t.GetLoggedModelArchive) -> Stream:
    path = artifact_paths.check(req.path)
    place = ctx.backend.artifacts.place(logged_model_location(ctx, req.model_id))
    return archives.send(ctx, place.at(path), req.model_id, req.format)


def _version_place(ctx: Transfer, name: str, version: str) -> Place:
    """Return the place of a model version, named by its number or by ``@alias``."""
    if version.startswith("@"):
        alias = version[1:]
        version = ctx.run(lambda tx: aliases.resolve(tx, name, alias).version or "", write=False)
    return ctx.backend.artifacts.place(version_location(ctx, name, version))


def _receive(ctx: Transfer, place: Place) -> Answer:
    """Store the request's body in a file."""
    with ctx.upload() as upload:
        _check_length(ctx, upload)
        _put(ctx, place, upload, upload)
    return message(m.UploadArtifact.Response())


def _receive_spans(ctx: Transfer, place: Place, experiment_id: int) -> Answer:
    """Store the spans of a file ``traces.json``, or the file itself if they cannot be read from it."""
    answer = m.UploadArtifact.Response()
    with ctx.upload() as upload, ctx.backend.body_budget.reservation(ctx.request.environ) as reservation:
        _check_length(ctx, upload)
        found = trace_files.Upload(ctx, place, upload, reservation)
        trace = found.trace
        if trace is None:
            _put(ctx, place, upload, found.source, lambda tx: stored_files.keep(tx, found.trace_id))
            return message(answer)
        _check_usage(ctx, upload.received)

        def store(tx: Tx) -> m.UploadArtifact.Response:
            stored_files.store(tx, experiment_id, trace)
            return answer

        ctx.run(store, write=True, target=f"artifact:{place.path}")
    ctx.backend.usage.add(ctx.identity.workspace, ARTIFACT_BYTES, upload.received)
    return message(answer)


def _put(
    ctx: Transfer, place: Place, upload: RequestBody, source: Source, note: Callable[[Tx], None] | None = None
) -> None:
    """Store the contents of a source, which has the request's body, in a file.

    The audit row is committed when the whole body has arrived, before the file becomes visible: without a
    database nothing is stored. The tag says which row belongs to the file, if the server is killed between
    the two (``storage.maintenance.unfinished``). ``note`` writes what else changes.
    """

    def recorded(tx: Tx) -> m.UploadArtifact.Response:
        if note:
            note(tx)
        return m.UploadArtifact.Response()

    def record() -> None:
        # A chunked body tells its length at its end.
        _check_usage(ctx, upload.received)
        ctx.run(recorded, write=True, target=f"artifact:{place.path}")

    place.store.put(place.path, source, upload.length, record, unfinished.tag(ctx.request.id, place.path))
    ctx.backend.usage.add(ctx.identity.workspace, ARTIFACT_BYTES, upload.received)


def _check_length(ctx: Transfer, upload: RequestBody) -> None:
    _check_usage(ctx, upload.length or 0)


def _check_usage(ctx: Transfer, size: int) -> None:
    ctx.backend.usage.check(ctx.identity.workspace, ARTIFACT_BYTES, size, ctx.request.environ)
