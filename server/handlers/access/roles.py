"""Roles, their permissions and who has them, as in MLflow 3.13 and later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trackway.client_compat import extra_roles as x
from trackway.client_compat.errors import InvalidParameter, NotFound, PermissionDenied
from trackway.client_compat.wire import NULL
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.access import grants, principals, roles
from trackway.storage.database import Tx

from .callers import (
    caller,
    check_in_workspaces,
    check_workspace_admin,
    managed_role,
    readable_role,
    visible_workspaces,
)


@handles(x.CreateRole, can=policy.create_role)
def create_role(ctx: Context, req: x.CreateRole) -> x.CreateRole.Response:
    if not req.workspace.strip():
        raise InvalidParameter("Workspace cannot be empty.")
    check_workspace_admin(ctx, req.workspace)
    row = roles.create(ctx.tx, req.name, req.workspace, req.description)
    return x.CreateRole.Response(role=role_message(row, ()))


@handles(x.GetRole, can=policy.read_role)
def get_role(ctx: Context, req: x.GetRole) -> x.GetRole.Response:
    row = readable_role(ctx, req.role_id)
    return x.GetRole.Response(role=messages(ctx.tx, [row])[0])


@handles(x.ListRoles, can=policy.read_role)
def list_roles(ctx: Context, req: x.ListRoles) -> x.ListRoles.Response:
    if ctx.identity.principal is None:
        return x.ListRoles.Response()
    check_in_workspaces(ctx, set(req.workspace))
    return x.ListRoles.Response(roles=messages(ctx.tx, roles.find_all(ctx.tx, req.workspace or None)))


@handles(x.UpdateRole, can=policy.edit_role)
def update_role(ctx: Context, req: x.UpdateRole) -> x.UpdateRole.Response:
    if req.name is None and req.description is None:
        raise InvalidParameter("At least one of 'name' or 'description' must be provided to update a role.")
    _named_role(ctx, req.role_id)
    row = roles.update(ctx.tx, req.role_id, req.name, req.description)
    return x.UpdateRole.Response(role=messages(ctx.tx, [row])[0])


@handles(x.DeleteRole, can=policy.delete_role)
def delete_role(ctx: Context, req: x.DeleteRole) -> x.DeleteRole.Response:
    managed_role(ctx, req.role_id)
    roles.delete(ctx.tx, req.role_id)
    return x.DeleteRole.Response()


@handles(x.AddRolePermission, can=policy.edit_role)
def add_role_permission(ctx: Context, req: x.AddRolePermission) -> x.AddRolePermission.Response:
    managed_role(ctx, req.role_id)
    row = grants.add(ctx.tx, req.role_id, req.resource_type, req.resource_pattern, req.permission)
    return x.AddRolePermission.Response(role_permission=_grant(row))


@handles(x.RemoveRolePermission, can=policy.edit_grant)
def remove_role_permission(ctx: Context, req: x.RemoveRolePermission) -> x.RemoveRolePermission.Response:
    _check_may_change_grant(ctx, req.role_permission_id)
    grants.remove(ctx.tx, req.role_permission_id)
    return x.RemoveRolePermission.Response()


@handles(x.UpdateRolePermission, can=policy.edit_grant)
def update_role_permission(ctx: Context, req: x.UpdateRolePermission) -> x.UpdateRolePermission.Response:
    _check_may_change_grant(ctx, req.role_permission_id)
    row = grants.set_level(ctx.tx, req.role_permission_id, req.permission)
    return x.UpdateRolePermission.Response(role_permission=_grant(row))


@handles(x.ListRolePermissions, can=policy.read_role)
def list_role_permissions(ctx: Context, req: x.ListRolePermissions) -> x.ListRolePermissions.Response:
    readable_role(ctx, req.role_id)
    found = grants.of_roles(ctx.tx, [req.role_id]).get(req.role_id, [])
    return x.ListRolePermissions.Response(role_permissions=[_grant(row) for row in found])


@handles(x.AssignRole, can=policy.edit_role)
def assign_role(ctx: Context, req: x.AssignRole) -> x.AssignRole.Response:
    _named_role(ctx, req.role_id)
    row = roles.assign(ctx.tx, principals.find(ctx.tx, req.username).id, req.role_id)
    return x.AssignRole.Response(assignment=_assignment(row))


@handles(x.UnassignRole, can=policy.edit_role)
def unassign_role(ctx: Context, req: x.UnassignRole) -> x.UnassignRole.Response:
    _named_role(ctx, req.role_id)
    roles.unassign(ctx.tx, principals.find(ctx.tx, req.username).id, req.role_id)
    return x.UnassignRole.Response()


@handles(x.ListRoleUsers, can=policy.read_role)
def list_role_users(ctx: Context, req: x.ListRoleUsers) -> x.ListRoleUsers.Response:
    managed_role(ctx, req.role_id)
    return x.ListRoleUsers.Response(
        assignments=[_assignment(row) for row in roles.members(ctx.tx, req.role_id)]
    )


@handles(x.ListUserRoles, can=policy.read_users)
def list_user_roles(ctx: Context, req: x.ListUserRoles) -> x.ListUserRoles.Response:
    if ctx.identity.principal is None:
        return x.ListUserRoles.Response()
    shown = visible_workspaces(ctx, req.username)
    principal_id = principals.find(ctx.tx, req.username).id
    found = roles.of_principal(ctx.tx, [principal_id]).get(principal_id, [])
    found = [row for row in found if shown is None or row.workspace in shown]
    return x.ListUserRoles.Response(roles=messages(ctx.tx, found))


@handles(x.ListCurrentUserPermissions, can=policy.read_self)
def list_current_user_permissions(
    ctx: Context, req: x.ListCurrentUserPermissions
) -> x.ListCurrentUserPermissions.Response:
    principal = ctx.identity.principal
    if principal is None:
        return x.ListCurrentUserPermissions.Response(is_admin=False)
    found = _grants_of(ctx.tx, principal.id, None)
    return x.ListCurrentUserPermissions.Response(is_admin=principal.is_admin, permissions=found)


@handles(x.ListUserPermissions, can=policy.read_users)
def list_user_permissions(ctx: Context, req: x.ListUserPermissions) -> x.ListUserPermissions.Response:
    shown = visible_workspaces(ctx, req.username)
    row = principals.find(ctx.tx, req.username)
    found = _grants_of(ctx.tx, row.id, shown)
    return x.ListUserPermissions.Response(is_admin=bool(row.is_admin), permissions=found)


def messages(tx: Tx, rows: Iterable[Any]) -> list[x.Role]:
    """Return roles with their permissions."""
    rows = list(rows)
    found = grants.of_roles(tx, [row.id for row in rows])
    return [role_message(row, found.get(row.id, ())) for row in rows]


def role_message(row: Any, granted: Iterable[Any]) -> x.Role:
    """Return a role with these permissions."""
    return x.Role(
        id=row.id,
        name=row.name,
        workspace=row.workspace,
        description=NULL if row.description is None else row.description,
        permissions=[_grant(grant) for grant in granted],
    )


def _named_role(ctx: Context, role_id: int) -> None:
    """Raise ``InvalidParameter`` for the role with a user's own permissions: it has this one member for ever.

    If another user got it, that user would also manage whatever its owner creates.
    """
    row = managed_role(ctx, role_id)
    if row.owner_id is not None:
        raise InvalidParameter(
            f"The role '{row.name}' holds the permissions of a single user; it cannot be renamed, assigned "
            "or unassigned. Change these permissions, or create a role of another name."
        )


def _check_may_change_grant(ctx: Context, grant_id: int) -> None:
    """Raise ``PermissionDenied`` unless the caller may change the permission's role."""
    try:
        role_id = grants.get(ctx.tx, grant_id).role_id
    except NotFound:
        if caller(ctx).is_admin:
            raise
        raise _no_grant(ctx, grant_id) from None
    try:
        managed_role(ctx, role_id)
    except PermissionDenied:
        raise _no_grant(ctx, grant_id) from None


def _no_grant(ctx: Context, grant_id: int) -> PermissionDenied:
    return PermissionDenied(f"{caller(ctx).name} may not change the permission {grant_id} of a role.")


def _grant(row: Any) -> x.Grant:
    return x.Grant(
        id=row.id,
        role_id=row.role_id,
        resource_type=row.resource_type,
        resource_pattern=row.resource_id,
        permission=row.permission,
    )


def _assignment(row: Any) -> x.Assignment:
    return x.Assignment(id=row.id, user_id=row.principal_id, role_id=row.role_id)


def _grants_of(tx: Tx, principal_id: int, workspaces: set[str] | None) -> list[x.GrantOfRole]:
    return [
        x.GrantOfRole(
            role_id=row.role_id,
            role_name=row.role_name,
            workspace=row.workspace,
            resource_type=row.resource_type,
            resource_pattern=row.resource_id,
            permission=row.permission,
        )
        for row in grants.of_principal(tx, principal_id)
        if workspaces is None or row.workspace in workspaces
    ]
