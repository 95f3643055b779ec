"""Every method of ``AuthServiceClient``: prints what the server answered, as JSON.

It runs in the environment of a release: MLflow 2.5 to 3.12 gives permissions resource by resource, newer
releases to users and roles. Arguments: the URL of a closed server with workspaces, an id of an experiment,
the user whose rights change, a workspace. Each method that the release has must be called.
"""

import json
import sys

from mlflow.exceptions import MlflowException
from mlflow.server import get_app_client

url, experiment_id, user, workspace = sys.argv[1:]
password = "a long password"
client = get_app_client("basic-auth", url)
called = set()
answers = {}


def call(method, *args):
    called.add(method)
    try:
        return getattr(client, method)(*args)
    except MlflowException as error:
        return error


def has(method):
    return hasattr(client, method)


def fields(answer, *names):
    if isinstance(answer, MlflowException):
        return answer.error_code
    return [getattr(answer, name) for name in names]


# ---- users

made = call("create_user", "carol", password)
answers["create_user"] = fields(made, "username", "is_admin")
answers["create_user again"] = fields(call("create_user", "carol", password))
answers["update_user_password"] = call("update_user_password", "carol", password + " 2")
answers["update_user_admin"] = call("update_user_admin", "carol", True)
answers["get_user"] = fields(call("get_user", "carol"), "username", "is_admin")
answers["delete_user"] = call("delete_user", "carol")
answers["get_user deleted"] = fields(call("get_user", "carol"))

# ---- permissions of a user, resource by resource

RESOURCES = {
    "experiment": {"experiment_id": experiment_id},
    "registered_model": {"name": "iris"},
    "scorer": {"experiment_id": experiment_id, "scorer_name": "is it/short?"},
    "gateway_secret": {"secret_id": "s-1"},
    "gateway_endpoint": {"endpoint_id": "e-1"},
    "gateway_model_definition": {"model_definition_id": "d-1"},
}
for noun, keys in RESOURCES.items():
    if not has(f"create_{noun}_permission"):
        continue
    named = [*keys.values(), user]

    def level(noun=noun, keys=keys, named=named):
        found = call(f"get_{noun}_permission", *named)
        return fields(found, *keys, "permission")

    answers[noun] = [
        fields(call(f"create_{noun}_permission", *named, "READ"), *keys, "permission"),
        fields(call(f"create_{noun}_permission", *named, "READ")),
        level(),
        call(f"update_{noun}_permission", *named, "NO_PERMISSIONS"),
        level(),
        call(f"update_{noun}_permission", *named, "MANAGE"),
        [
            [getattr(one, key) for key in (*keys, "permission")]
            for one in getattr(client.get_user(user), f"{noun}_permissions", [])
        ],
        call(f"delete_{noun}_permission", *named),
        level(),
    ]

# ---- levels in a workspace

if has("set_workspace_permission"):
    levels = []
    for permission in ("READ", "USE", "EDIT", "MANAGE"):
        set_to = fields(
            call("set_workspace_permission", workspace, user, permission), "workspace", "permission"
        )
        listed = [one.permission for one in call("list_workspace_permissions", workspace)]
        theirs = [
            fields(one, "workspace", "permission") for one in call("list_user_workspace_permissions", user)
        ]
        levels.append([set_to, listed, theirs])
    answers["workspace"] = levels
    answers["delete_workspace_permission"] = [
        fields(call("delete_workspace_permission", workspace, user))
        if again
        else call("delete_workspace_permission", workspace, user)
        for again in (False, True)
    ]

# ---- roles

if has("create_role"):
    role = call("create_role", "default", "readers", "Read a bit")
    answers["create_role"] = fields(role, "name", "workspace", "description")
    answers["update_role"] = fields(call("update_role", role.id, "testers", "Test"), "name", "description")
    grant = call("add_role_permission", role.id, "experiment", experiment_id, "READ")
    answers["add_role_permission"] = fields(grant, "resource_type", "resource_pattern", "permission")
    answers["update_role_permission"] = fields(call("update_role_permission", grant.id, "EDIT"), "permission")
    answers["list_role_permissions"] = [
        fields(one, "permission") for one in call("list_role_permissions", role.id)
    ]
    answers["get_role"] = [one.permission for one in call("get_role", role.id).permissions]
    answers["assign_role"] = call("assign_role", user, role.id).role_id == role.id
    answers["list_role_users"] = len(call("list_role_users", role.id))
    for method, args in (("list_user_roles", [user]), ("list_roles", ["default"]), ("list_all_roles", [])):
        answers[method] = "testers" in [one.name for one in call(method, *args)]
    answers["unassign_role"] = call("unassign_role", user, role.id)
    answers["remove_role_permission"] = call("remove_role_permission", grant.id)
    answers["delete_role"] = call("delete_role", role.id)
    answers["get_role deleted"] = fields(call("get_role", role.id))

# ---- permissions of a user, of any type

if has("grant_user_permission"):
    resource = (user, "experiment", experiment_id)
    answers["grant_user_permission"] = [
        call("grant_user_permission", *resource, "EDIT"),
        fields(call("grant_user_permission", *resource, "EDIT")),
        fields(call("get_user_permission", *resource), "allowed", "permission"),
        call("revoke_user_permission", *resource),
        fields(call("revoke_user_permission", *resource)),
        fields(call("get_user_permission", *resource), "allowed", "permission"),
    ]

methods = {name for name in dir(client) if not name.startswith("_") and callable(getattr(client, name))}
answers["not called"] = sorted(methods - called)
json.dump(answers, sys.stdout, default=str)
