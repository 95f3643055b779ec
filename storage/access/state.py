"""The state of access control: the epoch, by which processes notice changes, and the signing key."""

from __future__ import annotations

import sqlalchemy as sa

from ..database import Prepared, Tx
from ..schema.access import access_state

_EPOCH = Prepared(sa.select(access_state.c.epoch))
# How often transactions of this process have raised the epoch. It need not wait to notice its own changes.
_raised_here = 0
_RAISE = sa.update(access_state).values(epoch=access_state.c.epoch + 1)


def epoch(tx: Tx) -> int:
    """Return the epoch: the number of the latest change to principals, tokens and sessions."""
    return int(tx.first(_EPOCH).epoch)


def raise_epoch(tx: Tx) -> None:
    """Have every process forget what it has cached of principals, tokens and sessions."""
    tx.execute(_RAISE)
    tx.after_commit(_count)


def raised_here() -> int:
    """Return how often this process has raised the epoch."""
    return _raised_here


def _count() -> None:
    global _raised_here
    _raised_here += 1


def signing_key(tx: Tx) -> bytes:
    """Return the key that signs set-up links and CSRF tokens: 32 bytes, the same for all servers."""
    return bytes.fromhex(tx.execute(sa.select(access_state.c.signing_key)).scalar_one())
