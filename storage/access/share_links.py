"""Share links, which show runs without a log-in. A row has the SHA-256 of its link, as for tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.errors import NotFound

from ..database import Prepared, Tx
from ..schema.access import access_state, principals, share_links
from ..schema.tracking import experiments, logged_models, runs, workspaces
from . import changes, state
from .principals import LOGIN_COLUMNS, with_grants

# Links that have ended are kept for a while, so that a visitor's refusal still names its maker in the audit.
_KEPT_MS = 90 * 86_400_000
_ACTIVE = "active"

_BY_ID = Prepared(
    sa.select(
        *LOGIN_COLUMNS,
        share_links.c.digest,
        share_links.c.limits,
        share_links.c.expiry_time,
        share_links.c.revoked_time,
        workspaces.c.name.label("link_workspace"),
    ).select_from(
        with_grants(
            access_state.outerjoin(
                share_links.join(
                    workspaces,
                    sa.and_(
                        workspaces.c.id == share_links.c.workspace_id, workspaces.c.deleted_time.is_(None)
                    ),
                ),
                share_links.c.link_id == sa.bindparam("link_id"),
            ).outerjoin(
                principals, sa.and_(principals.c.id == share_links.c.principal_id, principals.c.is_active)
            )
        )
    ),
    "link_id",
)
_LISTED = (
    sa.select(
        share_links.c.link_id,
        principals.c.name.label("owner"),
        workspaces.c.name.label("workspace"),
        share_links.c.label,
        share_links.c.limits,
        share_links.c.creation_time,
        share_links.c.expiry_time,
        share_links.c.revoked_time,
        share_links.c.last_used_time,
    )
    .join(principals, principals.c.id == share_links.c.principal_id)
    .join(workspaces, workspaces.c.id == share_links.c.workspace_id)
    .order_by(share_links.c.id)
)


def for_login(tx: Tx, link_id: str) -> list[Any]:
    """Return the epoch, the ``LOGIN_COLUMNS`` of the active maker, and the link's own columns, or Nones."""
    return tx.rows(_BY_ID, link_id)


def create(
    tx: Tx, principal_id: int, *, link_id: str, digest: str, label: str, limits: str, expiry_time: int
) -> None:
    """Store a new link of a principal to something in ``tx.workspace``.

    Those of its links that ended long ago are deleted.
    """
    tx.execute(
        sa.delete(share_links).where(
            share_links.c.principal_id == principal_id, share_links.c.expiry_time < tx.now_ms - _KEPT_MS
        )
    )
    tx.execute(
        sa.insert(share_links),
        {
            "link_id": link_id,
            "principal_id": principal_id,
            "workspace_id": tx.workspace,
            "label": label,
            "digest": digest,
            "limits": limits,
            "creation_time": tx.now_ms,
            "expiry_time": expiry_time,
        },
    )
    value = {"principal_id": principal_id, "limits": limits, "expiry_time": expiry_time}
    changes.note(tx, "share_link", (link_id,), None, value)


def find(tx: Tx, link_id: str) -> Any:
    """Return the link with its maker's name. Raise ``NotFound``."""
    row = tx.execute(_LISTED.where(share_links.c.link_id == link_id)).first()
    if row is None:
        raise NotFound(f"There is no share link {link_id!r}.")
    return row


def find_all(tx: Tx, owner: str | None = None) -> Sequence[Any]:
    """Return the valid links of a principal, or of all, in the order of their creation."""
    query = _LISTED.where(share_links.c.revoked_time.is_(None), share_links.c.expiry_time > tx.now_ms)
    return tx.execute(query if owner is None else query.where(principals.c.name == owner)).all()


def revoke(tx: Tx, link_id: str) -> None:
    """Refuse the link from now on. A revoked one remains as it is. Raise ``NotFound``."""
    if find(tx, link_id).revoked_time is None:
        statement = sa.update(share_links).where(share_links.c.link_id == link_id)
        tx.execute(statement.values(revoked_time=tx.now_ms))
        state.raise_epoch(tx)
        changes.note(tx, "share_link", (link_id,), "valid", "revoked")


def record_uses(tx: Tx, times: Mapping[str, int]) -> None:
    """Store when links were used last: a time in milliseconds by link id."""
    statement = (
        sa.update(share_links)
        .where(share_links.c.link_id == sa.bindparam("used"))
        .values(last_used_time=sa.bindparam("at"))
    )
    tx.execute(statement, [{"used": link_id, "at": times[link_id]} for link_id in sorted(times)])


def experiments_of(tx: Tx, run_ids: Collection[str]) -> dict[str, str]:
    """Return the id of the experiment of each of the runs that is active."""
    query = (
        sa.select(runs.c.run_uuid, runs.c.experiment_id)
        .join(experiments, experiments.c.id == runs.c.experiment_id)
        .where(
            runs.c.run_uuid.in_(sorted(run_ids)),
            runs.c.lifecycle_stage == _ACTIVE,
            experiments.c.workspace_id == tx.workspace,
        )
    )
    return {row.run_uuid: str(row.experiment_id) for row in tx.execute(query)}


def are_active(
    tx: Tx,
    run_ids: Collection[str],
    model_ids: Collection[str],
    experiment_ids: Collection[int],
    source_runs: Collection[str] | None,
) -> bool:
    """Return whether all these runs, logged models and experiments exist and are not in the trash.

    With ``source_runs`` each logged model must have been made by one of these runs, which is active.
    """
    if run_ids and len(experiments_of(tx, run_ids)) < len(run_ids):
        return False
    if model_ids:
        query = sa.select(logged_models.c.model_id).where(
            logged_models.c.model_id.in_(sorted(model_ids)), logged_models.c.lifecycle_stage == _ACTIVE
        )
        if source_runs is not None:
            query = query.join(runs, runs.c.run_uuid == logged_models.c.source_run_id).where(
                runs.c.run_uuid.in_(sorted(source_runs)), runs.c.lifecycle_stage == _ACTIVE
            )
        if len(tx.execute(query).all()) < len(model_ids):
            return False
    if experiment_ids:
        found = sa.select(experiments.c.id).where(
            experiments.c.id.in_(sorted(experiment_ids)),
            experiments.c.lifecycle_stage == _ACTIVE,
            experiments.c.workspace_id == tx.workspace,
        )
        return len(tx.execute(found).all()) == len(experiment_ids)
    return True
