"""Which store and path an artifact location means: only stores that this server was given count.

A location comes from a client (an experiment's ``artifact_location``), so the server goes to none that its
operator did not name: reading ``file:///etc`` for whoever asks is no service.
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
    """A file or folder in a store."""

    store: ArtifactStore
    path: str

    def at(self, path: str) -> Place:
        return Place(self.store, artifact_paths.join(self.path, path))


class Locations:
    """The stores of one server process; each is opened at its first use.

    ``destination`` is what the server serves under its own address, if it does; ``default_root`` is
    where clients go by themselves, which the server then shows. ``is_synced`` says whether uploads to
    a folder wait for its disk.
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
        # Clients may keep theirs in a kind of store that only they can read.
        roots = [root for root in (destination, default_root) if root and can_open(root)]
        self._roots = [(root, _parts(root)) for root in roots]
        self._s3 = s3
        self._is_synced = is_synced
        self._stores: dict[str, ArtifactStore] = {}
        self._lock = threading.Lock()

    @property
    def served(self) -> ArtifactStore:
        """The store behind the server's own address."""
        return self._store(self._destination)

    def place(self, location: str) -> Place:
        """Where a run's or model's artifacts lie. Raises for a place that is not this server's to show."""
        if is_proxied(location):
            if not self._destination:
                raise InvalidParameter(
                    f"The artifacts at {location} lie behind a server that serves artifacts; this one "
                    "runs with --no-serve-artifacts."
                )
            return Place(self.served, artifact_paths.check(_proxied_path(location)))
        scheme_and_host, path = _parts(location)
        for root, (root_host, root_path) in self._roots:
            inner = path.removeprefix(root_path.rstrip("/") + "/")
            if scheme_and_host == root_host and (path == root_path or inner != path):
                return Place(self._store(root), artifact_paths.check("" if path == root_path else inner))
        raise PermissionDenied(
            f"The artifacts at {location} lie outside of what this server was given "
            "(--artifacts-destination, --default-artifact-root); read them with a client that can "
            "reach the place itself."
        )

    def _store(self, uri: str) -> ArtifactStore:
        store = self._stores.get(uri)
        if store is None:
            with self._lock:
                store = self._stores.get(uri)
                if store is None:
                    store = self._stores[uri] = open_store(uri, self._s3, is_synced=self._is_synced)
        return store


def is_proxied(location: str) -> bool:
    """Whether a location is reached through some server's artifact endpoints."""
    return urlsplit(location).scheme in _PROXIED


def _proxied_path(location: str) -> str:
    """What lies behind the artifact endpoints, whichever server's: MLflow takes each for its own, too."""
    parts = urlsplit(location)
    if parts.scheme == "mlflow-artifacts":
        return parts.path.lstrip("/")
    _, found, path = parts.path.partition(_ROUTE)
    if not found:
        raise InvalidParameter(f"{location} is no address of a tracking server's artifacts.")
    return path.lstrip("/")


def _parts(uri: str) -> tuple[str, str]:
    """Scheme and host, and a clean absolute path."""
    parts = urlsplit(uri)
    if parts.scheme in ("", "file"):
        return "file", os.path.abspath(unquote(parts.path) if parts.scheme else uri)
    return f"{parts.scheme}://{parts.netloc}", posixpath.normpath("/" + parts.path.strip("/"))
