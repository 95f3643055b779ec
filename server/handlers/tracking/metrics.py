"""Log a metric; read the histories of metrics."""

from __future__ import annotations

import json

from trackway.client_compat import extra, rules
from trackway.client_compat import messages as m
from trackway.client_compat.codec import rendered_page
from trackway.client_compat.errors import SEE_DOCS, InvalidParameter
from trackway.client_compat.wire import Rendered
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.server.usage import one
from trackway.storage.tracking import metrics, run_locks
from trackway.storage.usage import POINTS

_MAX_RUNS = 100
_MAX_BULK_RESULTS = 25_000
_MAX_SAMPLES = 2500
_NAN = '"NaN"'


@handles(m.LogMetric, can=policy.edit_run, appends=lambda req: True, uses=one(POINTS))
def log_metric(ctx: Context, req: m.LogMetric) -> m.LogMetric.Response:
    metric = m.Metric(
        key=req.key,
        value=req.value,
        timestamp=req.timestamp,
        step=req.step,
        model_id=req.model_id,
        dataset_name=req.dataset_name,
        dataset_digest=req.dataset_digest,
    )
    rules.check_metric(metric)
    metrics.log(ctx.tx, run_locks.lock_active(ctx.tx, req.run_id), [metric])
    return m.LogMetric.Response()


@handles(m.GetMetricHistory, can=policy.read_run)
def get_metric_history(ctx: Context, req: m.GetMetricHistory) -> Rendered:
    found, token = metrics.history(ctx.tx, req.run_id, req.metric_key, req.max_results, req.page_token)
    # A client reads 25,000 points at a time. To make a message of each point would take three times as long
    # as the rest of the request, so this writes the JSON text directly.
    key, nan = json.dumps(req.metric_key), metrics.NAN
    items = [
        f'{{"key":{key},"value":{_NAN if value == nan else value},"timestamp":{time},"step":{step}}}'.encode()
        for time, step, value in found
    ]
    return rendered_page(m.GetMetricHistory.Response, "metrics", items, token)


@handles(extra.GetMetricHistoryBulk, can=policy.read_runs, transaction="search")
def get_metric_history_bulk(
    ctx: Context, req: extra.GetMetricHistoryBulk
) -> extra.GetMetricHistoryBulk.Response:
    _check_runs("GetMetricHistoryBulk", req.run_id)
    if req.metric_key is None:
        raise InvalidParameter("GetMetricHistoryBulk request must specify a metric_key.")
    limit = min(req.max_results if req.max_results is not None else _MAX_BULK_RESULTS, _MAX_BULK_RESULTS)
    found = metrics.history_of_many(ctx.tx, req.run_id, req.metric_key, max(limit, 0))
    return extra.GetMetricHistoryBulk.Response(metrics=found)


@handles(m.GetMetricHistoryBulkInterval, can=policy.read_runs, transaction="search")
def get_metric_history_bulk_interval(
    ctx: Context, req: m.GetMetricHistoryBulkInterval
) -> m.GetMetricHistoryBulkInterval.Response:
    if len(req.run_ids) > _MAX_RUNS:
        raise InvalidParameter(
            f"GetMetricHistoryBulkInterval request must specify at most {_MAX_RUNS} run_ids. "
            f"Received {len(req.run_ids)} run_ids.{SEE_DOCS}"
        )
    samples = _MAX_SAMPLES if req.max_results is None else req.max_results
    found = metrics.sampled_history(ctx.tx, req.run_ids, req.metric_key, samples, _steps(req))
    return m.GetMetricHistoryBulkInterval.Response(metrics=found)


def _check_runs(rpc: str, run_ids: list[str]) -> None:
    if not run_ids:
        raise InvalidParameter(f"{rpc} request must specify at least one run_id.")
    if len(run_ids) > _MAX_RUNS:
        raise InvalidParameter(
            f"{rpc} request cannot specify more than {_MAX_RUNS} run_ids. Received {len(run_ids)} run_ids."
        )


def _steps(req: m.GetMetricHistoryBulkInterval) -> tuple[int, int] | None:
    if req.start_step is None and req.end_step is None:
        return None
    if req.start_step is None or req.end_step is None:
        raise InvalidParameter("If either start step or end step are specified, both must be specified.")
    if req.start_step > req.end_step:
        raise InvalidParameter(
            "end_step must be greater than start_step. "
            f"Found start_step={req.start_step} and end_step={req.end_step}."
        )
    return req.start_step, req.end_step
