"""Searches for traces."""

from __future__ import annotations

from trackway.client_compat import genai_messages as g
from trackway.server.auth import trace_permissions as policy
from trackway.server.dispatch import Context, handles
from trackway.storage.traces import infos, search, start


@handles(g.SearchTracesV3, can=policy.search_traces, transaction="search")
def search_traces(ctx: Context, req: g.SearchTracesV3) -> g.SearchTracesV3.Response:
    """Return a page of traces without their spans. A page may be short although there are more."""
    found, token = _find(ctx, req, search.experiments_of(req))
    return g.SearchTracesV3.Response(traces=found, next_page_token=token)


@handles(g.SearchTraces, can=policy.search_traces, transaction="search")
def search_traces_v2(ctx: Context, req: g.SearchTraces) -> g.SearchTraces.Response:
    """Return a page of traces in the form of MLflow 2."""
    same = g.SearchTracesV3(
        locations=[],
        filter=req.filter,
        max_results=req.max_results,
        order_by=req.order_by,
        page_token=req.page_token,
    )
    found, token = _find(ctx, same, req.experiment_ids)
    return g.SearchTraces.Response(traces=[start.version_2(info) for info in found], next_page_token=token)


def _find(
    ctx: Context, req: g.SearchTracesV3, experiment_ids: list[str]
) -> tuple[list[g.TraceInfoV3], str | None]:
    rows, token = search.find_page(ctx.tx, req, ctx.readable(experiment_ids, "trace"))
    return infos.messages(ctx.tx, rows), token
