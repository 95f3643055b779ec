"""RPCs on artifacts: listings, multipart uploads and presigned URLs.

With presigned URLs clients transfer files to and from the store directly, without this server. All handlers
here have ``transaction="none"``, so that no transaction is open while an artifact store works.
"""

from __future__ import annotations

import logging
from urllib.parse import quote, urlsplit

from trackway.client_compat import artifact_paths, workspace_rules
from trackway.client_compat import messages as m
from trackway.client_compat.endpoints import ENDPOINTS
from trackway.client_compat.errors import ApiError, EndpointNotFound, InvalidParameter
from trackway.client_compat.traces.trace_files import NAME as TRACE_FILE
from trackway.client_compat.wire import Message
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.server.handlers.traces import files as trace_files
from trackway.storage.access import artifact_owners
from trackway.storage.artifacts import ArtifactStore, Part, spellings
from trackway.storage.artifacts.local import unsupported
from trackway.storage.artifacts.locations import Place, is_proxied
from trackway.storage.database import Tx
from trackway.storage.registry import version_sources
from trackway.storage.tracking import logged_models, runs
from trackway.storage.usage import ARTIFACT_BYTES

log = logging.getLogger("trackway.server")

_MAX_PARTS = 10_000
_PART_EXPIRATION_S = 3600
_UPLOAD_EXPIRATION_S = 900
_MAX_EXPIRATION_S = 7 * 24 * 3600
_PATHS = {endpoint.loaded: f"/api{endpoint.path}" for endpoint in ENDPOINTS}


@handles(m.ListArtifacts, can=policy.read_run, transaction="none")
def list_artifacts(ctx: Context, req: m.ListArtifacts) -> m.ListArtifacts.Response:
    path = artifact_paths.check(req.path or "")
    location = run_location(ctx, req.run_id)
    return m.ListArtifacts.Response(
        root_uri=location, files=list_files(ctx.backend.artifacts.place(location), path)
    )


@handles(m.ListLoggedModelArtifacts, can=policy.read_logged_model, transaction="none")
def list_logged_model_artifacts(
    ctx: Context, req: m.ListLoggedModelArtifacts
) -> m.ListLoggedModelArtifacts.Response:
    path = artifact_paths.check(req.artifact_directory_path or "")
    location = logged_model_location(ctx, req.model_id)
    return m.ListLoggedModelArtifacts.Response(
        root_uri=location, files=list_files(ctx.backend.artifacts.place(location), path)
    )


@handles(m.ArtifactsListArtifacts, can=policy.read_artifacts, transaction="none")
def list_served_artifacts(ctx: Context, req: m.ArtifactsListArtifacts) -> m.ArtifactsListArtifacts.Response:
    """List a folder of the served store. ``path`` is only the entry's name, as the client expects here."""
    store = served_store(ctx, m.ArtifactsListArtifacts)
    place = served_place(ctx, store, artifact_paths.check(req.path or ""))
    hidden = workspace_rules.FOLDER if ctx.identity.has_workspaces and not place.path else None
    files = [
        m.ArtifactsFileInfo(
            path=artifact_paths.for_client(entry.path.rpartition("/")[2]),
            is_dir=entry.is_dir,
            file_size=entry.size,
        )
        for entry in spellings.list_folder(place)
        if entry.path != hidden
    ]
    if trace_files.is_folder(ctx, place) and all(file.path != TRACE_FILE for file in files):
        files.append(m.ArtifactsFileInfo(path=TRACE_FILE, is_dir=False))
    return m.ArtifactsListArtifacts.Response(files=files)


@handles(m.CreateMultipartUpload, can=policy.edit_artifacts, transaction="none")
def create_multipart_upload(ctx: Context, req: m.CreateMultipartUpload) -> m.CreateMultipartUpload.Response:
    store = served_store(ctx, m.CreateMultipartUpload)
    path = _multipart_path(ctx, store, req.path)
    number = 1 if req.num_parts is None else req.num_parts
    if not store.signs or trace_files.experiment_of(ctx, Place(store, path)) is not None:
        # The client then sends the file itself: the spans of a trace are stored in the database.
        raise unsupported("Multipart upload")
    if not 1 <= number <= _MAX_PARTS:
        raise InvalidParameter(f"num_parts must be between 1 and {_MAX_PARTS}, not {number}.")
    _check_quota(ctx)
    upload_id = store.begin_parts(path)
    return m.CreateMultipartUpload.Response(
        upload_id=upload_id,
        credentials=[
            m.MultipartUploadCredential(
                url=store.sign_part(path, upload_id, part, _PART_EXPIRATION_S), part_number=part, headers={}
            )
            for part in range(1, number + 1)
        ],
    )


