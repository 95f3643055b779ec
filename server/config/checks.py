"""Which settings cannot be, each told in a sentence for the person who set it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .settings import Config


class ConfigError(ValueError):
    """A setting that cannot be; the text is one sentence for the person who set it."""


def check(config: Config) -> None:
    """Raise ``ConfigError`` for the first value that cannot be."""
    _check_stores(config)
    _check_network(config)
    if config.x_frame_options not in {"SAMEORIGIN", "DENY", "NONE"}:
        raise ConfigError(f"--x-frame-options is SAMEORIGIN, DENY or NONE, not {config.x_frame_options!r}.")
    for item in dataclasses.fields(config):
        choices = item.metadata.get("choices")
        if choices and getattr(config, item.name) not in choices:
            given = getattr(config, item.name)
            raise ConfigError(f"{flag(item.name)} is one of {choices}, not {given!r}.")


def number(environment: Mapping[str, str], name: str, usual: float, *, least: float) -> float:
    """A variable's value. Raises ``ConfigError`` where it is no number, or less than ``least``."""
    value = environment.get(name, "").strip()
    try:
        given = float(value) if value else usual
    except ValueError:
        given = -1
    if not least <= given < 1e6:
        raise ConfigError(f"{name} is a number of at least {least:g}, not {value!r}.")
    return given


def flag(name: str) -> str:
    """The option that a setting is given by."""
    return "--" + name.replace("_", "-")


def _check_stores(config: Config) -> None:
    if config.serve_artifacts and not config.artifacts_destination:
        # An unset shell variable; the path "" would be the working folder.
        raise ConfigError("--artifacts-destination is empty; name a folder or s3://bucket/prefix.")
    if config.registry_store_uri and config.registry_store_uri != config.backend_store_uri:
        raise ConfigError(
            "--registry-store-uri differs from --backend-store-uri: Trackway keeps the registry in the same "
            "database as the runs; leave the option out."
        )
    root = config.default_artifact_root
    if root.startswith("mlflow-artifacts:") and not (
        config.serve_artifacts or root.startswith("mlflow-artifacts://")
    ):
        raise ConfigError(
            f"--default-artifact-root {root} needs --serve-artifacts: drop --no-serve-artifacts, or name "
            "the store that clients write to themselves."
        )


def _check_network(config: Config) -> None:
    if not config.host:
        # An unset shell variable; gunicorn would listen on every address.
        raise ConfigError("--host is empty; 0.0.0.0 listens on every address.")
    prefix = config.static_prefix
    if prefix and not prefix.startswith("/"):
        raise ConfigError("--static-prefix must begin with a '/'.")
    if prefix.endswith("/"):
        raise ConfigError("--static-prefix should not end with a '/'.")
    if set(prefix) & set("{}<>"):
        raise ConfigError("--static-prefix must not contain '{', '}', '<' or '>'.")
    if not 0 <= config.port <= 65535:
        raise ConfigError(f"--port is a number from 0 to 65535, not {config.port}.")
    for name in ("workers", "threads", "max_request_size", "transfer_timeout"):
        if getattr(config, name) < 1:
            raise ConfigError(f"{flag(name)} must be at least 1, not {getattr(config, name)}.")
