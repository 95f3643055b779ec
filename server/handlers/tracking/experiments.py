"""Experiments and their tags; searches for them."""

from __future__ import annotations

from trackway.client_compat import extra, hosts, rules, uris
from trackway.client_compat import messages as m
from trackway.server.auth import artifact_needs, policy
from trackway.server.dispatch import Context, handles
from trackway.server.usage import one
from trackway.storage.access import workspaces
from trackway.storage.database import Tx
from trackway.storage.tracking import experiments
from trackway.storage.usage import EXPERIMENTS

from ..artifacts.deletion import restore_files

_MAX_RESULTS = 50_000  # the largest page of a search


@handles(m.CreateExperiment, can=policy.create_experiment, uses=one(EXPERIMENTS))
def create_experiment(ctx: Context, req: m.CreateExperiment) -> m.CreateExperiment.Response:
    rules.check_experiment_name(req.name)
    rules.check_custom_views([tag.key for tag in req.tags])
    for tag in req.tags:
        rules.check_experiment_tag(tag.key, tag.value)
    if req.artifact_location:
        uris.check_location(req.artifact_location)
        hosts.check_host(req.artifact_location, "artifact_location", ctx.config.artifact_roots)
        artifact_needs.check_new_location(ctx.tx, ctx.identity, ctx.backend.artifacts, req.artifact_location)
    root = workspaces.artifact_root(ctx.tx, ctx.config.artifact_root)
    experiment_id = experiments.create(ctx.tx, req.name, req.artifact_location, req.tags, root)
    return m.CreateExperiment.Response(experiment_id=experiment_id)


@handles(m.GetExperiment, can=policy.read_experiment)
def get_experiment(ctx: Context, req: m.GetExperiment) -> m.GetExperiment.Response:
    return m.GetExperiment.Response(experiment=experiments.get(ctx.tx, req.experiment_id))


@handles(m.GetExperimentByName, can=policy.read_experiment_by_name)
def get_experiment_by_name(ctx: Context, req: m.GetExperimentByName) -> m.GetExperimentByName.Response:
    return m.GetExperimentByName.Response(experiment=experiments.get_by_name(ctx.tx, req.experiment_name))


@handles(m.SearchExperiments, can=policy.search_experiments, transaction="search")
def search_experiments(ctx: Context, req: m.SearchExperiments) -> m.SearchExperiments.Response:
    found, token = experiments.find_page(ctx.tx, req, ctx.visible_experiments)
    return m.SearchExperiments.Response(experiments=found, next_page_token=token)


@handles(extra.ListExperiments, can=policy.search_experiments, transaction="search")
def list_experiments(ctx: Context, req: extra.ListExperiments) -> extra.ListExperiments.Response:
    """Search for experiments as clients before MLflow 1.28 do, with their order: by id."""
    search = m.SearchExperiments(
        view_type=req.view_type,
        max_results=req.max_results or _MAX_RESULTS,
        page_token=req.page_token,
        order_by=["experiment_id ASC"],
    )
    found = search_experiments(ctx, search)
    return extra.ListExperiments.Response(
        experiments=found.experiments, next_page_token=found.next_page_token
    )


@handles(m.UpdateExperiment, can=policy.edit_experiment)
def update_experiment(ctx: Context, req: m.UpdateExperiment) -> m.UpdateExperiment.Response:
    rules.check_experiment_name(req.new_name)
    experiments.rename(ctx.tx, req.experiment_id, req.new_name)
    return m.UpdateExperiment.Response()


@handles(m.DeleteExperiment, can=policy.delete_experiment)
def delete_experiment(ctx: Context, req: m.DeleteExperiment) -> m.DeleteExperiment.Response:
    experiments.delete(ctx.tx, req.experiment_id)
    return m.DeleteExperiment.Response()


@handles(m.RestoreExperiment, can=policy.delete_experiment, transaction="none")
def restore_experiment(ctx: Context, req: m.RestoreExperiment) -> m.RestoreExperiment.Response:
    """Restore an experiment, its runs and their files. The files come first, as in ``restore_run``."""

    def restore(tx: Tx) -> m.RestoreExperiment.Response:
        experiments.restore(tx, req.experiment_id)
        return m.RestoreExperiment.Response()

    def find(tx: Tx) -> str:
        return str(experiments.find(tx, req.experiment_id, view="DELETED_ONLY").artifact_location)

    restore_files(ctx, ctx.run(find, write=False))
    return ctx.run(restore, write=True)


@handles(m.SetExperimentTag, can=policy.edit_experiment)
def set_experiment_tag(ctx: Context, req: m.SetExperimentTag) -> m.SetExperimentTag.Response:
    rules.check_experiment_tag(req.key, req.value or "")
    experiments.set_tag(ctx.tx, req.experiment_id, req.key, req.value or "")
    return m.SetExperimentTag.Response()


@handles(m.DeleteExperimentTag, can=policy.edit_experiment)
def delete_experiment_tag(ctx: Context, req: m.DeleteExperimentTag) -> m.DeleteExperimentTag.Response:
    experiments.delete_tag(ctx.tx, req.experiment_id, req.key)
    return m.DeleteExperimentTag.Response()
