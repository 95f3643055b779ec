"""The index of the texts of spans, by their trigrams: which traces may contain a text.

A text that contains ``refund`` has the trigrams ``ref``, ``efu``, ``fun`` and ``und``. The index says which
traces have all of them; the search then looks into these. So the index needs no more than to leave out no
trace: it may be late, and may know trigrams that a trace no longer has.

Traces are indexed some seconds after their last spans (``traces.is_indexed``), since most of them arrive in
several requests. Until then the search looks into each.

On SQLite the index is a full-text index (FTS5), whose rows have the numbers of the traces. It stores no
texts: what is removed from it must be given again, and is read from the bodies. On PostgreSQL it is a GIN
index on an array for each trace, with the trigrams as numbers of 16 bits. The extension ``pg_trgm`` is not
used, since it is not on every server, needs the right to create it, and needs the whole text beside the
index; the array takes half of that, and at most 128 KB for a trace of any size.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from trackway.client_compat.traces import patterns

from .. import search
from ..database import Prepared, Tx
from ..schema.traces import traces
from . import bodies
from .span_texts import text_of

_TABLE = "trace_texts"
# Grams of one text that a search looks up: more would hardly leave fewer traces.
_MAX_GRAMS = 12
# Traces that are read at a time, and the characters that one transaction may add: other writers wait for it
# on SQLite, about 25 ms.
_BATCH = 50
_MAX_CHARACTERS = 150_000
# Milliseconds since the last change of a trace.
_REST_MS = 5000

# As the partial index is declared: SQLAlchemy writes ``~`` as ``= 0`` on SQLite, which would not use it.
IS_NOT_INDEXED: Any = sa.not_(sa.literal_column("traces.is_indexed", sa.types.NullType()))

_WAITING = Prepared(
    sa.select(traces.c.id, traces.c.next_chunk)
    .where(IS_NOT_INDEXED, traces.c.update_time <= sa.bindparam("until"))
    .order_by(traces.c.update_time, traces.c.id)
    .limit(sa.bindparam("count")),
    *("until", "count"),
)


class Grams(NamedTuple):
    """What a trace's texts must contain: ``all`` of these trigrams, and of each of ``choices`` one part."""

    all: frozenset[str] = frozenset()
    choices: tuple[tuple[Grams, ...], ...] = ()


class Document(NamedTuple):
    """The texts of a trace, as they are after its first ``chunks`` chunks."""

    trace_id: int
    chunks: int
    text: str


