"""Policies: rules that a version must meet before a target, such as an alias, may name it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.client_compat.governance import policy_rules
from trackway.client_compat.governance.policy_rules import Rule

from ..access import changes
from ..database import Tx, insert_new
from ..schema.governance import policies

_P = policies.c


class Policy(NamedTuple):
    """A policy. ``rules`` are in the order in which they were written."""

    id: int
    name: str
    models: str
    target: str
    rules: tuple[Rule, ...]
    editors: tuple[str, ...]
    mode: str
    revision: int
    creation_time: int
    last_updated_time: int


def guards(name: Any) -> sa.ColumnElement[bool]:
    """Return the condition that a policy of the workspace may be about a model with this name.

    ``name`` is an SQL expression of the type ``String``. SQLite's LIKE ignores the case of
    ASCII letters, so ``covering`` looks again.
    """
    return sa.exists().where(
        _P.workspace_id == sa.bindparam("workspace"), name.like(_P.models_like, escape="\\")
    )


def covering(tx: Tx, name: str, target: str = "") -> list[Policy]:
    """Return the policies that are about a model with this name, or about a target of it, by their names."""
    matching = sa.literal(name).like(_P.models_like, escape="\\")
    query = sa.select(policies).where(_P.workspace_id == tx.workspace, matching).order_by(_P.name)
    if target:
        query = query.where(_P.target == target)
    return [_policy(row) for row in tx.execute(query) if policy_rules.covers(row.models, name)]


def put(
    tx: Tx,
    name: str,
    *,
    models: str,
    target: str,
    rules: Sequence[Rule],
    editors: Sequence[str] = (),
    mode: str = policy_rules.ENFORCE,
    if_revision: int | None = None,
) -> Policy:
    """Store a policy, or replace the one of this name, and return it.

    With ``if_revision`` raise ``InvalidParameter`` unless the policy has this revision; 0: unless it is new.
    """
    policy_rules.check_name(name)
    values = _checked(models, target, rules, editors, mode)
    new = {
        "workspace_id": tx.workspace,
        "name": name,
        "revision": 1,
        "creation_time": tx.now_ms,
        "last_updated_time": tx.now_ms,
        **values,
    }
    row = tx.execute(insert_new(policies).returning(policies), new).first()
    if row is not None:
        _check_revision(name, 0, if_revision)
        changes.note(tx, "policy", (name,), None, _value(row))
        return _policy(row)
    old = _find(tx, name, is_locked=True)
    _check_revision(name, old.revision, if_revision)
    if all(old._mapping[key] == value for key, value in values.items()):
        return _policy(old)
    tx.execute(
        sa.update(policies)
        .where(_P.id == old.id)
        .values(revision=old.revision + 1, last_updated_time=tx.now_ms, **values)
    )
    row = _find(tx, name)
    changes.note(tx, "policy", (name,), _value(old), _value(row))
    return _policy(row)


def get(tx: Tx, name: str) -> Policy:
    """Return a policy of the workspace. Raise ``NotFound``."""
    return _policy(_find(tx, name))


def find_all(tx: Tx, *, model: str = "", target: str = "") -> list[Policy]:
    """Return the policies of the workspace by name; only those about a model or a target, if one is given."""
    query = sa.select(policies).where(_P.workspace_id == tx.workspace).order_by(_P.name)
    if target:
        query = query.where(_P.target == policy_rules.canonical_target(target))
    found = [_policy(row) for row in tx.execute(query)]
    return [policy for policy in found if not model or policy_rules.covers(policy.models, model)]


def delete(tx: Tx, name: str) -> None:
    """Delete a policy. Its verdicts remain. Raise ``NotFound``."""
    row = _find(tx, name, is_locked=True)
    tx.execute(sa.delete(policies).where(_P.id == row.id))
    changes.note(tx, "policy", (name,), _value(row), None)


def _find(tx: Tx, name: str, *, is_locked: bool = False) -> sa.Row[Any]:
    query = sa.select(policies).where(_P.workspace_id == tx.workspace, _P.name == name)
    row = tx.execute(query.with_for_update() if is_locked else query).first()
    if row is None:
        raise NotFound(f"There is no policy {name!r}.")
    return row


def _check_revision(name: str, revision: int, wanted: int | None) -> None:
    if wanted is None or wanted == revision:
        return
    now = f"has revision {revision}" if revision else "does not exist"
    raise InvalidParameter(
        f"Policy {name!r} {now}, and not the revision {wanted}. Read it again before you change it."
    )


def _checked(
    models: str, target: str, rules: Sequence[Rule], editors: Sequence[str], mode: str
) -> dict[str, str]:
    """Return the columns of a policy. Raise ``InvalidParameter``."""
    policy_rules.check_models(models)
    policy_rules.check_rules(rules)
    policy_rules.check_editors(editors)
    policy_rules.check_mode(mode)
    return {
        "models": models,
        "models_like": policy_rules.like_pattern(models),
        "target": policy_rules.canonical_target(target),
        "rules": json.dumps([rule._asdict() for rule in rules]),
        "editors": json.dumps(list(dict.fromkeys(editors))),
        "mode": mode,
    }


def _policy(row: sa.Row[Any]) -> Policy:
    return Policy(
        row.id,
        row.name,
        row.models,
        row.target,
        tuple(Rule(**rule) for rule in json.loads(row.rules)),
        tuple(json.loads(row.editors)),
        row.mode,
        row.revision,
        row.creation_time,
        row.last_updated_time,
    )


def _value(row: sa.Row[Any]) -> dict[str, Any]:
    """Return a policy as the audit has it."""
    rules, editors = json.loads(row.rules), json.loads(row.editors)
    return {"models": row.models, "target": row.target, "rules": rules, "editors": editors, "mode": row.mode}
