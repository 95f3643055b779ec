"""Links of traces to runs and to versions of prompts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from ..database import Prepared, Tx, insert_new
from ..schema.traces import trace_prompts, trace_runs, trace_tags
from . import rows, tags

PROMPTS = "mlflow.linkedPrompts"
_TO_RUN = Prepared(insert_new(trace_runs), "trace_id", "run_uuid")
_TO_PROMPT = Prepared(insert_new(trace_prompts), "trace_id", "name", "version")


def to_run(tx: Tx, trace_ids: Sequence[str], run_id: str) -> None:
    """Link traces to a run. As in MLflow, neither has to exist: links to missing traces are left out."""
    add_run(tx, [row.id for row in rows.find_many(tx, trace_ids)], run_id)


def add_run(tx: Tx, row_ids: Iterable[int], run_id: str) -> None:
    """Link traces, given by their rows' numbers, to a run."""
    tx.run_many(_TO_RUN, [(row_id, run_id) for row_id in sorted(row_ids)])


def to_prompts(tx: Tx, trace_id: str, versions: Sequence[tuple[str, str]]) -> None:
    """Link a trace to versions of prompts, each a name and a version. The tag of the links names them all.

    Raise ``NotFound`` if the trace does not exist.
    """
    row = rows.require(rows.lock(tx, trace_id), trace_id)
    if not versions:
        return
    add_prompts(tx, row.id, versions)
    c = trace_tags.c
    text = tx.execute(sa.select(c.value).where(c.trace_id == row.id, c.key == PROMPTS)).scalar()
    linked = dict.fromkeys((*named_in(text or ""), *versions))
    value = json.dumps([{"name": name, "version": version} for name, version in linked])
    tags.write(tx, row.id, {PROMPTS: value})


def add_prompts(tx: Tx, row_id: int, versions: Iterable[tuple[str, str]]) -> None:
    """Link a trace, given by its row's number, to versions of prompts."""
    tx.run_many(_TO_PROMPT, [(row_id, *version) for version in sorted(set(versions))])


def named_in(text: str) -> list[tuple[str, str]]:
    """Return the versions of prompts that the tag ``mlflow.linkedPrompts`` names; none for other text."""
    try:
        found = [(str(entry["name"]), str(entry["version"])) for entry in json.loads(text)]
        # Half of a surrogate pair, which JSON can escape, is a ValueError.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    return found
