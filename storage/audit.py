"""Who changed what and when: one row per write, in the write's own transaction."""

from sqlalchemy import insert

from .database import Tx
from .schema.operations import audit

_INSERT = insert(audit)


def record(tx: Tx, action: str, target: str) -> None:
    """Note that the transaction's user did ``action`` (an RPC's name) to ``target`` (``noun:key``)."""
    tx.execute(
        _INSERT,
        {
            "workspace_id": tx.workspace,
            "time_ms": tx.now_ms,
            "user": tx.user,
            "request_id": tx.request_id,
            "action": action,
            "target": target,
        },
    )
