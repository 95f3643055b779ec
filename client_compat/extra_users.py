"""Endpoints of MLflow's basic-auth app, which are not in its protos, written by hand (see `wire.py`).

Clients of MLflow 2.5 to 3.12 expect the lists of permissions in each user; newer ones ignore them. Type words
`always`: the list is written even if it is empty.
"""

from __future__ import annotations

from .wire import Endpoint, Message


class User(Message):
    """A user as MLflow's clients read it. `roles` is None except in lists of users."""

    _fields = {
        "id": "int64",
        "username": "string",
        "is_admin": "bool",
        "experiment_permissions": "google.Value[] always",
        "registered_model_permissions": "google.Value[] always",
        "scorer_permissions": "google.Value[] always",
        "roles": "google.Value[] always",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        id: int | None = None,
        username: str | None = None,
        is_admin: bool | None = None,
        experiment_permissions: list[object] | None = None,
        registered_model_permissions: list[object] | None = None,
        scorer_permissions: list[object] | None = None,
        roles: list[object] | None = None,
    ) -> None:
        self.id = id
        self.username = username
        self.is_admin = is_admin
        self.experiment_permissions = experiment_permissions or []
        self.registered_model_permissions = registered_model_permissions or []
        self.scorer_permissions = scorer_permissions or []
        self.roles = roles


class CreateUser(Message):
    _fields = {"username": "string", "password": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"user": "User"}
        __slots__ = tuple(_fields)

        def __init__(self, *, user: User | None = None) -> None:
            self.user = user

    def __init__(self, *, username: str | None = None, password: str | None = None) -> None:
        self.username = username
        self.password = password


class GetUser(Message):
    _fields = {"username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"user": "User"}
        __slots__ = tuple(_fields)

        def __init__(self, *, user: User | None = None) -> None:
            self.user = user

    def __init__(self, *, username: str) -> None:
        self.username = username


class ListUsers(Message):
    __slots__ = ()

    class Response(Message):
        _fields = {"users": "User[] always"}
        __slots__ = tuple(_fields)

        def __init__(self, *, users: list[User] | None = None) -> None:
            self.users = [] if users is None else users


class GetCurrentUser(Message):
    """The caller, null on an open server. `is_basic_auth` has the UI offer a new password and the log-out."""

    __slots__ = ()

    class Response(Message):
        _fields = {"user": "google.Value", "is_basic_auth": "bool"}
        __slots__ = tuple(_fields)

        def __init__(self, *, user: object = None, is_basic_auth: bool | None = None) -> None:
            self.user = user
            self.is_basic_auth = is_basic_auth


class UpdateUserPassword(Message):
    """Users change their own password by repeating the current one; administrators set that of others."""

    _fields = {"username": "string", "password": "string", "current_password": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, username: str, password: str, current_password: str | None = None) -> None:
        self.username = username
        self.password = password
        self.current_password = current_password


class UpdateUserAdmin(Message):
    _fields = {"username": "string", "is_admin": "bool"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, username: str, is_admin: bool) -> None:
        self.username = username
        self.is_admin = is_admin


class DeleteUser(Message):
    _fields = {"username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, username: str) -> None:
        self.username = username


# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = tuple(
    Endpoint(verb, path, message.__name__, message, message.Response, "AuthService")
    for verb, path, message in (
        ("POST", "/2.0/mlflow/users/create", CreateUser),
        ("GET", "/2.0/mlflow/users/get", GetUser),
        ("GET", "/2.0/mlflow/users/list", ListUsers),
        ("GET", "/2.0/mlflow/users/current", GetCurrentUser),
        ("PATCH", "/2.0/mlflow/users/update-password", UpdateUserPassword),
        ("PATCH", "/2.0/mlflow/users/update-admin", UpdateUserAdmin),
        ("DELETE", "/2.0/mlflow/users/delete", DeleteUser),
    )
)
# fmt: on
