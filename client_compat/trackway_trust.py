"""Trackway's own endpoints for trusted issuers: whose tokens (JWT) are accepted, and as which account."""

from __future__ import annotations

from .wire import Endpoint, Message


class Issuer(Message):
    """An issuer of tokens. `url` is the claim iss of its tokens, `audience` their claim aud."""

    _fields = {
        "name": "string",
        "url": "string",
        "audience": "string",
        "kind": "string",
        "creation_time": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        name: str | None = None,
        url: str | None = None,
        audience: str | None = None,
        kind: str | None = None,
        creation_time: int | None = None,
    ) -> None:
        self.name = name
        self.url = url
        self.audience = audience
        self.kind = kind
        self.creation_time = creation_time


class CreateIssuer(Message):
    """Trust an issuer. `kind` is "gitlab", "github" or "other", and says what its claims mean."""

    _fields = {"name": "string", "url": "string", "audience": "string", "kind": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"issuer": "Issuer"}
        __slots__ = tuple(_fields)

        def __init__(self, *, issuer: Issuer | None = None) -> None:
            self.issuer = issuer

    def __init__(self, *, name: str, url: str, audience: str, kind: str = "other") -> None:
        self.name = name
        self.url = url
        self.audience = audience
        self.kind = kind


class ListIssuers(Message):
    __slots__ = ()

    class Response(Message):
        _fields = {"issuers": "Issuer[]"}
        __slots__ = tuple(_fields)

        def __init__(self, *, issuers: list[Issuer] | None = None) -> None:
            self.issuers = [] if issuers is None else issuers


class DeleteIssuer(Message):
    """Trust an issuer no longer. Its trust rules, and the API tokens exchanged by them, are deleted."""

    _fields = {"name": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, name: str) -> None:
        self.name = name


class TrustRule(Message):
    """A rule: a token of `issuer` whose claims match all `conditions` acts as `service_account`.

    `max_lifetime_ms` is the lifetime of an API token that is exchanged for the issuer's. With a `workspace`
    the account's rights hold only there.
    """

    _fields = {
        "name": "string",
        "issuer": "string",
        "conditions": "map<string,string>",
        "service_account": "string",
        "workspace": "string",
        "scopes": "string[]",
        "max_lifetime_ms": "int64",
        "creation_time": "int64",
        "created_by": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        name: str | None = None,
        issuer: str | None = None,
        conditions: dict[str, str] | None = None,
        service_account: str | None = None,
        workspace: str | None = None,
        scopes: list[str] | None = None,
        max_lifetime_ms: int | None = None,
        creation_time: int | None = None,
        created_by: str | None = None,
    ) -> None:
        self.name = name
        self.issuer = issuer
        self.conditions = {} if conditions is None else conditions
        self.service_account = service_account
        self.workspace = workspace
        self.scopes = [] if scopes is None else scopes
        self.max_lifetime_ms = max_lifetime_ms
        self.creation_time = creation_time
        self.created_by = created_by


class CreateTrustRule(Message):
    """Trust tokens of an issuer. In the conditions, a pattern for each claim, `*` stands for any text.

    `max_lifetime` is a lifetime such as "8h". Without scopes a token has all rights of the service account.
    """

    _fields = {
        "name": "string",
        "issuer": "string",
        "conditions": "map<string,string>",
        "service_account": "string",
        "workspace": "string",
        "scopes": "string[]",
        "max_lifetime": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"trust_rule": "TrustRule"}
        __slots__ = tuple(_fields)

        def __init__(self, *, trust_rule: TrustRule | None = None) -> None:
            self.trust_rule = trust_rule

    def __init__(
        self,
        *,
        name: str,
        issuer: str,
        service_account: str,
        conditions: dict[str, str] | None = None,
        workspace: str | None = None,
        scopes: list[str] | None = None,
        max_lifetime: str = "8h",
    ) -> None:
        self.name = name
        self.issuer = issuer
        self.service_account = service_account
        self.conditions = {} if conditions is None else conditions
        self.workspace = workspace
        self.scopes = [] if scopes is None else scopes
        self.max_lifetime = max_lifetime


class ListTrustRules(Message):
    """All trust rules, in the order in which they are tried."""

    __slots__ = ()

    class Response(Message):
        _fields = {"trust_rules": "TrustRule[]"}
        __slots__ = tuple(_fields)

        def __init__(self, *, trust_rules: list[TrustRule] | None = None) -> None:
            self.trust_rules = [] if trust_rules is None else trust_rules


class DeleteTrustRule(Message):
    """Delete a rule and the API tokens that were exchanged by it."""

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
        ("POST", "issuers/create", CreateIssuer),
        ("GET", "issuers/list", ListIssuers),
        ("DELETE", "issuers/delete", DeleteIssuer),
        ("POST", "trust-rules/create", CreateTrustRule),
        ("GET", "trust-rules/list", ListTrustRules),
        ("DELETE", "trust-rules/delete", DeleteTrustRule),
    )
)
# fmt: on
