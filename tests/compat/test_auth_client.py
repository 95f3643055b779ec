"""MLflow's own client for users, roles and permissions, unchanged, against a closed server."""

from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException

from tests.access import ADMIN, PASSWORD

pytestmark = pytest.mark.environment(
    MLFLOW_TRACKING_USERNAME=ADMIN,
    MLFLOW_TRACKING_PASSWORD=PASSWORD,
    MLFLOW_AUTH_ADMIN_PASSWORD=PASSWORD,
)


@pytest.fixture(scope="module")
def dialect():
    return "sqlite"


@pytest.fixture
def client(serve):
    from mlflow.server import get_app_client

    return get_app_client("basic-auth", tracking_uri=serve("--app-name", "basic-auth").url)


def code_of(call, *arguments, **keywords):
    with pytest.raises(MlflowException) as error:
        call(*arguments, **keywords)
    return error.value.error_code


def test_users_are_made_changed_and_deleted(client):
    alice = client.create_user("alice", PASSWORD)
    assert (alice.username, alice.is_admin) == ("alice", False)
    assert client.get_user("alice").id == alice.id
    client.update_user_admin("alice", True)
    assert client.get_user("alice").is_admin is True
    client.update_user_password("alice", "another good one")
    client.delete_user("alice")
    assert code_of(client.get_user, "alice") == "RESOURCE_DOES_NOT_EXIST"
    assert code_of(client.create_user, ADMIN, PASSWORD) == "RESOURCE_ALREADY_EXISTS"


def test_roles_are_made_given_and_taken(client):
    alice = client.create_user("alice", PASSWORD)
    role = client.create_role("default", "readers", "who read")
    assert (role.name, role.workspace, role.description, role.permissions) == (
        "readers",
        "default",
        "who read",
        [],
    )
    granted = client.add_role_permission(role.id, "experiment", "*", "READ")
    assert (granted.resource_type, granted.resource_pattern, granted.permission) == (
        "experiment",
        "*",
        "READ",
    )
    assert client.update_role_permission(granted.id, "EDIT").permission == "EDIT"
    assert [found.permission for found in client.list_role_permissions(role.id)] == ["EDIT"]
    assignment = client.assign_role("alice", role.id)
    assert (assignment.user_id, assignment.role_id) == (alice.id, role.id)
    assert [found.name for found in client.list_user_roles("alice")] == ["readers"]
    assert [found.user_id for found in client.list_role_users(role.id)] == [alice.id]
    assert client.update_role(role.id, name="writers").name == "writers"
    assert [found.name for found in client.list_roles("default")] == ["writers"]
    assert [found.name for found in client.list_all_roles()] == ["writers"]
    client.unassign_role("alice", role.id)
    assert client.list_user_roles("alice") == []
    client.remove_role_permission(granted.id)
    client.delete_role(role.id)
    assert code_of(client.get_role, role.id) == "RESOURCE_DOES_NOT_EXIST"


def test_permissions_of_a_user_are_given_and_taken(client):
    client.create_user("alice", PASSWORD)
    assert client.get_user_permission("alice", "experiment", "0").permission == "READ"
    client.grant_user_permission("alice", "experiment", "0", "MANAGE")
    assert (
        code_of(client.grant_user_permission, "alice", "experiment", "0", "READ") == "RESOURCE_ALREADY_EXISTS"
    )
    found = client.get_user_permission("alice", "experiment", "0")
    assert (found.allowed, found.permission) == (True, "MANAGE")
    client.revoke_user_permission("alice", "experiment", "0")
    assert code_of(client.revoke_user_permission, "alice", "experiment", "0") == "RESOURCE_DOES_NOT_EXIST"
    assert client.get_user_permission("alice", "experiment", "0").permission == "READ"


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("create_role", ("default", "")),
        ("create_role", ("default", "__user_1__")),
        ("add_role_permission", (1, "nothing", "*", "READ")),
        ("add_role_permission", (1, "run", "7", "READ")),
        ("add_role_permission", (1, "experiment", "*", "WRITE")),
        ("grant_user_permission", (ADMIN, "workspace", "*", "USE")),
        ("update_role", (1,)),
    ],
)
def test_bad_requests_are_refused(client, call, arguments):
    client.create_role("default", "readers")
    assert code_of(getattr(client, call), *arguments) == "INVALID_PARAMETER_VALUE"
