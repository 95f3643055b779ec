"""The benchmark's command line.

python -m benchmarks --quick
python -m benchmarks --rows log-metric,get-run --servers trackway,fasttrackml --stores sqlite --seconds 3
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
from pathlib import Path

from . import reads, writes
from .bench import Bench, Failed, Options
from .servers import KINDS, STORES, contenders

ROWS = {
    **dict.fromkeys(writes.WRITES, writes.measure),
    "get-run": reads.measure_get_run,
    "history": reads.measure_history,
}


def main() -> None:
    options = _arguments()
    bench = Bench(_sizes(options))
    try:
        for store in options.stores:
            with contenders(options.servers, store) as made:
                bench.store, bench.contenders = store, made
                for contender in made:
                    contender.start()
                for row in options.rows:
                    ROWS[row](bench, row)
    except Failed as error:
        raise SystemExit(f"FAILED: {error}") from error
    if options.json:
        Path(options.json).write_text(json.dumps(bench.samples, indent=1))
    _show(bench)


def _sizes(options: argparse.Namespace) -> Options:
    sizes = Options()
    given = {name: getattr(options, name) for name in ("connections", "seconds", "repetitions")}
    return dataclasses.replace(sizes, **{name: value for name, value in given.items() if value})


def _show(bench: Bench) -> None:
    """Medians, one line per row and server."""
    groups: dict[tuple[str, ...], list[dict]] = {}
    for sample in bench.samples:
        groups.setdefault(
            (sample["store"], sample["row"], str(sample.get("connections", "")), sample["server"]), []
        ).append(sample)
    for key, samples in groups.items():
        names = ("value", "median_ms", "p99_ms", "cpu_ms", "database_cpu_ms")
        figures = [statistics.median(s.get(n) or 0 for s in samples) for n in names]
        words = "".join(f"{figure:10.3f}" for figure in figures)
        print(f"{key[0]:<11}{key[1]:<20}{key[2]:>3} {key[3]:<16}{words}  {samples[0]['unit']}")


def _arguments() -> argparse.Namespace:
    def listed(choices: object):
        def read(text: str) -> list[str]:
            found = text.split(",")
            if wrong := [name for name in found if name not in choices]:
                raise argparse.ArgumentTypeError(f"{wrong[0]!r} is none of {', '.join(choices)}")
            return found

        return read

    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=listed(ROWS), default=list(ROWS))
    parser.add_argument("--servers", type=listed(KINDS), default=list(KINDS))
    parser.add_argument("--stores", type=listed(STORES), default=list(STORES))
    parser.add_argument("--connections", type=lambda text: tuple(map(int, text.split(","))))
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--json", help="write all samples to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
