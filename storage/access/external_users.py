"""Users of identity providers. A user is known by issuer and subject, never by name or e-mail address."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.errors import AlreadyExists, PermissionDenied

from ..database import Tx
from ..schema.access import principals, role_members, roles
from . import state
from .principals import USER, create
from .principals import find_or_none as find_principal


def find_or_none(tx: Tx, issuer: str, subject: str) -> sa.Row[Any] | None:
    """Return the row of the provider's user, or None."""
    query = sa.select(principals).where(principals.c.issuer == issuer, principals.c.subject == subject)
    return tx.execute(query).first()


def create_user(tx: Tx, issuer: str, subject: str, name: str) -> sa.Row[Any]:
    """Create the provider's user and return its row.

    Raise ``AlreadyExists`` if another principal has the name: it need not be the same person.
    """
    try:
        row = create(tx, name, kind=USER)
    except AlreadyExists:
        raise AlreadyExists(
            f"The name {name!r} belongs to another account of this server, which is not connected with the "
            f"identity provider. {how_to_connect(name, issuer, subject)}"
        ) from None
    _set_subject(tx, row.id, issuer, subject)
    return row


def connect(tx: Tx, name: str, issuer: str, subject: str) -> None:
    """Let the provider's user log in as the user ``name``, which is created if it does not exist.

    Raise ``AlreadyExists`` if the provider's user is connected with another account.
    """
    connected = find_or_none(tx, issuer, subject)
    if connected is not None and connected.name != name:
        raise AlreadyExists(f"This user of the provider is connected with the account {connected.name!r}.")
    row = find_principal(tx, name, kind=USER) or create(tx, name, kind=USER)
    _set_subject(tx, row.id, issuer, subject)
    state.raise_epoch(tx)


def how_to_connect(name: str, issuer: str, subject: str) -> str:
    """Return a sentence for a user whom only an administrator can let in."""
    return (
        "An administrator can connect the two: trackway user connect "
        f"{shlex.join((name, '--issuer', issuer, '--subject', subject))}"
    )


def _set_subject(tx: Tx, principal_id: int, issuer: str, subject: str) -> None:
    values = {"issuer": issuer, "subject": subject, "last_update_time": tx.now_ms}
    tx.execute(sa.update(principals).where(principals.c.id == principal_id).values(values))


def update(
    tx: Tx,
    user: sa.Row[Any],
    *,
    is_admin: bool | None,
    managed_roles: Collection[tuple[str, str]],
    present_roles: Collection[tuple[str, str]],
) -> tuple[list[str], list[tuple[str, str]]]:
    """Give a user what the provider says.

    Return the changes in words, and the roles that do not exist.

    ``is_admin`` None leaves it. Of ``managed_roles`` (workspace and name), the user has ``present_roles``
    afterwards; other roles are left. Raise ``PermissionDenied`` for an inactive user.
    """
    if not user.is_active:
        raise PermissionDenied(f"The account {user.name} is not active.")
    changes = []
    if is_admin is not None and bool(user.is_admin) != is_admin:
        values = {"is_admin": is_admin, "last_update_time": tx.now_ms}
        tx.execute(sa.update(principals).where(principals.c.id == user.id).values(values))
        changes.append("admin" if is_admin else "no admin")
    ids = {(row.workspace, row.name): row.id for row in tx.execute(_named(managed_roles))}
    query = sa.select(role_members.c.role_id).where(role_members.c.principal_id == user.id)
    has = {row.role_id for row in tx.execute(query)}
    for (workspace, name), role_id in sorted(ids.items()):
        pair = {"principal_id": user.id, "role_id": role_id}
        if (workspace, name) in present_roles and role_id not in has:
            tx.execute(sa.insert(role_members), pair)
            changes.append(f"role {workspace}/{name}")
        elif (workspace, name) not in present_roles and role_id in has:
            tx.execute(
                sa.delete(role_members).where(
                    role_members.c.principal_id == user.id, role_members.c.role_id == role_id
                )
            )
            changes.append(f"no role {workspace}/{name}")
    if changes:
        state.raise_epoch(tx)
    return changes, sorted(set(present_roles) - ids.keys())


def _named(pairs: Collection[tuple[str, str]]) -> sa.Select[Any]:
    wanted = [sa.and_(roles.c.workspace == workspace, roles.c.name == name) for workspace, name in pairs]
    return sa.select(roles).where(sa.or_(sa.false(), *wanted), roles.c.owner_id.is_(None))
