"""Checks of artifact paths that clients send.

The rules are those of MLflow 3.17's ``validate_path_is_safe``. They are stricter where MLflow depends on the
platform: backslashes, encoded separators, NUL and the server's reserved names are refused everywhere. A path
is checked before any look-up, so that the error does not show which files exist.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import PureWindowsPath

from . import uris
from .errors import InvalidParameter

# Incomplete uploads and deletions are in this folder; MLflow's server has uploads in files with this prefix.
UPLOADS_FOLDER = ".trackway-uploads"
_MLFLOW_UPLOAD_PREFIX = ".artifact.uploading."
# Deleted files, until they are purged or restored.
TRASH_FOLDER = ".trackway-trash"
_OUR_PREFIX = ".trackway-"

_ENCODED_SEPARATOR = re.compile("%(?:2f|5c|00)", re.IGNORECASE)
# Python's functions for folder trees are recursive, and no real store has folders this deep.
_MAX_DEPTH = 200
_CONTROL = re.compile("[\x01-\x1f\x7f]")


def invalid() -> InvalidParameter:
    """Return MLflow's error for a refused path; clients match its text."""
    return InvalidParameter("Invalid path")


def check(path: str) -> str:
    """Return the normalized relative path. Raise InvalidParameter for a path that could lead out of its root.

    As in MLflow, repeated percent-encoding is decoded and control characters are percent-encoded, so that
    both servers give a file the same name. Empty segments and ``.`` are removed.
    """
    plain = _decode(path)
    if "#" in plain or "\\" in plain or "\0" in plain or plain.startswith("/") or _has_scheme_or_drive(plain):
        raise invalid()
    plain = _CONTROL.sub(lambda found: f"%{ord(found.group()):02x}", plain)
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if len(parts) > _MAX_DEPTH or ".." in parts or any(is_reserved(part) for part in parts):
        raise invalid()
    return "/".join(parts)


def check_file(path: str) -> str:
    """Check the path of a file as `check` does. It must not be empty and must not end with a slash."""
    clean = check(path)
    if not clean or path.endswith("/"):
        raise invalid()
    return clean


def is_reserved(name: str) -> bool:
    """Return whether a file or folder of this name is internal: it is not listed and cannot be accessed."""
    return name.startswith((_OUR_PREFIX, _MLFLOW_UPLOAD_PREFIX))


def join(*parts: str) -> str:
    """Join the parts with slashes; leave out empty ones."""
    return posixpath.join(*(part for part in parts if part)) if any(parts) else ""


def _decode(path: str) -> str:
    if _ENCODED_SEPARATOR.search(path):
        raise invalid()
    try:
        plain = uris.decode(path)
    except InvalidParameter:
        raise invalid() from None
    # A separator that was encoded twice: "%252f" decodes to "%2f" and then to "/".
    if plain != path and plain.count("/") != path.count("/"):
        raise invalid()
    return plain


def _has_scheme_or_drive(path: str) -> bool:
    # Drives exist only on Windows, but files that are stored on one system may be read on another.
    return path.lower().startswith("file:") or PureWindowsPath(path).is_absolute()
