"""The history of registered models: one row for each change, with user, time, old and new value.

Rows are only added, never changed or deleted. Every change of a model first locks the model's row
(``model_rows.lock``), so the ids of its history rows are in the order of the changes, even if the clocks of
several servers differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import paging
from trackway.client_compat.errors import NotFound
from trackway.client_compat.trackway_api import RegisteredModelChange

from ..database import Tx
from ..schema.registry import registered_models, registry_history
from ..search import keyset

if TYPE_CHECKING:
    from ..governance.gates import Passed

MODEL_CREATED, MODEL_RENAMED, MODEL_DELETED = "model_created", "model_renamed", "model_deleted"
MODEL_DESCRIBED, VERSION_DESCRIBED = "model_description_set", "version_description_set"
MODEL_TAG_SET, MODEL_TAG_DELETED = "model_tag_set", "model_tag_deleted"
VERSION_CREATED, VERSION_DELETED = "version_created", "version_deleted"
VERSION_TAG_SET, VERSION_TAG_DELETED = "version_tag_set", "version_tag_deleted"
STAGE_CHANGED = "stage_changed"
ALIAS_SET, ALIAS_MOVED, ALIAS_REMOVED = "alias_set", "alias_moved", "alias_removed"
ALIAS_CHANGES = (ALIAS_SET, ALIAS_MOVED, ALIAS_REMOVED)
POLICY_OVERRIDDEN = "policy_overridden"

_H = registry_history.c
_INSERT = sa.insert(registry_history)
_MODELS_WITH_NAME = sa.select(_H.model_id).where(
    _H.workspace_id == sa.bindparam("workspace"), _H.name == sa.bindparam("name")
)
_CURRENT_MODEL = sa.select(registered_models.c.id).where(
    registered_models.c.workspace_id == sa.bindparam("workspace"),
    registered_models.c.name == sa.bindparam("name"),
)


class Change(NamedTuple):
    """One change of a model or version.

    ``key`` is the alias or the tag's key. A value is None if there is none: the old value of a new tag, for
    example.
    """

    action: str
    version: int | None = None
    key: str | None = None
    old_value: str | None = None
    new_value: str | None = None


def record(tx: Tx, model_id: int, name: str, *changes: Change) -> None:
    """Add a history row for each change of a model. ``name`` is its name after the changes."""
    common = {
        "workspace_id": tx.workspace,
        "model_id": model_id,
        "name": name,
        "time_ms": tx.now_ms,
        "user": tx.user,
        "request_id": tx.request_id,
    }
    if changes:
        tx.execute(_INSERT, [{**common, **change._asdict()} for change in changes])


def overriding(passed: Passed, version: int, key: str) -> list[Change]:
    """Return the change that tells that an administrator had a change against the rules, if so.

    Its new value is the reason. ``key`` is the alias or the stage.
    """
    reason = passed.overriding
    return [Change(POLICY_OVERRIDDEN, version, key, None, reason)] if reason else []


def find_page(
    tx: Tx, name: str, size: int, token: str | None
) -> tuple[list[RegisteredModelChange], str | None]:
    """Return a page of the changes of the models of that name, newest first, and the token of the next page.

    These are the model that has the name now and the models that had it when they were deleted. If there
    are none, they are the models that had the name before they were renamed. The changes of a model include
    those under its other names. Raise ``NotFound`` if no model ever had the name.
    """
    named = {"workspace": tx.workspace, "name": name}
    deleted = _MODELS_WITH_NAME.where(_H.action == MODEL_DELETED)
    models = list(tx.execute(sa.union(_CURRENT_MODEL, deleted), named).scalars())
    models = models or list(tx.execute(_MODELS_WITH_NAME.distinct(), named).scalars())
    if not models:
        raise NotFound(f"Registered Model with name={name} not found")
    query = ("history", tx.workspace, name)
    statement = sa.select(registry_history).where(_H.model_id.in_(models))
    if token:
        (last,) = keyset.read(token, query, _H.id)
        statement = statement.where(_H.id < last)
    rows = tx.execute(statement.order_by(_H.id.desc()).limit(size + 1)).all()
    page, more = paging.cut(rows, size, query, lambda last: [last.id])
    return [_message(row) for row in page], more


def alias_at(tx: Tx, name: str, alias: str, time_ms: int) -> tuple[int | None, RegisteredModelChange | None]:
    """Return the version that a model's alias named at a time, and the change that set, moved or removed it.

    The time is the end of the millisecond ``time_ms``. The version is None if the alias was removed by then;
    both are None if it had never been set. The model is the one that had the name at that time, else the
    one that has it now, else the last one that had it. Raise ``NotFound`` if no model ever had the name.
    """
    model = _model_named_at(tx, name, time_ms)
    if model is None:
        raise NotFound(f"Registered Model with name={name} not found")
    row = tx.execute(
        sa.select(registry_history)
        .where(
            _H.model_id == model,
            _H.key == alias,
            _H.action.in_(ALIAS_CHANGES),
            _H.time_ms <= time_ms,
        )
        .order_by(_H.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None, None
    return None if row.action == ALIAS_REMOVED else row.version, _message(row)


def _model_named_at(tx: Tx, name: str, time_ms: int) -> int | None:
    named = {"workspace": tx.workspace, "name": name}
    until_then = (
        sa.select(sa.func.max(_H.id))
        .where(_H.model_id.in_(_MODELS_WITH_NAME), _H.time_ms <= time_ms)
        .group_by(_H.model_id)
    )
    then = sa.select(_H.model_id).where(
        _H.id.in_(until_then), _H.name == sa.bindparam("name"), _H.action != MODEL_DELETED
    )
    found: int | None = tx.execute(then.order_by(_H.id.desc()), named).scalar()
    if found is None:
        found = tx.execute(_CURRENT_MODEL, named).scalar()
    if found is None:
        found = tx.execute(_MODELS_WITH_NAME.order_by(_H.id.desc()).limit(1), named).scalar()
    return found


def _message(row: sa.Row[Any]) -> RegisteredModelChange:
    return RegisteredModelChange(
        time_ms=row.time_ms,
        action=row.action,
        name=row.name,
        version=None if row.version is None else str(row.version),
        key=row.key,
        old_value=row.old_value,
        new_value=row.new_value,
        user=row.user,
        request_id=row.request_id or None,
    )
