"""The permissions. Each handler declares one; it also names the target of the request in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .identity import Identity

if TYPE_CHECKING:
    from trackway.client_compat.wire import Message
    from trackway.storage.database import Tx

Verb = Literal["read", "create", "edit", "delete"]


@dataclass(frozen=True, slots=True)
class Permission:
    """The permission to do ``verb`` to a ``noun``.

    The first of ``request_fields`` that is set holds the key of the noun. For a request that creates
    something, ``response_field`` is the dotted path of the new key in the response.
    """

    verb: Verb
    noun: str
    request_fields: tuple[str, ...] = ()
    response_field: str = ""

    @property
    def writes(self) -> bool:
        return self.verb != "read"

    def check(self, tx: Tx | None, identity: Identity, request: Message) -> None:
        """Raise ``PermissionDenied`` if the caller lacks this permission.

        There are no users yet, so every caller has every permission. ``tx`` may be None only if the identity
        ``is_unrestricted``.
        """

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


anyone = Permission("read", "server")

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

read_webhooks = Permission("read", "webhook", ("webhook_id",))
create_webhook = Permission("create", "webhook", ("name",), response_field="webhook.webhook_id")
edit_webhook = Permission("edit", "webhook", ("webhook_id",))
delete_webhook = Permission("delete", "webhook", ("webhook_id",))

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
