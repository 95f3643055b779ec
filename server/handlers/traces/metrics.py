"""Statistics of traces, and the correlation of filters."""

from __future__ import annotations

from trackway.client_compat import genai_messages as g
from trackway.server.auth import trace_permissions as policy
from trackway.server.dispatch import Context, handles
from trackway.storage.traces import correlation, metrics


@handles(g.QueryTraceMetrics, can=policy.query_metrics, transaction="search")
def query(ctx: Context, req: g.QueryTraceMetrics) -> g.QueryTraceMetrics.Response:
    points, token = metrics.query(ctx.tx, req)
    return g.QueryTraceMetrics.Response(data_points=points, next_page_token=token)


@handles(g.CalculateTraceFilterCorrelation, can=policy.correlate, transaction="search")
def correlate(
    ctx: Context, req: g.CalculateTraceFilterCorrelation
) -> g.CalculateTraceFilterCorrelation.Response:
    """Tell how much more often two filters are true of the same trace than by chance."""
    return correlation.calculate(ctx.tx, req)
