"""Paths of artifacts as clients send them: which are refused, and what the others mean.

Rules as MLflow 3.17's ``validate_path_is_safe``, and stricter where MLflow leaves it to the platform:
backslashes, encoded separators, NUL and the server's own names are refused everywhere. A path is
checked before anything is looked up, so that a refusal tells nothing about what exists.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import PureWindowsPath

from . import uris
from .errors import InvalidParameter

# Where a local store keeps what is not whole yet; MLflow's own server leaves files with the prefix.
UPLOADS_FOLDER = ".trackway-uploads"
_MLFLOW_UPLOAD_PREFIX = ".artifact.uploading."

_ENCODED_SEPARATOR = re.compile("%(?:2f|5c|00)", re.IGNORECASE)
# No store has folders that deep; Python's own functions recurse over them.
_MAX_DEPTH = 200
_CONTROL = re.compile("[\x01-\x1f\x7f]")


def invalid() -> InvalidParameter:
    """Clients match this text."""
    return InvalidParameter("Invalid path")


def check(path: str) -> str:
    """The relative path that a client means; raises for one that could lead anywhere else.

    Percent escapes are undone however often they were applied and control characters become escapes,
    as in MLflow, so both servers give a file the same name. Empty and ``.`` segments go.
    """
    plain = _decode(path)
    if "#" in plain or "\\" in plain or "\0" in plain or plain.startswith("/") or _is_elsewhere(plain):
        raise invalid()
    plain = _CONTROL.sub(lambda found: f"%{ord(found.group()):02x}", plain)
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if len(parts) > _MAX_DEPTH or ".." in parts or any(is_reserved(part) for part in parts):
        raise invalid()
    return "/".join(parts)


def check_file(path: str) -> str:
    """The same for a path that must name a file: not empty, and without a slash at its end."""
    clean = check(path)
    if not clean or path.endswith("/"):
        raise invalid()
    return clean


def is_reserved(name: str) -> bool:
    """Whether a file or folder of that name is the server's own: never listed, never reached."""
    return name == UPLOADS_FOLDER or name.startswith(_MLFLOW_UPLOAD_PREFIX)


def join(*parts: str) -> str:
    return posixpath.join(*(part for part in parts if part)) if any(parts) else ""


def _decode(path: str) -> str:
    if _ENCODED_SEPARATOR.search(path):
        raise invalid()
    try:
        plain = uris.decode(path)
    except InvalidParameter:
        raise invalid() from None
    # Twice encoded: "%252f" is "%2f" only after a round.
    if plain != path and plain.count("/") != path.count("/"):
        raise invalid()
    return plain


def _is_elsewhere(path: str) -> bool:
    # A drive would only matter on Windows, but what was stored on one system is read on another.
    return path.lower().startswith("file:") or PureWindowsPath(path).is_absolute()
