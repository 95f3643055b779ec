"""Approvals: a user's yes or no to a version, for a target such as "alias:production".

Rows are only added. Of each user the newest decision counts; a withdrawal takes it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.governance import approval_rules

from ..database import Tx
from ..schema.governance import approvals

_A = approvals.c


def add(tx: Tx, version: sa.Row[Any], target: str, decision: str, user: str, comment: str) -> sa.Row[Any]:
    """Store a user's decision about a version, whose model is locked. Return its row.

    Raise ``InvalidParameter`` for an unknown decision or a comment that is too long.
    """
    approval_rules.check(decision, comment)
    values = {
        "version_id": version.id,
        "target": target,
        "decision": decision,
        "comment": comment or None,
        "user": user,
        "time_ms": tx.now_ms,
    }
    return tx.execute(sa.insert(approvals).returning(approvals), values).one()


def standing(tx: Tx, version_id: int, target: str) -> dict[str, str]:
    """Return the decisions that count, by user: "approve" or "reject"."""
    rows = tx.execute(
        sa.select(_A.user, _A.target, _A.decision)
        .where(_A.version_id == version_id, _A.target == target)
        .order_by(_A.id)
    )
    return {row.user: row.decision for row in approval_rules.standing(rows)}


def of_version(tx: Tx, version_id: int) -> Sequence[sa.Row[Any]]:
    """Return all decisions about a version, oldest first."""
    return tx.execute(sa.select(approvals).where(_A.version_id == version_id).order_by(_A.id)).all()
