"""Work for later: rows that commit with the change that causes them and outlive the process.

A job is taken by lease: it is nobody else's for a while, and everybody's again when whoever took
it has been killed. So each may run more than once, and none is lost.
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
# Written into the statement: with a parameter neither database could see that the partial index serves.
_IS_OPEN = jobs.c.state == sa.literal_column("'OPEN'")
_ORDER = (jobs.c.run_after, jobs.c.id)
# All that an idle server asks.
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
    """One that this process has taken; ``attempts`` counts how often anybody has."""

    id: int
    workspace: int
    kind: str
    lane: str
    payload: dict[str, Any]
    attempts: int
    lease: str


class Listener(Protocol):
    """An event, or what is told as one is."""

    def set(self) -> None: ...


# Set when this process has committed new jobs; whoever works on them puts itself here.
listeners: WeakSet[Listener] = WeakSet()


def add(tx: Tx, kind: str, payloads: Sequence[Mapping[str, Any]], lanes: Sequence[str] = ()) -> None:
    """Have a job done for each payload once this transaction is committed.

    Jobs of one lane may hold each other up, such as those that wait for one host; workers see to it
    that they hold up no others.
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
    tx.after_commit(_announce)


def _announce() -> None:
    for listener in list(listeners):
        listener.set()


def next_due(tx: Tx, kinds: Collection[str], full_lanes: Collection[str] = ()) -> int | None:
    """When the first open job may be taken, in milliseconds; None when there is none."""
    due = tx.first(NEXT_DUE, list(kinds), list(full_lanes))
    return due.run_after if due else None


def take(
    tx: Tx, kinds: Collection[str], most: int, lease_ms: int, full_lanes: Collection[str] = ()
) -> list[Job]:
    """Lease what is due, oldest first. Two processes that ask at once never get the same job."""
    due = (
        sa.select(jobs.c.id)
        .where(*_open(kinds, full_lanes), jobs.c.run_after <= tx.now_ms)
        .order_by(*_ORDER)
        .limit(most)
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
    """Keep jobs for longer."""
    for job in taken:
        tx.execute(_mine(job).values(run_after=tx.now_ms + lease_ms))


def release(tx: Tx, taken: Collection[Job]) -> None:
    """Give jobs back undone, for others to take at once."""
    for job in taken:
        tx.execute(_mine(job).values(run_after=tx.now_ms, lease=None))


def finish(tx: Tx, job: Job) -> None:
    """The job is done and goes; nothing happens when its lease has passed to somebody else."""
    tx.execute(sa.delete(jobs).where(jobs.c.id == job.id, jobs.c.lease == job.lease))


def retry(tx: Tx, job: Job, delay_s: float, error: str) -> None:
    """The job failed and is to be tried again."""
    again = tx.now_ms + int(delay_s * 1000)
    tx.execute(_mine(job).values(run_after=again, lease=None, error=error))


def give_up(tx: Tx, job: Job, error: str) -> None:
    """The job stays as a dead one, for somebody to look at."""
    tx.execute(_mine(job).values(state=DEAD, lease=None, error=error))


def _mine(job: Job) -> sa.Update:
    return sa.update(jobs).where(jobs.c.id == job.id, jobs.c.lease == job.lease)


def _open(kinds: Collection[str], full_lanes: Collection[str]) -> list[sa.ColumnElement[bool]]:
    found = [_IS_OPEN, jobs.c.kind.in_(kinds)]
    return [*found, jobs.c.lane.not_in(full_lanes)] if full_lanes else found
