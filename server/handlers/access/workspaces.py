"""Workspaces, as in MLflow 3.17. Administrators change them; others see those in which they have a role."""

from __future__ import annotations

from trackway.client_compat import hosts, workspace_rules
from trackway.client_compat import messages as m
from trackway.client_compat.errors import FeatureDisabled, InvalidParameter, NotFound
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.server.request_body import parse_query
from trackway.storage.access import moves, workspaces


@handles(m.ListWorkspaces, can=policy.read_workspaces)
def list_workspaces(ctx: Context, req: m.ListWorkspaces) -> m.ListWorkspaces.Response:
    check_enabled(ctx)
    found = workspaces.find_all(ctx.tx, _visible(ctx))
    return m.ListWorkspaces.Response(workspaces=[workspaces.message(row) for row in found])


@handles(m.GetWorkspace, can=policy.read_workspaces)
def get_workspace(ctx: Context, req: m.GetWorkspace) -> m.GetWorkspace.Response:
    check_enabled(ctx)
    workspace_rules.check_name(req.workspace_name)
    visible = _visible(ctx)
    if visible is not None and req.workspace_name not in visible:
        raise NotFound(f"Workspace '{req.workspace_name}' not found")
    return m.GetWorkspace.Response(workspace=workspaces.message(workspaces.find(ctx.tx, req.workspace_name)))


@handles(m.CreateWorkspace, can=policy.create_workspace)
def create_workspace(ctx: Context, req: m.CreateWorkspace) -> m.CreateWorkspace.Response:
    check_enabled(ctx)
    workspace_rules.check_new_name(req.name)
    row = workspaces.create(
        ctx.tx, _checked(ctx, req.name, req), seeds_roles=ctx.config.variables.seeds_roles
    )
    return m.CreateWorkspace.Response(workspace=workspaces.message(row))


@handles(m.UpdateWorkspace, can=policy.edit_workspace)
def update_workspace(ctx: Context, req: m.UpdateWorkspace) -> m.UpdateWorkspace.Response:
    check_enabled(ctx)
    workspace_rules.check_name(req.workspace_name)
    archive = req.trace_archival_config or m.TraceArchivalConfig()
    if not any(
        value is not None
        for value in (req.description, req.default_artifact_root, archive.location, archive.retention)
    ):
        raise InvalidParameter("Workspace update must have at least one key")
    row = workspaces.update(ctx.tx, req.workspace_name, _checked(ctx, req.workspace_name, req))
    return m.UpdateWorkspace.Response(workspace=workspaces.message(row))


@handles(m.DeleteWorkspace, can=policy.delete_workspace)
def delete_workspace(ctx: Context, req: m.DeleteWorkspace) -> m.DeleteWorkspace.Response:
    """Delete a workspace. The mode is in the query string, which is not part of MLflow's message."""
    check_enabled(ctx)
    query = parse_query(ctx.request.environ.get("QUERY_STRING", ""))
    mode = query.get("mode", [workspace_rules.RESTRICT])[-1]
    workspace_rules.check_mode(mode)
    moves.delete(ctx.tx, req.workspace_name, mode)
    return m.DeleteWorkspace.Response()


def _checked(ctx: Context, name: str, req: m.CreateWorkspace | m.UpdateWorkspace) -> m.Workspace:
    """Return the workspace of a request. Raise ``InvalidParameter``."""
    workspace_rules.check_description(req.description)
    root = workspace_rules.check_artifact_root(req.default_artifact_root)
    if root:
        hosts.check_host(root, "default_artifact_root", ctx.config.artifact_roots)
    archive = req.trace_archival_config or m.TraceArchivalConfig()
    return m.Workspace(
        name=name,
        description=req.description,
        default_artifact_root=root,
        trace_archival_config=m.TraceArchivalConfig(
            location=workspace_rules.check_archive_location(archive.location),
            retention=workspace_rules.check_archive_retention(archive.retention),
        ),
    )


def _visible(ctx: Context) -> frozenset[str] | None:
    """Return the names of the workspaces that the caller may see; None for all."""
    identity = ctx.identity
    if identity.workspaces is None:
        return None
    if ctx.config.variables.access.grants_default_workspace:
        return identity.workspaces | {workspace_rules.DEFAULT}
    return identity.workspaces


def check_enabled(ctx: Context) -> None:
    """Raise ``FeatureDisabled`` with MLflow's text. Clients would repeat MLflow's status, 503."""
    if not ctx.config.enable_workspaces:
        raise FeatureDisabled(
            f"Endpoint: {ctx.request.environ['PATH_INFO']} disabled because the server is running "
            "without workspaces support. To enable workspace, run "
            "`mlflow server` with `--enable-workspaces`"
        )
