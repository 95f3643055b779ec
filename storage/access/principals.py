"""Users and service accounts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from trackway.client_compat import access_rules
from trackway.client_compat.errors import AlreadyExists, BadRequest, NotFound

from ..database import Prepared, Tx, insert_new
from ..schema.access import access_state, grants, principals, role_members, roles, sessions
from . import changes, state

USER, SERVICE = "user", "service"

# The columns that a log-in needs, and the epoch at which they were read; also for `tokens` and `sessions`.
# There is a row for each permission of the principal, with Nones if it has none. Administrators need none.
LOGIN_COLUMNS = (
    access_state.c.epoch,
    principals.c.id.label("principal_id"),
    principals.c.kind,
    principals.c.name,
    principals.c.password_hash,
    principals.c.is_admin,
    roles.c.workspace,
    grants.c.resource_type,
    grants.c.resource_id,
    grants.c.permission,
)


def with_grants(tables: sa.FromClause) -> sa.FromClause:
    """Join the permissions of the principal in ``tables``."""
    return (
        tables.outerjoin(
            role_members,
            sa.and_(role_members.c.principal_id == principals.c.id, sa.not_(principals.c.is_admin)),
        )
        .outerjoin(roles, roles.c.id == role_members.c.role_id)
        .outerjoin(grants, grants.c.role_id == roles.c.id)
    )


_BY_NAME = Prepared(
    sa.select(*LOGIN_COLUMNS).select_from(
        with_grants(
            access_state.outerjoin(
                principals, sa.and_(principals.c.name == sa.bindparam("name"), principals.c.is_active)
            )
        )
    ),
    "name",
)


def for_login(tx: Tx, name: str) -> list[Any]:
    """Return the epoch and the ``LOGIN_COLUMNS`` of the active principal, which are None if there is none."""
    return tx.rows(_BY_NAME, name)


def create(
    tx: Tx, name: str, *, kind: str = USER, password_hash: str | None = None, is_admin: bool = False
) -> sa.Row[Any]:
    """Create a principal and return its row. Raise ``AlreadyExists`` if the name is taken."""
    access_rules.check_name(name)
    inserted = tx.execute(
        insert_new(principals).returning(principals),
        {
            "kind": kind,
            "name": name,
            "password_hash": password_hash,
            "is_admin": is_admin,
            "is_active": True,
            "creation_time": tx.now_ms,
            "last_update_time": tx.now_ms,
        },
    ).first()
    if inserted is None:
        raise AlreadyExists(f"User (username={name}) already exists. Choose another username.")
    changes.note(tx, "principal", (inserted.id,), None, _value(inserted))
    return inserted


def find_or_none(tx: Tx, name: str, *, kind: str | None = None) -> sa.Row[Any] | None:
    """Return the row of the principal with this name, and of this kind, or None."""
    query = sa.select(principals).where(principals.c.name == name)
    return tx.execute(query if kind is None else query.where(principals.c.kind == kind)).first()


def find(tx: Tx, name: str, *, kind: str | None = None) -> sa.Row[Any]:
    """Return the principal's row. Raise ``NotFound`` if there is none with this name, or not of this kind."""
    row = find_or_none(tx, name, kind=kind)
    if row is None:
        noun = "Service account" if kind == SERVICE else "User"
        raise NotFound(f"{noun} with username={name} not found")
    return row


def find_all(tx: Tx, kind: str) -> list[sa.Row[Any]]:
    """Return all principals of a kind, by id."""
    return list(tx.execute(sa.select(principals).where(principals.c.kind == kind).order_by(principals.c.id)))


def has_users(tx: Tx) -> bool:
    """Return whether there is any user."""
    query = sa.select(principals.c.id).where(principals.c.kind == USER).limit(1)
    return tx.execute(query).first() is not None


def set_password(tx: Tx, name: str, password_hash: str, *, ends_sessions: bool = True) -> None:
    """Replace the user's password. Sessions of the user end, unless ``ends_sessions`` is false."""
    row = find(tx, name, kind=USER)
    _update(tx, row.id, password_hash=password_hash)
    changes.note(tx, "password", (row.id,), None, "set")
    if ends_sessions:
        tx.execute(sa.delete(sessions).where(sessions.c.principal_id == row.id))


def set_admin(tx: Tx, name: str, is_admin: bool) -> None:
    """Make the user an administrator or not. Raise ``BadRequest`` for the last administrator."""
    row = find(tx, name, kind=USER)
    if row.is_admin and not is_admin:
        _check_not_last_admin(tx, row)
    _update(tx, row.id, is_admin=is_admin)
    changes.note(tx, "principal", (row.id,), _value(row), {**_value(row), "is_admin": is_admin})


def delete(tx: Tx, name: str, *, kind: str = USER) -> None:
    """Delete a principal with its tokens and sessions. Raise ``BadRequest`` for the last administrator."""
    row = find(tx, name, kind=kind)
    if row.is_admin:
        _check_not_last_admin(tx, row)
    tx.execute(sa.delete(principals).where(principals.c.id == row.id))
    changes.note(tx, "principal", (row.id,), _value(row), None)
    state.raise_epoch(tx)


def _value(row: Any) -> dict[str, Any]:
    """Return what the audit tells of a principal."""
    return {
        "name": row.name,
        "kind": row.kind,
        "is_admin": bool(row.is_admin),
        "is_active": bool(row.is_active),
    }


def _check_not_last_admin(tx: Tx, row: sa.Row[Any]) -> None:
    # All changes of administrators wait for this row, so that two cannot remove the last two at once.
    state.raise_epoch(tx)
    others = sa.select(principals.c.id).where(
        principals.c.is_admin, principals.c.is_active, principals.c.id != row.id
    )
    if tx.execute(others.limit(1)).first() is None:
        raise BadRequest(f"{row.name} is the only administrator; make another user administrator first.")


def _update(tx: Tx, principal_id: int, **values: object) -> None:
    tx.execute(
        sa.update(principals)
        .where(principals.c.id == principal_id)
        .values(**values, last_update_time=tx.now_ms)
    )
    state.raise_epoch(tx)
