"""A registered model's row: found by its name, locked, changed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from trackway.client_compat import registry_rules
from trackway.client_compat.errors import NotFound

from ..database import Tx
from ..schema.registry import registered_models

_FIND = sa.select(registered_models).where(
    registered_models.c.workspace_id == sa.bindparam("workspace"),
    registered_models.c.name == sa.bindparam("name"),
)
# Writers of one model wait for each other here: what they read of it next stays true until they
# commit, and so do the numbers of its versions and the order of its history.
_LOCK = _FIND.with_for_update(key_share=True)


def find(tx: Tx, name: str) -> sa.Row[Any]:
    return _found(name, _seek(tx, _FIND, name))


def lock(tx: Tx, name: str) -> sa.Row[Any]:
    """The row of a model about to be changed; the transaction's time must be asked for after this."""
    return _found(name, seek_locked(tx, name))


def seek_locked(tx: Tx, name: str) -> sa.Row[Any] | None:
    return _seek(tx, _LOCK, name)


def _seek(tx: Tx, query: sa.Select[Any], name: str) -> sa.Row[Any] | None:
    registry_rules.check_model_name(name)
    return tx.execute(query, {"workspace": tx.workspace, "name": name}).first()


def _found(name: str, row: sa.Row[Any] | None) -> sa.Row[Any]:
    if row is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return row


def touch(tx: Tx, model_id: int, **values: Any) -> None:
    """Change columns of a locked model; its time of update moves with them."""
    tx.execute(
        sa.update(registered_models)
        .where(registered_models.c.id == model_id)
        .values(last_updated_time=tx.now_ms, **values)
    )
