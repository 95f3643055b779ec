"""Permissions that follow a resource: its creator may manage it, and its permissions go with it."""

from __future__ import annotations

import sqlalchemy as sa

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
    """Move the permissions of a registered model or prompt to its new name."""
    for resource_type in _NAMED:
        grants.rename(tx, _workspace(tx), resource_type, old, new)


def forget_model(tx: Tx, name: str) -> None:
    """Remove the permissions of a registered model or prompt that is deleted."""
    for resource_type in _NAMED:
        grants.forget(tx, _workspace(tx), resource_type, name)


def _workspace(tx: Tx) -> str:
    query = sa.select(workspaces.c.name).where(workspaces.c.id == tx.workspace)
    return str(tx.execute(query).scalar_one())
