"""Seals: digests of ranges of old audit rows, each with the digest of the seal before, in a chain.

Whoever changes, removes or adds a row in a sealed range must make all later seals anew, and then the newest
differs from what the server has logged, or another system has stored. Rows are sealed in the background, so
that no write waits for another one.

A range must be complete when it is sealed. SQLite assigns ids in the order of the commits. On PostgreSQL a
transaction may commit after one with a greater id, so a range is sealed in two steps: ``mark`` returns its
end and the first transaction that begins later, ``make`` returns no seal until all earlier ones have ended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..database import Tx, insert_new
from ..schema.audit import audit, audit_seals

MAX_ROWS = 1000
# Rows that are newer than this are not sealed yet.
_MIN_AGE_MS = 30_000
# Bytes of a row's digest in its seal. They only tell which row was changed: the seal's own digest has all 32.
_SHORT_BYTES = 6
# The digest before the first seal.
_START = "0" * 64

_OPEN = sa.text(
    "SELECT CAST(CAST(pg_snapshot_xmin(now) AS text) AS bigint) AS oldest, "
    "CAST(CAST(pg_snapshot_xmax(now) AS text) AS bigint) AS next FROM pg_current_snapshot() AS now"
)


# The columns of a row that a seal covers. Those that later revisions add need seals of another kind.
_SEALED = (
    audit.c.id,
    audit.c.workspace_id,
    audit.c.time_ms,
    audit.c.user,
    audit.c.request_id,
    audit.c.action,
    audit.c.target,
    audit.c.principal_id,
    audit.c.authenticated_by,
    audit.c.address,
    audit.c.outcome,
    audit.c.detail,
)
Seal = Mapping[str, Any]


class Mark(NamedTuple):
    """The end of a range that can be sealed when no transaction before ``next`` is open (on PostgreSQL)."""

    last_id: int
    next: int


def mark(tx: Tx, *, min_age_ms: int = _MIN_AGE_MS) -> Mark | None:
    """Return the end of the rows that may be sealed, or None if there are none."""
    latest = last_seal(tx)
    after = latest.last_id if latest else 0
    query = sa.select(audit.c.id).where(audit.c.id > after, audit.c.time_ms <= tx.now_ms - min_age_ms)
    found = tx.execute(query.order_by(audit.c.id).limit(MAX_ROWS)).scalars().all()
    if not found:
        return None
    return Mark(found[-1], tx.execute(_OPEN).one().next if tx.dialect == "postgresql" else 0)


def make(tx: Tx, marked: Mark) -> Seal | None:
    """Return the seal of the rows up to a mark; None if the range may still grow, or was sealed already."""
    if tx.dialect == "postgresql" and tx.execute(_OPEN).one().oldest < marked.next:
        return None
    latest = last_seal(tx)
    after, previous = (latest.last_id, latest.digest) if latest else (0, _START)
    if marked.last_id <= after:
        return None
    rows = _rows(tx, after, marked.last_id)
    made = {
        "first_id": after + 1,
        "last_id": marked.last_id,
        "row_count": len(rows),
        "rows": " ".join(f"{row.id}:{_short(row)}" for row in rows),
        "rows_digest": _digest_of_rows(rows),
        "previous": previous,
        "time_ms": tx.now_ms,
    }
    return {**made, "digest": _digest_of_seal(made)}


def store(tx: Tx, made: Seal) -> bool:
    """Add a seal to the chain. Return False if another server has added one meanwhile."""
    inserted = tx.execute(insert_new(audit_seals).returning(audit_seals.c.id), dict(made))
    return inserted.first() is not None


def is_sealed(tx: Tx, marked: Mark) -> bool:
    """Return whether the rows up to a mark are sealed."""
    latest = last_seal(tx)
    return latest is not None and latest.last_id >= marked.last_id


def last_seal(tx: Tx) -> sa.Row[Any] | None:
    """Return the newest seal, or None."""
    return tx.execute(sa.select(audit_seals).order_by(audit_seals.c.last_id.desc()).limit(1)).first()


class Verdict(NamedTuple):
    """What ``verify`` found. ``problem`` names the first row or seal that differs; empty: none."""

    seals: int
    rows: int
    last_id: int
    digest: str
    problem: str = ""


def verify(tx: Tx, known: str = "", *, removed_up_to: int = 0) -> Verdict:
    """Compare all sealed rows with their seals.

    ``known`` is the digest of a seal that was noted elsewhere: the chain must contain it. The rows up to
    ``removed_up_to`` were removed by ``retention``.
    """
    count = row_count = last_id = 0
    digest, has_known = _START, not known
    for number in tx.execute(sa.select(audit_seals.c.id).order_by(audit_seals.c.last_id)).scalars().all():
        found = tx.execute(sa.select(audit_seals).where(audit_seals.c.id == number)).one()
        problem = _problem_of_seal(found, last_id, digest)
        if not problem and found.last_id <= removed_up_to:
            if _rows(tx, last_id, found.last_id, limit=1):
                problem = (
                    f"there are rows in the range {found.first_id} to {found.last_id}, which was removed"
                )
        elif not problem:
            problem = _problem_of_rows(tx, found, last_id)
            row_count += found.row_count
        if problem:
            return Verdict(count, row_count, last_id, digest, problem)
        count, last_id, digest = count + 1, found.last_id, found.digest
        has_known |= digest == known
    if not has_known:
        problem = f"the seal with the digest {known} is missing: later seals were removed, or made anew"
        return Verdict(count, row_count, last_id, digest, problem)
    return Verdict(count, row_count, last_id, digest)


def _problem_of_seal(found: sa.Row[Any], last_id: int, digest: str) -> str:
    if found.previous != digest or found.first_id != last_id + 1:
        return f"the seal of the rows after {last_id} is missing or was changed"
    if found.digest != _digest_of_seal(found._asdict()):
        return f"the seal of the rows {found.first_id} to {found.last_id} was changed"
    return ""


def _problem_of_rows(tx: Tx, found: sa.Row[Any], after: int) -> str:
    rows = _rows(tx, after, found.last_id)
    if _digest_of_rows(rows) == found.rows_digest:
        return ""
    parts = (part.partition(":") for part in found.rows.split())
    sealed = {int(row_id): short for row_id, _, short in parts}
    present = {row.id: row for row in rows}
    for row_id in sorted(sealed.keys() | present.keys()):
        if row_id not in present:
            return f"row {row_id} was removed"
        if row_id not in sealed:
            return f"row {row_id} was added: {_text(present[row_id])}"
        if _short(present[row_id]) != sealed[row_id]:
            return f"row {row_id} was changed: it is now {_text(present[row_id])}"
    return f"a row from {found.first_id} to {found.last_id} was changed"


def _rows(tx: Tx, after: int, last_id: int, limit: int | None = None) -> Sequence[sa.Row[Any]]:
    """Return the rows with ids after ``after`` up to ``last_id``; from the first on if it is 0."""
    query = sa.select(*_SEALED).where(audit.c.id <= last_id).order_by(audit.c.id).limit(limit)
    return tx.execute(query.where(audit.c.id > after) if after else query).all()


def _text(row: sa.Row[Any]) -> str:
    """Return a row as text that is the same on both databases: its values in the order of the columns."""
    return json.dumps(list(row), ensure_ascii=False, separators=(",", ":"))


def _digest(row: sa.Row[Any]) -> bytes:
    return hashlib.sha256(_text(row).encode("utf-8", "surrogatepass")).digest()


def _short(row: sa.Row[Any]) -> str:
    return _digest(row)[:_SHORT_BYTES].hex()


def _digest_of_rows(rows: Sequence[sa.Row[Any]]) -> str:
    return hashlib.sha256(b"".join(map(_digest, rows))).hexdigest()


def _digest_of_seal(values: Any) -> str:
    names = ("previous", "first_id", "last_id", "row_count", "rows", "rows_digest", "time_ms")
    return hashlib.sha256(json.dumps([values[name] for name in names]).encode()).hexdigest()
