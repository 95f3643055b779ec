"""Statistics of traces."""

from __future__ import annotations

from trackway.client_compat import genai_messages as g
from trackway.server.auth import trace_permissions as policy
from trackway.server.dispatch import Context, handles
from trackway.storage.traces import metrics


@handles(g.QueryTraceMetrics, can=policy.query_metrics, transaction="search")
def query(ctx: Context, req: g.QueryTraceMetrics) -> g.QueryTraceMetrics.Response:
    points, token = metrics.query(ctx.tx, req)
    return g.QueryTraceMetrics.Response(data_points=points, next_page_token=token)
