"""Rules of workspaces: their names, artifact roots and trace archives. The texts are those of MLflow 3.17.

Functions named ``check_*`` raise ``InvalidParameter``.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import urlsplit

from . import rules, uris
from .errors import InvalidParameter

DEFAULT = "default"
# The folder of an artifact store that has a folder for each other workspace.
FOLDER = "workspaces"
_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_NAME = re.compile(_PATTERN.rstrip("$"))
_MIN_LENGTH, _MAX_LENGTH = 2, 63
_RESERVED = frozenset({"workspaces", "api", "ajax-api", "static-files"})
_RETENTION = re.compile(r"[1-9]\d*[mhd]")
_MAX_RETENTION_LENGTH = 32
# MLflow's delete modes: refuse if the workspace has contents, delete them, move them to "default".
RESTRICT, CASCADE, SET_DEFAULT = "RESTRICT", "CASCADE", "SET_DEFAULT"
MODES = (SET_DEFAULT, CASCADE, RESTRICT)


def check_name(name: str) -> None:
    """Check the name of a workspace. The default workspace has a valid one."""
    if not _MIN_LENGTH <= len(name) <= _MAX_LENGTH:
        raise InvalidParameter(
            f"Workspace name '{name[:200]}' must be between {_MIN_LENGTH} and {_MAX_LENGTH} characters."
        )
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            f"Workspace name '{name}' must match the pattern {_PATTERN} "
            "(lowercase alphanumeric with optional internal hyphens)."
        )
    if name in _RESERVED:
        raise InvalidParameter(f"Workspace name '{name}' is reserved and cannot be used.")


def check_new_name(name: str) -> None:
    """Check the name of a new workspace."""
    if name == DEFAULT:
        raise InvalidParameter(f"The '{DEFAULT}' workspace is reserved and cannot be created")
    check_name(name)


def check_mode(mode: str) -> None:
    """Check how a workspace is to be deleted."""
    if mode not in MODES:
        raise InvalidParameter(f"Invalid deletion mode '{mode}'. Must be one of: {', '.join(MODES)}")


def check_artifact_root(value: str | None) -> str | None:
    """Check a workspace's artifact root, and return it without spaces around it. An empty one clears it."""
    root = None if value is None else value.strip()
    if not root:
        return root
    uris.check_location(root, "default_artifact_root")
    # A drive such as "C:" is no scheme.
    is_uri = len(urlsplit(root).scheme) > 1
    if not is_uri and not posixpath.isabs(root):
        raise InvalidParameter(
            "Invalid value for 'default_artifact_root'. Expected a URI (for example "
            "'s3://bucket/prefix' or 'mlflow-artifacts:/prefix') or an absolute path, got "
            f"'{root}'."
        )
    return root


def check_archive_location(value: str | None) -> str | None:
    """Check where a workspace's traces are archived. An empty location clears it."""
    location = None if value is None else value.strip()
    if not location:
        return location
    field = "trace_archival_config.location"
    uris.check_location(location, field)
    scheme = urlsplit(location).scheme
    if not scheme:
        raise InvalidParameter(f"Invalid value for '{field}'. Expected a URI string.")
    if scheme == "mlflow-artifacts":
        raise InvalidParameter(
            f"Invalid value for '{field}'. Trace archival location cannot use "
            "the proxy-only `mlflow-artifacts:` scheme."
        )
    return location


def check_archive_retention(value: str | None) -> str | None:
    """Check after which time a workspace's traces are archived. An empty time clears it."""
    retention = None if value is None else value.strip()
    if not retention:
        return retention
    field = "trace_archival_config.retention"
    if len(retention) > _MAX_RETENTION_LENGTH:
        raise InvalidParameter(
            f"Invalid value for '{field}'. Maximum length is {_MAX_RETENTION_LENGTH} characters."
        )
    if not _RETENTION.fullmatch(retention):
        raise InvalidParameter(
            f"Invalid value for '{field}'. Expected a duration in the form "
            "`<int><unit>`, where unit is one of 'm', 'h', or 'd' (for example '30d' or "
            "'12h')."
        )
    return retention


def check_description(value: str | None) -> None:
    """Check the description of a workspace."""
    if value is not None and len(value) > rules.MAX_TAG_VALUE_LENGTH:
        raise InvalidParameter(
            f"'description' exceeds the maximum length of {rules.MAX_TAG_VALUE_LENGTH} characters"
        )
