"""Who changed what and when: one row per write, in the write's own transaction."""

from sqlalchemy import insert

from .database import Prepared, Tx
from .schema.audit import audit

_INSERT = Prepared(insert(audit), "workspace_id", "time_ms", "user", "request_id", "action", "target")


def record(tx: Tx, action: str, target: str) -> None:
    """Note that the transaction's user did ``action`` (an RPC's name) to ``target`` (``noun:key``)."""
    tx.run(_INSERT, tx.workspace, tx.now_ms, tx.user, tx.request_id, action, target)
