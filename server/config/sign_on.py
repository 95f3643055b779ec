"""Settings of single sign-on: the identity providers through which users log in, from a TOML file.

public_url = "https://trackway.example"
passwords = false

[providers.company]
title = "Example Inc."
issuer = "https://login.example"
client_id = "trackway"
client_secret = "..."
groups_claim = "groups"
admin_groups = ["ml-admins"]

[providers.company.roles]
data-science = ["experimenters", "team-a/members"]
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackway.client_compat import trust_rules
from trackway.client_compat.errors import InvalidParameter

from .checks import ConfigError

_NAME = re.compile("[a-z0-9][a-z0-9-]{0,62}")
# Paths of the log-in pages, which a provider's name would hide.
_RESERVED = ("login", "logout", "setup", "logged-out")
_DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True)
class Provider:
    """An identity provider (OpenID Connect). Claims are those of the ID token, else of the user info."""

    name: str
    issuer: str
    client_id: str
    # Empty for a public client, which proves itself by PKCE only.
    client_secret: str = ""
    client_secret_file: str = ""
    # The text of the button on the log-in page.
    title: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    # The claim with the user's name here.
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"
    # Who is in one of these groups is an administrator, others are not. Empty: administrators are appointed
    # here.
    admin_groups: tuple[str, ...] = ()
    # If given, only members of these groups are let in.
    allowed_groups: tuple[str, ...] = ()
    # Whether the first log-in makes the user.
    creates_users: bool = True
    # Whether the log-out here leads to that of the provider.
    log_out: bool = False
    # For each group the roles of its members: "role", or "workspace/role".
    roles: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class SignOn:
    """``public_url`` is the URL of this server for browsers; empty: that of the request."""

    providers: Mapping[str, Provider] = field(default_factory=dict)
    public_url: str = ""
    # Whether the log-in page asks for a name and a password too.
    passwords: bool = True

    @classmethod
    def read(cls, path: str) -> SignOn:
        """Return the settings in a file. Raise ``ConfigError`` with a sentence for the operator."""
        try:
            data = tomllib.loads(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"--auth-config: {path} cannot be read: {error}.") from None
        where = f"--auth-config {path}"
        tables = _value(where, data, "providers", dict, {})
        _check_keys(where, data, {"providers", "public_url", "passwords"})
        providers = {name: _provider(path, name, table) for name, table in tables.items()}
        found = cls(
            providers=providers,
            public_url=_value(where, data, "public_url", str, "").rstrip("/"),
            passwords=_value(where, data, "passwords", bool, True),
        )
        if not providers:
            raise ConfigError(f"{where} has no table [providers.<name>].")
        if found.public_url and not re.fullmatch("https?://[^/?#]+(/[^?#]*)?", found.public_url):
            raise ConfigError(f"{where}: public_url must be a URL, not {found.public_url!r}.")
        if len({provider.issuer for provider in providers.values()}) < len(providers):
            raise ConfigError(f"{where} names an issuer twice.")
        return found


def _provider(path: str, name: str, table: Any) -> Provider:
    where = f"--auth-config {path}, [providers.{name}]"
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ConfigError(f"{where}: a provider's name has lower-case letters, digits and '-'.")
    if not isinstance(table, dict):
        raise ConfigError(f"{where} must be a table.")
    defaults = {item.name: item.default for item in dataclasses.fields(Provider)}
    _check_keys(where, table, defaults.keys() - {"name"})
    values: dict[str, Any] = {"name": name}
    for key in table:
        default = defaults[key]
        if key == "roles":
            values[key] = _roles(where, table[key])
        elif isinstance(default, tuple):
            values[key] = _texts(where, key, table[key])
        else:
            values[key] = _value(where, table, key, bool if isinstance(default, bool) else str, default)
    for key in ("issuer", "client_id"):
        if not values.get(key):
            raise ConfigError(f"{where} needs {key}.")
    try:
        trust_rules.check_url(values["issuer"])
    except InvalidParameter as error:
        raise ConfigError(f"{where}: {error.message}") from None
    if file := values.get("client_secret_file"):
        try:
            values["client_secret"] = Path(file).read_text().strip()
        except (OSError, ValueError) as error:
            raise ConfigError(f"{where}: client_secret_file cannot be read: {error}.") from None
    values["title"] = values.get("title") or name
    provider = Provider(**values)
    if "openid" not in provider.scopes:
        raise ConfigError(f"{where}: scopes must contain openid.")
    return provider


def _roles(where: str, table: Any) -> Mapping[str, tuple[tuple[str, str], ...]]:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: roles must be a table with a list of roles for each group.")
    found = {}
    for group, names in table.items():
        pairs = []
        for text in _texts(where, f"roles.{group}", names):
            workspace, slash, role = text.rpartition("/")
            pairs.append((workspace if slash else _DEFAULT_WORKSPACE, role))
        found[group] = tuple(pairs)
    return found


def _texts(where: str, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ConfigError(f"{where}: {key} must be a list of texts, not {value!r}.")
    return tuple(value)


def _value(where: str, table: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = table.get(key, default)
    if not isinstance(value, kind):
        words = {bool: "true or false", str: "a text", dict: "a table"}
        raise ConfigError(f"{where}: {key} must be {words[kind]}, not {value!r}.")
    return value


def _check_keys(where: str, table: Mapping[str, Any], known: Any) -> None:
    if unknown := sorted(table.keys() - known):
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}. The keys are {', '.join(sorted(known))}.")
