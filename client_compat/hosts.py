"""Which hosts a URI leads to: artifact locations may name only those that the operator chose.

Whoever can name any host could have the server, which reads artifacts for the UI, connect to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlparse, urlsplit

from . import switches
from .errors import InvalidParameter

# Schemes whose URIs name a host to connect to.
_TO_A_HOST = frozenset(
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
    """Refuse a URI that leads to a host other than those of the ``trusted`` ones."""
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
    """The hosts that a URI may lead to, None for one that names no host."""
    parsed = urlparse(uri)
    scheme = parsed.scheme
    if scheme not in _TO_A_HOST or (scheme == "mlflow-artifacts" and not parsed.netloc):
        return None
    try:
        port = parsed.port
        # HTTP clients end the host at a backslash where urlparse does not.
        is_clear = "\\" not in parsed.netloc and not any(c.isspace() for c in parsed.netloc)
    except ValueError:
        is_clear = False
    if not is_clear:
        return {("unclear", parsed.netloc, None)}
    ports = _DEFAULT_PORTS.get(scheme, (None,)) if port is None else (port,)
    return {(_FAMILY.get(scheme, scheme), (parsed.hostname or "").lower(), each) for each in ports}
