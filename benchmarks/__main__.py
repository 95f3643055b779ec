"""Compare the speed, memory and disk use of Trackway, MLflow's own server and FastTrackML.

    python -m benchmarks --quick
    python -m benchmarks --full
    python -m benchmarks --rows log-metric,get-run --servers trackway,fasttrackml --stores sqlite --seconds 3

--quick (10 minutes) and --full (50 minutes) write BENCHMARKS.md and its chart. Without them the results are
only printed, unless --output or --add is given.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from . import artifacts, client, environments, footprint, reads, report, searches, writes
from .bench import Bench, Failed, Options
from .results import Results
from .servers import AUTH, KINDS, STORES, Contender, contenders
from .targets import AUTH_ROWS
from .wire import Refused

RESULTS = "benchmarks/results/peers.json"
SOAK = "benchmarks/soak.md"
FULL = Options()
QUICK = Options(
    connections=(1, 8),
    seconds=1,
    repetitions=1,
    runs=(10_000,),
    models=200,
    points=100_000,
    starts=1,
    clients=(1,),
)
_VARIANTS = tuple(name for name, kind in KINDS.items() if kind.is_variant)
_QUICK_SERVERS = ["trackway", AUTH, "mlflow", "fasttrackml"]


@dataclass(frozen=True)
class Row:
    """How to measure a row. Rows of one group use the same servers and databases.

    ``without`` names the servers that are not measured; the one with auth is measured at ``AUTH_ROWS`` only.
    """

    measure: Callable[[Bench, str], None]
    group: int
    without: tuple[str, ...] = ()
    is_once: bool = False  # independent of the database: measured with the first store only


ROWS = {
    "start": Row(footprint.measure_start, 0),
    "memory-idle": Row(footprint.measure_memory, 0),
    **{name: Row(writes.measure, 0) for name in writes.WRITES},
    "get-run": Row(reads.measure_get_run, 0),
    "history": Row(reads.measure_history, 0, ("trackway-full",)),
    "client": Row(client.measure, 0),
    "artifacts": Row(artifacts.measure_rows, 0, _VARIANTS, is_once=True),
    "memory-loaded": Row(footprint.measure_memory, 0),
    # On new databases: the time of a search must not depend on how much the rows above have written.
    "search": Row(searches.measure_runs, 1, ("trackway-full",)),
    "registry": Row(searches.measure_registry, 1, _VARIANTS),
    "bytes-per-point": Row(footprint.measure_bytes, 2, _VARIANTS),
}


def main() -> None:
    arguments = _arguments()
    bench = Bench(_sizes(arguments))
    rows = {name: row for name, row in ROWS.items() if name in arguments.rows}
    is_whole = arguments.quick or arguments.full or arguments.output or arguments.add
    environments.compile_ours()
    began = time.perf_counter()
    groups = sorted({row.group for row in rows.values()})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped and folders removed
    bench.steps = len(rows) * len(arguments.stores)
    try:
        for store in arguments.stores:
            for group in groups:
                chosen = {
                    name: row
                    for name, row in rows.items()
                    if row.group == group and not (row.is_once and store != arguments.stores[0])
                }
                _measure(bench, store, chosen, arguments)
                if is_whole:  # after each group, so that a failure later loses no results
                    _write(Results.of(bench, time.perf_counter() - began, arguments.full), arguments)
    except Failed as error:
        _show(Results.of(bench, time.perf_counter() - began, arguments.full))
        raise SystemExit(f"FAILED: {error}") from error
    results = Results.of(bench, time.perf_counter() - began, arguments.full)
    _show(results)
    if is_whole:
        print(f"{_write(results, arguments)} has been written")
    print(*bench.troubles, sep="\n")
    if bench.is_incomplete:  # failures of other servers are on the page, and no error
        raise SystemExit(1)


def _write(results: Results, arguments: argparse.Namespace) -> Path:
    folder = Path(arguments.output or environments.ROOT)
    (folder / RESULTS).parent.mkdir(parents=True, exist_ok=True)
    if arguments.earlier:
        results = results.added_to(arguments.earlier)
    results.write(folder / RESULTS)
    report.write(results, folder, environments.ROOT / SOAK)
    return folder / report.PAGE


def _measure(bench: Bench, store: str, rows: dict[str, Row], arguments: argparse.Namespace) -> None:
    """Measure one group of rows on one store, with new servers and databases."""
    names = [
        server for server in arguments.servers if any(_has(row, server, name) for name, row in rows.items())
    ]
    with contenders(names, store) as made:
        bench.store = store
        started = [contender for contender in made if _started(bench, contender)]
        # After MLflow's first response its job processes use both processors for six seconds.
        for contender in started:
            contender.settle()
        for name, row in rows.items():
            bench.contenders = [contender for contender in started if _has(row, contender.kind.name, name)]
            bench.step(name)
            try:
                row.measure(bench, name)
            except (Refused, OSError, LookupError, ValueError) as error:
                # Go on with the other rows.
                bench.is_incomplete = True
                bench.troubles.append(f"{name} on {store} could not be measured: {error!r}")
                bench.say(bench.troubles[-1])


def _has(row: Row, server: str, name: str) -> bool:
    """Return whether a server is measured at the row with this name."""
    return server not in row.without and (server != AUTH or name in AUTH_ROWS)


def _started(bench: Bench, contender: Contender) -> bool:
    """Start a server. Return whether it started; if another server than ours did not, the page says so."""
    bench.say(f"{bench.store:<10} {contender} starts with a new database")
    try:
        contender.start()
    except RuntimeError as error:
        if contender.kind.is_ours:
            raise
        bench.fail(contender, "start", str(error).splitlines()[0])
        return False
    return True


def _sizes(arguments: argparse.Namespace) -> Options:
    names = [field.name for field in dataclasses.fields(Options) if hasattr(arguments, field.name)]
    given = {name: getattr(arguments, name) for name in names}
    return dataclasses.replace(
        QUICK if arguments.quick else FULL, **{name: value for name, value in given.items() if value}
    )


def _show(results: Results) -> None:
    """Print medians of the figure, latencies and processor time, one line for each row and server."""
    print(f"{'':42}{'':16}{'figure':>10}      {'median':>9}{'p99':>9}{'cpu':>9}{'database cpu':>14}  in ms")
    seen = dict.fromkeys((s["store"], s["row"], s.get("connections"), s["server"]) for s in results.samples)
    for store, row, connections, server in sorted(seen, key=lambda key: (key[0] != "sqlite",)):
        sample = results.find(store, server, row, connections)[0]
        place = f"{store:<11}{row:<27}{connections or '':>3} {server:<16}"
        if sample["value"] is None:
            print(f"{place}{'-':>10}  {sample.get('note', '')}")
            continue
        figures = [
            results.median(store, server, row, connections, name)
            for name in ("value", "median_ms", "p99_ms", "cpu_ms", "database_cpu_ms")
        ]
        words = [f"{figure:.2f}" if figure is not None else "" for figure in figures]
        print(
            f"{place}{words[0]:>10} {sample['unit']:<5}{words[1]:>9}{words[2]:>9}{words[3]:>9}{words[4]:>14}"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="all rows, small sizes, about 10 minutes")
    length.add_argument("--full", action="store_true", help="all rows and sizes, about 50 minutes")
    _add_choice(parser, "--rows", ROWS)
    _add_choice(parser, "--servers", KINDS)
    _add_choice(parser, "--stores", STORES)
    parser.add_argument("--connections", type=_numbers, help="numbers of connections, for example 1,8,32")
    parser.add_argument("--seconds", type=float, help="duration of each measurement of a rate")
    parser.add_argument("--repetitions", type=int, help="measurements of each row and server")
    parser.add_argument("--runs", type=_numbers, help="numbers of runs to search, for example 10000,100000")
    parser.add_argument("--points", type=int, help="number of metric points for the row bytes-per-point")
    parser.add_argument("--output", metavar="FOLDER", help="folder of page and results; default: checkout")
    parser.add_argument("--add", action="store_true", help="add to the results of an earlier run")
    arguments = parser.parse_args()
    there = Path(arguments.output or environments.ROOT) / RESULTS
    arguments.earlier = Results.read(there) if arguments.add else None
    arguments.rows = arguments.rows or list(ROWS)
    arguments.servers = arguments.servers or (_QUICK_SERVERS if arguments.quick else list(KINDS))
    arguments.stores = arguments.stores or list(STORES)
    return arguments


def _add_choice(parser: argparse.ArgumentParser, name: str, choices: Collection[str]) -> None:
    def read(text: str) -> list[str]:
        found = text.split(",")
        if wrong := [word for word in found if word not in choices]:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is not one of {', '.join(choices)}")
        return found

    words = f"some of {', '.join(choices)} (default: all)"
    parser.add_argument(name, type=read, metavar="NAME,NAME", help=words)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


if __name__ == "__main__":
    main()
