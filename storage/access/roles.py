"""Roles and who has them. A role belongs to one workspace, which it names.

A principal's own permissions are those of a role of its own, which is made at the first of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import access_rules
from trackway.client_compat.errors import AlreadyExists, NotFound

from ..database import Tx, insert_new
from ..schema.access import role_members, roles
from ..schema.tracking import workspaces
from . import changes, state


def create(tx: Tx, name: str, workspace: str, description: str | None = None) -> sa.Row[Any]:
    """Create a role and return its row. Raise ``AlreadyExists``."""
    access_rules.check_role_name(name)
    values = {"name": name, "workspace": workspace, "description": description}
    row = tx.execute(insert_new(roles).returning(roles), values).first()
    if row is None:
        raise AlreadyExists(f"Role (name={name}, workspace={workspace}) already exists.")
    changes.note(tx, "role", (row.id,), None, _value(row))
    return row


def own_role(tx: Tx, principal_id: int, workspace: str) -> int:
    """Return the id of the role with the principal's own permissions in a workspace; create it if needed."""
    name = f"__user_{principal_id}__"
    values = {"name": name, "workspace": workspace, "owner_id": principal_id}
    inserted = tx.execute(insert_new(roles).returning(roles), values).first()
    if inserted is None:
        query = sa.select(roles.c.id).where(roles.c.workspace == workspace, roles.c.name == name)
        return int(tx.execute(query).scalar_one())
    tx.execute(sa.insert(role_members), {"principal_id": principal_id, "role_id": inserted.id})
    changes.note(tx, "role", (inserted.id,), None, _value(inserted))
    changes.note(tx, "member", (principal_id, inserted.id), None, True)
    return int(inserted.id)


def get(tx: Tx, role_id: int) -> sa.Row[Any]:
    """Return the role's row. Raise ``NotFound``."""
    row = tx.execute(sa.select(roles).where(roles.c.id == role_id)).first()
    if row is None:
        raise NotFound(f"Role with id={role_id} not found")
    return row


def find_all(tx: Tx, workspaces: Iterable[str] | None = None) -> Sequence[sa.Row[Any]]:
    """Return the roles of the workspaces, or of all, by id."""
    query = sa.select(roles).order_by(roles.c.id)
    if workspaces is not None:
        query = query.where(roles.c.workspace.in_(list(workspaces)))
    return tx.execute(query).all()


def of_principal(tx: Tx, principal_ids: Iterable[int]) -> dict[int, list[sa.Row[Any]]]:
    """Return the roles of each principal, by the principal's id."""
    query = (
        sa.select(role_members.c.principal_id, roles)
        .join(roles, roles.c.id == role_members.c.role_id)
        .where(role_members.c.principal_id.in_(list(principal_ids)))
        .order_by(roles.c.id)
    )
    found: dict[int, list[sa.Row[Any]]] = {}
    for row in tx.execute(query):
        found.setdefault(row.principal_id, []).append(row)
    return found


def names_in_workspace(tx: Tx, principal_id: int) -> set[str]:
    """Return the names of a principal's roles in the transaction's workspace."""
    query = (
        sa.select(roles.c.name)
        .join(role_members, role_members.c.role_id == roles.c.id)
        .join(workspaces, workspaces.c.name == roles.c.workspace)
        .where(role_members.c.principal_id == principal_id, workspaces.c.id == tx.workspace)
    )
    return set(tx.execute(query).scalars())


def update(tx: Tx, role_id: int, name: str | None, description: str | None) -> sa.Row[Any]:
    """Rename a role, or change its description. Return its row. Raise ``NotFound`` or ``AlreadyExists``."""
    role = get(tx, role_id)
    values = {} if description is None else {"description": description}
    if name is not None and name != role.name:
        access_rules.check_role_name(name)
        taken = sa.select(roles.c.id).where(roles.c.workspace == role.workspace, roles.c.name == name)
        if tx.execute(taken).first():
            raise AlreadyExists(f"Role with name={name} already exists in workspace={role.workspace}")
        values["name"] = name
    if values:
        tx.execute(sa.update(roles).where(roles.c.id == role_id).values(**values))
    changed = get(tx, role_id)
    if _value(changed) != _value(role):
        changes.note(tx, "role", (role_id,), _value(role), _value(changed))
    return changed


def delete(tx: Tx, role_id: int) -> None:
    """Delete a role with its permissions. Raise ``NotFound``."""
    role = get(tx, role_id)
    tx.execute(sa.delete(roles).where(roles.c.id == role_id))
    changes.note(tx, "role", (role_id,), _value(role), None)
    state.raise_epoch(tx)


def assign(tx: Tx, principal_id: int, role_id: int) -> sa.Row[Any]:
    """Give a role to a principal. Return the assignment's row. Raise ``NotFound`` or ``AlreadyExists``."""
    get(tx, role_id)
    values = {"principal_id": principal_id, "role_id": role_id}
    row = tx.execute(insert_new(role_members).returning(role_members), values).first()
    if row is None:
        raise AlreadyExists(
            f"User role assignment (user_id={principal_id}, role_id={role_id}) already exists"
        )
    changes.note(tx, "member", (principal_id, role_id), None, True)
    state.raise_epoch(tx)
    return row


def unassign(tx: Tx, principal_id: int, role_id: int) -> None:
    """Take a role from a principal. Raise ``NotFound`` if it does not have it."""
    deleted = tx.execute(
        sa.delete(role_members).where(
            role_members.c.principal_id == principal_id, role_members.c.role_id == role_id
        )
    )
    if not deleted.rowcount:
        raise NotFound(f"User role assignment (user_id={principal_id}, role_id={role_id}) not found")
    changes.note(tx, "member", (principal_id, role_id), True, None)
    state.raise_epoch(tx)


def members(tx: Tx, role_id: int) -> Sequence[sa.Row[Any]]:
    """Return the assignments of a role. Raise ``NotFound``."""
    get(tx, role_id)
    query = sa.select(role_members).where(role_members.c.role_id == role_id).order_by(role_members.c.id)
    return tx.execute(query).all()


def _value(role: Any) -> dict[str, Any]:
    """Return what the audit tells of a role."""
    return {
        "workspace": role.workspace,
        "name": role.name,
        "description": role.description,
        "owner_id": role.owner_id,
    }
