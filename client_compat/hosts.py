"""Check that an artifact location names only a host that the operator configured.

The server reads artifacts for the UI. Without this check a client could make it connect to any host.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlparse, urlsplit

from . import switches
from .errors import InvalidParameter

# Schemes with URIs that name a host to connect to.
_HOST_SCHEMES = frozenset(
    {"ftp", "sftp", "hdfs", "viewfs", "http", "https", "mlflow-artifacts", "r2", "b2", "abfss"}
)
_FAMILY = {"viewfs": "hdfs", "https": "http", "mlflow-artifacts": "http"}
_DEFAULT_PORTS: dict[str, tuple[int, ...]] = {
    "ftp": (21,),
    "sftp": (22,),
    "http": (80,),
    "https": (443,),
    "mlflow-artifacts": (80, 443),
    "r2": (443,),
    "b2": (443,),
    "abfss": (443,),
}
_ALLOWED_VARIABLE = "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES"

_Target = tuple[str, str, int | None]


def check_host(uri: str, field: str, trusted: Iterable[str]) -> None:
    """Refuse a URI that names a host, unless a ``trusted`` URI has the same host or the scheme is allowed."""
    scheme = urlsplit(uri).scheme
    targets = _targets(uri)
    if targets is None:
        return
    is_trusted = any(targets & (_targets(root) or set()) for root in trusted)
    if is_trusted or scheme in switches.current().host_schemes:
        return
    raise InvalidParameter(
        f"'{field}' cannot use the '{scheme}' scheme: the '{scheme}' scheme addresses a host other than "
        "the tracking server's configured artifact storage, so the server would connect to the host "
        f"named in the URI. Set the {_ALLOWED_VARIABLE} environment variable on the server to allow it."
    )


def _targets(uri: str) -> set[_Target] | None:
    """Return (scheme family, host, port) of each host that a URI may mean, or None if it names no host."""
    parsed = urlparse(uri)
    scheme = parsed.scheme
    if scheme not in _HOST_SCHEMES or (scheme == "mlflow-artifacts" and not parsed.netloc):
        return None
    try:
        port = parsed.port
        # HTTP clients end the host at a backslash; urlparse does not.
        is_unambiguous = "\\" not in parsed.netloc and not any(c.isspace() for c in parsed.netloc)
    except ValueError:
        is_unambiguous = False
    if not is_unambiguous:
        return {("ambiguous", parsed.netloc, None)}
    ports = _DEFAULT_PORTS.get(scheme, (None,)) if port is None else (port,)
    return {(_FAMILY.get(scheme, scheme), (parsed.hostname or "").lower(), each) for each in ports}
