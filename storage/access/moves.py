"""Moves of experiments and models to another workspace, and the deletion of workspaces.

Runs, versions and logged models go with what they belong to. Permissions for single resources go with them,
too. Artifacts stay where they are: the server finds them by the location that is stored with the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import access_rules, workspace_rules
from trackway.client_compat.errors import InvalidParameter, InvalidState

from .. import usage
from ..database import Tx
from ..registry import registered_models as models
from ..schema.access import grants, role_members, roles, workspace_names
from ..schema.governance import policies
from ..schema.jobs import jobs
from ..schema.registry import registered_model_tags, registered_models, registry_history
from ..schema.tracking import experiment_tags, experiments, workspaces
from ..schema.webhooks import webhooks
from ..tracking.experiments import ACTIVE, DEFAULT_EXPERIMENT
from ..tracking.experiments import delete as delete_experiment
from . import roles as role_rows
from . import state
from . import workspaces as workspace_rows

_MODEL_TYPES = ("registered_model", "prompt")
# The tables that a workspace must have no rows in before it is deleted, in MLflow's order.
_CONTENTS = (registered_models, experiments, webhooks)


class Moved(NamedTuple):
    """An experiment or a registered model that is moved."""

    id: int
    name: str


def find_experiments(tx: Tx, source: str, names: Sequence[str] = (), tag: str = "") -> list[Moved]:
    """Return the experiments of a workspace with these names and this tag (``key=value``); all without.

    Raise ``InvalidParameter`` for a name that no experiment has.
    """
    query = _query(tx, source, experiments, experiment_tags.c.experiment_id, tag)
    return _named(tx, query.where(experiments.c.id != DEFAULT_EXPERIMENT), names, "experiment")


def find_models(tx: Tx, source: str, names: Sequence[str] = (), tag: str = "") -> list[Moved]:
    """Return the registered models and prompts of a workspace, as ``find_experiments`` does."""
    query = _query(tx, source, registered_models, registered_model_tags.c.model_id, tag)
    return _named(tx, query, names, "registered model")


def _query(tx: Tx, source: str, table: sa.Table, owner_of_tag: sa.Column[Any], tag: str) -> sa.Select[Any]:
    """Return the query for the ids and names in a workspace, of those with a tag if one is given."""
    workspace = workspace_rows.find(tx, source)
    query = sa.select(table.c.id, table.c.name).where(table.c.workspace_id == workspace.id)
    if tag:
        key, _, value = tag.partition("=")
        tags = owner_of_tag.table.c
        has_tag = sa.exists().where(owner_of_tag == table.c.id, tags.key == key, tags.value == value)
        query = query.where(has_tag)
    return query.order_by(table.c.id)


def move_experiments(tx: Tx, source: str, target: str, moved: Sequence[Moved]) -> None:
    """Move experiments with everything in them, and their permissions. Raise ``InvalidState``.

    Nothing is moved if the target has an experiment with the name of one of them.
    """
    here, there = _both(tx, source, target)
    ids = [item.id for item in moved]
    _check_names(tx, experiments, source, target, there, [item.name for item in moved])
    for some in _portions(ids):
        tx.execute(
            sa.update(experiments)
            .where(experiments.c.id.in_(some))
            .values(workspace_id=there, last_update_time=tx.now_ms)
        )
        usage.move(tx, here, there, some)
    _move_grants(tx, source, target, ("experiment",), [str(number) for number in ids])
    state.raise_epoch(tx)


def move_models(tx: Tx, source: str, target: str, moved: Sequence[Moved]) -> None:
    """Move registered models with their versions, history and permissions, as ``move_experiments`` does."""
    here, there = _both(tx, source, target)
    names = [item.name for item in moved]
    _check_names(tx, registered_models, source, target, there, names)
    for some in _portions([item.id for item in moved]):
        tx.execute(
            sa.update(registered_models).where(registered_models.c.id.in_(some)).values(workspace_id=there)
        )
    for some in _portions(names):
        tx.execute(
            sa.update(registry_history)
            .where(registry_history.c.workspace_id == here, registry_history.c.name.in_(some))
            .values(workspace_id=there)
        )
    _move_grants(tx, source, target, _MODEL_TYPES, names)
    state.raise_epoch(tx)


def delete(tx: Tx, name: str, mode: str) -> None:
    """Delete a workspace and its roles. ``mode`` is one of ``workspace_rules.MODES``.

    RESTRICT refuses a workspace with contents. SET_DEFAULT moves them to the default workspace. CASCADE
    deletes them: experiments go to the trash, where ``trackway gc`` finds them. Raise ``NotFound`` or
    ``InvalidState``.
    """
    if name == workspace_rules.DEFAULT:
        raise InvalidParameter(f"The '{name}' workspace is reserved and cannot be deleted")
    workspace = workspace_rows.find(tx, name, is_locked=True)
    if mode == workspace_rules.RESTRICT:
        _check_empty(tx, workspace)
    elif mode == workspace_rules.SET_DEFAULT:
        _check_no_policies(tx, workspace)
        _empty_into_default(tx, workspace)
    else:
        _delete_contents(tx, workspace)
    tx.execute(sa.delete(roles).where(roles.c.workspace == name))
    tx.execute(sa.delete(workspace_names).where(workspace_names.c.workspace_id == workspace.id))
    tx.execute(
        sa.update(workspaces)
        .where(workspaces.c.id == workspace.id)
        .values(name=f"{name} (deleted, {workspace.id})", deleted_time=tx.now_ms)
    )
    state.raise_epoch(tx)


def _check_no_policies(tx: Tx, workspace: sa.Row[Any]) -> None:
    """Policies do not move: in another workspace they would be about the models there."""
    names = tx.execute(
        sa.select(policies.c.name).where(policies.c.workspace_id == workspace.id).order_by(policies.c.name)
    )
    if found := list(names.scalars()):
        raise InvalidState(
            f"Cannot delete workspace '{workspace.name}': it has the policies {', '.join(found)}, which are "
            "not moved. Delete them before deleting the workspace."
        )


def _check_empty(tx: Tx, workspace: sa.Row[Any]) -> None:
    _check_no_policies(tx, workspace)
    for table in _CONTENTS:
        is_here = [table.c.workspace_id == workspace.id]
        if table is webhooks:
            is_here.append(webhooks.c.deleted_time.is_(None))
        count = tx.execute(sa.select(sa.func.count()).select_from(table).where(*is_here)).scalar_one()
        if count:
            raise InvalidState(
                f"Cannot delete workspace '{workspace.name}': table '{table.name}' still contains {count} "
                "resource(s). Remove or reassign them before deleting the workspace."
            )


def _empty_into_default(tx: Tx, workspace: sa.Row[Any]) -> None:
    name, target = workspace.name, workspace_rules.DEFAULT
    moved = {
        registered_models: find_models(tx, name),
        experiments: find_experiments(tx, name),
    }
    there = workspace_rows.find(tx, target).id
    clashes = [
        f"  - {table.name}: {clash!r}"
        for table, items in moved.items()
        for clash in _taken(tx, table, there, [item.name for item in items])
    ]
    if clashes:
        raise InvalidState(
            f"Cannot reassign resources from workspace '{name}' to '{target}': the following names already "
            "exist in the default workspace and would cause conflicts:\n"
            + "\n".join(clashes)
            + "\nRename or remove the conflicting resources before retrying."
        )
    move_models(tx, name, target, moved[registered_models])
    move_experiments(tx, name, target, moved[experiments])
    for table in (registry_history, webhooks, jobs):
        tx.execute(sa.update(table).where(table.c.workspace_id == workspace.id).values(workspace_id=there))


def _delete_contents(tx: Tx, workspace: sa.Row[Any]) -> None:
    ours, tx.workspace = tx.workspace, workspace.id
    try:
        active = sa.select(experiments.c.id).where(
            experiments.c.workspace_id == workspace.id, experiments.c.lifecycle_stage == ACTIVE
        )
        for number in tx.execute(active).scalars().all():
            delete_experiment(tx, str(number))
        tx.execute(sa.delete(policies).where(policies.c.workspace_id == workspace.id))
        for model in find_models(tx, workspace.name):
            models.delete(tx, model.name)
        tx.execute(sa.delete(webhooks).where(webhooks.c.workspace_id == workspace.id))
    finally:
        tx.workspace = ours


def _both(tx: Tx, source: str, target: str) -> tuple[int, int]:
    """Return the ids of two workspaces, and lock both. Raise ``NotFound`` or ``InvalidParameter``."""
    if source == target:
        raise InvalidParameter(f"The resources are in the workspace {source!r} already.")
    found = {name: workspace_rows.find(tx, name, is_locked=True).id for name in sorted((source, target))}
    return found[source], found[target]


def _named(tx: Tx, query: sa.Select[Any], names: Sequence[str], noun: str) -> list[Moved]:
    found = [Moved(row.id, row.name) for row in tx.execute(query)]
    if not names:
        return found
    if missing := sorted(set(names) - {item.name for item in found}):
        raise InvalidParameter(f"There is no {noun} {missing[0]!r} that can be moved.")
    return [item for item in found if item.name in names]


def _check_names(tx: Tx, table: sa.Table, source: str, target: str, there: int, names: Sequence[str]) -> None:
    if clashes := _taken(tx, table, there, names):
        raise InvalidState(
            f"Cannot move resources from workspace '{source}' to '{target}', which has {table.name} with "
            f"these names: {', '.join(map(repr, clashes))}. Rename or remove them before retrying."
        )


def _taken(tx: Tx, table: sa.Table, workspace: int, names: Sequence[str]) -> list[str]:
    """Return those of the names that a table has in a workspace."""
    found: list[str] = []
    for some in _portions(names):
        query = sa.select(table.c.name).where(table.c.workspace_id == workspace, table.c.name.in_(some))
        found += tx.execute(query).scalars()
    return sorted(found)


def _move_grants(
    tx: Tx, source: str, target: str, resource_types: Sequence[str], resource_ids: Sequence[str]
) -> None:
    """Move the permissions for single resources to roles of the target workspace.

    A principal's own permissions become own permissions there. Those of another role go to a new role with
    the same members. Permissions for all resources of a type remain: they are about the workspace.
    """
    for some in _portions(resource_ids):
        is_moved = [grants.c.resource_type.in_(resource_types), grants.c.resource_id.in_(some)]
        holders = (
            sa.select(roles)
            .where(roles.c.workspace == source, roles.c.id.in_(sa.select(grants.c.role_id).where(*is_moved)))
            .order_by(roles.c.id)
        )
        for role in tx.execute(holders).all():
            new_role = _counterpart(tx, role, target)
            other = grants.alias()
            is_there = sa.exists().where(
                other.c.role_id == new_role,
                other.c.resource_type == grants.c.resource_type,
                other.c.resource_id == grants.c.resource_id,
            )
            of_role = [grants.c.role_id == role.id, *is_moved]
            tx.execute(sa.update(grants).where(*of_role, ~is_there).values(role_id=new_role))
            tx.execute(sa.delete(grants).where(*of_role))


def _counterpart(tx: Tx, role: sa.Row[Any], target: str) -> int:
    """Return the id of the role in the target workspace that gets the permissions of a role."""
    if role.owner_id is not None:
        return role_rows.own_role(tx, role.owner_id, target)
    taken = {row.name for row in role_rows.find_all(tx, [target])}
    name, number = f"{role.workspace}: {role.name}"[: access_rules.MAX_NAME_LENGTH - 8], 2
    free = name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    made = role_rows.create(tx, free, target, f"Permissions that were moved from {role.workspace}.")
    members = sa.select(role_members.c.principal_id, sa.literal(made.id)).where(
        role_members.c.role_id == role.id
    )
    tx.execute(sa.insert(role_members).from_select(["principal_id", "role_id"], members))
    return int(made.id)


def _portions(items: Sequence[Any]) -> list[Sequence[Any]]:
    """Divide a list, because a statement may have a limited number of parameters."""
    return [items[start : start + 500] for start in range(0, len(items), 500)]
