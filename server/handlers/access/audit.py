"""The audit: who did what, and what was refused."""

from __future__ import annotations

from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.trackway_audit import AuditEntry, SearchAudit
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.audit import OUTCOMES, entries

from .callers import administrated_workspaces, check_workspace_admin

_MAX_RESULTS = 1000


@handles(SearchAudit, can=policy.read_audit)
def search_audit(ctx: Context, req: SearchAudit) -> SearchAudit.Response:
    if not 1 <= req.max_results <= _MAX_RESULTS:
        raise InvalidParameter.invalid("max_results", req.max_results, f"It must be 1 to {_MAX_RESULTS}.")
    if req.outcome and req.outcome not in OUTCOMES:
        raise InvalidParameter.invalid("outcome", req.outcome, f"It is one of {', '.join(OUTCOMES)}.")
    wanted = entries.Filter(
        actor=req.actor or None,
        action=req.action or None,
        target=req.target or None,
        outcome=req.outcome or None,
        since_ms=req.since,
        until_ms=req.until,
        workspace=_workspace(ctx),
    )
    found, token = entries.find_page(ctx.tx, wanted, req.max_results, req.page_token or None)
    return SearchAudit.Response(
        entries=[AuditEntry(**entries.as_json(row)) for row in found], next_page_token=token
    )


def _workspace(ctx: Context) -> int | None:
    """Return the workspace whose entries the caller may see; None for all. Raise ``PermissionDenied``."""
    if ctx.identity.principal is None or administrated_workspaces(ctx) is None:
        return None
    check_workspace_admin(ctx, ctx.identity.workspace_name)
    return ctx.identity.workspace
