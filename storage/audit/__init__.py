"""The audit: one row for each write, in the write's transaction: who, from where, when, action and target.

- ``entries``: search the audit
- ``refusals``: rows of requests that were refused
- ``seals``: a chain of digests, by which changes of old rows are found
- ``retention``: remove old rows

Requests that only append points, which have times of their own, get one row a minute for each run and user: a
training loop logs thousands of them, and a row of the audit is larger than a point.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from sqlalchemy import insert

from ..database import Prepared, Tx
from ..schema.audit import audit

DONE, UNAUTHENTICATED, DENIED, OVER_QUOTA = "done", "unauthenticated", "denied", "over quota"
OUTCOMES = (DONE, UNAUTHENTICATED, DENIED, OVER_QUOTA)


class Origin(NamedTuple):
    """Where a request comes from: the id of its principal, how it was authenticated, and its address."""

    principal_id: int | None = None
    # "password", "token <id>" or "session <start of its digest>"
    authenticated_by: str | None = None
    address: str | None = None


UNKNOWN = Origin()
_INSERT = Prepared(
    insert(audit),
    "workspace_id",
    "time_ms",
    "user",
    "request_id",
    "action",
    "target",
    "principal_id",
    "authenticated_by",
    "address",
    "detail",
)
_MINUTE_MS = 60_000
_MAX_APPENDS = 10_000
# The minute of the latest row of each workspace, user, action and target, for the appends of this process.
_appends: dict[tuple[int, str | None, str, str], int] = {}


def record(tx: Tx, action: str, target: str, origin: Origin = UNKNOWN) -> None:
    """Record that the transaction's user did ``action`` (the name of an RPC) to ``target`` (``noun:key``).

    The row also gets the transaction's changes (``storage/access/changes.py``).
    """
    detail = None if tx.changes is None else json.dumps(tx.changes, ensure_ascii=False, separators=(",", ":"))
    tx.changes = None
    tx.run(_INSERT, tx.workspace, tx.now_ms, tx.user, tx.request_id, action, target, *origin, detail)


def record_append(tx: Tx, action: str, target: str, origin: Callable[[], Origin]) -> None:
    """Record it unless this process has recorded the same in the same minute."""
    key = (tx.workspace, tx.user, action, target)
    minute = tx.now_ms // _MINUTE_MS
    if _appends.get(key) != minute:
        record(tx, action, target, origin())
        tx.after_commit(partial(_remember, key, minute))


def _remember(key: tuple[int, str | None, str, str], minute: int) -> None:
    if len(_appends) >= _MAX_APPENDS:
        _appends.clear()
    _appends[key] = minute
