"""Checks of model version sources: which URIs are accepted, as in MLflow 3.17.

Clients and the server itself read the source later. It must therefore lie within the artifacts of the run or
logged model that the request names, and must not name a host that is not configured.
"""

from __future__ import annotations

import os
import posixpath
import re
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus, urlparse, urlsplit

from . import switches
from .errors import InvalidParameter

MAX_LENGTH = 20_000
_MAX_DECODINGS = 10
_ARTIFACT_ROUTE = ("api", "2.0", "mlflow-artifacts", "artifacts")

_PATTERN_VARIABLE = "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX"


class ModelUri(NamedTuple):
    """A parsed ``models:`` URI: a logged model's id, or a name with at most one of version, stage and alias.

    A name alone means the newest version; it comes from ``models:/name/latest``.
    """

    model_id: str | None = None
    name: str | None = None
    version: str | None = None
    stage: str | None = None
    alias: str | None = None


class Source(NamedTuple):
    """The source of a model version: ``uri`` is the source to store, ``location`` is where the files are."""

    uri: str
    location: str
    run_id: str
    model_id: str


def check_pattern(source: str) -> None:
    """Check a source against the operator's pattern and the maximum length."""
    pattern = switches.current().source_pattern
    if pattern and not re.search(pattern, source):
        raise InvalidParameter(f"Invalid model version source: '{source}'.")
    if len(source) > MAX_LENGTH:
        raise InvalidParameter(f"'source' exceeds the maximum length of {MAX_LENGTH} characters")


def is_local(uri: str) -> bool:
    """Return whether a URI is a path or a ``file:`` URI of this host.

    Raise InvalidParameter for a ``file:`` URI of another host.
    """
    parsed = urlparse(uri)
    if parsed.scheme != "file":
        return parsed.scheme == ""
    host = parsed.hostname or "."
    if host != "." and not host.startswith(("localhost", "127.0.0.1")):
        raise InvalidParameter(
            f"{uri} is not a valid remote uri. For remote access "
            "on windows, please consider using a different scheme "
            "such as SMB (e.g. smb://<hostname>/<path>)."
        )
    return True


def is_local_within(source: str, root: str) -> bool:
    """Return whether a local source lies in the local folder `root`, after resolving symbolic links."""
    paths = [_local_path(uri) for uri in (root, source)]
    if not is_local(root) or any("\0" in path for path in paths):
        return False
    folder, path = map(os.path.realpath, paths)
    return os.path.commonpath([folder, path]) == folder


def _local_path(uri: str) -> str:
    return unquote(urlparse(uri).path if uri.startswith("file:") else uri)


def outside_local(source: str, id_name: str) -> InvalidParameter:
    """Return MLflow's error for a local source outside the artifacts of its run or logged model.

    `id_name` is "run_id" or "model_id".
    """
    return InvalidParameter(
        f"Invalid model version source: '{source}'. To use a local path as a model version "
        f"source, the {id_name} request parameter has to be specified and the local path has to be "
        f"contained within the artifact directory of the run specified by the {id_name}."
    )


def not_of(source: str, id_name: str) -> InvalidParameter:
    """Return the error for a source that does not belong to the run or logged model of the request."""
    return InvalidParameter(
        f"Invalid model version source: '{source}'. The {id_name} request parameter must "
        "identify the resource that contains the source."
    )


def check_path(source: str) -> None:
    """Check that the path of a remote source is absolute and normalized, after all percent-decoding.

    Repeated slashes are allowed. MLflow also resolves symbolic links on the server's disk, so that it may
    refuse ``s3://bucket/bin/x``. This function does not: the disk has nothing to do with a bucket.
    """
    plain = source
    for _ in range(_MAX_DECODINGS):
        previous, plain = plain, unquote_plus(plain)
        if previous == plain:
            break
    try:
        path = re.sub(r"/+", "/", urlparse(plain).path.rstrip("/"))
    except ValueError:  # decoded brackets look like an invalid IPv6 host
        path = ""
    is_clean = path.startswith("/") and posixpath.normpath(path) == path and "\x00" not in path
    if not is_clean or ".." in plain.split("/") or previous != plain:
        raise InvalidParameter(
            f"Invalid model version source: '{source}'. If supplying a source as an http, https, "
            "local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be "
            "provided without relative path references present. "
            "Please provide an absolute path."
        )


def is_proxied(source: str) -> bool:
    """Return whether a tracking server serves this source: ``mlflow-artifacts:``, or HTTP to its route."""
    scheme, _, parts = _parts(source)
    if scheme == "mlflow-artifacts":
        return True
    length = len(_ARTIFACT_ROUTE)
    return scheme in {"http", "https"} and any(
        parts[at : at + length] == _ARTIFACT_ROUTE for at in range(len(parts) - length + 1)
    )


def is_within(source: str, root: str) -> bool:
    """Return whether a URI lies below the URI `root`. Compare scheme, host and the parts of the path."""
    scheme, host, parts = _parts(source)
    root_scheme, root_host, root_parts = _parts(root)
    return (
        (scheme, host) == (root_scheme, root_host)
        and bool(root_parts)
        and parts[: len(root_parts)] == root_parts
    )


def _parts(uri: str) -> tuple[str, str, tuple[str, ...]]:
    parsed = urlsplit(uri)
    parts = []
    for part in filter(None, parsed.path.split("/")):
        for _ in range(_MAX_DECODINGS):
            part = unquote(part)
        parts.append(part)
    return parsed.scheme.lower(), parsed.netloc.lower(), tuple(parts)


def parse_run_uri(source: str) -> tuple[str, str]:
    """Return the run's id and the artifact path of ``runs:/<run_id>/path``."""
    path = urlparse(source).path
    run_id, _, artifact_path = path.removeprefix("/").partition("/")
    if not path.startswith("/") or not run_id:
        raise InvalidParameter(
            f"Not a proper runs:/ URI: {source}. "
            "Runs URIs must be of the form 'runs:/<run_id>/run-relative/path/to/artifact'"
        )
    return run_id, artifact_path


def parse_model_uri(source: str) -> ModelUri:
    """Parse a ``models:`` URI. Raise InvalidParameter if it is malformed."""
    path = urlparse(source, allow_fragments=False).path
    parts = path.lstrip("/").split("/")
    if not path.startswith("/") or len(parts) > 2 or not all(part.strip() for part in parts):
        raise not_of(source, "model_id")
    if len(parts) == 2:
        name, suffix = parts
        if suffix.isdigit():
            return ModelUri(name=name, version=suffix)
        return ModelUri(name=name) if suffix.lower() == "latest" else ModelUri(name=name, stage=suffix)
    name, has_alias, alias = parts[0].rpartition("@")
    if not has_alias:
        return ModelUri(model_id=parts[0])
    if not alias.strip():
        raise not_of(source, "model_id")
    return ModelUri(name=name, alias=alias)
