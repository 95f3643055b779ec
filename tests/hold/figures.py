"""The figures of one case, and the page with those of all: ``python -m tests.hold.figures RESULTS PAGE``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_HEAD = """# What the server withstands

Written by `make hold` from one run; do not edit. Each case is a test in `tests/hold/`, and a short form of it
is part of `make test`. "Slowest health" is the slowest answer of `/health` to another client meanwhile.
"Rate" is the number of requests a second that other clients get answered meanwhile, and in brackets without
the case. Memory is that of all of the server's processes. All of them share one machine.

| case | how many | lost | wrong | slowest health | rate | memory before, after |
| --- | --- | --- | --- | --- | --- | --- |
"""


class Figures(NamedTuple):
    """``lost`` are acknowledged changes that are gone, ``wrong`` are answers that should have been others."""

    case: str
    count: int
    lost: int = 0
    wrong: int = 0
    health_s: float | None = None
    rate: float | None = None
    usual_rate: float | None = None
    memory_before: int | None = None
    memory_after: int | None = None

    def __str__(self) -> str:
        return f"{self.case}: {', '.join(self.cells()[1:])}"

    def cells(self) -> list[str]:
        health = "" if self.health_s is None else f"{self.health_s * 1000:.0f} ms"
        rate = "" if self.rate is None else f"{self.rate:.0f}"
        if self.usual_rate is not None:
            rate += f" ({self.usual_rate:.0f})"
        memory = ""
        if self.memory_before is not None and self.memory_after is not None:
            memory = f"{self.memory_before / 2**20:.0f}, {self.memory_after / 2**20:.0f} MiB"
        return [self.case, f"{self.count:,}", str(self.lost), str(self.wrong), health, rate, memory]


def page(results: Iterable[Figures]) -> str:
    return _HEAD + "".join(f"| {' | '.join(found.cells())} |\n" for found in results)


def main() -> None:
    results, target = map(Path, sys.argv[1:])
    lines = results.read_text().splitlines()
    target.write_text(page(Figures(**json.loads(line)) for line in lines))


if __name__ == "__main__":
    main()
