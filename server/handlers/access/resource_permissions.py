"""Permissions of single users in the calls of MLflow 2.5 to 3.12, which has four for each type of resources.

These clients have the level NO_PERMISSIONS where newer ones have DENY, and no type for prompts: the calls for
registered models are about prompts, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trackway.client_compat import extra_users as x
from trackway.client_compat.extra_permissions import RESOURCE_TYPES, Request, ResourceType
from trackway.client_compat.wire import Message
from trackway.server.auth import policy
from trackway.server.dispatch import Context, handles
from trackway.storage.access import containers, grants, principals

from .user_permissions import find, give


def _register(resource_type: ResourceType) -> None:
    """Register the handlers of the four calls for a type of resources."""

    def answer(ctx: Context, req: Request) -> Message:
        row = find(ctx, req.username, *_resource(ctx, resource_type, req))
        permission = _json(resource_type, row, principals.find(ctx.tx, req.username).id)
        return req.Response(**{resource_type.field: permission})

    @handles(resource_type.create, can=policy.edit_user_permissions)
    def create(ctx: Context, req: Request) -> Message:
        level = level_here(req.permission)
        give(ctx, req.username, *_resource(ctx, resource_type, req), level)
        return answer(ctx, req)

    handles(resource_type.get, can=policy.read_user_permissions)(answer)

    @handles(resource_type.update, can=policy.edit_user_permissions)
    def update(ctx: Context, req: Request) -> Message:
        row = find(ctx, req.username, *_resource(ctx, resource_type, req))
        grants.set_level(ctx.tx, row.id, level_here(req.permission))
        return req.Response()

    @handles(resource_type.delete, can=policy.edit_user_permissions)
    def delete(ctx: Context, req: Request) -> Message:
        grants.remove(ctx.tx, find(ctx, req.username, *_resource(ctx, resource_type, req)).id)
        return req.Response()


for _resource_type in RESOURCE_TYPES:
    _register(_resource_type)


def of_user(rows: Iterable[Any], principal_id: int) -> dict[str, list[object]]:
    """Return a user's own permissions (rows of ``grants``) as these clients read them in the user."""
    rows = list(rows)
    return {
        f"{resource_type.name}_permissions": [
            _json(resource_type, row, principal_id)
            for row in rows
            if row.resource_type in _stored_types(resource_type)
        ]
        for resource_type in RESOURCE_TYPES
        if f"{resource_type.name}_permissions" in x.User._fields
    }


def level_here(permission: str) -> str:
    """Return the level that stands for one of these clients."""
    return "DENY" if permission == "NO_PERMISSIONS" else permission


def _resource(ctx: Context, resource_type: ResourceType, req: Request) -> tuple[str, str]:
    """Return the type and the id of a request's resource, as permissions name it."""
    name, resource_id = resource_type.name, resource_type.resource_id(req)
    if name == "registered_model" and containers.is_prompt(ctx.tx, resource_id):
        name = "prompt"
    return name, resource_id


def _stored_types(resource_type: ResourceType) -> tuple[str, ...]:
    is_model = resource_type.name == "registered_model"
    return (resource_type.name, "prompt") if is_model else (resource_type.name,)


def _json(resource_type: ResourceType, row: Any, principal_id: int) -> dict[str, object]:
    """Return a permission as these clients read it."""
    found: dict[str, object] = (
        {"workspace": row.workspace} if resource_type.name == "registered_model" else {}
    )
    level = "NO_PERMISSIONS" if row.permission == "DENY" else row.permission
    return found | resource_type.values(row.resource_id) | {"user_id": principal_id, "permission": level}