def grams_of(text: str) -> frozenset[str]:
    """Return some trigrams that each text has which contains ``text`` in any case."""
    text = folded(text)
    count = len(text) - 2
    step = max(1, -(-count // _MAX_GRAMS))
    found = [text[place : place + 3] for place in range(0, count, step)]
    return frozenset(found)


def folded(text: str) -> str:
    """Return the text without upper case and without what databases cannot store.

    For FTS5, a character of the number 0 ends a text.
    """
    return patterns.fold(text).replace("\0", " ").encode("utf-8", "replace").decode()


def exists(tx: Tx) -> bool:
    """Return whether the database has the index: a SQLite library may lack full-text search."""
    if tx.dialect != "sqlite":
        return True
    known = sa.text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name")
    return tx.execute(known, {"name": _TABLE}).scalar() is not None


def candidates(tx: Tx, grams: Grams) -> sa.Select[Any]:
    """Return a query for the numbers of the traces that have the trigrams, as far as they are indexed."""
    if tx.dialect == "sqlite":
        query = sa.text(f"SELECT rowid AS id FROM {_TABLE} WHERE {_TABLE} MATCH :words")
        query = query.bindparams(sa.bindparam("words", _fts_query(grams), unique=True))
        found = query.columns(id=sa.Integer).subquery()
        return sa.select(found.c.id)
    table = sa.table(_TABLE, sa.column("trace_id", sa.BigInteger), sa.column("grams"))
    return sa.select(table.c.trace_id.label("id")).where(_has_grams(table.c.grams, grams))


def _fts_query(grams: Grams) -> str:
    words = ['"' + gram.replace('"', '""') + '"' for gram in sorted(grams.all)]
    for choice in grams.choices:
        words.append("(" + " OR ".join(f"({_fts_query(part)})" for part in choice) + ")")
    return " AND ".join(words)


def _has_grams(column: Any, grams: Grams) -> Any:
    parts = []
    if grams.all:
        numbers = sa.cast(sa.literal(_array(grams.all)), sa.ARRAY(sa.SmallInteger))
        parts.append(column.op("@>", is_comparison=True)(numbers))
    parts += [sa.or_(*(_has_grams(column, part) for part in choice)) for choice in grams.choices]
    return sa.and_(*parts)


def _array(grams: Collection[str]) -> str:
    return "{" + ",".join(map(str, sorted({_number(gram) for gram in grams}))) + "}"


def _number(gram: str) -> int:
    return (zlib.crc32(gram.encode()) & 0xFFFF) - 0x8000


def waiting(tx: Tx, rest_ms: int = _REST_MS) -> list[Document]:
    """Return traces that are to be indexed, those of all workspaces, the oldest changes first."""
    if not exists(tx):
        return []
    rows = tx.rows(_WAITING, tx.now_ms - rest_ms, _BATCH)
    found: list[Document] = []
    size = 0
    for row in rows:
        # One at a time: a single trace may have 100 MB.
        document = Document(row.id, row.next_chunk, _text(tx, row.id))
        size += len(document.text)
        if found and size > _MAX_CHARACTERS:
            break
        found.append(document)
    return found


def add(tx: Tx, documents: Sequence[Document]) -> None:
    """Index traces that have not changed meanwhile."""
    unchanged = _lock_unchanged(tx, documents)
    new = [document for document in documents if document.trace_id in unchanged]
    if not new:
        return
    if tx.dialect == "sqlite":
        insert = sa.text(f"INSERT INTO {_TABLE} (rowid, text) VALUES (:id, :text)")
        rows = [{"id": each.trace_id, "text": each.text} for each in new if each.text]
    else:
        insert = sa.text(
            f"INSERT INTO {_TABLE} (trace_id, grams) VALUES (:id, CAST(:grams AS SMALLINT[])) "
            "ON CONFLICT (trace_id) DO UPDATE SET grams = excluded.grams"
        )
        rows = [{"id": each.trace_id, "grams": _array(_all_grams(each.text))} for each in new]
    if rows:
        tx.execute(insert, rows)
    tx.execute(
        sa.update(traces).where(traces.c.id.in_(search.inline(sorted(unchanged)))).values(is_indexed=True)
    )


def needs_removal(tx: Tx) -> bool:
    """Return whether traces have to be removed; PostgreSQL deletes what the index has of them with them."""
    return tx.dialect == "sqlite"


def remove(tx: Tx, row_ids: Sequence[int]) -> None:
    """Remove traces from the index, given by their rows' numbers. Call it before their bodies are deleted.

    A trace that has changed since it was indexed stays in the index, whose old text is no longer known: FTS5
    refuses to remove more than it has. What is left there finds nothing.
    """
    if not needs_removal(tx) or not row_ids or not exists(tx):
        return
    known = sa.select(traces.c.id).where(
        traces.c.id.in_(search.inline(list(row_ids))), traces.c.is_indexed, traces.c.next_chunk > 0
    )
    delete = sa.text(f"INSERT INTO {_TABLE} ({_TABLE}, rowid, text) VALUES ('delete', :id, :text)")
    for row_id in tx.execute(known.order_by(traces.c.id)).scalars().all():
        if text := _text(tx, row_id):
            tx.execute(delete, {"id": row_id, "text": text})


def _text(tx: Tx, row_id: int) -> str:
    chunks = bodies.chunks_of(tx, [row_id]).get(row_id, ())
    return folded("\n".join(map(text_of, bodies.lines_of(chunks))))


def _all_grams(text: str) -> set[str]:
    return set(map("".join, zip(text, text[1:], text[2:], strict=False)))


def _lock_unchanged(tx: Tx, documents: Sequence[Document]) -> set[int]:
    ids = [document.trace_id for document in documents]
    query = (
        sa.select(traces.c.id, traces.c.next_chunk)
        .where(traces.c.id.in_(search.inline(ids)), IS_NOT_INDEXED)
        .with_for_update(key_share=True, skip_locked=True)
    )
    chunks = {row.id: row.next_chunk for row in tx.execute(query)} if ids else {}
    return {each.trace_id for each in documents if chunks.get(each.trace_id) == each.chunks}
