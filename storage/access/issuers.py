"""Issuers whose tokens (JWT) are accepted, and trust rules, which say as which service account."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import trust_rules as rules
from trackway.client_compat.errors import AlreadyExists, InvalidParameter, NotFound

from ..database import Prepared, Tx, insert_new
from ..schema.access import access_state, issuers, principals, trust_rules
from ..schema.tracking import workspaces
from . import state
from .principals import SERVICE, find
from .workspaces import find as find_workspace

_BY_URL = Prepared(
    sa.select(
        access_state.c.epoch,
        issuers.c.name.label("issuer"),
        issuers.c.url,
        issuers.c.audience,
        issuers.c.kind,
        trust_rules.c.id.label("rule_id"),
        trust_rules.c.name.label("rule"),
        trust_rules.c.conditions,
        trust_rules.c.scopes,
        trust_rules.c.max_lifetime_ms,
        trust_rules.c.workspace_id.label("only_workspace_id"),
        workspaces.c.name.label("only_workspace"),
        principals.c.name.label("account"),
    )
    .select_from(
        access_state.outerjoin(issuers, issuers.c.url == sa.bindparam("url"))
        .outerjoin(trust_rules, trust_rules.c.issuer_id == issuers.c.id)
        .outerjoin(principals, sa.and_(principals.c.id == trust_rules.c.principal_id, principals.c.is_active))
        .outerjoin(workspaces, workspaces.c.id == trust_rules.c.workspace_id)
    )
    .order_by(trust_rules.c.id),
    "url",
)
_RULES = (
    sa.select(
        trust_rules,
        issuers.c.name.label("issuer"),
        principals.c.name.label("account"),
        workspaces.c.name.label("workspace"),
    )
    .join(issuers, issuers.c.id == trust_rules.c.issuer_id)
    .join(principals, principals.c.id == trust_rules.c.principal_id)
    .outerjoin(workspaces, workspaces.c.id == trust_rules.c.workspace_id)
    .order_by(trust_rules.c.id)
)


def for_login(tx: Tx, url: str) -> list[Any]:
    """Return the epoch, the issuer and its rules in their order: a row for each rule, or one with Nones."""
    return tx.rows(_BY_URL, url)


def create(tx: Tx, name: str, url: str, audience: str, kind: str) -> sa.Row[Any]:
    """Store a new issuer and return its row. Raise ``AlreadyExists`` if its name or URL is taken."""
    rules.check_name("issuer", name)
    rules.check_issuer(url, audience, kind)
    values = {"name": name, "url": url, "audience": audience, "kind": kind, "creation_time": tx.now_ms}
    row = tx.execute(insert_new(issuers).returning(issuers), values).first()
    if row is None:
        raise AlreadyExists(f"There is an issuer with the name {name!r} or the URL {url!r} already.")
    state.raise_epoch(tx)
    return row


def get(tx: Tx, name: str) -> sa.Row[Any]:
    """Return the issuer's row. Raise ``NotFound``."""
    row = tx.execute(sa.select(issuers).where(issuers.c.name == name)).first()
    if row is None:
        raise NotFound(f"There is no issuer {name!r}.")
    return row


def find_all(tx: Tx) -> Sequence[sa.Row[Any]]:
    """Return all issuers in the order of their creation."""
    return tx.execute(sa.select(issuers).order_by(issuers.c.id)).all()


def delete(tx: Tx, name: str) -> None:
    """Delete an issuer with its rules, and the API tokens that were exchanged by them. Raise ``NotFound``."""
    tx.execute(sa.delete(issuers).where(issuers.c.id == get(tx, name).id))
    state.raise_epoch(tx)


def create_rule(
    tx: Tx,
    name: str,
    *,
    issuer: str,
    account: str,
    conditions: Mapping[str, str],
    scopes: Sequence[str],
    max_lifetime_ms: int,
    workspace: str | None = None,
) -> Any:
    """Store a new trust rule and return it. Raise ``AlreadyExists`` or ``NotFound``.

    With a ``workspace`` the account's rights hold only there. Raise ``InvalidParameter`` if the account is an
    administrator, whose rights come from no workspace.
    """
    rules.check_name("trust rule", name)
    trusted = get(tx, issuer)
    rules.check_conditions(trusted.kind, trusted.url, conditions)
    principal = find(tx, account, kind=SERVICE)
    if workspace and principal.is_admin:
        raise InvalidParameter(
            f"The service account {account} is an administrator, whose rights are not those of one "
            "workspace. Name an account with a role in it, or no workspace."
        )
    values = {
        "name": name,
        "issuer_id": trusted.id,
        "principal_id": principal.id,
        "workspace_id": find_workspace(tx, workspace).id if workspace else None,
        "conditions": json.dumps(dict(sorted(conditions.items()))),
        "scopes": " ".join(scopes),
        "max_lifetime_ms": max_lifetime_ms,
        "creation_time": tx.now_ms,
        "created_by": tx.user,
    }
    if tx.execute(insert_new(trust_rules).returning(trust_rules.c.id), values).first() is None:
        raise AlreadyExists(f"There is a trust rule {name!r} already.")
    state.raise_epoch(tx)
    return get_rule(tx, name)


def get_rule(tx: Tx, name: str) -> Any:
    """Return a trust rule with the names of its issuer and account. Raise ``NotFound``."""
    row = tx.execute(_RULES.where(trust_rules.c.name == name)).first()
    if row is None:
        raise NotFound(f"There is no trust rule {name!r}.")
    return row


def find_rules(tx: Tx) -> Sequence[Any]:
    """Return all trust rules in the order of their creation."""
    return tx.execute(_RULES).all()


def delete_rule(tx: Tx, name: str) -> None:
    """Delete a trust rule with the API tokens that were exchanged by it. Raise ``NotFound``."""
    tx.execute(sa.delete(trust_rules).where(trust_rules.c.id == get_rule(tx, name).id))
    state.raise_epoch(tx)
