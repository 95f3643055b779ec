"""Names that other systems have for workspaces, such as a project of GitLab."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidParameter

from ..database import Prepared, Tx, upsert
from ..schema.access import workspace_names
from ..schema.tracking import workspaces
from . import state
from . import workspaces as workspace_rows

GITLAB = "gitlab"
_MAX_LENGTH = 500
_FIND = Prepared(
    sa.select(workspaces.c.name)
    .join(workspace_names, workspace_names.c.workspace_id == workspaces.c.id)
    .where(
        workspace_names.c.provider == sa.bindparam("provider"),
        workspace_names.c.name == sa.bindparam("name"),
        workspaces.c.deleted_time.is_(None),
    ),
    *("provider", "name"),
)


def workspace_of(tx: Tx, provider: str, name: str) -> str | None:
    """Return the name of the workspace that another system's name leads to, or None."""
    row = tx.first(_FIND, provider, name.lower())
    return None if row is None else str(row.name)


def add(tx: Tx, provider: str, name: str, workspace: str) -> None:
    """Let a name lead to a workspace, and to no other any more. Raise ``NotFound``."""
    name = name.strip().strip("/").lower()
    if not name or len(name) > _MAX_LENGTH:
        raise InvalidParameter(f"The name of a project has 1 to {_MAX_LENGTH} characters.")
    row = workspace_rows.find(tx, workspace, is_locked=True)
    values = {"provider": provider, "name": name, "workspace_id": row.id}
    tx.execute(upsert(workspace_names, "workspace_id"), values)
    state.raise_epoch(tx)


def remove(tx: Tx, provider: str, name: str) -> None:
    """Let a name lead nowhere. Raise ``InvalidParameter`` if it does already."""
    removed = tx.execute(
        sa.delete(workspace_names).where(
            workspace_names.c.provider == provider, workspace_names.c.name == name.strip().strip("/").lower()
        )
    )
    if not removed.rowcount:
        raise InvalidParameter(f"There is no workspace for {provider} {name!r}.")
    state.raise_epoch(tx)


def find_all(tx: Tx) -> Sequence[sa.Row[Any]]:
    """Return all names, with the names of their workspaces."""
    query = (
        sa.select(workspace_names.c.provider, workspace_names.c.name, workspaces.c.name.label("workspace"))
        .join(workspaces, workspaces.c.id == workspace_names.c.workspace_id)
        .order_by(workspace_names.c.provider, workspace_names.c.name)
    )
    return tx.execute(query).all()
