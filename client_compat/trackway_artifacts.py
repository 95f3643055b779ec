"""Endpoints that transfer files: MLflow's outside its protos, and Trackway's own (see `wire.py`).

Trackway's own endpoints are simple URLs for ``curl``, a Dockerfile or a serving system: a model's files by
version or alias, and a folder as one archive.
"""

from __future__ import annotations

from .wire import Endpoint, Message


class GetRunArtifact(Message):
    """A file of a run, for the UI."""

    _fields = {"run_id": "string", "run_uuid": "string", "path": "string"}
    __slots__ = tuple(_fields)

    def __init__(self, *, run_id: str, run_uuid: str | None = None, path: str) -> None:
        self.run_id = run_id
        self.run_uuid = run_uuid
        self.path = path


class GetModelVersionArtifact(Message):
    """A file of a model version, for the UI."""

    _fields = {"name": "string", "version": "string", "path": "string"}
    __slots__ = tuple(_fields)

    def __init__(self, *, name: str, version: str, path: str) -> None:
        self.name = name
        self.version = version
        self.path = path


class GetLoggedModelArtifact(Message):
    """A file of a logged model, for the UI."""

    _fields = {"model_id": "string", "artifact_file_path": "string"}
    __slots__ = tuple(_fields)

    def __init__(self, *, model_id: str, artifact_file_path: str | None = None) -> None:
        self.model_id = model_id
        self.artifact_file_path = artifact_file_path


class UploadRunArtifact(Message):
    """A small file that the UI adds to a run. The request body is the file."""

    _fields = {"run_uuid": "string", "path": "string"}
    __slots__ = tuple(_fields)

    def __init__(self, *, run_uuid: str | None = None, path: str | None = None) -> None:
        self.run_uuid = run_uuid
        self.path = path


class GetModelFile(Message):
    """A file of a model version, or the listing of a folder. `version` may be ``@alias``."""

    _fields = {"name": "string", "version": "string", "path": "string"}
    __slots__ = tuple(_fields)

    def __init__(self, *, name: str, version: str, path: str = "") -> None:
        self.name = name
        self.version = version
        self.path = path


class GetModelArchive(Message):
    """A model version's files, or those below `path`, as one archive. `format` is zip or tar.gz."""

    _fields = {"name": "string", "version": "string", "path": "string", "format": "string"}
    __slots__ = tuple(_fields)

    def __init__(self, *, name: str, version: str, path: str = "", format: str) -> None:
        self.name = name
        self.version = version
        self.path = path
        self.format = format


class GetRunArchive(Message):
    """A run's artifacts, or those below `path`, as one archive."""

    _fields = {"run_id": "string", "path": "string", "format": "string"}
    __slots__ = tuple(_fields)

    def __init__(self, *, run_id: str, path: str = "", format: str) -> None:
        self.run_id = run_id
        self.path = path
        self.format = format


class GetLoggedModelArchive(Message):
    """A logged model's files, or those below `path`, as one archive."""

    _fields = {"model_id": "string", "path": "string", "format": "string"}
    __slots__ = tuple(_fields)

    def __init__(self, *, model_id: str, path: str = "", format: str) -> None:
        self.model_id = model_id
        self.path = path
        self.format = format


class Bytes(Message):
    """Placeholder for a response that is a file."""

    __slots__ = ()


_MLFLOW = "MlflowArtifactsService"
_TRACKWAY = "TrackwayService"
_FORMAT = "<any('zip', 'tar.gz'):format>"
_MODEL = "/3.0/trackway/models/<name>/<version>"

# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/get-artifact", "GetRunArtifact",
             GetRunArtifact, Bytes, _MLFLOW, mounts=("",)),
    Endpoint("GET", "/model-versions/get-artifact", "GetModelVersionArtifact",
             GetModelVersionArtifact, Bytes, _MLFLOW, mounts=("",)),
    Endpoint("GET", "/2.0/mlflow/logged-models/<model_id>/artifacts/files", "GetLoggedModelArtifact",
             GetLoggedModelArtifact, Bytes, _MLFLOW, mounts=("/ajax-api",)),
    Endpoint("POST", "/2.0/mlflow/upload-artifact", "UploadRunArtifact",
             UploadRunArtifact, Bytes, _MLFLOW, mounts=("/ajax-api",)),
    Endpoint("GET", _MODEL, "GetModelFile", GetModelFile, Bytes, _TRACKWAY),
    Endpoint("GET", f"{_MODEL}/<path:path>", "GetModelFile", GetModelFile, Bytes, _TRACKWAY),
    Endpoint("GET", f"{_MODEL}.{_FORMAT}", "GetModelArchive", GetModelArchive, Bytes, _TRACKWAY),
    Endpoint("GET", f"/3.0/trackway/runs/<run_id>/artifacts.{_FORMAT}", "GetRunArchive",
             GetRunArchive, Bytes, _TRACKWAY),
    Endpoint("GET", f"/3.0/trackway/logged-models/<model_id>/artifacts.{_FORMAT}", "GetLoggedModelArchive",
             GetLoggedModelArchive, Bytes, _TRACKWAY),
)
# fmt: on
