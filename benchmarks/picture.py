"""The chart of BENCHMARKS.md, as SVG: a group of bars for each operation and store."""

from __future__ import annotations

from .results import Results
from .servers import KINDS
from .targets import LOADED, TITLES

_BARS = (
    ("create-run", 8),
    ("log-metric", 8),
    ("small-batch", 8),
    ("batch-1000-keys", 8),
    ("get-run", 8),
    ("search-newest-100000", None),
    ("search-filter-order-100000", None),
    ("search-last-page-100000", None),
    ("search-newest-10000", None),
    ("history", None),
    ("client-1", None),
    ("memory-loaded", None),
    ("bytes-per-point", None),
)
_SERVERS = ("trackway", "mlflow", "mlflow-nodelay", "fasttrackml")
_WIDTH, _BAR, _LABEL, _LINE = 520, 250, 130, 17
# Colors for pages with a light and with a dark background.
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 } .small { fill: #57606a }
  .trackway { fill: #0969da } .mlflow { fill: #9a6700 }
  .mlflow-nodelay { fill: #d4a72c } .fasttrackml { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 }
    .trackway { fill: #4493f8 } .mlflow { fill: #bb8009 }
    .mlflow-nodelay { fill: #e3b341 } .fasttrackml { fill: #6e7681 }
  }
"""


def draw(results: Results) -> str:
    """Return the SVG, with a column for each store. Each group has its own scale, so all bars are visible."""
    parts: list[str] = []
    bottom = 0
    for column, store in enumerate(results.stores):
        x, y = column * _WIDTH + 10, 24
        parts.append(f'<text class="title" x="{x}" y="{y}">{KINDS_OF[store]}</text>')
        y += 12
        for row, connections in _BARS:
            values = [(name, results.median(store, name, row, connections)) for name in _SERVERS]
            present = [(name, value) for name, value in values if value is not None]
            if len(present) > 1 and present[0][0] == "trackway":
                parts += _group(results, store, row, connections, present, x, y)
                y += _LINE * (len(present) + 1) + 14
        bottom = max(bottom, y)
    width = _WIDTH * max(1, len(results.stores))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 10}" width="{width}" '
        f'role="img" aria-label="Trackway beside MLflow and FastTrackML">\n<style>{_STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


KINDS_OF = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def _group(
    results: Results,
    store: str,
    row: str,
    connections: int | None,
    values: list[tuple[str, float]],
    x: int,
    y: int,
) -> list[str]:
    is_rate = row in LOADED
    unit = results.find(store, "trackway", row, connections)[0]["unit"]
    hint = f"{connections} connections, per second" if is_rate else f"{unit}, less is better"
    title = TITLES[row].replace("`", "").replace("<", "&lt;")
    parts = [
        f'<text class="title" x="{x}" y="{y + 13}">{title}'
        f'<tspan class="small" font-weight="400" dx="6">{hint}</tspan></text>'
    ]
    most = max(value for _, value in values)
    for name, value in values:
        y += _LINE
        length = max(1.5, _BAR * value / most)
        parts.append(f'<text x="{x}" y="{y + 13}">{KINDS[name].title}</text>')
        parts.append(
            f'<rect class="{name}" x="{x + _LABEL}" y="{y + 3}" width="{length:.1f}" height="12" rx="2"/>'
        )
        text = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        parts.append(f'<text x="{x + _LABEL + length + 6:.1f}" y="{y + 13}">{text}</text>')
    return parts
