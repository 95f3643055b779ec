"""The audit: one row for each write, in the write's transaction: user, time, action and target.

Requests that only append points, which have times of their own, get one row a minute for each run and user: a
training loop logs thousands of them, and a row of the audit is larger than a point.
"""

from functools import partial

from sqlalchemy import insert

from .database import Prepared, Tx
from .schema.audit import audit

_INSERT = Prepared(insert(audit), "workspace_id", "time_ms", "user", "request_id", "action", "target")
_MINUTE_MS = 60_000
_MAX_APPENDS = 10_000
# The minute of the latest row of each workspace, user, action and target, for the appends of this process.
_appends: dict[tuple[int, str | None, str, str], int] = {}


def record(tx: Tx, action: str, target: str) -> None:
    """Record that the transaction's user did ``action`` (the name of an RPC) to ``target`` (``noun:key``)."""
    tx.run(_INSERT, tx.workspace, tx.now_ms, tx.user, tx.request_id, action, target)


def record_append(tx: Tx, action: str, target: str) -> None:
    """Record it unless this process has recorded the same in the same minute."""
    key = (tx.workspace, tx.user, action, target)
    minute = tx.now_ms // _MINUTE_MS
    if _appends.get(key) != minute:
        record(tx, action, target)
        tx.after_commit(partial(_remember, key, minute))


def _remember(key: tuple[int, str | None, str, str], minute: int) -> None:
    if len(_appends) >= _MAX_APPENDS:
        _appends.clear()
    _appends[key] = minute