@handles(m.CompleteMultipartUpload, can=policy.edit_artifacts, transaction="none")
def complete_multipart_upload(
    ctx: Context, req: m.CompleteMultipartUpload
) -> m.CompleteMultipartUpload.Response:
    store = served_store(ctx, m.CompleteMultipartUpload)
    path = _multipart_path(ctx, store, req.path)
    parts = [Part(part.part_number or 0, part.etag or "") for part in req.parts]
    response = m.CompleteMultipartUpload.Response()
    answer = ctx.run(lambda tx: response, write=True, target=f"artifact:{path}")
    store.complete_parts(path, req.upload_id or "", parts)
    _count(ctx, store, path)
    return answer


@handles(m.AbortMultipartUpload, can=policy.edit_artifacts, transaction="none")
def abort_multipart_upload(ctx: Context, req: m.AbortMultipartUpload) -> m.AbortMultipartUpload.Response:
    store = served_store(ctx, m.AbortMultipartUpload)
    store.abort_parts(_multipart_path(ctx, store, req.path), req.upload_id or "")
    return m.AbortMultipartUpload.Response()


@handles(m.GetPresignedDownloadUrl, can=policy.read_artifacts, transaction="none")
def get_presigned_download_url(
    ctx: Context, req: m.GetPresignedDownloadUrl
) -> m.GetPresignedDownloadUrl.Response:
    store = served_store(ctx, m.GetPresignedDownloadUrl)
    path = artifact_paths.check_file(ctx.path_values["artifact_path"])
    place = served_place(ctx, store, path)
    if store.signs and trace_files.is_virtual(ctx, place):
        # Clients request a file without a size from this server.
        url = f"{_PATHS[m.ArtifactsListArtifacts]}/{quote(path)}"
        return m.GetPresignedDownloadUrl.Response(url=url, headers={})
    url, size = _signed("Multipart download", place, ctx.config.variables.presigned_download_s)
    return m.GetPresignedDownloadUrl.Response(url=url, headers={}, file_size=size)


@handles(m.CreatePresignedDownloadUrl, can=policy.read_run, transaction="none")
def create_presigned_download_url(
    ctx: Context, req: m.CreatePresignedDownloadUrl
) -> m.CreatePresignedDownloadUrl.Response:
    path = artifact_paths.check_file(req.path)
    seconds = _expiration_s(req.expiration, ctx.config.variables.presigned_download_s)
    location = run_location(ctx, req.run_id)
    if is_proxied(location):
        raise InvalidParameter(
            "Presigned download is not supported for runs with proxied artifact storage "
            f"(artifact URI scheme: {urlsplit(location).scheme}). "
            "This endpoint requires a run with a direct cloud storage artifact URI."
        )
    url, size = _signed("Presigned download", ctx.backend.artifacts.place(location).at(path), seconds)
    return m.CreatePresignedDownloadUrl.Response(presigned_url=url, headers={}, file_size=size)


@handles(m.CreatePresignedUploadUrl, can=policy.edit_run_or_model, transaction="none")
def create_presigned_upload_url(
    ctx: Context, req: m.CreatePresignedUploadUrl
) -> m.CreatePresignedUploadUrl.Response:
    if bool(req.run_id) == bool(req.model_id):
        raise InvalidParameter("Exactly one of run_id and model_id must be provided.")
    path = artifact_paths.check_new_file(req.path)
    seconds = _expiration_s(req.expiration, _UPLOAD_EXPIRATION_S)
    location = run_location(ctx, req.run_id) if req.run_id else logged_model_location(ctx, req.model_id or "")
    if is_proxied(location):
        raise InvalidParameter(
            "Presigned upload is not supported for proxied artifact storage "
            f"(artifact URI scheme: {urlsplit(location).scheme}). "
            "This endpoint requires a direct cloud storage artifact URI."
        )
    _check_quota(ctx)
    place = ctx.backend.artifacts.place(location).at(path)
    link = place.store.sign_put(place.path, seconds)
    return m.CreatePresignedUploadUrl.Response(presigned_url=link.url, headers=link.headers)


def list_files(place: Place, path: str) -> list[m.FileInfo]:
    """Return the entries of a folder, with paths relative to the root of the run's or model's artifacts."""
    skip = len(place.path) + 1 if place.path else 0
    return [
        m.FileInfo(path=entry.path[skip:], is_dir=entry.is_dir, file_size=entry.size)
        for entry in spellings.list_folder(place.at(path))
    ]


