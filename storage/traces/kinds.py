"""The kinds of spans: a row for each different (name, type, status, model, provider) of an experiment.

An experiment has at most some thousand of them, so that filters can compare them all. A program that puts ids
into the names of its spans makes more: beyond ``MAX_KINDS``, spans of new names have the name ``OTHER`` in
their kind, and filters on names read these spans themselves. Beyond ``MAX_KINDS`` and ``_MORE_KINDS`` this is
so for types, too, and models and providers are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

import sqlalchemy as sa

from ..database import Prepared, Tx, insert_new
from ..schema.traces import span_kinds

# With 10,000 kinds a filter takes 5 ms to compare them, on one core of 2026, and with 200,000 230 ms.
MAX_KINDS = 10_000
_MORE_KINDS = 1000
# Stands for many names or types: which one it is, only the span says.
OTHER = "(other)"


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
_some = (
    sa.select(span_kinds.c.experiment_id)
    .where(span_kinds.c.experiment_id == sa.bindparam("experiment"))
    .limit(sa.bindparam("limit"))
    .subquery()
)
_COUNT = Prepared(sa.select(sa.func.count().label("number")).select_from(_some), "experiment", "limit")
_INSERT = Prepared(
    insert_new(span_kinds).returning(span_kinds.c.id), "experiment_id", "digest", *Kind._fields
)


def ids_of(tx: Tx, experiment_id: int, kinds: Iterable[Kind]) -> dict[Kind, int]:
    """Return the numbers of the kinds; new kinds are stored, or those that stand for them."""
    found = {}
    number: int | None = None  # of kinds that the experiment has
    for kind in sorted(set(kinds)):
        kind_id = _find(tx, experiment_id, kind)
        if kind_id is None:
            if number is None:
                number = int(tx.first(_COUNT, experiment_id, MAX_KINDS + _MORE_KINDS).number)
            stored = _folded(kind, number)
            kind_id = None if stored == kind else _find(tx, experiment_id, stored)
            if kind_id is None:
                kind_id = _insert(tx, experiment_id, stored)
                number += 1
        found[kind] = kind_id
    return found


def _folded(kind: Kind, number: int) -> Kind:
    """Return the kind that is stored for a new one in an experiment that has this number of kinds."""
    if number < MAX_KINDS:
        return kind
    if number < MAX_KINDS + _MORE_KINDS:
        return kind._replace(name=OTHER)
    return Kind(OTHER, OTHER, kind.status)


def _find(tx: Tx, experiment_id: int, kind: Kind) -> int | None:
    key = ("span kind", experiment_id, kind)
    kind_id = tx.containers.get(key)
    if kind_id is None and (row := tx.first(_FIND, experiment_id, _digest(kind))) is not None:
        kind_id = _cached(tx, experiment_id, kind, row.id)
    return None if kind_id is None else int(kind_id)


def _insert(tx: Tx, experiment_id: int, kind: Kind) -> int:
    digest = _digest(kind)
    # None if another transaction has inserted it meanwhile.
    row = tx.first(_INSERT, experiment_id, digest, *kind) or tx.first(_FIND, experiment_id, digest)
    return _cached(tx, experiment_id, kind, row.id)


def _cached(tx: Tx, experiment_id: int, kind: Kind, kind_id: int) -> int:
    # Not before the commit: the row of a transaction that is rolled back does not exist.
    tx.after_commit(partial(tx.containers.put, ("span kind", experiment_id, kind), kind_id))
    return kind_id


def _digest(kind: Kind) -> str:
    return blake2b(json.dumps(kind).encode(), digest_size=16).hexdigest()
