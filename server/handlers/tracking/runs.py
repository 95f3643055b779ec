"""Runs, their tags and params, batches; searches for runs."""

from __future__ import annotations

import json
from typing import Any

from trackway.client_compat import messages as m
from trackway.client_compat import rules
from trackway.client_compat.codec import rendered_page
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.wire import Rendered
from trackway.server.auth import policy
from trackway.server.auth.identity import NO_TAGS
from trackway.server.dispatch import Context, handles
from trackway.server.usage import Uses, one
from trackway.storage.database import Tx
from trackway.storage.tracking import metrics, run_creation, run_locks, runs
from trackway.storage.usage import POINTS, RUNS

from ..artifacts.deletion import restore_files

_LOGGED_MODELS_TAG = "mlflow.log-model.history"


@handles(m.CreateRun, can=policy.create_run, uses=one(RUNS))
def create_run(ctx: Context, req: m.CreateRun) -> m.CreateRun.Response:
    rules.check_new_run(req)
    principal = ctx.identity.principal
    verified = principal.run_tags if principal else NO_TAGS
    return m.CreateRun.Response(run=run_creation.create(ctx.tx, req, verified))


@handles(m.GetRun, can=policy.read_run)
def get_run(ctx: Context, req: m.GetRun) -> Rendered:
    return Rendered(m.GetRun.Response, b'{"run":%b}' % runs.get(ctx.tx, req.run_id))


@handles(m.SearchRuns, can=policy.search_runs, transaction="search")
def search_runs(ctx: Context, req: m.SearchRuns) -> Rendered:
    readable = ctx.readable(req.experiment_ids, "run")
    found, token = runs.find_page(ctx.tx, req, readable, ctx.shown_runs)
    return rendered_page(m.SearchRuns.Response, "runs", found, token)


@handles(m.UpdateRun, can=policy.edit_run)
def update_run(ctx: Context, req: m.UpdateRun) -> m.UpdateRun.Response:
    rules.check_run_name(req.run_name)
    return m.UpdateRun.Response(run_info=runs.update(ctx.tx, req))


@handles(m.DeleteRun, can=policy.delete_run)
def delete_run(ctx: Context, req: m.DeleteRun) -> m.DeleteRun.Response:
    runs.delete(ctx.tx, req.run_id)
    return m.DeleteRun.Response()


@handles(m.RestoreRun, can=policy.delete_run, transaction="none")
def restore_run(ctx: Context, req: m.RestoreRun) -> m.RestoreRun.Response:
    """Restore a run and its files. The files come first: if that fails, the request can be repeated."""

    def restore(tx: Tx) -> m.RestoreRun.Response:
        runs.restore(tx, req.run_id)
        return m.RestoreRun.Response()

    if location := ctx.run(lambda tx: runs.restorable_location(tx, req.run_id), write=False):
        restore_files(ctx, location)
    return ctx.run(restore, write=True)


@handles(m.SetTag, can=policy.edit_run)
def set_tag(ctx: Context, req: m.SetTag) -> m.SetTag.Response:
    value = rules.clean_tag(req.key, req.value or "")
    runs.set_tags(ctx.tx, run_locks.lock_active(ctx.tx, req.run_id), [m.RunTag(key=req.key, value=value)])
    return m.SetTag.Response()


@handles(m.DeleteTag, can=policy.edit_run)
def delete_tag(ctx: Context, req: m.DeleteTag) -> m.DeleteTag.Response:
    runs.delete_tag(ctx.tx, req.run_id, req.key)
    return m.DeleteTag.Response()


@handles(m.LogParam, can=policy.edit_run)
def log_param(ctx: Context, req: m.LogParam) -> m.LogParam.Response:
    value = rules.clean_param(req.key, req.value or "")
    runs.log_params(ctx.tx, run_locks.lock_active(ctx.tx, req.run_id), [m.Param(key=req.key, value=value)])
    return m.LogParam.Response()


@handles(
    m.LogBatch,
    can=policy.edit_run,
    appends=lambda req: not (req.params or req.tags),
    uses=Uses(POINTS, lambda req: len(req.metrics)),
)
def log_batch(ctx: Context, req: m.LogBatch) -> m.LogBatch.Response:
    """Log metrics, params and tags in one transaction: all of them are stored, or none."""
    rules.check_run_id(req.run_id)
    rules.check_batch(req)
    run = run_locks.lock_active(ctx.tx, req.run_id)
    runs.log_params(ctx.tx, run, req.params)
    metrics.log(ctx.tx, run, req.metrics)
    runs.set_tags(ctx.tx, run, req.tags)
    return m.LogBatch.Response()


@handles(m.LogModel, can=policy.edit_run)
def log_model(ctx: Context, req: m.LogModel) -> m.LogModel.Response:
    """Add a model to the JSON list in the run's tag ``mlflow.log-model.history``.

    Clients before MLflow 3.0 log models this way.
    """
    entry = _model_tag_entry(req.model_json)
    run = run_locks.lock_active(ctx.tx, req.run_id)
    history = rules.parse_list_tag(_LOGGED_MODELS_TAG, runs.tag(ctx.tx, run, _LOGGED_MODELS_TAG))
    value = rules.clean_tag(_LOGGED_MODELS_TAG, json.dumps([*history, entry]))
    runs.set_tags(ctx.tx, run, [m.RunTag(key=_LOGGED_MODELS_TAG, value=value)])
    return m.LogModel.Response()


def _model_tag_entry(model_json: str) -> dict[str, Any]:
    try:
        model = json.loads(model_json)
    except (ValueError, RecursionError):
        raise InvalidParameter(f"Malformed model info. \n {model_json} \n is not a valid JSON.") from None
    required = {"artifact_path", "flavors", "utc_time_created", "run_id"}
    if not isinstance(model, dict) or not isinstance(model.get("flavors", {}), dict):
        raise InvalidParameter(
            "Malformed model info: model_json must be a JSON object, and its 'flavors' a JSON object too."
        )
    if missing := required - model.keys():
        raise InvalidParameter(f"Model json is missing mandatory fields: {missing}")
    entry = {
        key: model[key]
        for key in ("run_id", "artifact_path", "utc_time_created", "model_uuid")
        if key in model
    }
    entry["flavors"] = {
        flavor: {k: v for k, v in config.items() if k != "config"} if isinstance(config, dict) else config
        for flavor, config in model["flavors"].items()
    }
    return entry
