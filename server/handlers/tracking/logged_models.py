"""Logged models, their params and tags; searches for them."""

from __future__ import annotations

from trackway.client_compat import logged_model_rules as rules
from trackway.client_compat import messages as m
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.tracking import logged_models


@handles(m.CreateLoggedModel, can=policy.create_logged_model)
def create_logged_model(ctx: Context, req: m.CreateLoggedModel) -> m.CreateLoggedModel.Response:
    rules.check_name(req.name or "")
    rules.check_entries("params", req.params)
    rules.check_entries("tags", req.tags)
    return m.CreateLoggedModel.Response(model=logged_models.create(ctx.tx, req))


@handles(m.GetLoggedModel, can=policy.read_logged_model)
def get_logged_model(ctx: Context, req: m.GetLoggedModel) -> m.GetLoggedModel.Response:
    model = logged_models.get(ctx.tx, req.model_id, deleted=bool(req.allow_deleted))
    return m.GetLoggedModel.Response(model=model)


@handles(m.FinalizeLoggedModel, can=policy.edit_logged_model)
def finalize_logged_model(ctx: Context, req: m.FinalizeLoggedModel) -> m.FinalizeLoggedModel.Response:
    return m.FinalizeLoggedModel.Response(model=logged_models.finalize(ctx.tx, req.model_id, req.status))


@handles(m.DeleteLoggedModel, can=policy.delete_logged_model)
def delete_logged_model(ctx: Context, req: m.DeleteLoggedModel) -> m.DeleteLoggedModel.Response:
    logged_models.delete(ctx.tx, req.model_id)
    return m.DeleteLoggedModel.Response()


@handles(m.SearchLoggedModels, can=policy.search_logged_models, transaction="search")
def search_logged_models(ctx: Context, req: m.SearchLoggedModels) -> m.SearchLoggedModels.Response:
    rules.check_datasets(req.datasets)
    readable = ctx.readable(req.experiment_ids, "logged_model")
    found, token = logged_models.find_page(ctx.tx, req, readable, ctx.shown_runs)
    return m.SearchLoggedModels.Response(models=found, next_page_token=token)


@handles(m.LogLoggedModelParamsRequest, can=policy.edit_logged_model)
def log_logged_model_params(
    ctx: Context, req: m.LogLoggedModelParamsRequest
) -> m.LogLoggedModelParamsRequest.Response:
    rules.check_entries("params", req.params)
    logged_models.log_params(ctx.tx, req.model_id, req.params)
    return m.LogLoggedModelParamsRequest.Response()


@handles(m.SetLoggedModelTags, can=policy.edit_logged_model)
def set_logged_model_tags(ctx: Context, req: m.SetLoggedModelTags) -> m.SetLoggedModelTags.Response:
    """Set tags. The last value of a repeated key is stored. As in MLflow, the response is empty."""
    rules.check_entries("tags", req.tags)
    logged_models.set_tags(ctx.tx, req.model_id, {tag.key: tag.value for tag in req.tags})
    return m.SetLoggedModelTags.Response()


@handles(m.DeleteLoggedModelTag, can=policy.delete_logged_model_tag)
def delete_logged_model_tag(ctx: Context, req: m.DeleteLoggedModelTag) -> m.DeleteLoggedModelTag.Response:
    logged_models.delete_tag(ctx.tx, req.model_id, req.tag_key)
    return m.DeleteLoggedModelTag.Response()
