"""Endpoints of MLflow's basic-auth app before 3.13, which gave permissions to users resource by resource.

Clients of MLflow 2.5 to 3.12 call them; see `wire.py` for the form of messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .wire import Endpoint, Message


class ExperimentPermission(Message):
    _fields = {"experiment_id": "string", "user_id": "int64", "permission": "string"}
    __slots__ = tuple(_fields)

    def __init__(
        self, *, experiment_id: str | None = None, user_id: int | None = None, permission: str | None = None
    ) -> None:
        self.experiment_id = experiment_id
        self.user_id = user_id
        self.permission = permission


class RegisteredModelPermission(Message):
    _fields = {"workspace": "string", "name": "string", "user_id": "int64", "permission": "string"}
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        workspace: str | None = None,
        name: str | None = None,
        user_id: int | None = None,
        permission: str | None = None,
    ) -> None:
        self.workspace = workspace
        self.name = name
        self.user_id = user_id
        self.permission = permission


class ScorerPermission(Message):
    _fields = {"experiment_id": "string", "scorer_name": "string", "user_id": "int64", "permission": "string"}
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        experiment_id: str | None = None,
        scorer_name: str | None = None,
        user_id: int | None = None,
        permission: str | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.scorer_name = scorer_name
        self.user_id = user_id
        self.permission = permission


class CreateExperimentPermission(Message):
    _fields = {"experiment_id": "string", "username": "string", "permission": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"experiment_permission": "ExperimentPermission"}
        __slots__ = tuple(_fields)

        def __init__(self, *, experiment_permission: ExperimentPermission | None = None) -> None:
            self.experiment_permission = experiment_permission

    def __init__(self, *, experiment_id: str, username: str, permission: str) -> None:
        self.experiment_id = experiment_id
        self.username = username
        self.permission = permission


class GetExperimentPermission(Message):
    _fields = {"experiment_id": "string", "username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"experiment_permission": "ExperimentPermission"}
        __slots__ = tuple(_fields)

        def __init__(self, *, experiment_permission: ExperimentPermission | None = None) -> None:
            self.experiment_permission = experiment_permission

    def __init__(self, *, experiment_id: str, username: str) -> None:
        self.experiment_id = experiment_id
        self.username = username


class UpdateExperimentPermission(Message):
    _fields = {"experiment_id": "string", "username": "string", "permission": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, experiment_id: str, username: str, permission: str) -> None:
        self.experiment_id = experiment_id
        self.username = username
        self.permission = permission


class DeleteExperimentPermission(Message):
    _fields = {"experiment_id": "string", "username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, experiment_id: str, username: str) -> None:
        self.experiment_id = experiment_id
        self.username = username


class CreateRegisteredModelPermission(Message):
    _fields = {"name": "string", "username": "string", "permission": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"registered_model_permission": "RegisteredModelPermission"}
        __slots__ = tuple(_fields)

        def __init__(self, *, registered_model_permission: RegisteredModelPermission | None = None) -> None:
            self.registered_model_permission = registered_model_permission

    def __init__(self, *, name: str, username: str, permission: str) -> None:
        self.name = name
        self.username = username
        self.permission = permission


class GetRegisteredModelPermission(Message):
    _fields = {"name": "string", "username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"registered_model_permission": "RegisteredModelPermission"}
        __slots__ = tuple(_fields)

        def __init__(self, *, registered_model_permission: RegisteredModelPermission | None = None) -> None:
            self.registered_model_permission = registered_model_permission

    def __init__(self, *, name: str, username: str) -> None:
        self.name = name
        self.username = username


class UpdateRegisteredModelPermission(Message):
    _fields = {"name": "string", "username": "string", "permission": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, name: str, username: str, permission: str) -> None:
        self.name = name
        self.username = username
        self.permission = permission


class DeleteRegisteredModelPermission(Message):
    _fields = {"name": "string", "username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, name: str, username: str) -> None:
        self.name = name
        self.username = username


class CreateScorerPermission(Message):
    _fields = {
        "experiment_id": "string",
        "scorer_name": "string",
        "username": "string",
        "permission": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"scorer_permission": "ScorerPermission"}
        __slots__ = tuple(_fields)

        def __init__(self, *, scorer_permission: ScorerPermission | None = None) -> None:
            self.scorer_permission = scorer_permission

    def __init__(self, *, experiment_id: str, scorer_name: str, username: str, permission: str) -> None:
        self.experiment_id = experiment_id
        self.scorer_name = scorer_name
        self.username = username
        self.permission = permission


class GetScorerPermission(Message):
    _fields = {"experiment_id": "string", "scorer_name": "string", "username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"scorer_permission": "ScorerPermission"}
        __slots__ = tuple(_fields)

        def __init__(self, *, scorer_permission: ScorerPermission | None = None) -> None:
            self.scorer_permission = scorer_permission

    def __init__(self, *, experiment_id: str, scorer_name: str, username: str) -> None:
        self.experiment_id = experiment_id
        self.scorer_name = scorer_name
        self.username = username


class UpdateScorerPermission(Message):
    _fields = {
        "experiment_id": "string",
        "scorer_name": "string",
        "username": "string",
        "permission": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, experiment_id: str, scorer_name: str, username: str, permission: str) -> None:
        self.experiment_id = experiment_id
        self.scorer_name = scorer_name
        self.username = username
        self.permission = permission


class DeleteScorerPermission(Message):
    _fields = {"experiment_id": "string", "scorer_name": "string", "username": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, experiment_id: str, scorer_name: str, username: str) -> None:
        self.experiment_id = experiment_id
        self.scorer_name = scorer_name
        self.username = username


_CALLS = (("POST", "create"), ("GET", "get"), ("PATCH", "update"), ("DELETE", "delete"))


def _endpoints(folder: str, *messages: Any) -> Iterator[Endpoint]:
    for (verb, call), message in zip(_CALLS, messages, strict=True):
        path, rpc = f"{folder}/permissions/{call}", message.__name__
        yield Endpoint(verb, path, rpc, message, message.Response, "AuthService", mounts=("/api",))


ENDPOINTS: tuple[Endpoint, ...] = (
    *_endpoints(
        "/2.0/mlflow/experiments",
        CreateExperimentPermission,
        GetExperimentPermission,
        UpdateExperimentPermission,
        DeleteExperimentPermission,
    ),
    *_endpoints(
        "/2.0/mlflow/registered-models",
        CreateRegisteredModelPermission,
        GetRegisteredModelPermission,
        UpdateRegisteredModelPermission,
        DeleteRegisteredModelPermission,
    ),
    *_endpoints(
        "/3.0/mlflow/scorers",
        CreateScorerPermission,
        GetScorerPermission,
        UpdateScorerPermission,
        DeleteScorerPermission,
    ),
)
