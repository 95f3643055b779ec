"""Roles, their permissions and who has them, as in MLflow 3.13 and later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trackway.client_compat import extra_roles as x
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.wire import NULL
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.access import grants, principals, roles
from trackway.storage.database import Tx

from .callers import caller, check_in_workspaces, check_workspace_admin, visible_workspaces


@handles(x.CreateRole, can=policy.create_role)
def create_role(ctx: Context, req: x.CreateRole) -> x.CreateRole.Response:
    if not req.workspace.strip():
        raise InvalidParameter("Workspace cannot be empty.")
    check_workspace_admin(ctx, req.workspace)
    row = roles.create(ctx.tx, req.name, req.workspace, req.description)
    return x.CreateRole.Response(role=role_message(row, ()))


@handles(x.GetRole, can=policy.read_role)
def get_role(ctx: Context, req: x.GetRole) -> x.GetRole.Response:
    caller(ctx)
    row = roles.get(ctx.tx, req.role_id)
    check_in_workspaces(ctx, {row.workspace})
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
    _check_may_change(ctx, req.role_id)
    row = roles.update(ctx.tx, req.role_id, req.name, req.description)
    return x.UpdateRole.Response(role=messages(ctx.tx, [row])[0])


@handles(x.DeleteRole, can=policy.delete_role)
def delete_role(ctx: Context, req: x.DeleteRole) -> x.DeleteRole.Response:
    _check_may_change(ctx, req.role_id)
    roles.delete(ctx.tx, req.role_id)
    return x.DeleteRole.Response()


@handles(x.AddRolePermission, can=policy.edit_role)
def add_role_permission(ctx: Context, req: x.AddRolePermission) -> x.AddRolePermission.Response:
    _check_may_change(ctx, req.role_id)
    row = grants.add(ctx.tx, req.role_id, req.resource_type, req.resource_pattern, req.permission)
    return x.AddRolePermission.Response(role_permission=_grant(row))


@handles(x.RemoveRolePermission, can=policy.edit_grant)
def remove_role_permission(ctx: Context, req: x.RemoveRolePermission) -> x.RemoveRolePermission.Response:
    _check_may_change(ctx, grants.get(ctx.tx, req.role_permission_id).role_id)
    grants.remove(ctx.tx, req.role_permission_id)
    return x.RemoveRolePermission.Response()


@handles(x.UpdateRolePermission, can=policy.edit_grant)
def update_role_permission(ctx: Context, req: x.UpdateRolePermission) -> x.UpdateRolePermission.Response:
    _check_may_change(ctx, grants.get(ctx.tx, req.role_permission_id).role_id)
    row = grants.set_level(ctx.tx, req.role_permission_id, req.permission)
    return x.UpdateRolePermission.Response(role_permission=_grant(row))


@handles(x.ListRolePermissions, can=policy.read_role)
def list_role_permissions(ctx: Context, req: x.ListRolePermissions) -> x.ListRolePermissions.Response:
    check_in_workspaces(ctx, {roles.get(ctx.tx, req.role_id).workspace})
    found = grants.of_roles(ctx.tx, [req.role_id]).get(req.role_id, [])
    return x.ListRolePermissions.Response(role_permissions=[_grant(row) for row in found])


@handles(x.AssignRole, can=policy.edit_role)
def assign_role(ctx: Context, req: x.AssignRole) -> x.AssignRole.Response:
    _check_may_change(ctx, req.role_id)
    row = roles.assign(ctx.tx, principals.find(ctx.tx, req.username).id, req.role_id)
    return x.AssignRole.Response(assignment=_assignment(row))


@handles(x.UnassignRole, can=policy.edit_role)
def unassign_role(ctx: Context, req: x.UnassignRole) -> x.UnassignRole.Response:
    _check_may_change(ctx, req.role_id)
    roles.unassign(ctx.tx, principals.find(ctx.tx, req.username).id, req.role_id)
    return x.UnassignRole.Response()


@handles(x.ListRoleUsers, can=policy.read_role)
def list_role_users(ctx: Context, req: x.ListRoleUsers) -> x.ListRoleUsers.Response:
    check_workspace_admin(ctx, roles.get(ctx.tx, req.role_id).workspace)
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


def _check_may_change(ctx: Context, role_id: int) -> None:
    caller(ctx)
    check_workspace_admin(ctx, roles.get(ctx.tx, role_id).workspace)


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
