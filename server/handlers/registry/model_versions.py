"""Versions of registered models, their stages and tags; searches for them."""

from __future__ import annotations

from trackway.client_compat import messages as m
from trackway.client_compat import registry_rules
from trackway.client_compat.rules import check_key
from trackway.server.auth import artifact_needs, policy
from trackway.server.dispatch import Context, handles
from trackway.storage.registry import model_versions, stages, version_sources

from ..governance.actors import actor_of, warn
from ..governance.approvals import decide_by_tag


@handles(m.CreateModelVersion, can=policy.create_version)
def create_model_version(ctx: Context, req: m.CreateModelVersion) -> m.CreateModelVersion.Response:
    """Add a version. Its status is READY at once, since its files are not copied."""
    source = version_sources.resolve(ctx.tx, req, ctx.config.artifact_roots)
    artifact_needs.check_source(ctx.tx, ctx.identity, ctx.backend.artifacts, source.location)
    registry_rules.check_model_name(req.name)
    registry_rules.check_run_id(source.run_id)
    registry_rules.check_description(req.description)
    for tag in req.tags:
        registry_rules.check_version_tag(tag.key, tag.value)
    version = model_versions.create(ctx.tx, req, source)
    if req.model_id and source.model_id:
        version_sources.note_on_logged_model(ctx.tx, source.model_id, req.name, int(version.version or 0))
    return m.CreateModelVersion.Response(model_version=version)


@handles(m.GetModelVersion, can=policy.read_version)
def get_model_version(ctx: Context, req: m.GetModelVersion) -> m.GetModelVersion.Response:
    return m.GetModelVersion.Response(model_version=model_versions.get(ctx.tx, req.name, req.version))


@handles(m.UpdateModelVersion, can=policy.edit_version)
def update_model_version(ctx: Context, req: m.UpdateModelVersion) -> m.UpdateModelVersion.Response:
    registry_rules.check_description(req.description)
    version = model_versions.describe(ctx.tx, req.name, req.version, req.description)
    return m.UpdateModelVersion.Response(model_version=version)


@handles(m.TransitionModelVersionStage, can=policy.edit_version)
def transition_model_version_stage(
    ctx: Context, req: m.TransitionModelVersionStage
) -> m.TransitionModelVersionStage.Response:
    archives = bool(req.archive_existing_versions)
    if archives:
        registry_rules.check_archiving(req.stage)
    version, passed = stages.transition(ctx.tx, req.name, req.version, req.stage, archives, actor_of(ctx))
    warn(ctx, passed)
    return m.TransitionModelVersionStage.Response(model_version=version)


@handles(m.DeleteModelVersion, can=policy.delete_version)
def delete_model_version(ctx: Context, req: m.DeleteModelVersion) -> m.DeleteModelVersion.Response:
    model_versions.delete(ctx.tx, req.name, req.version)
    return m.DeleteModelVersion.Response()


@handles(m.GetModelVersionDownloadUri, can=policy.read_version)
def get_model_version_download_uri(
    ctx: Context, req: m.GetModelVersionDownloadUri
) -> m.GetModelVersionDownloadUri.Response:
    uri = model_versions.download_uri(ctx.tx, req.name or "", req.version or "")
    return m.GetModelVersionDownloadUri.Response(artifact_uri=uri)


@handles(m.SearchModelVersions, can=policy.search_versions, transaction="search")
def search_model_versions(ctx: Context, req: m.SearchModelVersions) -> m.SearchModelVersions.Response:
    found, token = model_versions.find_page(ctx.tx, req, ctx.visible_versions)
    return m.SearchModelVersions.Response(model_versions=found, next_page_token=token)


@handles(m.SetModelVersionTag, can=policy.edit_version)
def set_model_version_tag(ctx: Context, req: m.SetModelVersionTag) -> m.SetModelVersionTag.Response:
    registry_rules.check_model_name(req.name)
    registry_rules.parse_version(req.version)
    registry_rules.check_version_tag(req.key, req.value)
    decide_by_tag(ctx, req.name, req.version, req.key, req.value)
    model_versions.set_tag(ctx.tx, req.name, req.version, req.key, req.value)
    return m.SetModelVersionTag.Response()


@handles(m.DeleteModelVersionTag, can=policy.delete_version_tag)
def delete_model_version_tag(ctx: Context, req: m.DeleteModelVersionTag) -> m.DeleteModelVersionTag.Response:
    registry_rules.check_model_name(req.name)
    registry_rules.parse_version(req.version)
    check_key(req.key)
    decide_by_tag(ctx, req.name, req.version, req.key, None)
    model_versions.delete_tag(ctx.tx, req.name, req.version, req.key)
    return m.DeleteModelVersionTag.Response()
