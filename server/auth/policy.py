"""The permissions. Each handler declares one; it also names the target of the request in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trackway.client_compat.errors import PermissionDenied

from .identity import Identity

if TYPE_CHECKING:
    from trackway.client_compat.wire import Message
    from trackway.storage.database import Tx

Verb = Literal["read", "create", "edit", "delete"]
_LOGGED_NOUNS = ("run", "logged_model", "artifact")
_REGISTRY_NOUNS = ("registered_model", "model_version")
_ACCESS_NOUNS = ("principal", "user", "token", "service_account", "role", "grant", "permission")


@dataclass(frozen=True, slots=True)
class Permission:
    """The permission to do ``verb`` to a ``noun``.

    The first of ``request_fields`` that is set holds the key of the noun. For a request that creates
    something, ``response_field`` is the dotted path of the new key in the response. ``who`` may have it:
    everybody, even without credentials, every principal, or administrators.
    """

    verb: Verb
    noun: str
    request_fields: tuple[str, ...] = ()
    response_field: str = ""
    who: Literal["everybody", "principals", "admins"] = "principals"

    @property
    def writes(self) -> bool:
        return self.verb != "read"

    @property
    def _words(self) -> str:
        return self.noun.replace("_", " ")

    def check(self, tx: Tx | None, identity: Identity, request: Message) -> None:
        """Raise ``PermissionDenied`` if the caller lacks this permission.

        ``tx`` may be None only if the identity ``is_unrestricted``.
        """
        if identity.is_unrestricted or self.who == "everybody":
            return
        principal = identity.principal
        if principal is None:
            raise PermissionDenied("This request needs a log-in.")
        if self.who == "admins" and not principal.is_admin:
            raise PermissionDenied(
                f"Only administrators may {self.verb} a {self._words}; {principal.name} is none."
            )
        if principal.scopes and not any(self._is_in(scope) for scope in principal.scopes):
            raise PermissionDenied(
                f"The API token {principal.credential} has the scope {' '.join(principal.scopes)}, which "
                f"does not include to {self.verb} a {self._words}."
            )

    def _is_in(self, scope: str) -> bool:
        """Return whether a scope of ``access_rules.SCOPES`` includes this permission."""
        if scope == "admin":
            return True
        if self.who == "admins" or self.noun in _ACCESS_NOUNS:
            return self.verb == "read" and self.noun == "principal"
        if self.verb == "read":
            return True
        if scope == "log":
            return self.noun in _LOGGED_NOUNS and self.verb in ("create", "edit")
        return scope == "registry" and self.noun in _REGISTRY_NOUNS

    def target(self, request: Message, response: Message) -> str:
        """Return the written object as the audit log names it, such as ``run:4f0c...``."""
        found = _value_at(response, self.response_field) if self.response_field else None
        if not found:
            found = next(filter(None, (_value_at(request, path) for path in self.request_fields)), None)
        return f"{self.noun}:{'' if found is None else found}"


def _value_at(message: Message, path: str) -> object:
    found: object = message
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


anyone = Permission("read", "server", who="everybody")

search_experiments = Permission("read", "experiment")
read_experiment = Permission("read", "experiment", ("experiment_id",))
read_experiment_by_name = Permission("read", "experiment", ("experiment_name",))
create_experiment = Permission("create", "experiment", ("name",), response_field="experiment_id")
edit_experiment = Permission("edit", "experiment", ("experiment_id",))
delete_experiment = Permission("delete", "experiment", ("experiment_id",))

search_datasets = Permission("read", "experiment", ("experiment_ids",))
search_runs = Permission("read", "run")
read_run = Permission("read", "run", ("run_id", "run_uuid"))
read_runs = Permission("read", "run", ("run_ids",))
create_run = Permission("create", "run", ("experiment_id",), response_field="run.info.run_id")
edit_run = Permission("edit", "run", ("run_id", "run_uuid"))
delete_run = Permission("delete", "run", ("run_id",))

search_logged_models = Permission("read", "experiment", ("experiment_ids",))
read_logged_model = Permission("read", "logged_model", ("model_id",))
create_logged_model = Permission(
    "create", "logged_model", ("experiment_id",), response_field="model.info.model_id"
)
edit_logged_model = Permission("edit", "logged_model", ("model_id",))
delete_logged_model = Permission("delete", "logged_model", ("model_id",))

read_webhooks = Permission("read", "webhook", ("webhook_id",), who="admins")
create_webhook = Permission("create", "webhook", ("name",), response_field="webhook.webhook_id", who="admins")
edit_webhook = Permission("edit", "webhook", ("webhook_id",), who="admins")
delete_webhook = Permission("delete", "webhook", ("webhook_id",), who="admins")

search_models = Permission("read", "registered_model")
read_model = Permission("read", "registered_model", ("name",))
create_model = Permission("create", "registered_model", ("name",))
edit_model = Permission("edit", "registered_model", ("name",))
delete_model = Permission("delete", "registered_model", ("name",))
search_versions = Permission("read", "model_version")
read_version = Permission("read", "model_version", ("name",))
create_version = Permission("create", "model_version", ("name",))
edit_version = Permission("edit", "model_version", ("name",))
delete_version = Permission("delete", "model_version", ("name",))

read_artifacts = Permission("read", "artifact")
edit_run_or_model = Permission("edit", "artifact", ("run_id", "model_id"))
edit_artifacts = Permission("edit", "artifact")
delete_artifacts = Permission("delete", "artifact")

# Users read and change themselves, administrators all; the handlers check it.
read_self = Permission("read", "principal")
read_users = Permission("read", "user", ("username",))
edit_own_user = Permission("edit", "user", ("username",))
create_user = Permission("create", "user", ("username",), who="admins")
edit_user = Permission("edit", "user", ("username",), who="admins")
delete_user = Permission("delete", "user", ("username",), who="admins")
create_role = Permission("create", "role", ("name",), response_field="role.id")
read_role = Permission("read", "role", ("role_id",))
edit_role = Permission("edit", "role", ("role_id",))
delete_role = Permission("delete", "role", ("role_id",))
edit_grant = Permission("edit", "grant", ("role_permission_id",))
edit_user_permissions = Permission("edit", "permission", ("username",))
read_user_permissions = Permission("read", "permission", ("username",))
read_tokens = Permission("read", "token", ("owner",))
create_token = Permission("create", "token", ("name",), response_field="token.token_id")
edit_token = Permission("edit", "token", ("token_id",))
read_service_accounts = Permission("read", "service_account", who="admins")
create_service_account = Permission("create", "service_account", ("name",), who="admins")
delete_service_account = Permission("delete", "service_account", ("name",), who="admins")
