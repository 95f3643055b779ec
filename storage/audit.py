"""The audit: one row for each write, in the write's transaction: user, time, action and target."""

from sqlalchemy import insert

from .database import Prepared, Tx
from .schema.audit import audit

_INSERT = Prepared(insert(audit), "workspace_id", "time_ms", "user", "request_id", "action", "target")


def record(tx: Tx, action: str, target: str) -> None:
    """Record that the transaction's user did ``action`` (the name of an RPC) to ``target`` (``noun:key``)."""
    tx.run(_INSERT, tx.workspace, tx.now_ms, tx.user, tx.request_id, action, target)
