"""The history of registered models."""

from __future__ import annotations

from trackway.client_compat.trackway_api import GetAliasAt, GetRegisteredModelHistory
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.registry import history


@handles(GetRegisteredModelHistory, can=policy.read_version)
def get_registered_model_history(
    ctx: Context, req: GetRegisteredModelHistory
) -> GetRegisteredModelHistory.Response:
    """Return one page of the changes of a model, newest first."""
    found, token = history.find_page(ctx.tx, req.name, req.max_results, req.page_token or None)
    return GetRegisteredModelHistory.Response(changes=found, next_page_token=token)


@handles(GetAliasAt, can=policy.read_version)
def get_alias_at(ctx: Context, req: GetAliasAt) -> GetAliasAt.Response:
    """Return the version of an alias at a time, by default now, and the last change up to that time."""
    time_ms = ctx.tx.now_ms if req.time_ms is None else req.time_ms
    version, change = history.alias_at(ctx.tx, req.name, req.alias, time_ms)
    return GetAliasAt.Response(version=None if version is None else str(version), change=change)
