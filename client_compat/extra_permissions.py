"""Endpoints of MLflow's basic-auth app before 3.13, which gave permissions to users resource by resource.

Clients of MLflow 2.5 to 3.12 call them; see `wire.py` for the form of messages. The calls are the same for
each type of resources, so their messages are made from a table. A permission in a response is plain JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote, unquote

from .wire import Endpoint, Message


class Request(Message):
    """Base of the requests. Each also has the fields that name the resource."""

    __slots__ = ()
    Response: ClassVar[type[Message]]
    username: str
    permission: str


class ResourceType(NamedTuple):
    """A type of resources, and its four requests. ``keys`` are the fields that name a resource."""

    name: str
    path: str
    keys: tuple[str, ...]
    create: type[Request]
    get: type[Request]
    update: type[Request]
    delete: type[Request]

    @property
    def field(self) -> str:
        """The field of responses that has a permission."""
        return f"{self.name}_permission"

    def resource_id(self, request: Request) -> str:
        """Return the id of a request's resource, as permissions name it."""
        first, *rest = (str(getattr(request, key)) for key in self.keys)
        return "/".join([first, *(quote(part, safe="") for part in rest)])

    def values(self, resource_id: str) -> dict[str, str]:
        """Return the keys of a resource by its id."""
        parts = resource_id.split("/", len(self.keys) - 1)
        return dict(zip(self.keys, (parts[0], *map(unquote, parts[1:])), strict=False))

    def endpoints(self) -> Iterator[Endpoint]:
        calls = (("POST", self.create), ("GET", self.get), ("PATCH", self.update), ("DELETE", self.delete))
        for (verb, message), call in zip(calls, ("create", "get", "update", "delete"), strict=True):
            path, rpc = f"{self.path}/permissions/{call}", message.__name__
            yield Endpoint(verb, path, rpc, message, message.Response, "AuthService", mounts=("/api",))


def _resource_type(name: str, path: str, *keys: str) -> ResourceType:
    noun = name.title().replace("_", "")
    found = _response({f"{name}_permission": "google.Value"})
    nothing = _response({})
    user, level = (*keys, "username"), (*keys, "username", "permission")
    return ResourceType(
        name,
        path,
        keys,
        create=_request(f"Create{noun}Permission", level, found),
        get=_request(f"Get{noun}Permission", user, found),
        update=_request(f"Update{noun}Permission", level, nothing),
        delete=_request(f"Delete{noun}Permission", user, nothing),
    )


def _request(name: str, fields: tuple[str, ...], response: type[Message]) -> type[Request]:
    """Return the class of a request whose fields are all required strings."""
    return _class(name, Request, dict.fromkeys(fields, "string"), {"Response": response})


def _response(fields: dict[str, str]) -> type[Message]:
    return _class("Response", Message, fields, {})


def _class(name: str, base: type[Any], fields: dict[str, str], more: dict[str, object]) -> type[Any]:
    def __init__(self: Message, **values: object) -> None:
        for field in fields:
            setattr(self, field, values[field])

    body = {"__module__": __name__, "__slots__": tuple(fields), "_fields": fields, "__init__": __init__}
    return type(name, (base,), body | more)


RESOURCE_TYPES = (
    _resource_type("experiment", "/2.0/mlflow/experiments", "experiment_id"),
    _resource_type("registered_model", "/2.0/mlflow/registered-models", "name"),
    _resource_type("scorer", "/3.0/mlflow/scorers", "experiment_id", "scorer_name"),
    _resource_type("gateway_secret", "/3.0/mlflow/gateway/secrets", "secret_id"),
    _resource_type("gateway_endpoint", "/3.0/mlflow/gateway/endpoints", "endpoint_id"),
    _resource_type(
        "gateway_model_definition", "/3.0/mlflow/gateway/model-definitions", "model_definition_id"
    ),
)


class WorkspacePermission(Message):
    _fields = {"workspace": "string", "user_id": "int64", "permission": "string", "can_use": "bool"}
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        workspace: str | None = None,
        user_id: int | None = None,
        permission: str | None = None,
        can_use: bool | None = None,
    ) -> None:
        self.workspace = workspace
        self.user_id = user_id
        self.permission = permission
        self.can_use = can_use


class ListWorkspacePermissions(Message):
    _fields = {"workspace_name": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"permissions": "WorkspacePermission[] always"}
        __slots__ = tuple(_fields)

        def __init__(self, *, permissions: list[WorkspacePermission] | None = None) -> None:
            self.permissions = permissions or []

    def __init__(self, *, workspace_name: str) -> None:
        self.workspace_name = workspace_name


class SetWorkspacePermission(Message):
    _fields = {"workspace_name": "string", "username": "string", "permission": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"permission": "WorkspacePermission"}
        __slots__ = tuple(_fields)

        def __init__(self, *, permission: WorkspacePermission | None = None) -> None:
            self.permission = permission

    def __init__(self, *, workspace_name: str, username: str, permission: str) -> None:
        self.workspace_name = workspace_name
        self.username = username
        self.permission = permission


class DeleteWorkspacePermission(Message):
    """Clients send the user in the query string."""

    _fields = {"workspace_name": "string", "username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, workspace_name: str, username: str | None = None) -> None:
        self.workspace_name = workspace_name
        self.username = username


class ListUserWorkspacePermissions(Message):
    _fields = {"username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"permissions": "WorkspacePermission[] always"}
        __slots__ = tuple(_fields)

        def __init__(self, *, permissions: list[WorkspacePermission] | None = None) -> None:
            self.permissions = permissions or []

    def __init__(self, *, username: str) -> None:
        self.username = username


_OF_WORKSPACE = "/3.0/mlflow/workspaces/<workspace_name>/permissions"

ENDPOINTS: tuple[Endpoint, ...] = (
    *(endpoint for resource_type in RESOURCE_TYPES for endpoint in resource_type.endpoints()),
    *(
        Endpoint(verb, path, message.__name__, message, message.Response, "AuthService", mounts=("/api",))
        for verb, path, message in (
            ("GET", _OF_WORKSPACE, ListWorkspacePermissions),
            ("POST", _OF_WORKSPACE, SetWorkspacePermission),
            ("DELETE", _OF_WORKSPACE, DeleteWorkspacePermission),
            ("GET", "/3.0/mlflow/workspace-permissions", ListUserWorkspacePermissions),
        )
    ),
)
