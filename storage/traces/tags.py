"""Tags of traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from trackway.client_compat import trace_rules
from trackway.client_compat.errors import NotFound

from ..database import Prepared, Tx, insert_new, upsert
from ..schema.traces import trace_metadata, trace_tags
from . import ingest_rules, rows

_SET_TAG = Prepared(upsert(trace_tags, "value"), "trace_id", "key", "value")
_ADD_TAG = Prepared(insert_new(trace_tags), "trace_id", "key", "value")
_SET_METADATA = Prepared(upsert(trace_metadata, "value"), "trace_id", "key", "value")
_ADD_METADATA = Prepared(insert_new(trace_metadata), "trace_id", "key", "value")


def put(tx: Tx, trace_id: str, key: str, value: str) -> None:
    """Set a tag. Raise ``NotFound`` if the trace does not exist, ``InvalidParameter`` for a fixed tag."""
    key, value = trace_rules.tag(key, value, "set")
    row = rows.require(rows.lock(tx, trace_id), trace_id)
    write(tx, row.id, ingest_rules.mask_tags({key: value}, ingest_rules.of_experiment(tx, row.experiment_id)))


def delete(tx: Tx, trace_id: str, key: str) -> None:
    """Delete a tag. Raise ``NotFound`` if the trace has no such tag, ``InvalidParameter`` for a fixed tag."""
    trace_rules.tag(key, "", "deleted")
    row = rows.lock(tx, trace_id)
    found: Any = None
    if row is not None:
        c = trace_tags.c
        found = tx.execute(sa.delete(trace_tags).where(c.trace_id == row.id, c.key == key))
    if found is None or not found.rowcount:
        raise NotFound(f"No trace tag with key '{key}' for trace with ID '{trace_id}'")


def write(tx: Tx, row_id: int, tags: Mapping[str, str], *, replace: bool = True) -> None:
    """Write tags of a locked trace; without ``replace`` only those that it does not have."""
    tx.run_many(_SET_TAG if replace else _ADD_TAG, _sorted(row_id, tags))


def write_metadata(tx: Tx, row_id: int, values: Mapping[str, str], *, replace: bool = True) -> None:
    """Write metadata of a locked trace; without ``replace`` only the keys that it does not have."""
    tx.run_many(_SET_METADATA if replace else _ADD_METADATA, _sorted(row_id, values))


def _sorted(row_id: int, values: Mapping[str, str]) -> list[tuple[int, str, str]]:
    return [(row_id, key, value) for key, value in sorted(values.items())]
