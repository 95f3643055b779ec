"""Permissions that follow a resource: its creator may manage it, and its permissions go with it."""

from __future__ import annotations

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidParameter

from ..database import Tx
from ..schema.tracking import workspaces
from . import grants, roles

# Kinds of resources that permissions name by their names.
_NAMED = ("registered_model", "prompt")


def give(tx: Tx, principal_id: int, resource_type: str, resource_id: str) -> None:
    """Let the principal that created a resource manage it."""
    role_id = roles.own_role(tx, principal_id, _workspace(tx))
    if grants.find(tx, role_id, resource_type, resource_id) is None:
        grants.add(tx, role_id, resource_type, resource_id, "MANAGE")


def rename_model(tx: Tx, old: str, new: str) -> None:
    """Move the permissions of a registered model or prompt to its new name.

    Raise ``InvalidParameter`` if there are permissions for the new name: a DENY would be lost beside them.
    """
    if old == new:
        return
    workspace = _workspace(tx)
    if grants.exist_for(tx, workspace, _NAMED, new):
        raise InvalidParameter(
            f"The model {old!r} cannot be renamed to {new!r}: there are permissions for this name. An "
            "administrator has to remove them first."
        )
    for resource_type in _NAMED:
        grants.rename(tx, workspace, resource_type, old, new)


def forget_model(tx: Tx, name: str) -> None:
    """Remove the permissions of a registered model or prompt that is deleted."""
    for resource_type in _NAMED:
        grants.forget(tx, _workspace(tx), resource_type, name)


def forget_experiment(tx: Tx, experiment_id: str) -> None:
    """Remove the permissions of an experiment that is deleted permanently."""
    grants.forget(tx, _workspace(tx), "experiment", experiment_id)


def _workspace(tx: Tx) -> str:
    query = sa.select(workspaces.c.name).where(workspaces.c.id == tx.workspace)
    return str(tx.execute(query).scalar_one())
