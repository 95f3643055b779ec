"""The permissions. Each handler declares one; it also names the target of the request in the audit log.

What a permission needs of the caller's rights is written in the notation of ``needs``. The table is that of
MLflow 3.17 (``mlflow/server/auth/__init__.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from trackway.client_compat import registry_rules, searchable
from trackway.client_compat.access_rules import ALL
from trackway.client_compat.errors import PermissionDenied
from trackway.storage.access import containers

from . import needs, shared
from .artifact_needs import WithinArtifacts, WithinNewLocation, WithinSource
from .identity import Identity
from .needs import Asked
from .redaction import WithinFilter
from .rights import Rights

if TYPE_CHECKING:
    from trackway.client_compat.wire import Message
    from trackway.storage.artifacts.locations import Locations
    from trackway.storage.database import Tx

Verb = Literal["read", "create", "edit", "delete"]
_LOGGED_NOUNS = ("run", "logged_model", "artifact", "trace", "span", "assessment")
_REGISTRY_NOUNS = ("registered_model", "model_version", "verdict", "approval")
_ACCESS_NOUNS = (
    *("principal", "user", "token", "share_link", "service_account", "role", "grant", "permission"),
    "audit",
)
# What they find for a key never changes. A trace may move to another experiment.
_STEADY = (containers.of_runs, containers.of_logged_models)


class Within(NamedTuple):
    """Needs on the experiments or models that a request's resources belong to.

    ``find(tx, keys)`` returns the ids of the containers of the resources with these keys, fewer if some do
    not exist; None if the keys are the ids. ``keys(request)`` returns the keys that the request names.
    """

    needs: tuple[needs.Need, ...]
    keys: Callable[[Message], Sequence[str]]
    find: Callable[[Tx, Sequence[str]], list[str]] | None = None
    is_model: bool = False
    # Whether a request for what does not exist is allowed. The handler then answers 404: by that, clients
    # learn that a name is not used.
    allows_missing: bool = False

    def is_allowed(self, asked: Asked) -> bool:
        """Return whether the caller's rights meet the needs."""
        tx, rights = asked.tx, asked.rights
        keys = self.keys(asked.request)
        if not keys:
            return True
        if self.is_model:
            return all(self._model_is_allowed(tx, rights, name) for name in keys)
        # A run or a logged model that was found before: it stays in its experiment, and a move of that to
        # another workspace gives the caller new rights.
        known = (id(self), f"={keys[0]}") if len(keys) == 1 and self.find in _STEADY else None
        if known in rights.verdicts:
            return rights.verdicts[known]
        if not rights.depends_on_single("experiment"):
            is_missing = self.allows_missing and self.find is not None and not self.find(tx, keys)
            return is_missing or self._is_allowed_in(rights, ALL)
        ids = keys if self.find is None else self.find(tx, keys)
        if len(ids) < len(keys) and not self.allows_missing:
            return False
        verdict = all(self._is_allowed_in(rights, experiment_id) for experiment_id in ids)
        if known and ids:
            rights.note(known, verdict)
        return verdict

    def _is_allowed_in(self, rights: Rights, experiment_id: str) -> bool:
        key = (id(self), experiment_id)  # this object is part of a permission, which is never freed
        verdict = rights.verdicts.get(key)
        if verdict is None:
            verdict = rights.note(key, needs.are_met(self.needs, rights, _canonical(experiment_id)))
        return verdict

    def _model_is_allowed(self, tx: Tx, rights: Rights, name: str) -> bool:
        is_prompt = rights.distinguishes_prompts and containers.is_prompt(tx, name)
        return needs.are_met(self.needs, rights, name, is_prompt=is_prompt)


