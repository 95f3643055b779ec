"""Rows of requests that were refused. They are written in batches, after the requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ..database import Tx
from ..schema.audit import audit
from . import Origin


class Refusal(NamedTuple):
    """A request that was refused. ``detail`` says why."""

    workspace: int
    time_ms: int
    user: str | None
    request_id: str
    action: str
    target: str
    origin: Origin
    outcome: str
    detail: str


def record(tx: Tx, refusals: Sequence[Refusal]) -> None:
    """Add a row for each refusal."""
    rows = [
        {
            "workspace_id": refusal.workspace,
            "time_ms": refusal.time_ms,
            "user": refusal.user,
            "request_id": refusal.request_id,
            "action": refusal.action,
            "target": refusal.target,
            **refusal.origin._asdict(),
            "outcome": refusal.outcome,
            "detail": refusal.detail,
        }
        for refusal in refusals
    ]
    tx.execute(sa.insert(audit), rows)
