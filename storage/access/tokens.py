"""API tokens. A row has the SHA-256 of its token; the token itself is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.errors import NotFound

from ..database import Prepared, Tx
from ..schema.access import access_state, principals, tokens, trust_rules
from ..schema.tracking import workspaces
from . import changes, state
from .principals import LOGIN_COLUMNS, with_grants

_BY_ID = Prepared(
    sa.select(
        *LOGIN_COLUMNS,
        tokens.c.digest,
        tokens.c.scopes,
        tokens.c.limits,
        tokens.c.expiry_time,
        tokens.c.revoked_time,
        tokens.c.run_tags,
        trust_rules.c.workspace_id.label("only_workspace_id"),
        workspaces.c.name.label("only_workspace"),
    ).select_from(
        with_grants(
            access_state.outerjoin(tokens, tokens.c.token_id == sa.bindparam("token_id")).outerjoin(
                principals, sa.and_(principals.c.id == tokens.c.principal_id, principals.c.is_active)
            )
        )
        .outerjoin(trust_rules, trust_rules.c.id == tokens.c.trust_rule_id)
        .outerjoin(workspaces, workspaces.c.id == trust_rules.c.workspace_id)
    ),
    "token_id",
)
_LISTED = (
    sa.select(
        tokens.c.token_id,
        principals.c.name.label("owner"),
        tokens.c.name,
        tokens.c.scopes,
        tokens.c.limits,
        tokens.c.creation_time,
        tokens.c.created_by,
        tokens.c.expiry_time,
        tokens.c.revoked_time,
        tokens.c.last_used_time,
        tokens.c.trust_rule_id,
    )
    .join(principals, principals.c.id == tokens.c.principal_id)
    .order_by(tokens.c.id)
)


def for_login(tx: Tx, token_id: str) -> list[Any]:
    """Return the epoch, the ``LOGIN_COLUMNS`` of the active owner, and the token's own columns, or Nones."""
    return tx.rows(_BY_ID, token_id)


def create(
    tx: Tx,
    principal_id: int,
    *,
    token_id: str,
    digest: str,
    name: str,
    scopes: Sequence[str],
    expiry_time: int | None,
    trust_rule_id: int | None = None,
    run_tags: str | None = None,
    limits: str | None = None,
) -> None:
    """Store a new token of a principal. ``run_tags`` is a JSON object: tags of runs that it creates."""
    tx.execute(
        sa.insert(tokens),
        {
            "token_id": token_id,
            "principal_id": principal_id,
            "name": name,
            "digest": digest,
            "scopes": " ".join(scopes),
            "limits": limits,
            "creation_time": tx.now_ms,
            "created_by": tx.user,
            "expiry_time": expiry_time,
            "trust_rule_id": trust_rule_id,
            "run_tags": run_tags,
        },
    )
    value = {"principal_id": principal_id, "name": name, "scopes": list(scopes), "expiry_time": expiry_time}
    changes.note(tx, "token", (token_id,), None, value)


def forget_expired(tx: Tx, trust_rule_id: int, before: int) -> None:
    """Delete the tokens of a trust rule that expired before a time: each CI job leaves one."""
    tx.execute(
        sa.delete(tokens).where(tokens.c.trust_rule_id == trust_rule_id, tokens.c.expiry_time < before)
    )


def find(tx: Tx, token_id: str) -> Any:
    """Return the token with its owner's name. Raise ``NotFound``."""
    row = tx.execute(_LISTED.where(tokens.c.token_id == token_id)).first()
    if row is None:
        raise NotFound(f"There is no token {token_id!r}.")
    return row


def find_all(tx: Tx, owner: str | None = None) -> Sequence[Any]:
    """Return the tokens of a principal, or of all, that are not revoked, in the order of their creation."""
    query = _LISTED.where(tokens.c.revoked_time.is_(None))
    return tx.execute(query if owner is None else query.where(principals.c.name == owner)).all()


def revoke(tx: Tx, token_id: str) -> None:
    """Refuse the token from now on. A revoked one remains as it is. Raise ``NotFound``."""
    if find(tx, token_id).revoked_time is None:
        _update(tx, token_id, revoked_time=tx.now_ms)
        changes.note(tx, "token", (token_id,), "valid", "revoked")


def shorten(tx: Tx, token_id: str, expiry_time: int) -> None:
    """Let the token expire at ``expiry_time``, unless it expires earlier."""
    expiry = find(tx, token_id).expiry_time
    if expiry is None or expiry > expiry_time:
        _update(tx, token_id, expiry_time=expiry_time)
        changes.note(tx, "token", (token_id,), {"expiry_time": expiry}, {"expiry_time": expiry_time})


def record_uses(tx: Tx, times: Mapping[str, int]) -> None:
    """Store when tokens were used last: a time in milliseconds by token id."""
    statement = (
        sa.update(tokens)
        .where(tokens.c.token_id == sa.bindparam("used"))
        .values(last_used_time=sa.bindparam("at"))
    )
    tx.execute(statement, [{"used": token_id, "at": times[token_id]} for token_id in sorted(times)])


def _update(tx: Tx, token_id: str, **values: object) -> None:
    tx.execute(sa.update(tokens).where(tokens.c.token_id == token_id).values(**values))
    state.raise_epoch(tx)
