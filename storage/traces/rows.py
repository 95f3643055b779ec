"""Finding and locking the rows of traces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntFlag
from typing import Any

import sqlalchemy as sa

from trackway.client_compat.errors import InvalidParameter, NotFound
from trackway.client_compat.traces import spans

from ..database import Prepared, Tx, in_list, insert_new, update_by_id
from ..schema import tracking
from ..schema.traces import traces

# Where the spans of a trace are, as the tag ``mlflow.trace.spansLocation`` says.
IN_DATABASE, IN_ARTIFACTS, IN_ARCHIVE = "TRACKING_STORE", "ARTIFACT_REPO", "ARCHIVE_REPO"
IN_PROGRESS = "IN_PROGRESS"
# Of the numbers of a span those that have a column. Those of the cache are parts of the input.
TOKENS = (*spans.TOKENS, *spans.CACHE_TOKENS[:2])
COSTS = spans.COSTS


class Given(IntFlag):
    """What of a trace its client has said itself. Spans do not change it."""

    TIMES = 1  # request time, duration and state
    REQUEST_PREVIEW = 2
    RESPONSE_PREVIEW = 4
    TOKENS = 8
    COST = 16


_IN_WORKSPACE = sa.select(traces).join(tracking.experiments).where(
    tracking.experiments.c.workspace_id == sa.bindparam("workspace")
)  # fmt: skip
_BY_ID = _IN_WORKSPACE.where(traces.c.trace_id == sa.bindparam("trace_id"))
_FIND = Prepared(_BY_ID, "workspace", "trace_id")
_LOCK = Prepared(_BY_ID.with_for_update(key_share=True, of=traces), "workspace", "trace_id")
_FIND_MANY = Prepared(_IN_WORKSPACE.where(in_list(traces.c.trace_id, "ids")), "workspace", "ids")
COLUMNS = tuple(column.name for column in traces.columns if column.name != "id")
_INSERT = Prepared(insert_new(traces).returning(traces.c.id), *COLUMNS)
_EXISTS = Prepared(sa.select(traces.c.id).where(traces.c.trace_id == sa.bindparam("trace_id")), "trace_id")
_BLANK: dict[str, Any] = {
    **dict.fromkeys(COLUMNS),
    "state": IN_PROGRESS,
    "given": 0,
    "spans_location": IN_DATABASE,
    "next_chunk": 0,
    "is_indexed": True,
}


def find(tx: Tx, trace_id: str) -> Any:
    """Return the row of a trace, or None."""
    return tx.first(_FIND, tx.workspace, trace_id)


def find_many(tx: Tx, trace_ids: Sequence[str]) -> list[Any]:
    """Return the rows of those of the traces that exist, in the order of the ids."""
    found = {row.trace_id: row for row in tx.rows(_FIND_MANY, tx.workspace, list(dict.fromkeys(trace_ids)))}
    return [found[trace_id] for trace_id in dict.fromkeys(trace_ids) if trace_id in found]


def require(row: Any, trace_id: str) -> Any:
    """Return the row. Raise ``NotFound`` if it is None."""
    if row is None:
        raise NotFound(f"Trace with ID '{trace_id}' not found.")
    return row


def lock(tx: Tx, trace_id: str) -> Any:
    """Return the row of a trace, locked until the end of the transaction, or None."""
    return tx.first(_LOCK, tx.workspace, trace_id)


def insert(tx: Tx, trace_id: str, experiment_id: int, values: dict[str, Any]) -> int | None:
    """Insert a trace and return its number, or None if there is one with this id.

    Raise ``InvalidParameter`` if it is in another workspace: ids are unique in a server.
    """
    row = _BLANK | {"update_time": tx.now_ms, "request_time": tx.now_ms} | values
    row |= {"trace_id": trace_id, "experiment_id": experiment_id}
    made = tx.first(_INSERT, *(row[name] for name in COLUMNS))
    if made is not None:
        return int(made.id)
    if lock(tx, trace_id) is None and tx.first(_EXISTS, trace_id) is not None:
        raise in_another_experiment(trace_id)
    return None


def lock_or_insert(
    tx: Tx, trace_id: str, experiment_id: int, new: Callable[[], dict[str, Any]]
) -> tuple[int, Any]:
    """Return the number of a trace and its row, which is locked; a trace that is inserted has no row yet.

    ``new`` returns the columns of a trace that is inserted. A trace that exists may be in another experiment.
    Raise ``InvalidParameter`` if it is in another workspace.
    """
    row = lock(tx, trace_id)
    if row is None:
        row_id = insert(tx, trace_id, experiment_id, new())
        if row_id is not None:
            return row_id, None
        row = lock(tx, trace_id)  # another transaction has inserted it meanwhile
    assert row is not None
    return int(row.id), row


def in_another_experiment(trace_id: str) -> InvalidParameter:
    """Return the error for a trace that another experiment has. Words of MLflow 3.18."""
    return InvalidParameter(f"Trace with ID '{trace_id}' already exists in another experiment.")


def update(tx: Tx, row_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a locked trace."""
    if values:
        tx.run(update_by_id(traces, *values), row_id, *values.values())
