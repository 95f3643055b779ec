"""Levels of users in whole workspaces, in the calls of MLflow 3.10 to 3.12. Newer clients have roles."""

from __future__ import annotations

from trackway.client_compat import extra_permissions as x
from trackway.client_compat.access_rules import LEVELS, USE
from trackway.client_compat.errors import NotFound
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.server.request_body import parse_query
from trackway.storage.access import grants, principals, workspace_levels, workspaces

from .callers import check_self_or_admin, check_workspace_admin
from .workspaces import check_enabled


@handles(x.ListWorkspacePermissions, can=policy.read_user_permissions)
def list_workspace_permissions(
    ctx: Context, req: x.ListWorkspacePermissions
) -> x.ListWorkspacePermissions.Response:
    _check(ctx, req.workspace_name)
    ids = [row.id for row in principals.find_all(ctx.tx, principals.USER)]
    own = grants.own_of(ctx.tx, req.workspace_name, ids)
    levels = ((principal_id, workspace_levels.level_of(own[principal_id])) for principal_id in own)
    found = [_message(req.workspace_name, principal_id, level) for principal_id, level in levels if level]
    return x.ListWorkspacePermissions.Response(permissions=found)


@handles(x.SetWorkspacePermission, can=policy.edit_workspace_permissions)
def set_workspace_permission(
    ctx: Context, req: x.SetWorkspacePermission
) -> x.SetWorkspacePermission.Response:
    _check(ctx, req.workspace_name)
    principal_id = principals.find(ctx.tx, req.username).id
    workspace_levels.set_level(ctx.tx, principal_id, req.workspace_name, req.permission)
    made = _message(req.workspace_name, principal_id, req.permission)
    return x.SetWorkspacePermission.Response(permission=made)


@handles(x.DeleteWorkspacePermission, can=policy.edit_workspace_permissions)
def delete_workspace_permission(
    ctx: Context, req: x.DeleteWorkspacePermission
) -> x.DeleteWorkspacePermission.Response:
    _check(ctx, req.workspace_name)
    query = parse_query(ctx.request.environ.get("QUERY_STRING", ""))
    name = req.username or query.get("username", [""])[-1]
    principal_id = principals.find(ctx.tx, name).id
    if not workspace_levels.remove(ctx.tx, principal_id, req.workspace_name):
        raise NotFound(
            f"Workspace permission does not exist for workspace='{req.workspace_name}', username='{name}'"
        )
    return x.DeleteWorkspacePermission.Response()


@handles(x.ListUserWorkspacePermissions, can=policy.read_user_permissions)
def list_user_workspace_permissions(
    ctx: Context, req: x.ListUserWorkspacePermissions
) -> x.ListUserWorkspacePermissions.Response:
    check_enabled(ctx)
    check_self_or_admin(ctx, req.username)
    principal_id = principals.find(ctx.tx, req.username).id
    rows = [row for row in grants.of_principal(ctx.tx, principal_id) if row.owner_id == principal_id]
    names = dict.fromkeys(row.workspace for row in rows)
    levels = (
        (name, workspace_levels.level_of(row for row in rows if row.workspace == name)) for name in names
    )
    found = [_message(name, principal_id, level) for name, level in levels if level]
    return x.ListUserWorkspacePermissions.Response(permissions=found)


def _check(ctx: Context, workspace: str) -> None:
    """Raise ``NotFound`` for administrators if there is no such workspace, else ``PermissionDenied``."""
    check_enabled(ctx)
    check_workspace_admin(ctx, workspace)
    workspaces.find(ctx.tx, workspace)


def _message(workspace: str, principal_id: int, permission: str) -> x.WorkspacePermission:
    return x.WorkspacePermission(
        workspace=workspace,
        user_id=principal_id,
        permission=permission,
        can_use=LEVELS[permission] >= USE,
    )
