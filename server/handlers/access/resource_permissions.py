"""Permissions of single users in the calls of MLflow 2.5 to 3.12: for experiments, models and scorers.

These clients have the level NO_PERMISSIONS where newer ones have DENY.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from trackway.client_compat import extra_permissions as x
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.access import grants, principals

from .user_permissions import find, give

_EXPERIMENT, _MODEL, _SCORER = "experiment", "registered_model", "scorer"


@handles(x.CreateExperimentPermission, can=policy.edit_user_permissions)
def create_experiment_permission(
    ctx: Context, req: x.CreateExperimentPermission
) -> x.CreateExperimentPermission.Response:
    give(ctx, req.username, _EXPERIMENT, req.experiment_id, _level_here(req.permission))
    made = _of_experiment(ctx, req.username, req.experiment_id)
    return x.CreateExperimentPermission.Response(experiment_permission=made)


@handles(x.GetExperimentPermission, can=policy.read_user_permissions)
def get_experiment_permission(
    ctx: Context, req: x.GetExperimentPermission
) -> x.GetExperimentPermission.Response:
    found = _of_experiment(ctx, req.username, req.experiment_id)
    return x.GetExperimentPermission.Response(experiment_permission=found)


@handles(x.UpdateExperimentPermission, can=policy.edit_user_permissions)
def update_experiment_permission(
    ctx: Context, req: x.UpdateExperimentPermission
) -> x.UpdateExperimentPermission.Response:
    _update(ctx, req.username, _EXPERIMENT, req.experiment_id, req.permission)
    return x.UpdateExperimentPermission.Response()


@handles(x.DeleteExperimentPermission, can=policy.edit_user_permissions)
def delete_experiment_permission(
    ctx: Context, req: x.DeleteExperimentPermission
) -> x.DeleteExperimentPermission.Response:
    grants.remove(ctx.tx, find(ctx, req.username, _EXPERIMENT, req.experiment_id).id)
    return x.DeleteExperimentPermission.Response()


@handles(x.CreateRegisteredModelPermission, can=policy.edit_user_permissions)
def create_registered_model_permission(
    ctx: Context, req: x.CreateRegisteredModelPermission
) -> x.CreateRegisteredModelPermission.Response:
    give(ctx, req.username, _MODEL, req.name, _level_here(req.permission))
    made = _of_model(ctx, req.username, req.name)
    return x.CreateRegisteredModelPermission.Response(registered_model_permission=made)


@handles(x.GetRegisteredModelPermission, can=policy.read_user_permissions)
def get_registered_model_permission(
    ctx: Context, req: x.GetRegisteredModelPermission
) -> x.GetRegisteredModelPermission.Response:
    found = _of_model(ctx, req.username, req.name)
    return x.GetRegisteredModelPermission.Response(registered_model_permission=found)


@handles(x.UpdateRegisteredModelPermission, can=policy.edit_user_permissions)
def update_registered_model_permission(
    ctx: Context, req: x.UpdateRegisteredModelPermission
) -> x.UpdateRegisteredModelPermission.Response:
    _update(ctx, req.username, _MODEL, req.name, req.permission)
    return x.UpdateRegisteredModelPermission.Response()


@handles(x.DeleteRegisteredModelPermission, can=policy.edit_user_permissions)
def delete_registered_model_permission(
    ctx: Context, req: x.DeleteRegisteredModelPermission
) -> x.DeleteRegisteredModelPermission.Response:
    grants.remove(ctx.tx, find(ctx, req.username, _MODEL, req.name).id)
    return x.DeleteRegisteredModelPermission.Response()


@handles(x.CreateScorerPermission, can=policy.edit_user_permissions)
def create_scorer_permission(
    ctx: Context, req: x.CreateScorerPermission
) -> x.CreateScorerPermission.Response:
    scorer = _scorer_id(req.experiment_id, req.scorer_name)
    give(ctx, req.username, _SCORER, scorer, _level_here(req.permission))
    made = _of_scorer(ctx, req.username, req.experiment_id, req.scorer_name)
    return x.CreateScorerPermission.Response(scorer_permission=made)


@handles(x.GetScorerPermission, can=policy.read_user_permissions)
def get_scorer_permission(ctx: Context, req: x.GetScorerPermission) -> x.GetScorerPermission.Response:
    found = _of_scorer(ctx, req.username, req.experiment_id, req.scorer_name)
    return x.GetScorerPermission.Response(scorer_permission=found)


@handles(x.UpdateScorerPermission, can=policy.edit_user_permissions)
def update_scorer_permission(
    ctx: Context, req: x.UpdateScorerPermission
) -> x.UpdateScorerPermission.Response:
    _update(ctx, req.username, _SCORER, _scorer_id(req.experiment_id, req.scorer_name), req.permission)
    return x.UpdateScorerPermission.Response()


@handles(x.DeleteScorerPermission, can=policy.edit_user_permissions)
def delete_scorer_permission(
    ctx: Context, req: x.DeleteScorerPermission
) -> x.DeleteScorerPermission.Response:
    scorer = _scorer_id(req.experiment_id, req.scorer_name)
    grants.remove(ctx.tx, find(ctx, req.username, _SCORER, scorer).id)
    return x.DeleteScorerPermission.Response()


def experiment_permission(row: Any, principal_id: int) -> x.ExperimentPermission:
    """Return a user's permission for an experiment, as these clients read it."""
    return x.ExperimentPermission(
        experiment_id=row.resource_id, user_id=principal_id, permission=_level_there(row)
    )


def model_permission(row: Any, principal_id: int) -> x.RegisteredModelPermission:
    """Return a user's permission for a registered model, as these clients read it."""
    return x.RegisteredModelPermission(
        workspace=row.workspace,
        name=row.resource_id,
        user_id=principal_id,
        permission=_level_there(row),
    )


def _of_experiment(ctx: Context, name: str, experiment_id: str) -> x.ExperimentPermission:
    row = find(ctx, name, _EXPERIMENT, experiment_id)
    return experiment_permission(row, principals.find(ctx.tx, name).id)


def _of_model(ctx: Context, name: str, model: str) -> x.RegisteredModelPermission:
    row = find(ctx, name, _MODEL, model)
    return model_permission(row, principals.find(ctx.tx, name).id)


def _of_scorer(ctx: Context, name: str, experiment_id: str, scorer: str) -> x.ScorerPermission:
    row = find(ctx, name, _SCORER, _scorer_id(experiment_id, scorer))
    return x.ScorerPermission(
        experiment_id=experiment_id,
        scorer_name=scorer,
        user_id=principals.find(ctx.tx, name).id,
        permission=_level_there(row),
    )


def _update(ctx: Context, name: str, resource_type: str, resource_id: str, permission: str) -> None:
    grants.set_level(ctx.tx, find(ctx, name, resource_type, resource_id).id, _level_here(permission))


def _level_here(permission: str) -> str:
    return "DENY" if permission == "NO_PERMISSIONS" else permission


def _level_there(row: Any) -> str:
    return "NO_PERMISSIONS" if row.permission == "DENY" else str(row.permission)


def _scorer_id(experiment_id: str, scorer: str) -> str:
    return f"{experiment_id}/{quote(scorer, safe='')}"
