"""Workspaces. A deleted one keeps its row under a name that no workspace may have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import access_rules, uris, workspace_rules
from trackway.client_compat import messages as m
from trackway.client_compat.errors import AlreadyExists, NotFound

from ..database import DEFAULT_WORKSPACE, Prepared, Tx, insert_new
from ..schema.tracking import workspaces
from . import grants, roles, state

# The roles of a new workspace: those of MLflow, and a reader, who is a member that may create nothing.
_SEEDED = (
    ("admin", "Full MANAGE authority over the workspace.", (("workspace", "MANAGE"),)),
    (
        "user",
        "Read every resource in the workspace and create new experiments and registered models; who creates "
        "one may manage it.",
        (("workspace", "USE"),),
    ),
    (
        "reader",
        "Read every resource in the workspace.",
        tuple((kind, "READ") for kind in ("experiment", "registered_model", "prompt", "scorer")),
    ),
)
# The description of the default workspace, until it gets another one.
_DEFAULTS = "Default workspace for legacy resources"
_ACTIVE = workspaces.c.deleted_time.is_(None)
_BY_NAME = Prepared(
    sa.select(workspaces.c.id).where(workspaces.c.name == sa.bindparam("name"), _ACTIVE), "name"
)
_BY_ID = sa.select(workspaces).where(workspaces.c.id == sa.bindparam("workspace"), _ACTIVE)


def id_of(tx: Tx, name: str) -> int | None:
    """Return the id of the workspace with this name, or None."""
    row = tx.first(_BY_NAME, name)
    return None if row is None else int(row.id)


def find(tx: Tx, name: str, *, is_locked: bool = False) -> sa.Row[Any]:
    """Return the workspace's row, locked for a change if wanted. Raise ``NotFound``."""
    query = sa.select(workspaces).where(workspaces.c.name == name, _ACTIVE)
    row = tx.execute(query.with_for_update() if is_locked else query).first()
    if row is None:
        raise NotFound(f"Workspace '{name}' not found")
    return row


def find_all(tx: Tx, names: Collection[str] | None = None) -> Sequence[sa.Row[Any]]:
    """Return the workspaces with these names, or all, by name."""
    query = sa.select(workspaces).where(_ACTIVE).order_by(workspaces.c.name)
    return tx.execute(query if names is None else query.where(workspaces.c.name.in_(list(names)))).all()


def create(tx: Tx, workspace: m.Workspace, *, seeds_roles: bool) -> sa.Row[Any]:
    """Create a workspace with its first roles, and return its row. Raise ``AlreadyExists``."""
    archive = workspace.trace_archival_config or m.TraceArchivalConfig()
    values = {
        "name": workspace.name,
        "description": workspace.description,
        "default_artifact_root": workspace.default_artifact_root or None,
        "trace_archival_location": archive.location or None,
        "trace_archival_retention": archive.retention or None,
    }
    row = tx.execute(insert_new(workspaces).returning(workspaces), values).first()
    if row is None:
        raise AlreadyExists(f"Workspace '{workspace.name}' already exists. Choose another name.")
    if seeds_roles:
        _seed_roles(tx, row.name)
    state.raise_epoch(tx)
    return row


def update(tx: Tx, name: str, workspace: m.Workspace) -> sa.Row[Any]:
    """Change what is set in ``workspace``; an empty text clears. Return the row. Raise ``NotFound``."""
    row = find(tx, name, is_locked=True)
    archive = workspace.trace_archival_config or m.TraceArchivalConfig()
    given = {
        "description": workspace.description,
        "default_artifact_root": workspace.default_artifact_root,
        "trace_archival_location": archive.location,
        "trace_archival_retention": archive.retention,
    }
    values = {
        column: text if column == "description" else text or None
        for column, text in given.items()
        if text is not None
    }
    if values:
        tx.execute(sa.update(workspaces).where(workspaces.c.id == row.id).values(**values))
    return find(tx, name)


def artifact_root(tx: Tx, server_root: str) -> str:
    """Return where new experiments of the transaction's workspace have their artifacts.

    That is the workspace's own root, else a folder of the server's. The default workspace uses the server's
    root itself, as servers without workspaces do. The workspace is locked, shared: it cannot be deleted
    before the commit. Raise ``NotFound`` if it was deleted.
    """
    query = _BY_ID.with_for_update(read=True)
    row = tx.execute(query, {"workspace": tx.workspace}).first()
    if row is None:
        raise NotFound("The workspace of this request was deleted")
    return _root(row, server_root)


class Trash(NamedTuple):
    """A workspace whose trash is to be emptied; it may be deleted."""

    id: int
    name: str
    artifact_root: str


def with_trash(tx: Tx, name: str | None, server_root: str) -> list[Trash]:
    """Return the workspace with this name; without a name all, the default one first, also deleted ones.

    Raise ``NotFound``.
    """
    rows: Sequence[Any] = [find(tx, name)] if name else ()
    return [
        Trash(row.id, row.name, _root(row, server_root))
        for row in rows or tx.execute(sa.select(workspaces).order_by(workspaces.c.id))
    ]


def _root(row: Any, server_root: str) -> str:
    if row.default_artifact_root:
        return str(row.default_artifact_root)
    if row.id == DEFAULT_WORKSPACE:
        return server_root
    # A deleted workspace has its name before a space.
    return uris.append(server_root, workspace_rules.FOLDER, row.name.partition(" ")[0])


def message(row: Any) -> m.Workspace:
    """Return a workspace as MLflow's clients read it."""
    archive = None
    if row.trace_archival_location or row.trace_archival_retention:
        archive = m.TraceArchivalConfig(
            location=row.trace_archival_location, retention=row.trace_archival_retention
        )
    is_default = row.id == DEFAULT_WORKSPACE
    return m.Workspace(
        name=row.name,
        description=_DEFAULTS if is_default and row.description is None else row.description,
        default_artifact_root=row.default_artifact_root,
        trace_archival_config=archive,
    )


def _seed_roles(tx: Tx, workspace: str) -> None:
    """Create the first roles of a workspace, except those whose names are taken already."""
    taken = {row.name for row in roles.find_all(tx, [workspace])}
    for name, description, granted in _SEEDED:
        if name not in taken:
            role = roles.create(tx, name, workspace, description)
            for resource_type, permission in granted:
                grants.add(tx, role.id, resource_type, access_rules.ALL, permission)
