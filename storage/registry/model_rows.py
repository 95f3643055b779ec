"""The row of a registered model: find it by name, lock it, update it.

Invariant: every write to a model or to its versions, tags and aliases first locks the model's row (``lock``).
Writers of one model therefore wait for each other: what a writer reads after the lock stays true until it
commits, version numbers have no duplicates, and the history has the order of the changes.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from trackway.client_compat import registry_rules
from trackway.client_compat.errors import NotFound

from ..database import Tx
from ..governance import policies
from ..schema.registry import registered_models

_FIND = sa.select(registered_models).where(
    registered_models.c.workspace_id == sa.bindparam("workspace"),
    registered_models.c.name == sa.bindparam("name"),
)
# ``is_guarded``: whether a policy may be about the model.
_IS_GUARDED = policies.guards(sa.bindparam("name", type_=sa.String)).label("is_guarded")
_LOCK = _FIND.add_columns(_IS_GUARDED).with_for_update(key_share=True)
_GUARDED = sa.select(_IS_GUARDED)


def find(tx: Tx, name: str) -> sa.Row[Any]:
    """Return the model's row. Raise ``NotFound`` if there is no model of that name."""
    return _require(name, _query(tx, _FIND, name))


def lock(tx: Tx, name: str) -> sa.Row[Any]:
    """Lock the model for a change and return its row, with a column ``is_guarded``.

    Raise ``NotFound`` if there is no model of that name.

    Read ``tx.now_ms`` only after this: the transaction may have waited for the lock.
    """
    return _require(name, lock_if_exists(tx, name))


def lock_if_exists(tx: Tx, name: str) -> sa.Row[Any] | None:
    """Lock the model as ``lock`` does; return None if there is no model of that name."""
    return _query(tx, _LOCK, name)


def _query(tx: Tx, query: sa.Select[Any], name: str) -> sa.Row[Any] | None:
    registry_rules.check_model_name(name)
    return tx.execute(query, {"workspace": tx.workspace, "name": name}).first()


def _require(name: str, row: sa.Row[Any] | None) -> sa.Row[Any]:
    if row is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return row


def is_guarded(tx: Tx, name: str) -> bool:
    """Return whether a policy may be about a model with this name, which need not exist."""
    return bool(tx.execute(_GUARDED, {"workspace": tx.workspace, "name": name}).scalar())


def touch(tx: Tx, model_id: int, **values: Any) -> None:
    """Set columns of a locked model, and its time of the last update."""
    tx.execute(
        sa.update(registered_models)
        .where(registered_models.c.id == model_id)
        .values(last_updated_time=tx.now_ms, **values)
    )
