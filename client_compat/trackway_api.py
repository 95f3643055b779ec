"""Trackway's own endpoints, which MLflow's server does not have: history of the registry (see `wire.py`)."""

from __future__ import annotations

from .wire import Endpoint, Message


class RegisteredModelChange(Message):
    """One change of a registered model: user, time, old and new value."""

    _fields = {
        "time_ms": "int64",
        "action": "string",
        "name": "string",
        "version": "string",
        "key": "string",
        "old_value": "string",
        "new_value": "string",
        "user": "string",
        "request_id": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        time_ms: int | None = None,
        action: str | None = None,
        name: str | None = None,
        version: str | None = None,
        key: str | None = None,
        old_value: str | None = None,
        new_value: str | None = None,
        user: str | None = None,
        request_id: str | None = None,
    ) -> None:
        self.time_ms = time_ms
        self.action = action
        self.name = name
        self.version = version
        self.key = key
        self.old_value = old_value
        self.new_value = new_value
        self.user = user
        self.request_id = request_id


class GetRegisteredModelHistory(Message):
    """Changes of a model, newest first, under all its names; they remain after the model is deleted."""

    _fields = {
        "name": "string",
        "max_results": "int64",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "changes": "RegisteredModelChange[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            changes: list[RegisteredModelChange] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.changes = [] if changes is None else changes
            self.next_page_token = next_page_token

    def __init__(self, *, name: str, max_results: int = 100, page_token: str | None = None) -> None:
        self.name = name
        self.max_results = max_results
        self.page_token = page_token


class GetAliasAt(Message):
    """The version that an alias named at `time_ms` (milliseconds since the epoch), by default now."""

    _fields = {
        "name": "string",
        "alias": "string",
        "time_ms": "int64",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        """Without `version` the alias was not set. `change` is the alias's last change until then, if any."""

        _fields = {
            "version": "string",
            "change": "RegisteredModelChange",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self, *, version: str | None = None, change: RegisteredModelChange | None = None
        ) -> None:
            self.version = version
            self.change = change

    def __init__(self, *, name: str, alias: str, time_ms: int | None = None) -> None:
        self.name = name
        self.alias = alias
        self.time_ms = time_ms


# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/3.0/trackway/registered-models/history", "GetRegisteredModelHistory",
             GetRegisteredModelHistory, GetRegisteredModelHistory.Response, "TrackwayService"),
    Endpoint("GET", "/3.0/trackway/registered-models/alias-at", "GetAliasAt",
             GetAliasAt, GetAliasAt.Response, "TrackwayService"),
)
# fmt: on
