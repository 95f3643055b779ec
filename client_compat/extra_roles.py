"""Endpoints of MLflow's basic-auth app for roles and permissions, outside its protos (see `wire.py`).

From MLflow 3.13 on, permissions belong to roles. A user's own are those of a role named `__user_<id>__`.
"""

from __future__ import annotations

from .wire import Endpoint, Message


class Grant(Message):
    """A permission of a role. `resource_pattern` is "*" or the id of one resource."""

    _fields = {
        "id": "int64",
        "role_id": "int64",
        "resource_type": "string",
        "resource_pattern": "string",
        "permission": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        id: int | None = None,
        role_id: int | None = None,
        resource_type: str | None = None,
        resource_pattern: str | None = None,
        permission: str | None = None,
    ) -> None:
        self.id = id
        self.role_id = role_id
        self.resource_type = resource_type
        self.resource_pattern = resource_pattern
        self.permission = permission


class Role(Message):
    _fields = {
        "id": "int64",
        "name": "string",
        "workspace": "string",
        "description": "google.Value",
        "permissions": "Grant[] always",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        id: int | None = None,
        name: str | None = None,
        workspace: str | None = None,
        description: object | None = None,
        permissions: list[Grant] | None = None,
    ) -> None:
        self.id = id
        self.name = name
        self.workspace = workspace
        self.description = description
        self.permissions = [] if permissions is None else permissions


class Assignment(Message):
    """A user who has a role."""

    _fields = {"id": "int64", "user_id": "int64", "role_id": "int64"}
    __slots__ = tuple(_fields)

    def __init__(
        self, *, id: int | None = None, user_id: int | None = None, role_id: int | None = None
    ) -> None:
        self.id = id
        self.user_id = user_id
        self.role_id = role_id


class GrantOfRole(Message):
    """A permission with the role that it comes from."""

    _fields = {
        "role_id": "int64",
        "role_name": "string",
        "workspace": "string",
        "resource_type": "string",
        "resource_pattern": "string",
        "permission": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        role_id: int | None = None,
        role_name: str | None = None,
        workspace: str | None = None,
        resource_type: str | None = None,
        resource_pattern: str | None = None,
        permission: str | None = None,
    ) -> None:
        self.role_id = role_id
        self.role_name = role_name
        self.workspace = workspace
        self.resource_type = resource_type
        self.resource_pattern = resource_pattern
        self.permission = permission


class CreateRole(Message):
    _fields = {"name": "string", "workspace": "string", "description": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"role": "Role"}
        __slots__ = tuple(_fields)

        def __init__(self, *, role: Role | None = None) -> None:
            self.role = role

    def __init__(self, *, name: str, workspace: str = "default", description: str | None = None) -> None:
        self.name = name
        self.workspace = workspace
        self.description = description


class GetRole(Message):
    _fields = {"role_id": "int64"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"role": "Role"}
        __slots__ = tuple(_fields)

        def __init__(self, *, role: Role | None = None) -> None:
            self.role = role

    def __init__(self, *, role_id: int) -> None:
        self.role_id = role_id


class ListRoles(Message):
    """Roles of the workspaces in the query string, or of all."""

    _fields = {"workspace": "string[]"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"roles": "Role[] always"}
        __slots__ = tuple(_fields)

        def __init__(self, *, roles: list[Role] | None = None) -> None:
            self.roles = [] if roles is None else roles

    def __init__(self, *, workspace: list[str] | None = None) -> None:
        self.workspace = [] if workspace is None else workspace


class UpdateRole(Message):
    _fields = {"role_id": "int64", "name": "string", "description": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"role": "Role"}
        __slots__ = tuple(_fields)

        def __init__(self, *, role: Role | None = None) -> None:
            self.role = role

    def __init__(self, *, role_id: int, name: str | None = None, description: str | None = None) -> None:
        self.role_id = role_id
        self.name = name
        self.description = description


class DeleteRole(Message):
    _fields = {"role_id": "int64"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, role_id: int) -> None:
        self.role_id = role_id


class AddRolePermission(Message):
    _fields = {
        "role_id": "int64",
        "resource_type": "string",
        "resource_pattern": "string",
        "permission": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"role_permission": "Grant"}
        __slots__ = tuple(_fields)

        def __init__(self, *, role_permission: Grant | None = None) -> None:
            self.role_permission = role_permission

    def __init__(self, *, role_id: int, resource_type: str, resource_pattern: str, permission: str) -> None:
        self.role_id = role_id
        self.resource_type = resource_type
        self.resource_pattern = resource_pattern
        self.permission = permission


class RemoveRolePermission(Message):
    _fields = {"role_permission_id": "int64"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, role_permission_id: int) -> None:
        self.role_permission_id = role_permission_id


class UpdateRolePermission(Message):
    _fields = {"role_permission_id": "int64", "permission": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"role_permission": "Grant"}
        __slots__ = tuple(_fields)

        def __init__(self, *, role_permission: Grant | None = None) -> None:
            self.role_permission = role_permission

    def __init__(self, *, role_permission_id: int, permission: str) -> None:
        self.role_permission_id = role_permission_id
        self.permission = permission


