"""Trackway's own endpoints for access: the caller, API tokens, service accounts."""

from __future__ import annotations

from .wire import Endpoint, Message


class WhoAmI(Message):
    """The caller and how it was authenticated. An open server has no callers; `name` is then unset."""

    __slots__ = ()

    class Response(Message):
        _fields = {
            "name": "string",
            "kind": "string",
            "is_admin": "bool",
            "authenticated_by": "string",
            "token_id": "string",
            "scopes": "string[]",
            "experiments": "string[]",
            "models": "string[]",
            "expiry_time": "int64",
            "workspace": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            name: str | None = None,
            kind: str | None = None,
            is_admin: bool | None = None,
            authenticated_by: str | None = None,
            token_id: str | None = None,
            scopes: list[str] | None = None,
            experiments: list[str] | None = None,
            models: list[str] | None = None,
            expiry_time: int | None = None,
            workspace: str | None = None,
        ) -> None:
            self.name = name
            self.kind = kind
            self.is_admin = is_admin
            self.authenticated_by = authenticated_by
            self.token_id = token_id
            self.scopes = [] if scopes is None else scopes
            self.experiments = [] if experiments is None else experiments
            self.models = [] if models is None else models
            self.expiry_time = expiry_time
            self.workspace = workspace


class ApiToken(Message):
    """An API token without its secret. Times are in milliseconds since the epoch.

    `experiments` has ids. A token with `experiments` or `models` may use nothing else.
    """

    _fields = {
        "token_id": "string",
        "owner": "string",
        "name": "string",
        "scopes": "string[]",
        "experiments": "string[]",
        "models": "string[]",
        "creation_time": "int64",
        "created_by": "string",
        "expiry_time": "int64",
        "revoked_time": "int64",
        "last_used_time": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        token_id: str | None = None,
        owner: str | None = None,
        name: str | None = None,
        scopes: list[str] | None = None,
        experiments: list[str] | None = None,
        models: list[str] | None = None,
        creation_time: int | None = None,
        created_by: str | None = None,
        expiry_time: int | None = None,
        revoked_time: int | None = None,
        last_used_time: int | None = None,
    ) -> None:
        self.token_id = token_id
        self.owner = owner
        self.name = name
        self.scopes = [] if scopes is None else scopes
        self.experiments = [] if experiments is None else experiments
        self.models = [] if models is None else models
        self.creation_time = creation_time
        self.created_by = created_by
        self.expiry_time = expiry_time
        self.revoked_time = revoked_time
        self.last_used_time = last_used_time


class CreateToken(Message):
    """Make a token of the caller, or, as administrator, of `owner`.

    `expires_in` is a lifetime such as "30d", by default 90 days; "never" is allowed for service accounts.
    Without scopes the token has all rights of its owner. `experiments` (names or ids) and `models` (names
    of registered models or prompts) limit it to these; such a token cannot have the scope "admin", and
    without scopes it has all others.
    """

    _fields = {
        "name": "string",
        "scopes": "string[]",
        "expires_in": "string",
        "owner": "string",
        "experiments": "string[]",
        "models": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        """`secret` is the token itself. It is in this answer only."""

        _fields = {"secret": "string", "token": "ApiToken"}
        __slots__ = tuple(_fields)

        def __init__(self, *, secret: str | None = None, token: ApiToken | None = None) -> None:
            self.secret = secret
            self.token = token

    def __init__(
        self,
        *,
        name: str,
        scopes: list[str] | None = None,
        expires_in: str = "90d",
        owner: str | None = None,
        experiments: list[str] | None = None,
        models: list[str] | None = None,
    ) -> None:
        self.name = name
        self.scopes = [] if scopes is None else scopes
        self.expires_in = expires_in
        self.owner = owner
        self.experiments = [] if experiments is None else experiments
        self.models = [] if models is None else models


class ListTokens(Message):
    """The caller's tokens that are not revoked; for administrators those of `owner`, or, with "*", all."""

    _fields = {"owner": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"tokens": "ApiToken[]"}
        __slots__ = tuple(_fields)

        def __init__(self, *, tokens: list[ApiToken] | None = None) -> None:
            self.tokens = [] if tokens is None else tokens

    def __init__(self, *, owner: str | None = None) -> None:
        self.owner = owner


class RevokeToken(Message):
    """Refuse a token from now on."""

    _fields = {"token_id": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, token_id: str) -> None:
        self.token_id = token_id


class RotateToken(Message):
    """Make a new token like an existing one, which then expires within an hour."""

    _fields = {"token_id": "string"}
    __slots__ = tuple(_fields)

    Response = CreateToken.Response

    def __init__(self, *, token_id: str) -> None:
        self.token_id = token_id


class ServiceAccount(Message):
    """An account for programs. It has no password; it is used with tokens."""

    _fields = {"name": "string", "creation_time": "int64"}
    __slots__ = tuple(_fields)

    def __init__(self, *, name: str | None = None, creation_time: int | None = None) -> None:
        self.name = name
        self.creation_time = creation_time


class CreateServiceAccount(Message):
    _fields = {"name": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"service_account": "ServiceAccount"}
        __slots__ = tuple(_fields)

        def __init__(self, *, service_account: ServiceAccount | None = None) -> None:
            self.service_account = service_account

    def __init__(self, *, name: str) -> None:
        self.name = name


class ListServiceAccounts(Message):
    __slots__ = ()

    class Response(Message):
        _fields = {"service_accounts": "ServiceAccount[]"}
        __slots__ = tuple(_fields)

        def __init__(self, *, service_accounts: list[ServiceAccount] | None = None) -> None:
            self.service_accounts = [] if service_accounts is None else service_accounts


class DeleteServiceAccount(Message):
    """Delete an account with its tokens."""

    _fields = {"name": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, name: str) -> None:
        self.name = name


# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = tuple(
    Endpoint(verb, f"/3.0/trackway/{path}", message.__name__, message, message.Response, "Trackway")
    for verb, path, message in (
        ("GET", "whoami", WhoAmI),
        ("POST", "tokens/create", CreateToken),
        ("GET", "tokens/list", ListTokens),
        ("POST", "tokens/revoke", RevokeToken),
        ("POST", "tokens/rotate", RotateToken),
        ("POST", "service-accounts/create", CreateServiceAccount),
        ("GET", "service-accounts/list", ListServiceAccounts),
        ("DELETE", "service-accounts/delete", DeleteServiceAccount),
    )
)
# fmt: on
