"""Rules of access control: names of users, passwords, scopes and lifetimes of tokens.

The texts about users and passwords are those of MLflow 3.17 (``mlflow/server/auth``). Functions named
``check_*`` raise InvalidParameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .errors import InvalidParameter

MIN_PASSWORD_LENGTH = 12
# A hash takes time in proportion to the length.
MAX_PASSWORD_LENGTH = 1024
# Documented by MLflow as the administrator's password until 3.13: everybody tries them first.
KNOWN_PASSWORDS = frozenset({"password", "password1234"})
MAX_NAME_LENGTH = 250
# MLflow's UI logs out by sending a user name that begins with this.
LOGGED_OUT_PREFIX = "mlflow-logged-out-"

# What a token may do, and what it may not do although its owner may.
SCOPES = {
    "read": "read everything that the owner may read",
    "log": "read, and create and change runs, logged models and their artifacts; no deletions, no registry",
    "registry": "read, and change the model registry",
    "admin": "everything that the owner may do",
}

# MLflow's levels. A higher one includes the lower ones; DENY in any role takes the resource away.
DENY, NO_PERMISSIONS, READ, USE, EDIT, MANAGE = range(-1, 5)
LEVELS = {
    "READ": READ,
    "USE": USE,
    "EDIT": EDIT,
    "MANAGE": MANAGE,
    "NO_PERMISSIONS": NO_PERMISSIONS,
    "DENY": DENY,
}
# Types of resources; True if a permission may name a single one, else it holds for all.
RESOURCE_TYPES = {
    "workspace": False,
    "experiment": True,
    "registered_model": True,
    "prompt": True,
    "scorer": True,
    "gateway_secret": True,
    "gateway_endpoint": True,
    "gateway_model_definition": True,
    "mcp_server": True,
    "run": False,
    "trace": False,
    "assessment": False,
    "logged_model": False,
    "review_queue": False,
    "registered_model_version": False,
    "prompt_version": False,
    "scorer_version": False,
    "mcp_server_version": False,
}
# A permission on the workspace makes a member (USE) or its administrator (MANAGE).
_WORKSPACE_LEVELS = ("MANAGE", "USE")
_RESOURCE_LEVELS = ("DENY", "EDIT", "MANAGE", "READ", "USE")
ALL = "*"

_CONTROL = re.compile(r"[\x00-\x1f\x7f:]")
_EXPERIMENT_ID = re.compile(r"0|[1-9][0-9]{0,18}")
_LIFETIME = re.compile(r"(\d{1,5})([smhdw])")
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}


def check_name(name: str) -> None:
    """Check the name of a new user or service account."""
    if not name or not name.strip():
        raise InvalidParameter("Username cannot be empty.")
    if name != name.strip() or _CONTROL.search(name) or len(name) > MAX_NAME_LENGTH:
        raise InvalidParameter(
            f"Invalid username {name[:MAX_NAME_LENGTH]!r}. A username has at most {MAX_NAME_LENGTH} "
            "characters, no colon, no control characters, and no space at its beginning or end."
        )
    if name.startswith((LOGGED_OUT_PREFIX, "__user_")):
        raise InvalidParameter(f"Invalid username {name!r}. The server uses such names itself.")


def check_password(password: str) -> None:
    """Check a new password."""
    if not password:
        raise InvalidParameter("Username and password cannot be empty.")
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidParameter(f"Password must be at least {MIN_PASSWORD_LENGTH} characters.")
    if len(password) > MAX_PASSWORD_LENGTH:
        raise InvalidParameter(f"Password must be at most {MAX_PASSWORD_LENGTH} characters.")
    if password in KNOWN_PASSWORDS:
        raise InvalidParameter("This password is in MLflow's documentation; choose another one.")


def check_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Check the scopes of a token, and return each once in the order of ``SCOPES``."""
    given = set(scopes)
    if unknown := sorted(given - SCOPES.keys()):
        raise InvalidParameter(f"Unknown scope {unknown[0]!r}. The scopes are {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in given)


def check_token_scopes(scopes: Iterable[str], *, is_limited: bool) -> tuple[str, ...]:
    """Check the scopes of a token. One that is limited to experiments and models administrates nothing."""
    checked = check_scopes(scopes)
    if is_limited and "admin" in checked:
        raise InvalidParameter(
            "A token for named experiments or models cannot have the scope 'admin'. Leave the scope out, or "
            "the experiments and models."
        )
    return checked or (tuple(scope for scope in SCOPES if scope != "admin") if is_limited else ())


def is_experiment_id(text: str) -> bool:
    """Return whether a text is an experiment's id, as permissions name it."""
    return _EXPERIMENT_ID.fullmatch(text) is not None


def lifetime_ms(text: str) -> int:
    """Return a lifetime such as "30d" in milliseconds: a number of s, m, h, d or w."""
    match = _LIFETIME.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise InvalidParameter(
            f"Invalid lifetime {text!r}. Give a number with a unit: 90s, 45m, 12h, 30d or 8w."
        )
    return int(match[1]) * _UNIT_MS[match[2]]


def check_grant(resource_type: str, resource_id: str, permission: str) -> None:
    """Check a permission that is to be given to a role or a user."""
    check_resource_type(resource_type)
    if resource_id != ALL and not RESOURCE_TYPES[resource_type]:
        raise InvalidParameter(
            f"Invalid resource_pattern '{resource_id}' for resource_type='{resource_type}'. This resource "
            "type supports only wildcard ('*') grants."
        )
    if resource_type == "experiment" and resource_id != ALL and not is_experiment_id(resource_id):
        # "01" would name experiment 1 in other requests: a DENY for it would deny nothing.
        raise InvalidParameter(
            f"Invalid resource_pattern '{resource_id}' for resource_type='experiment'. Give the id of an "
            "experiment, such as '12', or '*'."
        )
    check_level(resource_type, permission)


def check_level(resource_type: str, permission: str) -> None:
    """Check the level of a permission for a type of resources."""
    if permission not in LEVELS:
        raise InvalidParameter(f"Invalid permission '{permission}'. Valid permissions are: {tuple(LEVELS)}")
    is_workspace = resource_type == "workspace"
    levels = _WORKSPACE_LEVELS if is_workspace else _RESOURCE_LEVELS
    if permission not in levels:
        grants = "Workspace-wide" if is_workspace else "Resource-level"
        raise InvalidParameter(
            f"Invalid permission '{permission}' for resource_type='{resource_type}'. {grants} grants accept "
            f"only: {levels}."
        )


def check_resource_type(resource_type: str) -> None:
    """Check that there are permissions for this type of resources."""
    if resource_type not in RESOURCE_TYPES:
        valid = tuple(sorted(RESOURCE_TYPES))
        raise InvalidParameter(f"Invalid resource type '{resource_type}'. Valid resource types are: {valid}")


def check_role_name(name: str) -> None:
    """Check the name of a role that is created or renamed."""
    if not name.strip():
        raise InvalidParameter("Role name cannot be empty.")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidParameter(f"Role name must be at most {MAX_NAME_LENGTH} characters.")
    if name.startswith("__user_"):
        raise InvalidParameter(
            f"Invalid role name '{name}'. Names that begin with '__user_' belong to the server."
        )
