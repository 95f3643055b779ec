"""What a transaction changes of access, with old and new values, for its audit row.

By these the audit alone tells who could do what at any time (``replayed``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ..database import Tx

Kind = Literal["principal", "password", "token", "share_link", "role", "member", "grant", "policy"]
Key = tuple[Any, ...]
# The parts of the key of each kind.
KEYS: Mapping[str, tuple[str, ...]] = {
    "principal": ("id",),
    "password": ("principal_id",),
    "token": ("token_id",),
    "share_link": ("link_id",),
    "role": ("id",),
    "member": ("principal_id", "role_id"),
    "grant": ("role_id", "resource_type", "resource_id"),
    "policy": ("name",),
}


def note(tx: Tx, kind: Kind, key: Key, old: Any, new: Any) -> None:
    """Note a change for the transaction's audit row. ``old`` is None for what is new, ``new`` if it is gone.

    Passwords, tokens and share links have no values here: ``new`` says what happened to them.
    """
    named = dict(zip(KEYS[kind], key, strict=True))
    if tx.changes is None:
        tx.changes = []
    tx.changes.append({"kind": kind, **named, "old": old, "new": new})


def replayed(changes: Iterable[Mapping[str, Any]]) -> dict[tuple[str, Key], Any]:
    """Return what the changes, in their order, leave: the value of each principal, role, member and grant.

    A role takes its grants and members along, a principal its own roles and its memberships.
    """
    found: dict[tuple[str, Key], Any] = {}
    for change in changes:
        kind = change["kind"]
        key = tuple(change[part] for part in KEYS[kind])
        if change["new"] is not None:
            found[kind, key] = change["new"]
            continue
        found.pop((kind, key), None)
        gone_roles = {key[0]} if kind == "role" else set()
        if kind == "principal":
            gone_roles = {
                role[0]
                for (other, role), value in found.items()
                if other == "role" and value["owner_id"] == key[0]
            }
        for other, place in list(found):
            is_in_role = (other == "role" and place[0] in gone_roles) or (
                other == "grant" and place[0] in gone_roles
            )
            is_member = other == "member" and (
                place[1] in gone_roles or (kind == "principal" and place[0] == key[0])
            )
            if is_in_role or is_member:
                del found[other, place]
    return found
