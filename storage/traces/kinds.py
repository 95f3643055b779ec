"""The kinds of spans: a row for each different (name, type, status, model, provider) of an experiment."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

import sqlalchemy as sa

from ..database import Prepared, Tx, insert_new
from ..schema.traces import span_kinds


class Kind(NamedTuple):
    """What filters and statistics of spans compare. ``model`` and ``provider`` may be empty."""

    name: str
    type: str
    status: str
    model: str = ""
    provider: str = ""


_FIND = Prepared(
    sa.select(span_kinds.c.id).where(
        span_kinds.c.experiment_id == sa.bindparam("experiment"), span_kinds.c.digest == sa.bindparam("key")
    ),
    *("experiment", "key"),
)
_INSERT = Prepared(
    insert_new(span_kinds).returning(span_kinds.c.id), "experiment_id", "digest", *Kind._fields
)


def ids_of(tx: Tx, experiment_id: int, kinds: Iterable[Kind]) -> dict[Kind, int]:
    """Return the numbers of the kinds; new kinds are stored."""
    found = {}
    for kind in sorted(set(kinds)):
        key = ("span kind", experiment_id, kind)
        kind_id = tx.containers.get(key)
        if kind_id is None:
            kind_id = _find_or_insert(tx, experiment_id, kind)
            # Not before the commit: the row of a transaction that is rolled back does not exist.
            tx.after_commit(partial(tx.containers.put, key, kind_id))
        found[kind] = kind_id
    return found


def _find_or_insert(tx: Tx, experiment_id: int, kind: Kind) -> int:
    digest = blake2b(json.dumps(kind).encode(), digest_size=16).hexdigest()
    row = tx.first(_FIND, experiment_id, digest)
    if row is None:
        # None if another transaction has inserted it meanwhile.
        row = tx.first(_INSERT, experiment_id, digest, *kind) or tx.first(_FIND, experiment_id, digest)
    return int(row.id)