class ListRolePermissions(Message):
    _fields = {"role_id": "int64"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"role_permissions": "Grant[] always"}
        __slots__ = tuple(_fields)

        def __init__(self, *, role_permissions: list[Grant] | None = None) -> None:
            self.role_permissions = [] if role_permissions is None else role_permissions

    def __init__(self, *, role_id: int) -> None:
        self.role_id = role_id


class AssignRole(Message):
    _fields = {"username": "string", "role_id": "int64"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"assignment": "Assignment"}
        __slots__ = tuple(_fields)

        def __init__(self, *, assignment: Assignment | None = None) -> None:
            self.assignment = assignment

    def __init__(self, *, username: str, role_id: int) -> None:
        self.username = username
        self.role_id = role_id


class UnassignRole(Message):
    _fields = {"username": "string", "role_id": "int64"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, username: str, role_id: int) -> None:
        self.username = username
        self.role_id = role_id


class ListUserRoles(Message):
    _fields = {"username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"roles": "Role[] always"}
        __slots__ = tuple(_fields)

        def __init__(self, *, roles: list[Role] | None = None) -> None:
            self.roles = [] if roles is None else roles

    def __init__(self, *, username: str) -> None:
        self.username = username


class ListRoleUsers(Message):
    _fields = {"role_id": "int64"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"assignments": "Assignment[] always"}
        __slots__ = tuple(_fields)

        def __init__(self, *, assignments: list[Assignment] | None = None) -> None:
            self.assignments = [] if assignments is None else assignments

    def __init__(self, *, role_id: int) -> None:
        self.role_id = role_id


class ListCurrentUserPermissions(Message):
    __slots__ = ()

    class Response(Message):
        _fields = {"is_admin": "bool", "permissions": "GrantOfRole[] always"}
        __slots__ = tuple(_fields)

        def __init__(
            self, *, is_admin: bool | None = None, permissions: list[GrantOfRole] | None = None
        ) -> None:
            self.is_admin = is_admin
            self.permissions = [] if permissions is None else permissions


class ListUserPermissions(Message):
    _fields = {"username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"is_admin": "bool", "permissions": "GrantOfRole[] always"}
        __slots__ = tuple(_fields)

        def __init__(
            self, *, is_admin: bool | None = None, permissions: list[GrantOfRole] | None = None
        ) -> None:
            self.is_admin = is_admin
            self.permissions = [] if permissions is None else permissions

    def __init__(self, *, username: str) -> None:
        self.username = username


class GrantUserPermission(Message):
    _fields = {
        "username": "string",
        "resource_type": "string",
        "resource_id": "string",
        "permission": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, username: str, resource_type: str, resource_id: str, permission: str) -> None:
        self.username = username
        self.resource_type = resource_type
        self.resource_id = resource_id
        self.permission = permission


class RevokeUserPermission(Message):
    _fields = {"username": "string", "resource_type": "string", "resource_id": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, username: str, resource_type: str, resource_id: str) -> None:
        self.username = username
        self.resource_type = resource_type
        self.resource_id = resource_id


class GetUserPermission(Message):
    """The permission that a request of the user would have."""

    _fields = {"username": "string", "resource_type": "string", "resource_id": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"allowed": "bool", "permission": "string"}
        __slots__ = tuple(_fields)

        def __init__(self, *, allowed: bool | None = None, permission: str | None = None) -> None:
            self.allowed = allowed
            self.permission = permission

    def __init__(self, *, username: str, resource_type: str, resource_id: str) -> None:
        self.username = username
        self.resource_type = resource_type
        self.resource_id = resource_id


# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = tuple(
    Endpoint(verb, f"/3.0/mlflow/{path}", message.__name__, message, message.Response, "AuthService")
    for verb, path, message in (
        ("POST", "roles/create", CreateRole),
        ("GET", "roles/get", GetRole),
        ("GET", "roles/list", ListRoles),
        ("PATCH", "roles/update", UpdateRole),
        ("DELETE", "roles/delete", DeleteRole),
        ("POST", "roles/permissions/add", AddRolePermission),
        ("DELETE", "roles/permissions/remove", RemoveRolePermission),
        ("PATCH", "roles/permissions/update", UpdateRolePermission),
        ("GET", "roles/permissions/list", ListRolePermissions),
        ("POST", "roles/assign", AssignRole),
        ("DELETE", "roles/unassign", UnassignRole),
        ("GET", "roles/users/list", ListRoleUsers),
        ("GET", "users/roles/list", ListUserRoles),
        ("GET", "users/current/permissions", ListCurrentUserPermissions),
        ("GET", "users/permissions/list", ListUserPermissions),
        ("POST", "users/permissions/grant", GrantUserPermission),
        ("POST", "users/permissions/revoke", RevokeUserPermission),
        ("GET", "users/permissions/get", GetUserPermission),
    )
)
# fmt: on
