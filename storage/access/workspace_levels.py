"""The level of a user in a whole workspace, as MLflow 3.10 to 3.12 had it, in terms of today's permissions.

Those releases had a level on the workspace that held for all in it. Today a permission on the workspace
makes a member (USE), who may create, or an administrator (MANAGE); what is in it has permissions by type. The
translation is that of MLflow's migration (``e5f6a7b8c9d0``), but for READ and USE, of which the migration
only keeps the membership.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trackway.client_compat.access_rules import ALL, DENY, LEVELS, MANAGE, NO_PERMISSIONS, USE
from trackway.client_compat.errors import InvalidParameter

from ..database import Tx
from . import grants, roles

_TYPES = (
    "experiment",
    "registered_model",
    "prompt",
    "scorer",
    "gateway_secret",
    "gateway_endpoint",
    "gateway_model_definition",
)
_WORKSPACE = "workspace"


def set_level(tx: Tx, principal_id: int, workspace: str, permission: str) -> None:
    """Give a user a level in a workspace instead of that which it has there.

    Raise ``InvalidParameter`` for a level that clients of MLflow 3.12 do not have.
    """
    level = LEVELS.get(permission, DENY)
    if level == DENY:
        names = ", ".join(name for name in LEVELS if name != "DENY")
        raise InvalidParameter(f"Invalid permission '{permission}'. Valid permissions are: {names}")
    _clear(tx, principal_id, workspace)
    if level == NO_PERMISSIONS:
        return
    role_id = roles.own_role(tx, principal_id, workspace)
    if level >= USE:
        grants.add(tx, role_id, _WORKSPACE, ALL, "MANAGE" if level == MANAGE else "USE")
    if level < MANAGE:
        for resource_type in _TYPES:
            grants.add(tx, role_id, resource_type, ALL, permission)


def remove(tx: Tx, principal_id: int, workspace: str) -> bool:
    """Take a user's level in a workspace. Return whether it had one."""
    had_one = level_of(grants.own_of(tx, workspace, [principal_id]).get(principal_id, ())) is not None
    _clear(tx, principal_id, workspace)
    return had_one


def level_of(own: Iterable[Any]) -> str | None:
    """Return the name of a user's level in a workspace by its own permissions there, or None."""
    levels = {row.resource_type: LEVELS[row.permission] for row in own if row.resource_id == ALL}
    workspace = levels.get(_WORKSPACE, NO_PERMISSIONS)
    if workspace == MANAGE:
        return "MANAGE"
    level = min(levels.get(resource_type, NO_PERMISSIONS) for resource_type in _TYPES)
    if level <= NO_PERMISSIONS:
        level = workspace
    return next((name for name, number in LEVELS.items() if number == level > NO_PERMISSIONS), None)


def _clear(tx: Tx, principal_id: int, workspace: str) -> None:
    for row in grants.own_of(tx, workspace, [principal_id]).get(principal_id, ()):
        if row.resource_id == ALL and row.resource_type in (_WORKSPACE, *_TYPES):
            grants.remove(tx, row.id)
