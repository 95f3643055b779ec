"""Permissions of single users, as in MLflow 3.13 and later: those of the user's own role.

Whoever may manage a resource may give permissions for it. Those for all resources of a type are given by
administrators of the server or the workspace.
"""

from __future__ import annotations

from typing import Any

from trackway.client_compat import access_rules
from trackway.client_compat import extra_roles as x
from trackway.client_compat.errors import AlreadyExists, InvalidParameter, NotFound, PermissionDenied
from trackway.server.auth import policy
from trackway.server.auth.identity import levels_of, rights_in
from trackway.server.auth.rights import Rights
from trackway.server.dispatch import Context, handles
from trackway.storage.access import grants, principals, roles

from .callers import caller, check_workspace_admin

_NAMES = {level: name for name, level in access_rules.LEVELS.items()}


@handles(x.GrantUserPermission, can=policy.edit_user_permissions)
def grant_user_permission(ctx: Context, req: x.GrantUserPermission) -> x.GrantUserPermission.Response:
    give(ctx, req.username, req.resource_type, req.resource_id, req.permission)
    return x.GrantUserPermission.Response()


@handles(x.RevokeUserPermission, can=policy.edit_user_permissions)
def revoke_user_permission(ctx: Context, req: x.RevokeUserPermission) -> x.RevokeUserPermission.Response:
    grants.remove(ctx.tx, find(ctx, req.username, req.resource_type, req.resource_id).id)
    return x.RevokeUserPermission.Response()


@handles(x.GetUserPermission, can=policy.read_user_permissions)
def get_user_permission(ctx: Context, req: x.GetUserPermission) -> x.GetUserPermission.Response:
    _check_type(req.resource_type)
    if caller(ctx).name != req.username:
        check_workspace_admin(ctx, ctx.identity.workspace_name)
    row = principals.find(ctx.tx, req.username)
    level = _rights_of(ctx, row).effective(req.resource_type, req.resource_id)
    return x.GetUserPermission.Response(allowed=level >= access_rules.USE, permission=_NAMES[level])


def give(ctx: Context, name: str, resource_type: str, resource_id: str, permission: str) -> Any:
    """Give a user a permission and return its row. Raise ``AlreadyExists`` if the user has one for it."""
    check_may_manage(ctx, resource_type, resource_id)
    access_rules.check_grant(resource_type, resource_id, permission)
    principal_id = principals.find(ctx.tx, name).id
    role_id = roles.own_role(ctx.tx, principal_id, ctx.identity.workspace_name)
    if grants.find(ctx.tx, role_id, resource_type, resource_id):
        raise AlreadyExists(
            f"Permission for user={name} on resource_type={resource_type}, resource_id={resource_id} already "
            "exists."
        )
    return grants.add(ctx.tx, role_id, resource_type, resource_id, permission)


def find(ctx: Context, name: str, resource_type: str, resource_id: str) -> Any:
    """Return a user's own permission for a resource that the caller may manage. Raise ``NotFound``."""
    check_may_manage(ctx, resource_type, resource_id)
    principal_id = principals.find(ctx.tx, name).id
    for row in grants.of_principal(ctx.tx, principal_id):
        is_own = row.owner_id == principal_id and row.workspace == ctx.identity.workspace_name
        if is_own and (row.resource_type, row.resource_id) == (resource_type, resource_id):
            return row
    raise NotFound(
        f"Permission for user={name} on resource_type={resource_type}, resource_id={resource_id} not found."
    )


def check_may_manage(ctx: Context, resource_type: str, resource_id: str) -> None:
    """Raise ``PermissionDenied`` unless the caller may give permissions for the resource."""
    _check_type(resource_type)
    principal = caller(ctx)
    if principal.is_admin:
        return
    if resource_id == access_rules.ALL:
        check_workspace_admin(ctx, ctx.identity.workspace_name)
        return
    rights = ctx.identity.rights
    if rights is None or rights.effective(resource_type, resource_id) < access_rules.MANAGE:
        raise PermissionDenied(f"{principal.name} may not manage the {resource_type} {resource_id}.")


def _check_type(resource_type: str) -> None:
    access_rules.check_resource_type(resource_type)
    if resource_type == "workspace":
        raise InvalidParameter(
            "resource_type 'workspace' is not supported by the per-user permission convenience APIs. Give "
            "the user a role with a permission on the workspace."
        )


def _rights_of(ctx: Context, principal: Any) -> Rights:
    rows = grants.of_principal(ctx.tx, principal.id)
    return rights_in(ctx.identity.workspace_name, principal, rows, levels_of(ctx.config))
