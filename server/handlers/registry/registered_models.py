"""Registered models, their tags and aliases; searches for them."""

from __future__ import annotations

from trackway.client_compat import extra, registry_rules
from trackway.client_compat import messages as m
from trackway.client_compat.rules import check_key
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.access import owners
from trackway.storage.registry import aliases, registered_models, stages

from ..governance.actors import actor_of, warn


@handles(m.CreateRegisteredModel, can=policy.create_model)
def create_registered_model(ctx: Context, req: m.CreateRegisteredModel) -> m.CreateRegisteredModel.Response:
    registry_rules.check_new_model_name(req.name)
    registry_rules.check_description(req.description)
    for tag in req.tags:
        registry_rules.check_tag(tag.key, tag.value)
    return m.CreateRegisteredModel.Response(registered_model=registered_models.create(ctx.tx, req))


@handles(m.GetRegisteredModel, can=policy.read_model)
def get_registered_model(ctx: Context, req: m.GetRegisteredModel) -> m.GetRegisteredModel.Response:
    return m.GetRegisteredModel.Response(registered_model=registered_models.get(ctx.tx, req.name))


@handles(m.UpdateRegisteredModel, can=policy.edit_model)
def update_registered_model(ctx: Context, req: m.UpdateRegisteredModel) -> m.UpdateRegisteredModel.Response:
    """Set the description. As in MLflow, a request without one removes it."""
    registry_rules.check_description(req.description)
    model = registered_models.describe(ctx.tx, req.name, req.description or "")
    return m.UpdateRegisteredModel.Response(registered_model=model)


@handles(m.RenameRegisteredModel, can=policy.edit_model)
def rename_registered_model(ctx: Context, req: m.RenameRegisteredModel) -> m.RenameRegisteredModel.Response:
    new_name = req.new_name or ""
    registry_rules.check_new_model_name(new_name, "new_name")
    model = registered_models.rename(ctx.tx, req.name, new_name, actor_of(ctx))
    owners.rename_model(ctx.tx, req.name, new_name)
    return m.RenameRegisteredModel.Response(registered_model=model)


@handles(m.DeleteRegisteredModel, can=policy.delete_model)
def delete_registered_model(ctx: Context, req: m.DeleteRegisteredModel) -> m.DeleteRegisteredModel.Response:
    registered_models.delete(ctx.tx, req.name)
    owners.forget_model(ctx.tx, req.name)
    return m.DeleteRegisteredModel.Response()


@handles(m.SearchRegisteredModels, can=policy.search_models, transaction="search")
def search_registered_models(
    ctx: Context, req: m.SearchRegisteredModels
) -> m.SearchRegisteredModels.Response:
    found, token = registered_models.find_page(ctx.tx, req, ctx.visible_models)
    return m.SearchRegisteredModels.Response(registered_models=found, next_page_token=token)


@handles(extra.ListRegisteredModels, can=policy.search_models, transaction="search")
def list_registered_models(
    ctx: Context, req: extra.ListRegisteredModels
) -> extra.ListRegisteredModels.Response:
    """Search for models as clients of MLflow 1.x do. The models are ordered by name, as in MLflow 1.x."""
    search = m.SearchRegisteredModels(max_results=req.max_results, page_token=req.page_token)
    found, token = registered_models.find_page(ctx.tx, search, ctx.visible_models)
    return extra.ListRegisteredModels.Response(registered_models=found, next_page_token=token)


@handles(m.GetLatestVersions, can=policy.read_version)
def get_latest_versions(ctx: Context, req: m.GetLatestVersions) -> m.GetLatestVersions.Response:
    return m.GetLatestVersions.Response(model_versions=stages.latest_in(ctx.tx, req.name, req.stages))


@handles(m.SetRegisteredModelTag, can=policy.edit_model)
def set_registered_model_tag(ctx: Context, req: m.SetRegisteredModelTag) -> m.SetRegisteredModelTag.Response:
    registry_rules.check_model_name(req.name)
    registry_rules.check_tag(req.key, req.value)
    registered_models.set_tag(ctx.tx, req.name, req.key, req.value)
    return m.SetRegisteredModelTag.Response()


@handles(m.DeleteRegisteredModelTag, can=policy.edit_model)
def delete_registered_model_tag(
    ctx: Context, req: m.DeleteRegisteredModelTag
) -> m.DeleteRegisteredModelTag.Response:
    registry_rules.check_model_name(req.name)
    check_key(req.key)
    registered_models.delete_tag(ctx.tx, req.name, req.key)
    return m.DeleteRegisteredModelTag.Response()


@handles(m.SetRegisteredModelAlias, can=policy.set_alias)
def set_registered_model_alias(
    ctx: Context, req: m.SetRegisteredModelAlias
) -> m.SetRegisteredModelAlias.Response:
    registry_rules.check_model_name(req.name)
    registry_rules.check_new_alias(req.alias)
    warn(ctx, aliases.put(ctx.tx, req.name, req.alias, req.version, actor_of(ctx)))
    return m.SetRegisteredModelAlias.Response()


@handles(m.DeleteRegisteredModelAlias, can=policy.delete_alias)
def delete_registered_model_alias(
    ctx: Context, req: m.DeleteRegisteredModelAlias
) -> m.DeleteRegisteredModelAlias.Response:
    registry_rules.check_model_name(req.name)
    registry_rules.check_alias(req.alias)
    aliases.delete(ctx.tx, req.name, req.alias, actor_of(ctx))
    return m.DeleteRegisteredModelAlias.Response()


@handles(m.GetModelVersionByAlias, can=policy.read_version)
def get_model_version_by_alias(
    ctx: Context, req: m.GetModelVersionByAlias
) -> m.GetModelVersionByAlias.Response:
    registry_rules.check_model_name(req.name)
    registry_rules.check_alias(req.alias)
    return m.GetModelVersionByAlias.Response(model_version=aliases.resolve(ctx.tx, req.name, req.alias))
