"""Write the figures of ``scaling.py`` into the tables of docs/scaling.md, each between two markers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parent.parent / "docs" / "scaling.md"
_STORES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
# Sizing plans with half of the measured rate of a machine.
_PLANNED = 0.5

Row = dict[str, Any]


def write(found: dict[str, Any]) -> None:
    """Replace the tables of the document. A table without figures in ``found`` stays as it is."""
    text = DOCUMENT.read_text()
    for name, table in TABLES.items():
        needed = _NEEDS.get(name, (name,))
        if all(part in found for part in needed):
            made = f"{table(*(found[part]['rows'] for part in needed))}\n{_footnote(found[needed[0]])}"
            text = _between(text, name, made)
    DOCUMENT.write_text(text)


def _between(text: str, name: str, made: str) -> str:
    begin, end = f"<!-- scaling: {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{DOCUMENT} has no marker for the table {name}: {begin}")
    return pattern.sub(lambda _: f"{begin}\n{made}\n{end}", text)


def _footnote(part: dict[str, Any]) -> str:
    machine, load = part["machine"], part["machine"]["load_before"]
    return (
        f"\nMeasured on {part['date']}; servers, database and load shared {machine['processors']} processors "
        f"and {machine['memory_gib']} GiB."
        + (f" Other work went on beside it (load {load:g}), so times are too long." if load > 1 else "")
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _writes(rows: list[Row]) -> str:
    kinds = ("log-metric", "small-batch")
    places: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        places.setdefault((row["store"], row["replicas"], row["workers"]), {})[row["request"]] = row
    return _table(
        [
            *("store", "servers", "workers of each"),
            *("`log-metric` a second", "processor ms: server + database"),
            *("small batches a second", "processor ms: server + database"),
            "servers' memory, MiB",
        ],
        (
            [
                *(_STORES[store], replicas, workers),
                *(word for kind in kinds for word in (f"{made[kind]['rate']:,}", _cpu(made[kind]))),
                f"{made[kinds[0]]['memory_mib']:,}",
            ]
            for (store, replicas, workers), made in places.items()
        ),
    )


def _settings(rows: list[Row]) -> str:
    return _table(
        ["setting", "request", "a second", "median ms", "processor ms: server + database"],
        (
            [f"`{row['setting']}`", row["request"], f"{row['rate']:,}", row["median_ms"], _cpu(row)]
            for row in rows
        ),
    )


def _search(rows: list[Row]) -> str:
    counts = sorted({row["runs"] for row in rows})
    cells = {(row["store"], row["search"], row["runs"]): row for row in rows}
    kinds = list(dict.fromkeys((row["store"], row["search"]) for row in rows))

    def cell(store: str, search: str, count: int) -> str:
        row = cells.get((store, search, count))
        return f"{row['median_ms']:,.0f} ({row['cpu_ms']:,.0f})" if row else ""

    sizes = {(row["store"], row["runs"]): row["bytes"] for row in rows}
    body = [[_STORES[s], search, *(cell(s, search, count) for count in counts)] for s, search in kinds]
    for store in dict.fromkeys(row["store"] for row in rows):
        held = [_bytes(sizes[store, count]) if (store, count) in sizes else "" for count in counts]
        body.append([_STORES[store], "the database's size", *held])
    return _table(["store", "ms, in brackets processor ms", *(f"{count:,} runs" for count in counts)], body)


def _points(rows: list[Row]) -> str:
    return _table(
        ["store", "points", "database", "bytes a point", "1,000 points of one metric, ms"],
        (
            [
                *(_STORES[row["store"]], f"{row['points']:,}", _bytes(row["bytes"])),
                *(f"{row['bytes_per_point']:.0f}", row["history"]["median_ms"]),
            ]
            for row in rows
        ),
    )


def _partitions(rows: list[Row]) -> str:
    lines: dict[str, Callable[[Row], str]] = {
        "made in, s": lambda row: f"{row['divide_s']:g}" if row["divide_s"] else "as filled",
        "rows": lambda row: _bytes(row["table_bytes"]),
        "indexes": lambda row: _bytes(row["index_bytes"]),
        "largest index": lambda row: _bytes(row["largest_index_bytes"]),
        "`log-metric`, database's processor ms": lambda row: f"{row['log-metric database_cpu_ms']:.2f}",
        "batch of 1,000, database's processor ms": lambda row: f"{row['batch-5-keys database_cpu_ms']:.1f}",
        "1,000 points of one metric, ms": lambda row: f"{row['history_ms']:g}",
        "VACUUM after deleting a twentieth, s": lambda row: f"{row['vacuum_s']:g}",
        "the longest of them, s": lambda row: f"{row['vacuum_largest_s']:g}",
    }
    head = ["one table" if row["partitions"] == 1 else f"{row['partitions']} partitions" for row in rows]
    body = [[name, *map(figure, rows)] for name, figure in lines.items()]
    return _table([f"{rows[0]['points']:,} points", *head], body)


def _sizing(writes: list[Row], search: list[Row], points: list[Row]) -> str:
    """Compute sizes of machines from the measured processor time of a request and bytes of a row."""

    def cost(store: str, name: str) -> float:
        kind = (store, "log-metric", 1)
        return float(min(r[name] for r in writes if (r["store"], r["request"], r["replicas"]) == kind))

    alone = max(r["rate"] for r in writes if (r["store"], r["request"]) == ("sqlite", "log-metric"))
    server, database = cost("postgresql", "cpu_ms"), cost("postgresql", "database_cpu_ms")
    per_run = {s: next(r["bytes"] / r["runs"] for r in reversed(search) if r["store"] == s) for s in _STORES}
    per_point = {s: next(r["bytes_per_point"] for r in reversed(points) if r["store"] == s) for s in _STORES}
    shapes = [
        ("one machine, 2 processors, 4 GiB", "sqlite", 0, 0, 4),
        ("one machine with PostgreSQL on it, 4 processors, 8 GiB", "postgresql", 0, 4, 8),
        ("2 servers of 2 processors; database 4 processors, 16 GiB", "postgresql", 4, 4, 16),
        ("4 servers of 4 processors; database 16 processors, 64 GiB", "postgresql", 16, 16, 64),
    ]
    rows = []
    for name, store, servers, databases, memory in shapes:
        if store == "sqlite":
            rate = float(alone)
        elif not servers:
            rate = databases * 1000 / (server + database)
        else:
            rate = min(servers * 1000 / server, databases * 1000 / database)
        planned = int(rate * _PLANNED / 10) * 10
        # Half of the memory caches pages of the database. Searches read about all rows of a run.
        runs = int(memory * 2**30 / 2 / per_run[store] / 100_000) / 10
        rows.append(
            [
                name,
                _STORES[store],
                f"{planned:,}",
                f"{runs:g} million",
                *(_bytes(per_run[store] * 1e6), _bytes(per_point[store] * 1e8)),
            ]
        )
    return _table(
        [
            *("machines", "store", "training jobs that log one metric a second"),
            *("runs whose searches stay in memory", "disk for a million runs", "for 100 million points"),
        ],
        rows,
    )


TABLES: dict[str, Callable[..., str]] = {
    "sizing": _sizing,
    "writes": _writes,
    "settings": _settings,
    "search": _search,
    "points": _points,
    "partitions": _partitions,
}
_NEEDS = {"sizing": ("writes", "search", "points")}


def _cpu(row: Row) -> str:
    return f"{row['cpu_ms']:.2f} + {row['database_cpu_ms']:.2f}"


def _bytes(count: float) -> str:
    gib, mib = count / 2**30, count / 2**20
    return f"{gib:,.1f} GiB" if gib >= 1 else f"{mib:,.0f} MiB"
