"""The chart of a soak test, as SVG: memory (top) and latency (bottom) over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

STORES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_WIDTH, _HEIGHT = 760, 400
_LEFT, _RIGHT, _PANEL = 64, 16, 130
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 } .axis { stroke: #d0d7de } .small { font-size: 11px; fill: #57606a }
.a { stroke: #0969da; fill: none; stroke-width: 2 } .b { stroke: #bc4c00; fill: none; stroke-width: 1.5 }
.fa { fill: #0969da } .fb { fill: #bc4c00 } .paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .axis { stroke: #30363d } .small { fill: #9198a1 } .paper { fill: #0d1117 }
  .a { stroke: #58a6ff } .b { stroke: #f0883e } .fa { fill: #58a6ff } .fb { fill: #f0883e }
}
"""


def draw(found: dict[str, Any]) -> str:
    samples = found["samples"]
    minutes = [sample["t_s"] / 60 for sample in samples]
    end = "flat" if found["verdict"] == "flat" else "not flat"
    load = f"{found['minutes']:g} minutes at {found['rate']:g} requests a second"
    head = f"{load} on {STORES[found['store']]}: {end}"
    body = [
        f'<text class="title" x="{_LEFT}" y="24">{head}</text>',
        *_panel(56, "the server's own memory, MiB", minutes, [[s["own_mib"] for s in samples]], "a"),
        *_panel(
            238,
            "latency, ms: median and 99th percentile",
            minutes,
            [[s["p50_ms"] for s in samples], [s["p99_ms"] for s in samples]],
            "ab",
        ),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{head}">\n<style>{_STYLE}</style>\n'
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _panel(
    top: int, title: str, minutes: Sequence[float], lines: Sequence[Sequence[float]], kinds: str
) -> list[str]:
    """Return the elements of one chart: from zero to the largest value, one line for each of ``kinds``."""
    step = _step(max(max(line) for line in lines) / 4)
    most = step * math.ceil(max(max(line) for line in lines) / step)
    end = minutes[-1] or 1

    def x(minute: float) -> float:
        return _LEFT + minute / end * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return top + _PANEL - value / most * _PANEL

    made = [f'<text class="small" x="{_LEFT}" y="{top - 8}">{title}</text>']
    for number in range(round(most / step) + 1):
        at = y(number * step)
        made.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        made.append(
            f'<text class="small" x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{number * step:g}</text>'
        )
    for line, kind in zip(lines, kinds, strict=True):
        points = " ".join(f"{x(m):.1f},{y(v):.1f}" for m, v in zip(minutes, line, strict=True))
        made.append(f'<polyline class="{kind}" points="{points}"/>')
    pace = _step(end / 6)
    for number in range(int(end / pace + 1e-6) + 1):
        words = f"{number * pace:g} min" if number else "0"
        made.append(
            f'<text class="small" x="{x(number * pace):.1f}" y="{top + _PANEL + 18}" '
            f'text-anchor="middle">{words}</text>'
        )
    return made


def _step(least: float) -> float:
    """Return the least number of 1, 2, 5, 10, 20, ... that is at least ``least``."""
    power = 10 ** math.floor(math.log10(least or 1))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least))
