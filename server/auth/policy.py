"""What a request needs: each handler declares one permission, and the audit reads its target from it."""

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
    """To do ``verb`` to a ``noun``, found by the first field of the request that is set.

    For something that the request makes, ``made`` says where its key stands in the response.
    """

    verb: Verb
    noun: str
    key: tuple[str, ...] = ()
    made: str = ""

    @property
    def writes(self) -> bool:
        return self.verb != "read"

    def check(self, tx: Tx | None, identity: Identity, request: Message) -> None:
        """Raise ``PermissionDenied`` when the caller may not. Without users, everybody may everything.

        There is a transaction unless the identity ``is_unrestricted``.
        """

    def target(self, request: Message, response: Message) -> str:
        """What was written, as the audit names it: ``run:4f0c...``."""
        found = _follow(response, self.made) if self.made else None
        if not found:
            found = next(filter(None, (_follow(request, path) for path in self.key)), None)
        return f"{self.noun}:{'' if found is None else found}"


def _follow(message: Message, path: str) -> object:
    found: object = message
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


anyone = Permission("read", "server")

search_experiments = Permission("read", "experiment")
read_experiment = Permission("read", "experiment", ("experiment_id",))
read_experiment_by_name = Permission("read", "experiment", ("experiment_name",))
create_experiment = Permission("create", "experiment", ("name",), made="experiment_id")
edit_experiment = Permission("edit", "experiment", ("experiment_id",))
delete_experiment = Permission("delete", "experiment", ("experiment_id",))

search_datasets = Permission("read", "experiment", ("experiment_ids",))
search_runs = Permission("read", "run")
read_run = Permission("read", "run", ("run_id", "run_uuid"))
read_runs = Permission("read", "run", ("run_ids",))
create_run = Permission("create", "run", ("experiment_id",), made="run.info.run_id")
edit_run = Permission("edit", "run", ("run_id", "run_uuid"))
delete_run = Permission("delete", "run", ("run_id",))

search_logged_models = Permission("read", "experiment", ("experiment_ids",))
read_logged_model = Permission("read", "logged_model", ("model_id",))
create_logged_model = Permission("create", "logged_model", ("experiment_id",), made="model.info.model_id")
edit_logged_model = Permission("edit", "logged_model", ("model_id",))
delete_logged_model = Permission("delete", "logged_model", ("model_id",))

read_webhooks = Permission("read", "webhook", ("webhook_id",))
create_webhook = Permission("create", "webhook", ("name",), made="webhook.webhook_id")
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
