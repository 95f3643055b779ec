"""Who asks. There is no authentication yet: everybody is nobody, in the default workspace."""

from __future__ import annotations

from typing import Any, NamedTuple

from trackway.client_compat.errors import FeatureDisabled
from trackway.storage.database import DEFAULT_WORKSPACE


class Identity(NamedTuple):
    """The caller, and the workspace that the request is about."""

    user: str | None
    workspace: int


_NOBODY = Identity(user=None, workspace=DEFAULT_WORKSPACE)
_WORKSPACE_HEADER = "HTTP_X_MLFLOW_WORKSPACE"
# How clients learn that there are no workspaces; it answers whatever they took for granted.
_SERVER_INFO = "/mlflow/server-info"


def identify(environ: dict[str, Any]) -> Identity:
    """Name the caller of a WSGI request. Raises ``Unauthenticated`` for credentials that are no good."""
    return _NOBODY


def check_workspace(environ: dict[str, Any]) -> None:
    """Refuse a request that names a workspace, "default" too, as MLflow does while it has none.

    Taken as if it named none, a team's runs and models would land among everybody's.
    """
    named = environ.get(_WORKSPACE_HEADER)
    if named and named.strip() and not environ["PATH_INFO"].rstrip("/").endswith(_SERVER_INFO):
        raise FeatureDisabled("Workspace APIs are not available: workspaces are not enabled on this server")