def served_store(ctx: Context, request: type[Message]) -> ArtifactStore:
    """Return the store of the artifacts that this server serves.

    Raise ``EndpointNotFound`` with MLflow's message if the server runs with ``--no-serve-artifacts``. Clients
    would repeat MLflow's status, 503.
    """
    if not ctx.config.serve_artifacts:
        raise EndpointNotFound(
            f"Endpoint: {_PATHS[request]} disabled due to the mlflow server running with "
            "`--no-serve-artifacts`. To enable artifacts server functionality, run `mlflow server` "
            "with `--serve-artifacts`"
        )
    return ctx.backend.artifacts.served


def served_place(ctx: Context, store: ArtifactStore, path: str, *, is_deleted: bool = False) -> Place:
    """Return the place in the served store that a client means by a path. Raise ``ApiError``.

    Its root is the location of the experiment that owns the path: another spelling of the name must not
    lead to files for which the permission was not checked. A folder that ``is_deleted`` must have no
    artifacts of other workspaces.
    """
    identity, places = ctx.identity, ctx.backend.artifacts
    if identity.is_unrestricted and not identity.has_workspaces:
        return Place(store, path)

    def find(tx: Tx) -> Place:
        found = path
        if identity.has_workspaces:
            found = artifact_owners.meant(
                tx, places, store, identity.workspace_name, path, is_deleted=is_deleted
            )
        owners = artifact_owners.of_path(tx, artifact_owners.find_all(tx, places, store, [found]), found)
        return Place(store, found, max((owner.path for owner in owners), key=len, default=found))

    return ctx.run(find, write=False)


def new_file(ctx: Context, store: ArtifactStore, path: str) -> Place:
    """Return the place in the served store for a file that a client uploads. Raise ``ApiError``."""
    if ctx.identity.has_workspaces:
        path = served_place(ctx, store, path).path
    return Place(store, path)


def run_location(ctx: Context, run_id: str) -> str:
    """Return the URI of a run's artifacts. Raise ``NotFound`` if the run does not exist."""
    return ctx.run(lambda tx: str(runs.find(tx, run_id).artifact_uri), write=False)


def logged_model_location(ctx: Context, model_id: str) -> str:
    """Return the URI of a logged model's artifacts. Raise ``NotFound`` if the model does not exist."""

    def find(tx: Tx) -> str:
        return str(logged_models.find(tx, model_id, deleted=False).artifact_location)

    return ctx.run(find, write=False)


def version_location(ctx: Context, name: str, version: str) -> str:
    """Return the URI of a model version's artifacts. Raise ``NotFound`` if the version does not exist."""
    return ctx.run(lambda tx: version_sources.location(tx, name, version), write=False)


def _multipart_path(ctx: Context, store: ArtifactStore, local_file: str) -> str:
    """Return the path of an upload: the folder of the URL and the file name of the client's local path.

    A backslash in an absolute POSIX path belongs to a name. In other paths it separates, as on Windows.
    """
    separated = local_file if local_file.startswith("/") else local_file.replace("\\", "/")
    name = artifact_paths.check_file(separated.rpartition("/")[2])
    folder = artifact_paths.check(ctx.path_values["artifact_path"])
    return new_file(ctx, store, artifact_paths.check_new_file(artifact_paths.join(folder, name))).path


def _check_quota(ctx: Context) -> None:
    """Raise ``QuotaExceeded`` if the workspace is full: the size of the upload is not known yet."""
    ctx.backend.usage.check(ctx.identity.workspace, ARTIFACT_BYTES, 1, ctx.request.environ)


def _count(ctx: Context, store: ArtifactStore, path: str) -> None:
    """Count the bytes of a file that a client has uploaded directly."""
    try:
        file = store.open(path, partly=True)
        file.close()
    except ApiError as error:  # the upload is complete, and must not fail any more
        log.warning("cannot count the bytes of %s: %s", path, error.for_operators())
        return
    ctx.backend.usage.add(ctx.identity.workspace, ARTIFACT_BYTES, file.size)


def _signed(feature: str, place: Place, seconds: int) -> tuple[str, int]:
    """Return a presigned download URL and the size of a file.

    Raise an error with MLflow's name of the ``feature`` if the store cannot sign URLs.
    """
    if not place.store.signs:
        raise unsupported(feature)

    def sign(place: Place) -> tuple[str, int]:
        file = place.store.open(place.path, partly=True)
        file.close()
        return place.store.sign_get(place.path, seconds), file.size

    return spellings.read(place, sign)


def _expiration_s(requested: int | None, default: int) -> int:
    seconds = default if requested is None else requested
    if not 1 <= seconds <= _MAX_EXPIRATION_S:
        raise InvalidParameter(
            f"expiration must be between 1 and {_MAX_EXPIRATION_S} seconds (got {seconds})."
        )
    return seconds