@dataclass(frozen=True, slots=True)
class Permission:
    """The permission to do ``verb`` to a ``noun``.

    The first of ``request_fields`` that is set holds the key of the noun. For a request that creates
    something, ``response_field`` is the dotted path of the new key in the response. ``who`` may have it:
    everybody, even without credentials, every principal, or administrators; principals must also have the
    rights that ``within`` says. ``gives`` returns the resource type of which the creator gets MANAGE.
    """

    verb: Verb
    noun: str
    request_fields: tuple[str, ...] = ()
    response_field: str = ""
    who: Literal["everybody", "principals", "admins"] = "principals"
    within: tuple[Within | WithinArtifacts | WithinNewLocation | WithinSource | WithinFilter, ...] = ()
    gives: Callable[[Message], str] | None = None

    @property
    def writes(self) -> bool:
        return self.verb != "read"

    @property
    def _words(self) -> str:
        return self.noun.replace("_", " ")

    def check(
        self,
        tx: Tx | None,
        identity: Identity,
        request: Message,
        path_values: Mapping[str, str] = MappingProxyType({}),
        places: Locations | None = None,
    ) -> None:
        """Raise ``PermissionDenied`` if the caller lacks this permission. ``places`` are the artifact stores.

        ``tx`` may be None only if the identity ``is_unrestricted``. The message is the same whether the
        resource does not exist or the caller may not use it.
        """
        if identity.is_unrestricted or self.who == "everybody":
            return
        principal, rights = identity.principal, identity.rights
        if principal is None or rights is None or tx is None:
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
        if rights.link is not None:
            shared.check(tx, rights.link, request)
        asked = Asked(tx, identity, rights, request, path_values, places)
        for part in self.within:
            if not part.is_allowed(asked):
                raise PermissionDenied(f"{principal.name} may not {self.verb} {self._object(request)}.")

    def _object(self, request: Message) -> str:
        """Return what a request is about, for an error: ``the run 4f0c...``, ``a run (experiment_id: 3)``."""
        key = self._key(request)
        if self.verb != "create":
            return f"the {self._words} {key}".rstrip()
        return f"a {self._words} ({self.request_fields[0]}: {key})" if key else f"a {self._words}"

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
        return f"{self.noun}:{found or self._key(request)}"

    def _key(self, request: Message) -> str:
        found = next(filter(None, (_value_at(request, path) for path in self.request_fields)), None)
        return "" if found is None else str(found)


def _value_at(message: Message, path: str) -> object:
    found: object = message
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


def _canonical(experiment_id: str) -> str:
    """Return the id as permissions name it: "01", " 1", "+1" and "0_1" are experiment 1 as well.

    It is read as ``rules.parse_experiment_id`` reads it, so that no spelling passes the permissions.
    """
    try:
        return str(int(experiment_id))
    except ValueError:
        return experiment_id


def readable(rights: Rights, experiment_ids: Sequence[str], tier: str) -> list[str]:
    """Return those of the experiments whose resources of a type (``tier``) may be read."""
    needed = needs.parse(f"E:read, {tier}>E:read")
    return [found for found in experiment_ids if needs.are_met(needed, rights, _canonical(found))]


def _first(*fields: str) -> Callable[[Message], Sequence[str]]:
    """Return the key in the first of the fields that is set."""

    def keys(request: Message) -> Sequence[str]:
        found = next(filter(None, (getattr(request, field) for field in fields)), None)
        return [] if found is None else [str(found)]

    return keys


def _each(field: str) -> Callable[[Message], Sequence[str]]:
    """Return the different keys in a list."""
    return lambda request: list(dict.fromkeys(getattr(request, field)))


def _experiment(text: str, *fields: str) -> tuple[Within, ...]:
    return (Within(needs.parse(text), _first(*fields)),)


def _run(text: str) -> tuple[Within, ...]:
    return (Within(needs.parse(text), _run_keys, containers.of_runs),)


def _logged_model(text: str) -> tuple[Within, ...]:
    return (Within(needs.parse(text), _first("model_id"), containers.of_logged_models),)


def _model(text: str) -> tuple[Within, ...]:
    return (Within(needs.parse(text), _first("name"), is_model=True),)


def _model_type(request: Message) -> str:
    """Return the resource type of a registered model that is to be created: a prompt has a tag."""
    tags = {tag.key: tag.value for tag in getattr(request, "tags", ())}
    return "prompt" if registry_rules.is_prompt(tags) else "registered_model"


def _if_creating(resource_type: str) -> Callable[[Message], Sequence[str]]:
    return lambda request: [ALL] if _model_type(request) == resource_type else []


def _run_keys(request: Message) -> Sequence[str]:
    found = getattr(request, "run_id", None) or getattr(request, "run_uuid", None)
    return [found] if found else []


def _run_lists(request: Message) -> Sequence[str]:
    found = getattr(request, "run_ids", None) or getattr(request, "run_id", None) or ()
    return list(dict.fromkeys(found))


@cache
def _model_fields(message: type[Message]) -> tuple[bool, tuple[str, ...]]:
    """Return whether a class of messages has a logged model of its own, and which lists of models it has."""
    fields = message._fields
    return "model_id" in fields, tuple(name for name in ("metrics", "models") if name in fields)


