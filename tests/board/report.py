"""Write and read COMPATIBILITY.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

from .clients import ROOT
from .play import ABSENT, WORKED, Played, Row

FILE = ROOT / "COMPATIBILITY.md"

AREAS = (
    *("Experiments", "Runs", "Metrics and inputs", "Fluent API and command line", "Artifacts"),
    *("Logged models", "Registered models", "Model versions", "Models", "Prompts", "Traces"),
    *("Webhooks", "Log-in"),
)

# Features that later releases of the server will have, with patterns of MlflowClient's method names.
LATER = {
    "assessments": r"assessment",
    "evaluation datasets": r"_datasets?(_|$)",
    "MCP servers": r"_mcp_",
    "workspaces": r"_workspaces?(_|$)",
}

# The client only has it for Databricks.
_NEVER = {"MlflowClient.unlink_traces_from_run"}
_OTHER_TRACES = (
    "- Other programs that send traces are tested unchanged in `tests/compat` and `test_langchain.py`:"
    " OpenTelemetry's SDKs for Python and JavaScript (protobuf, JSON, gzip), the instrumentations of OpenAI's"
    " client by OpenInference and Traceloop, `mlflow.openai.autolog`, and `mlflow.langchain.autolog`.",
    "- Of MLflow's SDK for TypeScript, the requests are tested, and not the package: `test_trace_files.py`.",
)
_SIGNS = {WORKED: "✓", ABSENT: "–"}
_FAILED = "✗"


def problems(played: Sequence[Played]) -> list[str]:
    """Return failed calls, and client methods that the board does not call and LATER does not contain."""
    found = [
        f"{each.client.version}: {row.method} {row.note}: {what}"
        for each in played
        for row, what in each.failures.items()
    ]
    for each in played:
        missed = [name for name in each.not_called if not later(name) and name not in _NEVER]
        found += [f"{each.client.version}: no row calls {name}" for name in missed]
    return found


def later(method: str) -> str | None:
    return next((what for what, words in LATER.items() if re.search(words, method)), None)


def markdown(played: Sequence[Played]) -> str:
    return "\n".join(_lines(played)) + "\n"


def _lines(played: Sequence[Played]) -> Iterator[str]:
    rows = sorted(played[-1].outcomes, key=lambda row: AREAS.index(row.area))
    yield "# Which MLflow clients work with Trackway"
    yield ""
    yield (
        f"{len(played)} releases of MLflow's client, unchanged, made {len(rows)} kinds of calls to one"
        " `trackway serve` on SQLite and a folder, those of the log-in to one with `--auth`. What was written"
        " was read back and compared each time."
        f" `make board` wrote this on {date.today()}; do not edit it."
    )
    yield ""
    yield from _table("", played, [(name, [str(count(each)) for each in played]) for name, count in _COUNTS])
    yield ""
    yield f"Below, {_SIGNS[WORKED]} worked, {_SIGNS[ABSENT]} not in that client, {_FAILED} failed."
    for area, members in groupby(rows, key=lambda row: row.area):
        yield ""
        yield f"## {area}"
        yield ""
        cells = [(_title(row), [_sign(each, row) for each in played]) for row in members]
        yield from _table("", played, cells)
    yield from _section("Failures", _failures(played))
    yield from _section("Notes", _notes(played))


_COUNTS = (
    ("worked", lambda each: each.count(WORKED)),
    ("not in that client", lambda each: each.count(ABSENT)),
    ("failed", lambda each: len(each.failures)),
)


def _table(corner: str, played: Sequence[Played], rows: list[tuple[str, list[str]]]) -> Iterator[str]:
    yield f"| {corner} | {' | '.join(each.client.version for each in played)} |"
    yield f"| --- |{' :-: |' * len(played)}"
    for title, cells in rows:
        yield f"| {title} | {' | '.join(cells)} |"


def _title(row: Row) -> str:
    return f"`{row.method}` {row.note}".strip()


def _sign(each: Played, row: Row) -> str:
    return _SIGNS.get(each.outcomes[row], _FAILED)


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"## {title}"
        yield ""
        yield from lines


def _failures(played: Sequence[Played]) -> list[str]:
    return [
        f"- {_title(row)} with {each.client.version}: {' '.join(what.split())[:300]}"
        for each in played
        for row, what in each.failures.items()
    ]


def _notes(played: Sequence[Played]) -> list[str]:
    newest = played[-1]
    notes = [
        "- The clients are `mlflow-skinny` with pandas, numpy and matplotlib; full `mlflow` holds the same.",
        *_OTHER_TRACES,
    ]
    notes += [f"- {_title(row)}: {remark}." for row, remark in newest.remarks.items()]
    left = [f"{what} ({_count(newest, what)})" for what in LATER if _count(newest, what)]
    if left:
        notes.append(f"- Methods of `MlflowClient` that are not on the board yet: {', '.join(left)}.")
    return notes


def _count(each: Played, what: str) -> int:
    return sum(later(name) == what for name in each.not_called)


def column(text: str, version: str) -> dict[str, str]:
    """Return the column of one client in COMPATIBILITY.md: the sign of each row, by the title of the row."""
    signs, place = {}, 0
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if version in cells:
            place = cells.index(version)
        elif place < len(cells) and cells[place] in (*_SIGNS.values(), _FAILED):
            signs[cells[0]] = cells[place]
    return signs


def signs(each: Played) -> dict[str, str]:
    return {_title(row): _sign(each, row) for row in each.outcomes}
