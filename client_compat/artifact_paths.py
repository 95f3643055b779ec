"""Artifact paths that clients send: which are refused, and which file each of them means.

How often a path is percent-decoded
-----------------------------------
The transport decodes a path in a URL once, a value of a query once, and a string in a JSON body not at all.
The result is the path *as sent*. The functions here decode it further as this table says. "Completely" means
until it does not change any more.

- a check of a path, on every route: as sent, and decoded completely; the path is refused if either is unsafe
- a new file (PUT, uploads by the UI, multipart uploads, signed links for uploads): its name is stored as
  sent, its folders are decoded completely
- a file or folder that is read, listed, archived or deleted: as sent; if there is none, the entry whose name,
  decoded completely, is the path decoded completely (``storage/artifacts/spellings.py``)
- a location ``mlflow-artifacts:`` or ``http(s):`` of a run, model or version: decoded completely; ``file:``
  once; a path without a scheme and ``s3:`` not at all

MLflow 3.17 (``validate_path_is_safe``) decodes all of them completely, so that there a name such as
``dog%step%20%...`` loses its step. It is stored as sent here. But MLflow's client decodes the names of a
listing completely before it requests a file, so a file must also be found by its decoded name
(`as_listed`). Folders are decoded as in MLflow, because the client's HTTP library sends the ``%20`` of a
folder encoded or not, depending on the other parts of the path: all files for a folder must get into the
same one.

The rules of validity are those of MLflow 3.17, on Linux. These are stricter, so that no client on any
platform writes outside of the folder into which it downloads: ``..`` between backslashes, and names that
begin with a backslash are refused. The server's reserved names are, too. A path is checked before any
look-up, so that the error does not show which files exist.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import PureWindowsPath
from urllib.parse import unquote, urlparse, urlunparse

from . import uris
from .errors import InvalidParameter

# Incomplete uploads and deletions are in this folder; MLflow's server has uploads in files with this prefix.
UPLOADS_FOLDER = ".trackway-uploads"
_MLFLOW_UPLOAD_PREFIX = ".artifact.uploading."
# Deleted files, until they are purged or restored.
TRASH_FOLDER = ".trackway-trash"
_OUR_PREFIX = ".trackway-"

# Python's functions for folder trees are recursive, and no real store has folders this deep.
_MAX_DEPTH = 200
_MAX_DECODINGS = 10
_WIDE = {ord("#"): "\N{FULLWIDTH NUMBER SIGN}", ord("?"): "\N{FULLWIDTH QUESTION MARK}"}
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_SEPARATOR = re.compile(r"[/\\]")


def invalid() -> InvalidParameter:
    """Return MLflow's error for a refused path; clients match its text."""
    return InvalidParameter("Invalid path")


def check(path: str) -> str:
    """Return the normalized relative path of a file or folder that may exist.

    Raise InvalidParameter for a path that could lead out of its root. As in MLflow, control characters are
    percent-encoded. Empty segments and ``.`` are removed.
    """
    if not (_is_safe(path) and _is_safe(_decode(path))):
        raise invalid()
    parts = [part for part in _encode_controls(path).split("/") if part not in ("", ".")]
    if len(parts) > _MAX_DEPTH:
        raise invalid()
    return "/".join(parts)


def check_file(path: str) -> str:
    """Check the path of a file as `check` does. It must not be empty and must not end with a slash."""
    clean = check(path)
    if not clean or path.endswith("/"):
        raise invalid()
    return clean


def check_folder(path: str) -> str:
    """Return the path of a folder, decoded completely. Raise InvalidParameter as `check` does."""
    return check(_encode_controls(_decode(path)))


def check_new_file(path: str) -> str:
    """Return the path under which a new file is stored. Raise InvalidParameter if it is not allowed.

    ``#`` is not allowed, as in MLflow, because the rest of a URL after it does not reach the server. Names
    that are no names when clients decode them are not allowed.
    """
    folder, _, name = check_file(path).rpartition("/")
    listed = as_listed(name)
    if "#" in path or listed in ("", ".") or listed.startswith("/"):
        raise invalid()
    return join(check_folder(folder), name)


def as_listed(path: str) -> str:
    """Return the path that MLflow's client requests if this one is in a listing.

    Clients since 2.9 decode it completely. They also parse it as a URL, which removes line breaks and tabs, a
    space at the beginning, and an empty query at the end. ``#`` and ``?`` are replaced as in `for_client`.
    """
    plain = path
    try:
        for _ in range(_MAX_DECODINGS):
            parsed = str(urlunparse(urlparse(unquote(plain))))
            if parsed == plain:
                return _encode_controls(plain).translate(_WIDE)
            plain = parsed
    except ValueError:  # it looks like a URL with an invalid host
        pass
    return path


def for_client(name: str) -> str:
    """Return the name for a listing that MLflow's Python client reads.

    Clients refuse a whole listing if a decoded name has ``#``, such as ``dog%step%23%...`` of the clients
    2.14 to 3.0, and cannot request ``?``. They get the full-width forms (U+FF03, U+FF1F) of both.
    """
    if not any(character in name for character in "#?%"):
        return name
    listed = as_listed(name)
    return listed if any(wide in listed and wide not in name for wide in _WIDE.values()) else name


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is not listed, because no request can access it."""
    if is_reserved(name):
        return True
    if "%" not in name and "\\" not in name:  # most names; a check takes 5 µs
        return name in ("", ".", "..")
    try:
        return not (_is_safe(name) and _is_safe(_decode(name)))
    except InvalidParameter:
        return True


def is_reserved(name: str) -> bool:
    """Return whether a file or folder of this name is internal: it is not listed and cannot be accessed."""
    return name.startswith((_OUR_PREFIX, _MLFLOW_UPLOAD_PREFIX))


def join(*parts: str) -> str:
    """Join the parts with slashes; leave out empty ones."""
    return posixpath.join(*(part for part in parts if part)) if any(parts) else ""


def _decode(path: str) -> str:
    try:
        return uris.decode(path)
    except InvalidParameter:
        raise invalid() from None


def _encode_controls(path: str) -> str:
    return _CONTROL.sub(lambda found: f"%{ord(found.group()):02x}", path)


def _is_safe(path: str) -> bool:
    # Without control characters, because a reader may drop them: clients make ".." of ".%0a.".
    path = _CONTROL.sub("", path)
    if path.startswith("/") or path.lower().startswith("file:/"):
        return False
    # Drives and backslashes mean something only on Windows, but files that are stored on one system may be
    # read on another.
    if PureWindowsPath(path).is_absolute() or ".." in _SEPARATOR.split(path):
        return False
    return not any(part.startswith("\\") or is_reserved(part) for part in path.split("/"))