def _named_models(request: Message) -> Sequence[str]:
    """Return the logged models that a request about a run names: its own, and those of metrics and inputs."""
    has_own, lists = _model_fields(type(request))  # type: ignore[arg-type]
    found = [getattr(request, "model_id", None)] if has_own else []
    for field in lists:
        found += [getattr(item, "model_id", None) for item in getattr(request, field) or ()]
    return [model_id for model_id in dict.fromkeys(found) if model_id] if found else ()


_NAMED_MODELS = Within(
    needs.parse("E:read, logged_model>E:update"), _named_models, containers.of_logged_models
)
_SOURCE_RUN = Within(needs.parse("E:read, run>E:read"), _first("source_run_id"), containers.of_runs)
_VERSION_RUN = Within(needs.parse("E:read, run>E:read"), _run_keys, containers.of_runs)
_VERSION_MODEL = Within(
    needs.parse("E:read, logged_model>E:read"), _first("model_id"), containers.of_logged_models
)
# What an experiment takes with it.
_DELETES_ALL = "E:delete, " + ", ".join(
    f"{tier}>E:delete"
    for tier in ("run", "trace", "logged_model", "assessment", "review_queue", "scorer", "scorer_version")
)


anyone = Permission("read", "server", who="everybody")

search_experiments = Permission("read", "experiment")
read_experiment = Permission(
    "read", "experiment", ("experiment_id",), within=_experiment("E:read", "experiment_id")
)
read_experiment_by_name = Permission(
    "read",
    "experiment",
    ("experiment_name",),
    within=(Within(needs.parse("E:read"), _first("experiment_name"), containers.named, allows_missing=True),),
)
create_experiment = Permission(
    "create",
    "experiment",
    ("name",),
    response_field="experiment_id",
    within=(Within(needs.parse("member, !experiment"), lambda request: [ALL]), WithinNewLocation()),
    gives=lambda request: "experiment",
)
edit_experiment = Permission(
    "edit", "experiment", ("experiment_id",), within=_experiment("E:update", "experiment_id")
)
delete_experiment = Permission(
    "delete", "experiment", ("experiment_id",), within=_experiment(_DELETES_ALL, "experiment_id")
)

search_datasets = Permission(
    "read",
    "experiment",
    ("experiment_ids",),
    within=(Within(needs.parse("E:read"), _each("experiment_ids")),),
)
search_runs = Permission("read", "run")
read_run = Permission("read", "run", ("run_id", "run_uuid"), within=_run("E:read, run>E:read"))
read_runs = Permission(
    "read",
    "run",
    ("run_ids",),
    within=(Within(needs.parse("E:read, run>E:read"), _run_lists, containers.of_runs),),
)
create_run = Permission(
    "create",
    "run",
    ("experiment_id",),
    response_field="run.info.run_id",
    within=_experiment("E:update, !run", "experiment_id"),
)
edit_run = Permission(
    "edit", "run", ("run_id", "run_uuid"), within=(*_run("E:read, run>E:update"), _NAMED_MODELS)
)
delete_run = Permission("delete", "run", ("run_id",), within=_run("E:read, run>E:delete"))

search_logged_models = Permission(
    "read",
    "experiment",
    ("experiment_ids",),
    within=(WithinFilter("source_run_id", searchable.LOGGED_MODELS),),
)
read_logged_model = Permission(
    "read", "logged_model", ("model_id",), within=_logged_model("E:read, logged_model>E:read")
)
create_logged_model = Permission(
    "create",
    "logged_model",
    ("experiment_id",),
    response_field="model.info.model_id",
    within=(*_experiment("E:update, !logged_model", "experiment_id"), _SOURCE_RUN),
)
edit_logged_model = Permission(
    "edit", "logged_model", ("model_id",), within=_logged_model("E:read, logged_model>E:update")
)
delete_logged_model = Permission(
    "delete", "logged_model", ("model_id",), within=_logged_model("E:read, logged_model>E:delete")
)
# MLflow asks for "delete" here, unlike for tags of runs.
delete_logged_model_tag = Permission(
    "edit", "logged_model", ("model_id",), within=_logged_model("E:read, logged_model>E:delete")
)

read_webhooks = Permission("read", "webhook", ("webhook_id",), who="admins")
create_webhook = Permission("create", "webhook", ("name",), response_field="webhook.webhook_id", who="admins")
edit_webhook = Permission("edit", "webhook", ("webhook_id",), who="admins")
delete_webhook = Permission("delete", "webhook", ("webhook_id",), who="admins")

