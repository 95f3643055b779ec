"""Jobs: work for later, as rows that commit with the change that causes them.

A worker takes a job by lease: no other worker gets the job until the lease ends. If the worker is killed, the
job is free again after that. So no job is lost, but a job may run more than once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakSet

import sqlalchemy as sa

from .database import Prepared, Tx, in_list
from .schema.jobs import jobs

OPEN, DEAD = "OPEN", "DEAD"
# A literal: with a parameter neither database would use the partial index on open jobs.
_IS_OPEN = jobs.c.state == sa.literal_column("'OPEN'")
_ORDER = (jobs.c.run_after, jobs.c.id)
# The only statement that an idle server runs.
NEXT_DUE = Prepared(
    sa.select(jobs.c.run_after)
    .where(_IS_OPEN, in_list(jobs.c.kind, "kinds"), ~in_list(jobs.c.lane, "full_lanes"))
    .order_by(*_ORDER)
    .limit(1),
    "kinds",
    "full_lanes",
)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A job that this process has taken. ``attempts`` counts how often any worker has taken it."""

    id: int
    workspace: int
    kind: str
    lane: str
    payload: dict[str, Any]
    attempts: int
    lease: str


class Listener(Protocol):
    """An object with the method ``set``, such as a ``threading.Event``."""

    def set(self) -> None: ...


# They are set when this process has committed new jobs. Job runners add themselves.
listeners: WeakSet[Listener] = WeakSet()


def add(tx: Tx, kind: str, payloads: Sequence[Mapping[str, Any]], lanes: Sequence[str] = ()) -> None:
    """Add an open job for each payload. It is due as soon as this transaction is committed.

    ``lanes`` has one lane for each payload. Jobs of one lane may delay each other, for example because they
    wait for the same host; workers take care that they delay no other jobs.
    """
    rows = [
        {
            "workspace_id": tx.workspace,
            "kind": kind,
            "lane": lane,
            "payload": json.dumps(payload),
            "state": OPEN,
            "run_after": tx.now_ms,
            "attempts": 0,
            "creation_time": tx.now_ms,
        }
        for payload, lane in zip(payloads, lanes or [""] * len(payloads), strict=True)
    ]
    tx.execute(sa.insert(jobs), rows)
    tx.after_commit(_set_listeners)


def _set_listeners() -> None:
    for listener in list(listeners):
        listener.set()


def next_due(tx: Tx, kinds: Collection[str], full_lanes: Collection[str] = ()) -> int | None:
    """Return when the first open job may be taken, in milliseconds since the epoch; None if there is none."""
    due = tx.first(NEXT_DUE, list(kinds), list(full_lanes))
    return due.run_after if due else None


def take(
    tx: Tx, kinds: Collection[str], limit: int, lease_ms: int, full_lanes: Collection[str] = ()
) -> list[Job]:
    """Take up to ``limit`` due jobs by lease and return them, oldest first.

    The jobs are those of all workspaces; ``Job.workspace`` says of which. Two processes that call this at the
    same time never get the same job.
    """
    due = (
        sa.select(jobs.c.id)
        .where(*_open(kinds, full_lanes), jobs.c.run_after <= tx.now_ms)
        .order_by(*_ORDER)
        .limit(limit)
        .with_for_update(skip_locked=True)
        # PostgreSQL may run a subquery more than once and so lock more than it takes; a CTE runs once.
        .cte("due")
    )
    lease = str(uuid.uuid4())
    statement = (
        sa.update(jobs)
        .where(jobs.c.id.in_(sa.select(due.c.id)))
        .values(lease=lease, run_after=tx.now_ms + lease_ms, attempts=jobs.c.attempts + 1)
        .returning(jobs)
    )
    rows = sorted(tx.execute(statement), key=lambda row: row.id)
    return [
        Job(
            id=row.id,
            workspace=row.workspace_id,
            kind=row.kind,
            lane=row.lane,
            payload=json.loads(row.payload),
            attempts=row.attempts,
            lease=lease,
        )
        for row in rows
    ]


def renew(tx: Tx, taken: Collection[Job], lease_ms: int) -> None:
    """Extend the leases of jobs to ``lease_ms`` from now. Jobs that another worker has taken are skipped."""
    for job in taken:
        tx.execute(_update_leased(job).values(run_after=tx.now_ms + lease_ms))


def release(tx: Tx, taken: Collection[Job]) -> None:
    """Return jobs undone: any worker may take them at once."""
    for job in taken:
        tx.execute(_update_leased(job).values(run_after=tx.now_ms, lease=None))


def finish(tx: Tx, job: Job) -> None:
    """Delete a job that is done. Do nothing if another worker has taken it since."""
    tx.execute(sa.delete(jobs).where(jobs.c.id == job.id, jobs.c.lease == job.lease))


def retry(tx: Tx, job: Job, delay_s: float, error: str) -> None:
    """Record that the job failed. It is due again after ``delay_s`` seconds."""
    again = tx.now_ms + int(delay_s * 1000)
    tx.execute(_update_leased(job).values(run_after=again, lease=None, error=error))


def give_up(tx: Tx, job: Job, error: str) -> None:
    """Mark the job as dead: it is not tried again, and its row stays for the operator."""
    tx.execute(_update_leased(job).values(state=DEAD, lease=None, error=error))


def _update_leased(job: Job) -> sa.Update:
    """Return an UPDATE of the job that changes nothing if another worker has taken it."""
    return sa.update(jobs).where(jobs.c.id == job.id, jobs.c.lease == job.lease)


def _open(kinds: Collection[str], full_lanes: Collection[str]) -> list[sa.ColumnElement[bool]]:
    conditions = [_IS_OPEN, jobs.c.kind.in_(kinds)]
    return [*conditions, jobs.c.lane.not_in(full_lanes)] if full_lanes else conditions
