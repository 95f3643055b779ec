"""Validation of settings. Each error message is one sentence for the operator."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING

from trackway.client_compat.access_rules import KNOWN_PASSWORDS, MIN_PASSWORD_LENGTH

if TYPE_CHECKING:
    from .settings import Config


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ConfigError(ValueError):
    """A setting has an invalid value. The message is one sentence for the operator."""


def check(config: Config) -> None:
    """Raise ``ConfigError`` for the first invalid setting."""
    _check_stores(config)
    _check_network(config)
    _check_access(config)
    if config.x_frame_options not in {"SAMEORIGIN", "DENY", "NONE"}:
        raise ConfigError(
            f"--x-frame-options must be SAMEORIGIN, DENY or NONE, not {config.x_frame_options!r}."
        )
    for item in dataclasses.fields(config):
        choices = item.metadata.get("choices")
        if choices and getattr(config, item.name) not in choices:
            value = getattr(config, item.name)
            raise ConfigError(f"{flag(item.name)} must be one of {', '.join(choices)}, not {value!r}.")


def networks(text: str) -> tuple[Network, ...]:
    """Return networks that are separated by commas. Raise ``ValueError``."""
    return tuple(ipaddress.ip_network(word.strip()) for word in text.split(",") if word.strip())


def exposure_warnings(config: Config) -> list[str]:
    """Return a warning if other machines can reach a server without authentication.

    Return a second one if the Host check is off, because any web page can then reach it as well.
    """
    if is_loopback(config.host):
        return []
    warnings = []
    if not config.requires_login:
        warnings.append(
            f"ANYONE WHO CAN REACH {config.host}:{config.port} CAN READ, CHANGE AND DELETE EVERYTHING: this "
            "server has no authentication. Remove --no-auth, use a proxy that authenticates users, or "
            "--host 127.0.0.1."
        )
        if config.disable_security_middleware or "*" in config.allowed_hosts.split(","):
            warnings.append(
                "THE HOST CHECK IS OFF: any web page that a user opens can read and change everything "
                "through the user's browser (DNS rebinding). Name the hosts of the server in --allowed-hosts."
            )
    return warnings


def is_loopback(host: str) -> bool:
    """Return whether only programs on this machine can reach a server that listens on ``host``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.startswith("unix:")


def number(environment: Mapping[str, str], name: str, default: float, *, minimum: float) -> float:
    """Return the value of an environment variable as a number; ``default`` if it is unset or empty.

    Raise ``ConfigError`` if it is not a number, less than ``minimum``, or a million or more.
    """
    text = environment.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1
    if not minimum <= value < 1e6:
        raise ConfigError(
            f"{name} must be a number of at least {minimum:g} and below 1,000,000, not {text!r}."
        )
    return value


def flag(name: str) -> str:
    """Return the command line option of a setting: ``--log-level`` for ``log_level``."""
    return "--" + name.replace("_", "-")


def _check_stores(config: Config) -> None:
    if config.serve_artifacts and not config.artifacts_destination:
        # Usually an unset shell variable. An empty path would mean the working folder.
        raise ConfigError("--artifacts-destination is empty; give a folder or s3://bucket/prefix.")
    if config.registry_store_uri and config.registry_store_uri != config.backend_store_uri:
        raise ConfigError(
            "--registry-store-uri differs from --backend-store-uri: Trackway keeps the model registry in the "
            "same database as the runs. Omit the option."
        )
    root = config.default_artifact_root
    if root.startswith("mlflow-artifacts:") and not (
        config.serve_artifacts or root.startswith("mlflow-artifacts://")
    ):
        raise ConfigError(
            f"--default-artifact-root {root} needs --serve-artifacts: remove --no-serve-artifacts, or give "
            "the URI of a store that clients access directly."
        )


def _check_access(config: Config) -> None:
    if config.app_name not in ("", "basic-auth"):
        raise ConfigError(
            f"--app-name {config.app_name}: Trackway has no plug-in apps; only basic-auth is known, which is "
            "the same as --auth."
        )
    if config.app_name and config.auth is False:
        raise ConfigError("--app-name basic-auth and --no-auth contradict each other; give one of them.")
    if config.auth_config and not config.requires_login:
        raise ConfigError(
            "--auth-config names identity providers, but this server lets everybody in; add --auth."
        )
    try:
        networks(config.trusted_proxies)
    except ValueError as error:
        raise ConfigError(
            f"--trusted-proxies must be comma-separated networks or addresses, such as 10.1.0.0/16: {error}."
        ) from None
    if config.rate_limit < 0:
        raise ConfigError(
            f"--rate-limit must be a number of requests a second, or 0 for no limit, not {config.rate_limit}."
        )
    access = config.variables.access
    if config.requires_login and access.admin_password:
        is_known = access.admin_password in KNOWN_PASSWORDS
        if len(access.admin_password) < MIN_PASSWORD_LENGTH and not is_known:
            raise ConfigError(
                f"MLFLOW_AUTH_ADMIN_PASSWORD must have at least {MIN_PASSWORD_LENGTH} characters."
            )
        if is_known and not is_loopback(config.host):
            raise ConfigError(
                "MLFLOW_AUTH_ADMIN_PASSWORD is a password from MLflow's documentation, which anybody may "
                "try; choose another one."
            )


def _check_network(config: Config) -> None:
    if not config.host:
        # Usually an unset shell variable. gunicorn would listen on all addresses.
        raise ConfigError("--host is empty; give an address, or 0.0.0.0 to listen on all addresses.")
    prefix = config.static_prefix
    if prefix and not prefix.startswith("/"):
        raise ConfigError("--static-prefix must begin with a '/'.")
    if prefix.endswith("/"):
        raise ConfigError("--static-prefix should not end with a '/'.")
    if set(prefix) & set("{}<>"):
        raise ConfigError("--static-prefix must not contain '{', '}', '<' or '>'.")
    if not 0 <= config.port <= 65535:
        raise ConfigError(f"--port must be a number from 0 to 65535, not {config.port}.")
    for name in (
        "workers",
        "threads",
        "max_message_size",
        "max_request_size",
        "statement_timeout",
        "transfer_timeout",
    ):
        if getattr(config, name) < 1:
            raise ConfigError(f"{flag(name)} must be at least 1, not {getattr(config, name)}.")
