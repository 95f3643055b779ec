"""Who asks. There is no authentication yet: everybody is nobody, in the default workspace."""

from __future__ import annotations

from typing import Any, NamedTuple

from trackway.client_compat.errors import BadRequest, FeatureDisabled
from trackway.storage.database import DEFAULT_WORKSPACE


class Identity(NamedTuple):
    """The caller, the workspace that the request is about, and whether the caller may do everything there."""

    user: str | None
    workspace: int
    is_unrestricted: bool = False


_NOBODY = Identity(user=None, workspace=DEFAULT_WORKSPACE, is_unrestricted=True)
_WORKSPACE_HEADER = "HTTP_X_MLFLOW_WORKSPACE"
# How clients learn that there are no workspaces; it answers whatever they took for granted.
_SERVER_INFO = "/mlflow/server-info"


def identify(environ: dict[str, Any]) -> Identity:
    """Name the caller of a WSGI request, before anybody looks what it asks for.

    The environ is the same whichever way the request came: with ``wsgi.url_scheme``, ``SERVER_NAME``,
    ``SERVER_PORT``, ``SERVER_PROTOCOL``, ``SCRIPT_NAME`` (which holds the static prefix), ``PATH_INFO``
    (which does not) and ``REMOTE_ADDR``; ``HTTP_AUTHORIZATION`` is one header's value.

    Raises ``BadRequest`` for several Authorization headers, ``FeatureDisabled`` for a workspace.
    """
    _check_authorization(environ)
    _check_workspace(environ)
    return _NOBODY


def _check_authorization(environ: dict[str, Any]) -> None:
    """WSGI joins headers of one name by commas. Which of them counts, a proxy might see otherwise."""
    scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if "," in rest and scheme.lower() in ("basic", "bearer"):
        raise BadRequest("The request has more than one Authorization header; send one.")


def _check_workspace(environ: dict[str, Any]) -> None:
    """Refuse a request that names a workspace, "default" too, as MLflow does while it has none.

    Taken as if it named none, a team's runs and models would land among everybody's.
    """
    named = environ.get(_WORKSPACE_HEADER)
    if named and named.strip() and not environ["PATH_INFO"].rstrip("/").endswith(_SERVER_INFO):
        raise FeatureDisabled("Workspace APIs are not available: workspaces are not enabled on this server")
