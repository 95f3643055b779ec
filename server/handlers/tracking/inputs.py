"""Datasets and logged models that runs read, and logged models that they create."""

from __future__ import annotations

from trackway.client_compat import messages as m
from trackway.client_compat import rules
from trackway.client_compat.errors import InvalidParameter
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.tracking import inputs, run_locks

_MAX_EXPERIMENTS = 20


@handles(m.LogInputs, can=policy.edit_run)
def log_inputs(ctx: Context, req: m.LogInputs) -> m.LogInputs.Response:
    rules.check_run_id(req.run_id)
    rules.check_dataset_inputs(req.datasets)
    run = run_locks.lock_active(ctx.tx, req.run_id)
    inputs.log_datasets(ctx.tx, run, req.datasets)
    inputs.log_models(ctx.tx, run, "in", [(model.model_id or "", 0) for model in req.models])
    return m.LogInputs.Response()


@handles(m.LogOutputs, can=policy.edit_run)
def log_outputs(ctx: Context, req: m.LogOutputs) -> m.LogOutputs.Response:
    run = run_locks.lock_active(ctx.tx, req.run_id)
    inputs.log_models(ctx.tx, run, "out", [(model.model_id or "", model.step or 0) for model in req.models])
    return m.LogOutputs.Response()


@handles(m.SearchDatasets, can=policy.search_datasets, transaction="search")
def search_datasets(ctx: Context, req: m.SearchDatasets) -> m.SearchDatasets.Response:
    if not req.experiment_ids:
        raise InvalidParameter("SearchDatasets request must specify at least one experiment_id.")
    if len(req.experiment_ids) > _MAX_EXPERIMENTS:
        raise InvalidParameter(
            f"SearchDatasets request cannot specify more than {_MAX_EXPERIMENTS} experiment_ids. "
            f"Received {len(req.experiment_ids)} experiment_ids."
        )
    return m.SearchDatasets.Response(dataset_summaries=inputs.summaries(ctx.tx, req.experiment_ids))
