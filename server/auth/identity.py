"""The identity of a request: its caller and its workspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from trackway.client_compat.access_rules import MANAGE
from trackway.client_compat.errors import BadRequest, FeatureDisabled
from trackway.storage.audit import Origin
from trackway.storage.database import DEFAULT_WORKSPACE

from .limits import Limits
from .rights import Grant, Rights

NO_TAGS: Mapping[str, str] = MappingProxyType({})


class Principal(NamedTuple):
    """A caller that has proved who it is: a user or a service account."""

    id: int
    # "user" or "service"
    kind: str
    name: str
    is_admin: bool
    # "password", "token", "session", or "jwt": a token of a trusted issuer
    authenticated_by: str
    has_password: bool = False
    # The id of the token, the digest of the session, or the trust rule.
    credential: str = ""
    # What the token may do, see ``access_rules.SCOPES``; empty: everything that its owner may do.
    scopes: tuple[str, ...] = ()
    # The experiments and models that the token is limited to; None: all.
    limits: Limits | None = None
    # When the credential expires, in milliseconds since the epoch.
    expiry_ms: int | None = None
    # Tags of the runs that a CI job creates, from its verified token.
    run_tags: Mapping[str, str] = NO_TAGS


class Identity(NamedTuple):
    """A caller (None if the server is open), a workspace, and whether the caller may do everything there."""

    user: str | None
    workspace: int
    is_unrestricted: bool = False
    principal: Principal | None = None
    # What the caller may do in the workspace; None if nobody has logged in.
    rights: Rights | None = None


ANONYMOUS = Identity(user=None, workspace=DEFAULT_WORKSPACE, is_unrestricted=True)
DEFAULT_WORKSPACE_NAME = "default"
_WORKSPACE_HEADER = "HTTP_X_MLFLOW_WORKSPACE"
# Clients ask this endpoint whether the server has workspaces, so it ignores the workspace header.
_SERVER_INFO_PATH = "/mlflow/server-info"


def identity_of(principal: Principal, rows: Iterable[Any], default_level: int) -> Identity:
    """Return the identity of a principal in the default workspace.

    ``rows`` have the principal's permissions in all workspaces (``principals.LOGIN_COLUMNS``).
    """
    may_all = principal.is_admin and (not principal.scopes or "admin" in principal.scopes)
    may_all = may_all and principal.limits is None
    granted = (
        Grant(row.resource_type, row.resource_id, row.permission)
        for row in rows
        if row.permission is not None and row.workspace == DEFAULT_WORKSPACE_NAME
    )
    rights = Rights(granted, MANAGE if principal.is_admin else default_level, principal.limits)
    return Identity(principal.name, DEFAULT_WORKSPACE, may_all, principal, rights)


def origin_of(identity: Identity, environ: Mapping[str, Any]) -> Origin:
    """Return where a request comes from, for the audit."""
    address = environ.get("REMOTE_ADDR") or None
    principal = identity.principal
    if principal is None:
        return Origin(None, None, address)
    how, credential = principal.authenticated_by, principal.credential
    # The digest of a session finds its row; its start is enough to tell sessions apart.
    return Origin(principal.id, f"{how} {credential[:12]}" if credential else how, address)


def check_headers(environ: dict[str, Any]) -> None:
    """Raise ``BadRequest`` for several Authorization headers, ``FeatureDisabled`` for a workspace header."""
    _check_authorization(environ)
    _check_workspace(environ)


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
