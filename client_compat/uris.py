"""Artifact locations: check them, make them absolute, append paths to them, as in MLflow 3.17."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.parse import urlparse as _parse_with_params

from . import switches
from .errors import InvalidParameter


def check_syntax(uri: str, field: str) -> None:
    """Refuse a URI that cannot be parsed, such as one with an IPv6 address without the closing bracket."""
    try:
        urlsplit(uri)
    except ValueError as error:
        raise InvalidParameter(f"'{field}' is not a valid URI: {error}. Got {uri!r}") from None


def check_location(uri: str, field: str = "artifact_location") -> None:
    """Check an artifact location that a client chose for an experiment."""
    check_syntax(uri, field)
    parsed = _parse_with_params(uri)
    if parsed.fragment or parsed.params:
        raise InvalidParameter(f"'{field}' URL can't include fragments or params.")
    check_query(parsed.query)
    if uri.startswith("runs:"):
        raise InvalidParameter(f"Artifact location cannot be a runs:/ URI. Given: '{uri}'")
    max_length = switches.current().max_artifact_location
    if len(uri) > max_length:
        raise InvalidParameter(
            "Invalid artifact path length. The length of the artifact path cannot be "
            f"greater than {max_length} characters. To configure this limit, please set the "
            "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable."
        )


def check_query(query: str) -> None:
    """Refuse ``..`` in a query, because a reader of the URI could use it as part of a path."""
    if ".." in decode(query):
        raise InvalidParameter("Invalid query string")


def decode(text: str) -> str:
    """Decode percent-encoding until the text does not change. Raise InvalidParameter after 10 rounds."""
    for _ in range(10):
        plain = unquote(text)
        if plain == text:
            return text
        text = plain
    raise InvalidParameter(f"Failed to decode URL: {text[:100]}")


def absolute(uri: str) -> str:
    """Return the URI; make a relative path or ``file:`` URI absolute, based on the working directory."""
    parts = urlsplit(uri)
    is_local = parts.scheme in {"", "file"} and not parts.netloc
    if not is_local or parts.path.startswith("/"):
        return uri
    path = (Path.cwd() / parts.path).as_posix()
    if not parts.scheme:
        return path
    return urlunsplit((parts.scheme, "", path, parts.query, parts.fragment))


def append(uri: str, *parts: str) -> str:
    """Append parts to the URI's path, before any ``?query#fragment``. A URI without a scheme is a path."""
    suffix = "/".join(part.strip("/") for part in parts)
    parsed = urlsplit(uri)
    if not parsed.scheme:
        return posixpath.join(uri, suffix)
    check_query(parsed.query)
    path = posixpath.join(parsed.path, suffix)
    if parsed.path.startswith("/") or parsed.netloc:
        return urlunsplit(parsed._replace(path=path))
    # urlunsplit would turn the relative path of "mlflow-artifacts:folder" into an absolute one.
    return f"{parsed.scheme}:{urlunsplit(parsed._replace(scheme='', path=path))}"
