"""The identity of a request: its caller and its workspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from trackway.client_compat.access_rules import LEVELS, MANAGE, NO_PERMISSIONS, USE
from trackway.client_compat.errors import BadRequest
from trackway.client_compat.workspace_rules import DEFAULT as DEFAULT_WORKSPACE_NAME
from trackway.storage.audit import Origin
from trackway.storage.database import DEFAULT_WORKSPACE

from ..config import Config
from .limits import Limits
from .rights import Grant, Rights

NO_TAGS: Mapping[str, str] = MappingProxyType({})


class Principal(NamedTuple):
    """A caller that has proved who it is: a user or a service account.

    A visitor of a share link is one, too: its maker, with the limits of the link.
    """

    id: int
    # "user", "service" or "link"
    kind: str
    name: str
    is_admin: bool
    # "password", "token", "session", "link", or "jwt": a token of a trusted issuer
    authenticated_by: str
    has_password: bool = False
    # The id of the token or link, the digest of the session, or the trust rule.
    credential: str = ""
    # What the token may do, see ``access_rules.SCOPES``; empty: everything that its owner may do.
    scopes: tuple[str, ...] = ()
    # What the token or link is limited to; None: nothing.
    limits: Limits | None = None
    # When the credential expires, in milliseconds since the epoch.
    expiry_ms: int | None = None
    # Id and name of the only workspace in which the credential has rights; None: all of its owner.
    only_workspace: tuple[int, str] | None = None
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
    workspace_name: str = DEFAULT_WORKSPACE_NAME
    # The workspaces in which the caller has a role; None for all.
    workspaces: frozenset[str] | None = None
    # Whether the server has several workspaces.
    has_workspaces: bool = False


# Key of the request id in the environ.
REQUEST_ID = "trackway.request_id"

ANONYMOUS = Identity(user=None, workspace=DEFAULT_WORKSPACE, is_unrestricted=True)


class Levels(NamedTuple):
    """What principals may do without a permission for it.

    ``default`` is MLflow's ``default_permission``. If there are several workspaces, it holds for the members
    of a workspace; in the workspace "default" for everybody if ``is_default_open``.
    """

    default: int
    has_workspaces: bool = False
    is_default_open: bool = False


def levels_of(config: Config) -> Levels:
    """Return the levels of a server's settings."""
    access = config.variables.access
    return Levels(
        LEVELS[access.default_permission], config.enable_workspaces, access.grants_default_workspace
    )


def may_everything(principal: Principal) -> bool:
    """Return whether a principal may do everything in every workspace."""
    is_whole = not principal.scopes or "admin" in principal.scopes
    return principal.is_admin and is_whole and principal.limits is None


def rights_in(
    workspace: str, principal: Any, rows: Iterable[Any], levels: Levels, limits: Limits | None = None
) -> Rights:
    """Return the rights of a principal, or of a row of one, in a workspace.

    ``rows`` have the principal's permissions in all workspaces. ``limits`` are those of its token there.
    """
    granted = [
        Grant(row.resource_type, row.resource_id, row.permission)
        for row in rows
        if row.permission is not None and row.workspace == workspace
    ]
    if principal.is_admin:
        return Rights(granted, MANAGE, limits)
    if not levels.has_workspaces:
        return Rights(granted, levels.default, limits)
    rights = Rights(granted, NO_PERMISSIONS)
    is_open = workspace == DEFAULT_WORKSPACE_NAME and levels.is_default_open
    if rights.is_workspace_member:
        return Rights(granted, levels.default, limits)
    return Rights(
        granted,
        levels.default if is_open else NO_PERMISSIONS,
        limits,
        may_create=is_open and levels.default >= USE,
    )


def rights_at(
    number: int, workspace: str, principal: Principal, rows: Iterable[Any], levels: Levels
) -> Rights:
    """Return the rights of a principal in a workspace, which has an id, as its credential allows them.

    ``rows`` are as in ``rights_in``.
    """
    if principal.only_workspace and principal.only_workspace[0] != number:
        return Rights((), NO_PERMISSIONS, may_create=False)
    limits = principal.limits.within(number) if principal.limits else None
    return rights_in(workspace, principal, rows, levels, limits)


def origin_of(identity: Identity, environ: Mapping[str, Any]) -> Origin:
    """Return where a request comes from, for the audit."""
    address = environ.get("REMOTE_ADDR") or None
    principal = identity.principal
    if principal is None:
        return Origin(None, None, address)
    how, credential = principal.authenticated_by, principal.credential
    # The digest of a session finds its row; its start is enough to tell sessions apart.
    return Origin(principal.id, f"{how} {credential[:12]}" if credential else how, address)


def check_authorization(environ: dict[str, Any]) -> None:
    """Raise ``BadRequest`` for several Authorization headers, which WSGI joins with commas.

    A proxy might authenticate one of them and this server another.
    """
    scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if "," in rest and scheme.lower() in ("basic", "bearer"):
        raise BadRequest("The request has more than one Authorization header; send one.")
