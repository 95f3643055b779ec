"""Work for later: rows that commit with the change that causes them and outlive the process.

A job is taken by lease: it is nobody else's for a while, and everybody's again when whoever took
it has been killed. So each may run more than once, and never less.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from .database import Tx
from .schema.webhooks import jobs

OPEN, DEAD = "OPEN", "DEAD"


def add(tx: Tx, kind: str, payload: Mapping[str, Any], *, run_after: int | None = None) -> None:
    """Have the job done once this transaction is committed, not before ``run_after`` (milliseconds)."""
    add_all(tx, kind, [payload], run_after=run_after)


def add_all(
    tx: Tx, kind: str, payloads: Sequence[Mapping[str, Any]], *, run_after: int | None = None
) -> None:
    rows = [
        {
            "workspace_id": tx.workspace,
            "kind": kind,
            "payload": json.dumps(payload),
            "state": OPEN,
            "run_after": tx.now_ms if run_after is None else run_after,
            "attempts": 0,
            "creation_time": tx.now_ms,
        }
        for payload in payloads
    ]
    tx.execute(_INSERT, rows)


_INSERT = sa.insert(jobs)