search_models = Permission("read", "registered_model")
read_model = Permission("read", "registered_model", ("name",), within=_model("M:read"))
create_model = Permission(
    "create",
    "registered_model",
    ("name",),
    within=(
        Within(needs.parse("member, !registered_model"), _if_creating("registered_model")),
        Within(needs.parse("member, !prompt"), _if_creating("prompt")),
    ),
    gives=_model_type,
)
edit_model = Permission("edit", "registered_model", ("name",), within=_model("M:update"))
set_alias = Permission("edit", "registered_model", ("name",), within=_model("M:update, version>M:read"))
delete_model = Permission(
    "delete", "registered_model", ("name",), within=_model("M:delete, version>M:delete")
)
delete_alias = Permission("edit", "registered_model", ("name",), within=_model("M:delete, version>M:read"))
# The handlers check that the caller administrates the workspace.
read_policy = Permission("read", "policy", ("name",))
edit_policy = Permission("edit", "policy", ("name",))
delete_policy = Permission("delete", "policy", ("name",))
create_verdict = Permission("create", "verdict", ("name",), within=_model("M:read, !version"))
create_approval = Permission("create", "approval", ("name",), within=_model("M:read, version>M:update"))
search_versions = Permission(
    "read", "model_version", within=(WithinFilter("run_id", searchable.MODEL_VERSIONS),)
)
read_version = Permission("read", "model_version", ("name",), within=_model("M:read, !version"))
create_version = Permission(
    "create",
    "model_version",
    ("name",),
    within=(*_model("M:update, !version"), _VERSION_RUN, _VERSION_MODEL, WithinSource()),
)
edit_version = Permission("edit", "model_version", ("name",), within=_model("M:read, version>M:update"))
delete_version = Permission("delete", "model_version", ("name",), within=_model("M:read, version>M:delete"))
delete_version_tag = Permission("edit", "model_version", ("name",), within=_model("M:read, version>M:delete"))

read_artifacts = Permission("read", "artifact", within=(WithinArtifacts("read"),))
edit_run_or_model = Permission(
    "edit",
    "artifact",
    ("run_id", "model_id"),
    within=(*_run("E:read, run>E:update"), *_logged_model("E:read, logged_model>E:update")),
)
edit_artifacts = Permission("edit", "artifact", within=(WithinArtifacts("update"),))
delete_artifacts = Permission("delete", "artifact", within=(WithinArtifacts("manage"),))

# The handlers check that the caller has a role in the workspace.
read_workspaces = Permission("read", "workspace", ("workspace_name",))
create_workspace = Permission("create", "workspace", ("name",), who="admins")
edit_workspace = Permission("edit", "workspace", ("workspace_name",), who="admins")
delete_workspace = Permission("delete", "workspace", ("workspace_name",), who="admins")

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
edit_workspace_permissions = Permission("edit", "permission", ("username", "workspace_name"))
read_user_permissions = Permission("read", "permission", ("username",))
read_tokens = Permission("read", "token", ("owner",))
create_token = Permission("create", "token", ("name",), response_field="token.token_id")
edit_token = Permission("edit", "token", ("token_id",))
read_share_links = Permission("read", "share_link", ("owner",))
create_share_link = Permission(
    "create",
    "share_link",
    ("experiment_id", "label"),
    response_field="share_link.link_id",
    within=(
        *_experiment("E:read", "experiment_id"),
        Within(needs.parse("E:read, run>E:read"), _run_lists, containers.of_runs),
    ),
)
delete_share_link = Permission("delete", "share_link", ("link_id",))
# Administrators read all of it, administrators of a workspace theirs; the handler checks it.
read_audit = Permission("read", "audit")
read_service_accounts = Permission("read", "service_account", who="admins")
create_service_account = Permission("create", "service_account", ("name",), who="admins")
delete_service_account = Permission("delete", "service_account", ("name",), who="admins")
read_trust = Permission("read", "trust_rule", who="admins")
create_issuer = Permission("create", "issuer", ("name",), who="admins")
delete_issuer = Permission("delete", "issuer", ("name",), who="admins")
create_trust_rule = Permission("create", "trust_rule", ("name",), who="admins")
delete_trust_rule = Permission("delete", "trust_rule", ("name",), who="admins")
