"""The identity of a request: its caller and its workspace.

There is no authentication yet: every caller is anonymous, in the default workspace.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from trackway.client_compat.errors import BadRequest, FeatureDisabled
from trackway.storage.database import DEFAULT_WORKSPACE


class Identity(NamedTuple):
    """A caller (None if anonymous), a workspace, and whether the caller may do everything there."""

    user: str | None
    workspace: int
    is_unrestricted: bool = False


_ANONYMOUS = Identity(user=None, workspace=DEFAULT_WORKSPACE, is_unrestricted=True)
_WORKSPACE_HEADER = "HTTP_X_MLFLOW_WORKSPACE"
# Clients ask this endpoint whether the server has workspaces, so it ignores the workspace header.
_SERVER_INFO_PATH = "/mlflow/server-info"


def identify(environ: dict[str, Any]) -> Identity:
    """Return the identity of a WSGI request. It is called before the path is looked up.

    The fast path and gunicorn's parser give the same environ. It has ``wsgi.url_scheme``, ``SERVER_NAME``,
    ``SERVER_PORT``, ``SERVER_PROTOCOL``, ``SCRIPT_NAME`` (the static prefix), ``PATH_INFO`` (without the
    static prefix) and ``REMOTE_ADDR``. ``HTTP_AUTHORIZATION`` is the value of a single header.

    Raise ``BadRequest`` for several Authorization headers, ``FeatureDisabled`` for a workspace header.
    """
    _check_authorization(environ)
    _check_workspace(environ)
    return _ANONYMOUS


def _check_authorization(environ: dict[str, Any]) -> None:
    """Raise ``BadRequest`` for several Authorization headers, which WSGI joins with commas.

    A proxy might authenticate one of them and this server another.
    """
    scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if "," in rest and scheme.lower() in ("basic", "bearer"):
        raise BadRequest("The request has more than one Authorization header; send one.")


def _check_workspace(environ: dict[str, Any]) -> None:
    """Raise ``FeatureDisabled`` for a request with a workspace header, even if it names "default".

    MLflow does the same while workspaces are disabled. If the header were ignored, the runs and models of one
    team would be stored in the shared default workspace.
    """
    workspace = environ.get(_WORKSPACE_HEADER)
    if workspace and workspace.strip() and not environ["PATH_INFO"].rstrip("/").endswith(_SERVER_INFO_PATH):
        raise FeatureDisabled("Workspace APIs are not available: workspaces are not enabled on this server")
