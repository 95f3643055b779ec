"""Which store and path an artifact location means.

A location comes from a client (the ``artifact_location`` of an experiment). The server therefore accesses
only the stores that the operator configured: a client must not be able to read ``file:///etc``.
"""

from __future__ import annotations

import os
import posixpath
import threading
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from trackway.client_compat import artifact_paths
from trackway.client_compat.errors import InvalidParameter, PermissionDenied

from . import ArtifactStore, can_open, open_store
from .s3_settings import S3Settings

_PROXIED = frozenset({"mlflow-artifacts", "http", "https"})
_ROUTE = "/api/2.0/mlflow-artifacts/artifacts/"


class Place(NamedTuple):
    """A file or folder in an artifact store that this server may access.

    ``root`` is the path of the location that it belongs to, empty for the whole store.
    """

    store: ArtifactStore
    path: str
    root: str = ""

    def at(self, path: str) -> Place:
        return Place(self.store, artifact_paths.join(self.path, path), self.root)


class Locations:
    """The artifact stores of one server process. Each is opened when it is first used.

    ``destination`` is the URI of the store that the server itself serves, or empty. ``default_root`` is the
    URI of a store that clients access directly; the server can read it to show its files. With
    ``is_synced`` an upload to a folder waits until its contents are on the disk.
    """

    def __init__(
        self,
        destination: str,
        default_root: str,
        s3: S3Settings | None = None,
        *,
        is_synced: bool = True,
    ) -> None:
        self._destination = destination
        # Clients may use a kind of store that the server cannot open, such as gs://.
        roots = [root for root in (destination, default_root) if root and can_open(root)]
        self._roots = [(root, _parts(root)) for root in roots]
        self._s3 = s3
        self._is_synced = is_synced
        self._stores: dict[str, ArtifactStore] = {}
        self._lock = threading.Lock()

    @property
    def serves(self) -> bool:
        """Whether this server serves a store."""
        return bool(self._destination)

    @property
    def served(self) -> ArtifactStore:
        """The store that this server serves at its own artifact endpoints."""
        return self._store(self._destination)

    def place(self, location: str) -> Place:
        """Return the place of an artifact location of a run or model.

        Raise ``PermissionDenied`` if it is outside the configured stores, and ``InvalidParameter`` if it is
        served by a server and this one does not serve artifacts.
        """
        if is_proxied(location):
            if not self._destination:
                raise InvalidParameter(
                    f"The artifacts at {location} need a server that serves artifacts; this server "
                    "runs with --no-serve-artifacts."
                )
            return _root_at(self.served, artifact_paths.check_folder(_proxied_path(location)))
        scheme_and_host, path = _parts(location)
        for root, (root_host, root_path) in self._roots:
            inner = path.removeprefix(root_path.rstrip("/") + "/")
            if scheme_and_host == root_host and (path == root_path or inner != path):
                return _root_at(self._store(root), artifact_paths.check("" if path == root_path else inner))
        raise PermissionDenied(
            f"The artifacts at {location} are outside the stores of this server "
            "(--artifacts-destination, --default-artifact-root). Read them with a client that can "
            "access the location directly."
        )

    def _store(self, uri: str) -> ArtifactStore:
        store = self._stores.get(uri)
        if store is None:
            with self._lock:
                store = self._stores.get(uri)
                if store is None:
                    store = self._stores[uri] = open_store(uri, self._s3, is_synced=self._is_synced)
        return store


def _root_at(store: ArtifactStore, path: str) -> Place:
    return Place(store, path, path)


def is_proxied(location: str) -> bool:
    """Whether a location is accessed through the artifact endpoints of a tracking server."""
    return urlsplit(location).scheme in _PROXIED


def _proxied_path(location: str) -> str:
    """Return the path after the artifact endpoints.

    The host is ignored, as in MLflow: a location on another server is read from this server.
    """
    parts = urlsplit(location)
    if parts.scheme == "mlflow-artifacts":
        return parts.path.lstrip("/")
    _, found, path = parts.path.partition(_ROUTE)
    if not found:
        raise InvalidParameter(
            f"{location} is not a URL of artifacts on a tracking server: it must contain {_ROUTE}."
        )
    return path.lstrip("/")


def _parts(uri: str) -> tuple[str, str]:
    """Return scheme and host, and the normalized absolute path."""
    parts = urlsplit(uri)
    if parts.scheme in ("", "file"):
        return "file", os.path.abspath(unquote(parts.path) if parts.scheme else uri)
    return f"{parts.scheme}://{parts.netloc}", posixpath.normpath("/" + parts.path.strip("/"))
