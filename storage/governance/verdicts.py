"""Verdicts: what a policy said of a version, with each rule and the values found. They are kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from trackway.client_compat import paging
from trackway.client_compat.errors import PermissionDenied
from trackway.client_compat.governance.evaluation import Result
from trackway.client_compat.governance.facts import Fact

from ..database import Tx
from ..schema.governance import verdicts
from ..search import keyset

# overridden: an administrator let it pass. rollback: the version was named before, so it passed.
Outcome = Literal["pass", "fail", "warn", "overridden", "rollback"]
Cause = Literal["alias", "stage", "rename", "gate"]
_V = verdicts.c


class Verdict(NamedTuple):
    """What one policy said of one version."""

    policy: str
    revision: int
    model_id: int
    version: int
    target: str
    outcome: Outcome
    results: tuple[Result, ...]
    cause: Cause
    reason: str | None = None

    @property
    def failing(self) -> list[Result]:
        return [result for result in self.results if not result.holds]


class Refused(PermissionDenied):
    """A change that policies do not allow. Its verdicts are kept although the change is rolled back."""

    def __init__(self, message: str, refusing: Sequence[Verdict]) -> None:
        super().__init__(message)
        self._verdicts = list(refusing)

    def keep(self, tx: Tx) -> None:
        """Store the verdicts, in a transaction of their own."""
        record(tx, self._verdicts)


def record(tx: Tx, found: Sequence[Verdict]) -> None:
    """Store verdicts."""
    if not found:
        return
    common = {
        "workspace_id": tx.workspace,
        "user": tx.user,
        "request_id": tx.request_id,
        "time_ms": tx.now_ms,
    }
    tx.execute(
        sa.insert(verdicts),
        [
            {**common, **verdict._asdict(), "results": json.dumps([to_json(one) for one in verdict.results])}
            for verdict in found
        ],
    )


def find_page(
    tx: Tx, model_id: int, *, version: int | None, target: str, size: int, token: str | None
) -> tuple[Sequence[sa.Row[Any]], str | None]:
    """Return a page of the verdicts on a model's versions, newest first, and the token of the next page."""
    query = ("verdicts", tx.workspace, model_id, version, target)
    statement = sa.select(verdicts).where(_V.model_id == model_id)
    if version is not None:
        statement = statement.where(_V.version == version)
    if target:
        statement = statement.where(_V.target == target)
    if token:
        (last,) = keyset.read(token, query, _V.id)
        statement = statement.where(_V.id < last)
    rows = tx.execute(statement.order_by(_V.id.desc()).limit(size + 1)).all()
    return paging.cut(rows, size, query, lambda last: [last.id])


def to_json(result: Result) -> dict[str, Any]:
    """Return a rule's result as it is stored and answered."""
    return {
        "name": result.name,
        "expression": result.expression,
        "holds": result.holds,
        "values": [_value(fact, found) for fact, found in result.values],
    }


def _value(fact: Fact, found: Any) -> dict[str, Any]:
    value = found.value
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        value = str(value)  # JSON has no such number
    answer = {"fact": fact.text, "value": value, "state": found.state, "note": found.note}
    if found.version is not None:
        answer["version"] = found.version
    return {key: value for key, value in answer.items() if value not in ("", None)}
