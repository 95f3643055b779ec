"""Settings of access, from the variables and the configuration file of MLflow's basic-auth app."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .checks import ConfigError

_FILE_VARIABLE = "MLFLOW_AUTH_CONFIG_PATH"
_SECTION = "mlflow"
PERMISSIONS = ("READ", "USE", "EDIT", "MANAGE", "NO_PERMISSIONS")
# MLflow's packaged value: its own function, which checks name and password as Trackway does.
_AUTHORIZATION_FUNCTION = "mlflow.server.auth:authenticate_request_basic_auth"
# MLflow's packaged value. Another one names a database with users.
_DATABASE_URI = "sqlite:///basic_auth.db"


@dataclass(frozen=True)
class AccessSettings:
    """``admin_name`` and ``admin_password`` make the first administrator, if both are set."""

    admin_name: str = "admin"
    admin_password: str = ""
    # What a user may do with an experiment or a model without a grant.
    default_permission: str = "READ"
    # Whether ``default_permission`` also holds in the workspace "default", if there are several workspaces.
    grants_default_workspace: bool = False

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> AccessSettings:
        """Return the settings. Raise ``ConfigError`` with a sentence for the operator."""
        path = environment.get(_FILE_VARIABLE, "")
        file = _read_file(path) if path else {}
        permission = file.get("default_permission", cls.default_permission).strip().upper()
        if permission not in PERMISSIONS:
            raise ConfigError(
                f"default_permission in {path} must be one of {', '.join(PERMISSIONS)}, not {permission!r}."
            )
        return cls(
            admin_name=environment.get("MLFLOW_AUTH_ADMIN_USERNAME", file.get("admin_username", "admin")),
            admin_password=environment.get("MLFLOW_AUTH_ADMIN_PASSWORD", file.get("admin_password", "")),
            default_permission=permission,
            grants_default_workspace=_boolean(path, file, "grant_default_workspace_access"),
        )


def _read_file(path: str) -> Mapping[str, str]:
    """Return the section of MLflow's configuration file.

    Refuse what would let other users in than MLflow does. The keys of MLflow's caches are ignored.
    """
    if not Path(path).is_file():
        raise ConfigError(f"{_FILE_VARIABLE} names {path}, which is no file.")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
        section = dict(parser[_SECTION])
    except (configparser.Error, KeyError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path} is no configuration file with a section [{_SECTION}]: {error}.") from None
    if section.get("authorization_function", _AUTHORIZATION_FUNCTION) != _AUTHORIZATION_FUNCTION:
        raise ConfigError(
            f"authorization_function in {path} names a function of another program; Trackway authenticates "
            "with passwords, API tokens and identity providers. Remove the line."
        )
    if section.get("database_uri", _DATABASE_URI) != _DATABASE_URI:
        raise ConfigError(
            f"database_uri in {path} names MLflow's database of users, which Trackway does not read: its "
            "users are in the database of --backend-store-uri. Remove the line, and create the users with "
            "`trackway user create`."
        )
    return section


def _boolean(path: str, file: Mapping[str, str], key: str) -> bool:
    text = file.get(key, "false").strip().lower()
    if text not in configparser.ConfigParser.BOOLEAN_STATES:
        raise ConfigError(f"{key} in {path} must be true or false, not {text!r}.")
    return configparser.ConfigParser.BOOLEAN_STATES[text]
