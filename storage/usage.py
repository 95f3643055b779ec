"""What each workspace uses, by kind and day, and its quotas.

Servers add up what they write and store the sums every few seconds: a counter that each write incremented
would make all writers of a workspace wait for one row. What ``trackway gc`` deletes is subtracted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidParameter, NotFound

from .database import Tx, insert_new, upsert
from .schema.tracking import experiments, points, runs, series, workspaces
from .schema.usage import quotas, usage

EXPERIMENTS, RUNS, POINTS, ARTIFACT_BYTES = "experiments", "runs", "points", "artifact_bytes"
KINDS = (EXPERIMENTS, RUNS, POINTS, ARTIFACT_BYTES)
_DAY_MS = 86_400_000
# Amounts by the id of the workspace and the kind.
Amounts = Mapping[tuple[int, str], int]


class State(NamedTuple):
    """What a workspace uses of a kind, and its quota. None: no limit."""

    workspace_id: int
    workspace: str
    kind: str
    used: int
    soft: int | None
    hard: int | None


def add(tx: Tx, amounts: Amounts) -> None:
    """Add to what workspaces use today. Amounts may be negative."""
    day = tx.now_ms // _DAY_MS
    rows = [
        {"workspace_id": workspace, "kind": kind, "day": day, "amount": amount}
        for (workspace, kind), amount in sorted(amounts.items())
        if amount
    ]
    if not rows:
        return
    # Two statements, since the amount of the row that exists is needed.
    tx.execute(insert_new(usage), [{**row, "amount": 0} for row in rows])
    update = (
        sa.update(usage)
        .where(
            usage.c.workspace_id == sa.bindparam("of"),
            usage.c.kind == sa.bindparam("what"),
            usage.c.day == sa.bindparam("on"),
        )
        .values(amount=usage.c.amount + sa.bindparam("more"))
    )
    tx.execute(
        update,
        [
            {"of": row["workspace_id"], "what": row["kind"], "on": row["day"], "more": row["amount"]}
            for row in rows
        ],
    )


def states(tx: Tx) -> list[State]:
    """Return what is used and the quotas, of each workspace and kind that has one of them."""
    names = {row.id: row.name for row in tx.execute(sa.select(workspaces.c.id, workspaces.c.name))}
    summed = sa.select(usage.c.workspace_id, usage.c.kind, sa.func.sum(usage.c.amount).label("used"))
    used = {
        (row.workspace_id, row.kind): int(row.used)
        for row in tx.execute(summed.group_by(usage.c.workspace_id, usage.c.kind))
    }
    limits = {(row.workspace_id, row.kind): (row.soft, row.hard) for row in tx.execute(sa.select(quotas))}
    return [
        State(
            workspace, names[workspace], kind, used.get((workspace, kind), 0), *limits.get(key, (None, None))
        )
        for key in sorted(used.keys() | limits.keys(), key=lambda key: (key[0], KINDS.index(key[1])))
        for workspace, kind in [key]
        if workspace in names
    ]


def set_quota(tx: Tx, workspace: str, kind: str, soft: int | None, hard: int | None) -> None:
    """Set the quota of a workspace; without any limit, remove it. What it uses is counted anew.

    Raise ``NotFound`` for the workspace, ``InvalidParameter`` for the limits.
    """
    if any(limit is not None and limit < 0 for limit in (soft, hard)):
        raise InvalidParameter("A quota cannot be negative.")
    if soft is not None and hard is not None and soft > hard:
        raise InvalidParameter(f"The soft limit {soft} is above the hard limit {hard}.")
    workspace_id = tx.execute(sa.select(workspaces.c.id).where(workspaces.c.name == workspace)).scalar()
    if workspace_id is None:
        raise NotFound(f"Workspace '{workspace}' not found")
    if soft is None and hard is None:
        is_it = sa.and_(quotas.c.workspace_id == workspace_id, quotas.c.kind == kind)
        tx.execute(sa.delete(quotas).where(is_it))
    else:
        statement = upsert(quotas, "soft", "hard", key=("workspace_id", "kind"))
        tx.execute(statement, {"workspace_id": workspace_id, "kind": kind, "soft": soft, "hard": hard})
    _recount(tx, workspace_id, kind)


def move(tx: Tx, source: int, target: int, experiment_ids: Sequence[int]) -> None:
    """Count experiments with what they have for another workspace. Bytes of artifacts are not known."""
    for kind, query in _counts(experiments.c.id.in_(experiment_ids)).items():
        amount = int(tx.execute(query).scalar_one())
        add(tx, {(source, kind): -amount, (target, kind): amount})


def _recount(tx: Tx, workspace_id: int, kind: str) -> None:
    """Make what a workspace uses equal to what it has. Bytes of artifacts cannot be counted here."""
    counts = _counts(experiments.c.workspace_id == workspace_id)
    if kind not in counts:
        return
    used = tx.execute(
        sa.select(sa.func.coalesce(sa.func.sum(usage.c.amount), 0)).where(
            usage.c.workspace_id == workspace_id, usage.c.kind == kind
        )
    ).scalar_one()
    add(tx, {(workspace_id, kind): tx.execute(counts[kind]).scalar_one() - int(used)})


def _counts(which: sa.ColumnElement[bool]) -> Mapping[str, sa.Select[Any]]:
    """Return statements that count experiments, and the runs and points in them."""
    chosen = sa.select(experiments.c.id).where(which)
    return {
        EXPERIMENTS: sa.select(sa.func.count()).select_from(chosen.subquery()),
        RUNS: sa.select(sa.func.count()).select_from(runs).where(runs.c.experiment_id.in_(chosen)),
        POINTS: sa.select(sa.func.count())
        .select_from(points)
        .join(series, series.c.id == points.c.series_id)
        .where(series.c.experiment_id.in_(chosen)),
    }
