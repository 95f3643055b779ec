"""Approvals: which decisions there are, and which of them count."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from ..errors import InvalidParameter

APPROVE, REJECT, WITHDRAW = DECISIONS = ("approve", "reject", "withdraw")
_MAX_COMMENT_LENGTH = 5_000


class Decision(Protocol):
    """A user's decision about a version, for a target."""

    user: Any
    target: Any
    decision: Any


D = TypeVar("D", bound=Decision)


def check(decision: str, comment: str) -> None:
    """Check a new decision. Raise ``InvalidParameter``."""
    if decision not in DECISIONS:
        raise InvalidParameter(f"Invalid decision {decision!r}; the decisions are {', '.join(DECISIONS)}.")
    if len(comment) > _MAX_COMMENT_LENGTH:
        raise InvalidParameter(
            f"A comment has at most {_MAX_COMMENT_LENGTH} characters; this one has {len(comment)}."
        )


def standing(decisions: Iterable[D]) -> list[D]:
    """Return the decisions that count: of each user and target the newest, unless it is a withdrawal.

    ``decisions`` are in the order in which they were made.
    """
    newest = {(one.user, one.target): one for one in decisions}
    return [one for one in newest.values() if one.decision != WITHDRAW]
