"""Who calls, and what the caller may administrate. An open server has no users to administrate."""

from __future__ import annotations

from typing import Any

from trackway.client_compat.errors import EndpointNotFound, NotFound, PermissionDenied
from trackway.server.auth.identity import Principal
from trackway.server.dispatch import Context
from trackway.storage.access import grants, principals, roles


def caller(ctx: Context) -> Principal:
    """Return the caller. Raise ``EndpointNotFound`` on an open server, as MLflow without its auth app."""
    principal = ctx.identity.principal
    if principal is None:
        raise EndpointNotFound(
            "This server is open to everybody, and has no users; start it with --auth to have them."
        )
    return principal


def check_self_or_admin(ctx: Context, name: str) -> Principal:
    """Return the caller. Raise ``PermissionDenied`` unless it is this user or an administrator."""
    principal = caller(ctx)
    if principal.name != name and not principal.is_admin:
        raise PermissionDenied(f"{principal.name} is not an administrator, and may use only its own account.")
    return principal


def check_no_job(ctx: Context) -> None:
    """Raise ``PermissionDenied`` if a CI job calls: its rights end when the trust rule says."""
    if caller(ctx).run_tags:
        raise PermissionDenied(
            "The token of a CI job cannot make API tokens or share links; exchange the job's JWT."
        )


def administrated_workspaces(ctx: Context) -> set[str] | None:
    """Return the workspaces whose roles the caller may change; None for all."""
    principal = caller(ctx)
    if principal.is_admin:
        return None
    found = {
        row.workspace
        for row in grants.of_principal(ctx.tx, principal.id)
        if (row.resource_type, row.permission) == ("workspace", "MANAGE")
    }
    return _within(principal, found)


def check_workspace_admin(ctx: Context, workspace: str) -> None:
    """Raise ``PermissionDenied`` unless the caller may change the roles of the workspace."""
    allowed = administrated_workspaces(ctx)
    if allowed is not None and workspace not in allowed:
        raise PermissionDenied(
            f"Only administrators of the workspace {workspace!r} may do this; {caller(ctx).name} is none."
        )


def managed_role(ctx: Context, role_id: int) -> Any:
    """Return the row of a role that the caller may change. Others do not learn whether it exists."""
    row = _role(ctx, role_id)
    allowed = administrated_workspaces(ctx)
    if row is None or (allowed is not None and row.workspace not in allowed):
        raise _no_role(ctx, role_id)
    return row


def readable_role(ctx: Context, role_id: int) -> Any:
    """Return the row of a role of a workspace in which the caller has a role."""
    row = _role(ctx, role_id)
    if row is None:
        raise _no_role(ctx, role_id)
    try:
        check_in_workspaces(ctx, {row.workspace})
    except PermissionDenied:
        raise _no_role(ctx, role_id) from None
    return row


def _role(ctx: Context, role_id: int) -> Any:
    """Return a role's row, or None. Raise ``NotFound`` for administrators."""
    try:
        return roles.get(ctx.tx, role_id)
    except NotFound:
        if caller(ctx).is_admin:
            raise
        return None


def _no_role(ctx: Context, role_id: int) -> PermissionDenied:
    return PermissionDenied(f"{caller(ctx).name} may not use the role {role_id}.")


def check_in_workspaces(ctx: Context, workspaces: set[str]) -> None:
    """Raise ``PermissionDenied`` unless the caller has a role in each of the workspaces."""
    principal = caller(ctx)
    if principal.is_admin:
        return
    present = {row.workspace for row in roles.of_principal(ctx.tx, [principal.id]).get(principal.id, ())}
    present = _within(principal, present)
    if not workspaces or not workspaces <= present:
        raise PermissionDenied(f"{principal.name} may list the roles of a workspace only with a role in it.")


def visible_workspaces(ctx: Context, name: str) -> set[str] | None:
    """Return the workspaces whose roles of this user the caller may see; None for all.

    Raise ``PermissionDenied`` if there are none: users see their own roles, administrators of a workspace
    those of its users.
    """
    principal = caller(ctx)
    if principal.is_admin or principal.name == name:
        return None
    theirs = _workspaces_of(ctx, name)
    shared = (administrated_workspaces(ctx) or set()) & theirs
    if not shared:
        raise PermissionDenied(f"{principal.name} may not see the roles of {name}.")
    return shared


def _within(principal: Principal, workspaces: set[str]) -> set[str]:
    """Return those of the workspaces in which the caller's credential has rights."""
    only = principal.only_workspace
    return workspaces if only is None else workspaces & {only[1]}


def _workspaces_of(ctx: Context, name: str) -> set[str]:
    row = principals.find_or_none(ctx.tx, name)
    if row is None:
        return set()
    return {role.workspace for role in roles.of_principal(ctx.tx, [row.id]).get(row.id, ())}
