"""Permissions of roles: a level for all resources of a type, or for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import access_rules
from trackway.client_compat.errors import AlreadyExists, NotFound

from ..database import Tx, insert_new
from ..schema.access import grants, role_members, roles
from . import changes, state


def add(tx: Tx, role_id: int, resource_type: str, resource_id: str, permission: str) -> sa.Row[Any]:
    """Give a role a permission. Return its row. Raise ``AlreadyExists`` if it has one for the resource."""
    access_rules.check_grant(resource_type, resource_id, permission)
    values = {
        "role_id": role_id,
        "resource_type": resource_type,
        "resource_id": resource_id,
        "permission": permission,
    }
    row = tx.execute(insert_new(grants).returning(grants), values).first()
    if row is None:
        raise AlreadyExists(
            f"Role permission (role_id={role_id}, resource_type={resource_type}, "
            f"resource_pattern={resource_id}) already exists."
        )
    _note(tx, row, old=None, new=permission)
    state.raise_epoch(tx)
    return row


def get(tx: Tx, grant_id: int) -> sa.Row[Any]:
    """Return a permission's row. Raise ``NotFound``."""
    row = tx.execute(sa.select(grants).where(grants.c.id == grant_id)).first()
    if row is None:
        raise NotFound(f"Role permission with id={grant_id} not found")
    return row


def find(tx: Tx, role_id: int, resource_type: str, resource_id: str) -> sa.Row[Any] | None:
    """Return a role's permission for a resource, or None."""
    query = sa.select(grants).where(
        grants.c.role_id == role_id,
        grants.c.resource_type == resource_type,
        grants.c.resource_id == resource_id,
    )
    return tx.execute(query).first()


def set_level(tx: Tx, grant_id: int, permission: str) -> sa.Row[Any]:
    """Change the level of a permission. Return its row. Raise ``NotFound``."""
    row = get(tx, grant_id)
    access_rules.check_level(row.resource_type, permission)
    tx.execute(sa.update(grants).where(grants.c.id == grant_id).values(permission=permission))
    _note(tx, row, old=row.permission, new=permission)
    state.raise_epoch(tx)
    return get(tx, grant_id)


def remove(tx: Tx, grant_id: int) -> None:
    """Take a permission from its role. Raise ``NotFound``."""
    row = get(tx, grant_id)
    tx.execute(sa.delete(grants).where(grants.c.id == grant_id))
    _note(tx, row, old=row.permission, new=None)
    state.raise_epoch(tx)


def of_roles(tx: Tx, role_ids: Iterable[int]) -> dict[int, list[sa.Row[Any]]]:
    """Return the permissions of each role, by the role's id."""
    query = sa.select(grants).where(grants.c.role_id.in_(list(role_ids))).order_by(grants.c.id)
    found: dict[int, list[sa.Row[Any]]] = {}
    for row in tx.execute(query):
        found.setdefault(row.role_id, []).append(row)
    return found


def of_principal(tx: Tx, principal_id: int) -> Sequence[sa.Row[Any]]:
    """Return all permissions of a principal's roles, each with its role's name, workspace and owner."""
    query = (
        sa.select(grants, roles.c.name.label("role_name"), roles.c.workspace, roles.c.owner_id)
        .join(roles, roles.c.id == grants.c.role_id)
        .join(role_members, role_members.c.role_id == roles.c.id)
        .where(role_members.c.principal_id == principal_id)
        .order_by(roles.c.id, grants.c.id)
    )
    return tx.execute(query).all()


def own_of(tx: Tx, workspace: str, principal_ids: Iterable[int]) -> dict[int, list[sa.Row[Any]]]:
    """Return the own permissions of principals in a workspace, by the principal's id."""
    query = (
        sa.select(grants, roles.c.owner_id, roles.c.workspace)
        .join(roles, roles.c.id == grants.c.role_id)
        .where(roles.c.workspace == workspace, roles.c.owner_id.in_(list(principal_ids)))
        .order_by(grants.c.id)
    )
    found: dict[int, list[sa.Row[Any]]] = {}
    for row in tx.execute(query):
        found.setdefault(row.owner_id, []).append(row)
    return found


def exist_for(tx: Tx, workspace: str, resource_types: Iterable[str], resource_id: str) -> bool:
    """Return whether a role of the workspace has a permission for the resource."""
    query = (
        sa.select(grants.c.id)
        .join(roles, roles.c.id == grants.c.role_id)
        .where(
            roles.c.workspace == workspace,
            grants.c.resource_type.in_(list(resource_types)),
            grants.c.resource_id == resource_id,
        )
    )
    return tx.execute(query.limit(1)).first() is not None


def rename(tx: Tx, workspace: str, resource_type: str, old: str, new: str) -> None:
    """Move the permissions for a resource to its new name, which must have none."""
    of_workspace = sa.select(roles.c.id).where(roles.c.workspace == workspace)
    moved = tx.execute(
        sa.update(grants)
        .where(
            grants.c.role_id.in_(of_workspace),
            grants.c.resource_type == resource_type,
            grants.c.resource_id == old,
        )
        .values(resource_id=new)
        .returning(grants.c.role_id, grants.c.permission)
    ).all()
    for row in moved:
        changes.note(tx, "grant", (row.role_id, resource_type, old), row.permission, None)
        changes.note(tx, "grant", (row.role_id, resource_type, new), None, row.permission)
    if moved:
        state.raise_epoch(tx)


def forget(tx: Tx, workspace: str, resource_type: str, resource_id: str) -> None:
    """Remove the permissions for a resource that was deleted, so that another of its name starts without."""
    of_workspace = sa.select(roles.c.id).where(roles.c.workspace == workspace)
    removed = tx.execute(
        sa.delete(grants)
        .where(
            grants.c.role_id.in_(of_workspace),
            grants.c.resource_type == resource_type,
            grants.c.resource_id == resource_id,
        )
        .returning(grants)
    ).all()
    for row in removed:
        _note(tx, row, old=row.permission, new=None)
    if removed:
        state.raise_epoch(tx)


def _note(tx: Tx, row: Any, *, old: str | None, new: str | None) -> None:
    changes.note(tx, "grant", (row.role_id, row.resource_type, row.resource_id), old, new)
