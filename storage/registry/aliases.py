"""Aliases: names for versions of a model. An alias can be moved from one version to another."""

from __future__ import annotations

import sqlalchemy as sa

from trackway.client_compat import messages as m
from trackway.client_compat import registry_rules
from trackway.client_compat.errors import InvalidParameter, NotFound

from ..database import Tx, upsert
from ..governance import gates
from ..governance.gates import NOBODY, Actor, Passed
from ..schema import registry
from ..schema.registry import registered_model_aliases
from ..webhooks import outbox
from . import history, model_rows, model_versions, tags
from .history import Change

_A = registered_model_aliases.c
_SET = upsert(registered_model_aliases, "version")
_VERSION = sa.select(_A.version).where(
    _A.model_id == sa.bindparam("model"), _A.alias == sa.bindparam("alias")
)


def put(tx: Tx, name: str, alias: str, version: str, actor: Actor = NOBODY) -> Passed:
    """Set the alias to the version, or move it there. Return what policies said.

    Raise ``NotFound`` if the version does not exist, and ``PermissionDenied`` if a policy refuses it.
    """
    model, row = model_versions.lock(tx, name, version)
    old = _version(tx, row.model_id, alias)
    passed = gates.NO_POLICY
    if old != row.version:
        passed = gates.check_naming(tx, model, row, f"alias:{alias}", actor, "alias")
        tx.execute(_SET, {"model_id": row.model_id, "alias": alias, "version": row.version})
        action = history.ALIAS_SET if old is None else history.ALIAS_MOVED
        changed = Change(action, row.version, alias, None if old is None else str(old), str(row.version))
        history.record(tx, row.model_id, name, changed, *history.overriding(passed, row.version, alias))
    event = tags.event_kind(tx, row.model_id, "model_version") + "_alias.created"
    payload = {"name": name, "alias": alias, "version": version}
    if passed.overriding:
        payload["override"] = passed.overriding
    outbox.emit(tx, event, payload)
    return passed


def delete(tx: Tx, name: str, alias: str, actor: Actor = NOBODY) -> None:
    """Delete the alias. Idempotent: if there is no such alias, only the webhook event is sent.

    Raise ``PermissionDenied`` if a policy has other editors.
    """
    model = model_rows.lock(tx, name)
    old = _version(tx, model.id, alias)
    if old is not None:
        gates.check_release(tx, model, f"alias:{alias}", actor)
        tx.execute(sa.delete(registered_model_aliases).where(_A.model_id == model.id, _A.alias == alias))
        changed = Change(history.ALIAS_REMOVED, old, alias, old_value=str(old))
        history.record(tx, model.id, name, changed)
    event = tags.event_kind(tx, model.id, "model_version") + "_alias.deleted"
    outbox.emit(tx, event, {"name": name, "alias": alias})


def resolve(tx: Tx, name: str, alias: str) -> m.ModelVersion:
    """Return the version that the alias names. The alias "latest" is built in and names the newest version.

    Raise ``InvalidParameter`` if there is no such alias and ``NotFound`` if "latest" finds no version.
    """
    model = model_rows.find(tx, name)
    if registry_rules.is_latest(alias):
        versions = registry.model_versions.c
        version = tx.execute(
            sa.select(sa.func.max(versions.version)).where(versions.model_id == model.id)
        ).scalar()
        if version is None:
            raise NotFound(f"Latest version not found for model {name}.")
    else:
        version = _version(tx, model.id, alias)
        if version is None:
            raise InvalidParameter(f"Registered model alias {alias} not found.")
    return model_versions.get(tx, name, str(version))


def _version(tx: Tx, model_id: int, alias: str) -> int | None:
    version: int | None = tx.execute(_VERSION, {"model": model_id, "alias": alias}).scalar()
    return version
