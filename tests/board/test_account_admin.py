"""``get_app_client("basic-auth", uri)`` of the three forms that it has had, against one server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.closed import ADMIN, PASSWORD, ClosedTrackwayServer

from .clients import ADMINS, Client, install
from .play import client_environment

_SCRIPT = Path(__file__).parent / "account_admin.py"
_KEYS = {
    "registered_model": ["iris"],
    "scorer": ["1", "is it/short?"],
    "gateway_secret": ["s-1"],
    "gateway_endpoint": ["e-1"],
    "gateway_model_definition": ["d-1"],
}
_EXISTS, _UNKNOWN = "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"
_USERS = {
    "create_user": ["carol", False],
    "create_user again": _EXISTS,
    "update_user_password": None,
    "update_user_admin": None,
    "get_user": ["carol", True],
    "delete_user": None,
    "get_user deleted": _UNKNOWN,
}
_LEVELS = ("READ", "USE", "EDIT", "MANAGE")
_WORKSPACES = {
    "workspace": [[["team-a", level], [level], [["team-a", level]]] for level in _LEVELS],
    "delete_workspace_permission": [None, _UNKNOWN],
}
_ROLES = {
    "create_role": ["readers", "default", "Read a bit"],
    "update_role": ["testers", "Test"],
    "add_role_permission": ["experiment", "1", "READ"],
    "update_role_permission": ["EDIT"],
    "list_role_permissions": [["EDIT"]],
    "get_role": ["EDIT"],
    "assign_role": True,
    "list_role_users": 1,
    "list_user_roles": True,
    "list_roles": True,
    "list_all_roles": True,
    "unassign_role": None,
    "remove_role_permission": None,
    "delete_role": None,
    "get_role deleted": _UNKNOWN,
}
_GRANTS = {
    "grant_user_permission": [
        None,
        _EXISTS,
        [True, "EDIT"],
        None,
        _UNKNOWN,
        [False, "NO_PERMISSIONS"],
    ]
}


def _of_resource(noun: str, keys: list[str]) -> dict[str, object]:
    """Return the answers to the four calls for a type of resources."""
    denied, managed = [*keys, "NO_PERMISSIONS"], [*keys, "MANAGE"]
    # A user has the first three types in it.
    in_user = [] if noun.startswith("gateway") else [managed]
    read = [*keys, "READ"]
    return {noun: [read, _EXISTS, read, None, denied, None, in_user, None, _UNKNOWN]}


def _expected(client: Client | None) -> dict[str, Any]:
    found = {**_USERS, "not called": []}
    if client is None:
        return {**found, **_ROLES, **_GRANTS}
    for noun, keys in {"experiment": ["1"], **_KEYS}.items():
        if client.minor == "3.12" or noun in ("experiment", "registered_model"):
            found |= _of_resource(noun, keys)
    return found if client.minor == "2.9" else {**found, **_WORKSPACES, **_ROLES}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedTrackwayServer]:
    """A closed server with the workspace team-a, the user alice, and an experiment and a model."""
    folder = tmp_path_factory.mktemp("server")
    server = ClosedTrackwayServer(folder, f"sqlite:///{folder}/trackway.db", ("--enable-workspaces",))
    server.start()
    try:
        server.create_users("alice")
        server.call("POST", "2.0/mlflow/experiments/create", name="e")
        server.call("POST", "2.0/mlflow/registered-models/create", name="iris")
        assert server.ask(ADMIN, "POST", "/api/3.0/mlflow/workspaces", {"name": "team-a"})[0] == 201
        yield server
    finally:
        server.kill()


# An environment is made first, once; with pip and an empty cache that may take minutes.
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", [*ADMINS, None], ids=lambda client: client.version if client else "newest")
def test_every_method_of_the_client_for_users_and_permissions(
    client: Client | None, server: ClosedTrackwayServer
) -> None:
    if client:
        install(client, print)
    done = subprocess.run(
        [str(client.python if client else sys.executable), str(_SCRIPT), server.url, "1", "alice", "team-a"],
        env={
            **client_environment(),
            "MLFLOW_TRACKING_USERNAME": ADMIN,
            "MLFLOW_TRACKING_PASSWORD": PASSWORD,
        },
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads(done.stdout.splitlines()[-1]) == _expected(client)
