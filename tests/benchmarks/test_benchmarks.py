"""The benchmark runs, checks what it measures, and writes its page; no speed is tested here."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report
from benchmarks.results import Results
from benchmarks.targets import LOADED, SINGLE
from tests.commands import ROOT

ABOUT = {
    "date": "2026-01-02 03:04",
    "cpu": "A processor",
    "cores": 2,
    "memory_gib": 8,
    "kernel": "Linux 6",
    "python": "3.11.7",
    "load": "wrk with a Lua script",
    "versions": {"trackway": "0.1", "mlflow": "3.17.2", "fasttrackml": "0.6.0"},
    "took_s": 600,
    "is_full": True,
}


def samples(server: str, rate: float, seconds: float) -> list[dict[str, Any]]:
    """Every row of one server on SQLite."""
    where = {"store": "sqlite", "server": server}
    loaded = [
        {**where, "row": row, "value": rate, "unit": "/s", "connections": connections}
        | {"median_ms": 1.0, "p99_ms": 2.0, "cpu_ms": 0.5, "database_cpu_ms": 0.0, "requests": 9, "errors": 0}
        for row in LOADED
        for connections in (1, 8)
    ]
    return loaded + [{**where, "row": row, "value": seconds, "unit": "s", "processes": 3} for row in SINGLE]


def bench(folder: Path, *options: str) -> Results:
    """What a run gives whose ``PATH`` has no ``wrk``, so that the load comes from Python everywhere."""
    command = [sys.executable, "-m", "benchmarks", "--servers", "trackway", "--output", str(folder), *options]
    environment = {**os.environ, "PATH": str(Path(sys.executable).parent)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return Results.read(folder / "benchmarks" / "results" / "peers.json")


def test_the_page_says_which_aims_are_reached(tmp_path: Path) -> None:
    ours, theirs = samples("trackway", 1000, 0.1), samples("mlflow", 50, 2.5)
    slow = next(sample for sample in ours if sample["row"] == "set-tag")
    slow["value"] = 300
    report.write(Results(ABOUT, ours + theirs), tmp_path)
    page = (tmp_path / "BENCHMARKS.md").read_text()
    assert "| small batch | SQLite | 10 x | 20 x (small-batch, 1) reached | - | - |" in page
    assert "| single writes | SQLite | 10 x | 6 x (set-tag, 1) **not reached** | - | - |" in page
    assert "| history of 100,000 points | 100 ms | 2.5 s |" in page
    assert "| history of 100,000 points | SQLite | 5 x | 25 x reached | - | - |" in page


def test_the_page_compares_the_rates_with_and_without_authentication(tmp_path: Path) -> None:
    found = samples("trackway", 1000, 0.1) + samples("trackway-auth", 960, 0.1)
    found[-len(SINGLE) - 1]["value"] = 900
    report.write(Results(ABOUT, found), tmp_path)
    page = (tmp_path / "BENCHMARKS.md").read_text()
    assert "| SQLite | log a metric | 8 | 1,000 | 960 | 0.96 reached |" in page
    assert (
        "| SQLite | get a run: 20 metrics, 20 params, 10 tags | 8 | 1,000 | 900 | 0.90 **not reached** |"
        in page
    )


def test_requests_that_failed_are_on_the_page(tmp_path: Path) -> None:
    found = samples("trackway", 1000, 0.1)
    found[0]["errors"] = 7
    report.write(Results(ABOUT, found), tmp_path)
    page = (tmp_path / "BENCHMARKS.md").read_text()
    assert "- Trackway on SQLite, create-run, 1 connections: 7 requests failed, 9 were answered" in page


def test_the_picture_is_sound_xml(tmp_path: Path) -> None:
    found = samples("trackway", 1000, 0.1) + samples("mlflow", 50, 2.5)
    report.write(Results(ABOUT, found), tmp_path)
    picture = ET.parse(tmp_path / "docs" / "images" / "benchmarks.svg").getroot()
    assert len(picture.findall("{*}rect")) >= 20


def test_results_come_back_from_their_file(tmp_path: Path) -> None:
    found = samples("trackway", 1000, 0.1)
    Results(ABOUT, found).write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json").samples == found


@pytest.mark.slow
def test_another_run_adds_its_rows_and_replaces_those_that_it_has_too() -> None:
    about = {**ABOUT, "troubles": []}
    earlier = Results(about, samples("trackway", 1000, 0.1))
    again = [sample for sample in samples("trackway", 2000, 0.2) if sample["row"] == "set-tag"]
    elsewhere = [{**sample, "store": "postgresql"} for sample in again]
    both = Results({**about, "is_full": False}, again + elsewhere).added_to(earlier)
    assert [both.median(store, "trackway", "set-tag", 1) for store in both.stores] == [2000, 2000]
    assert both.median("sqlite", "trackway", "create-run", 1) == 1000
    assert (both.about["took_s"], both.about["parts"], both.about["is_full"]) == (1200, 2, True)


def test_a_small_run_reads_back_what_it_wrote(tmp_path: Path) -> None:
    short = ["--connections", "2", "--seconds", "1", "--repetitions", "1", "--stores", "sqlite"]
    results = bench(tmp_path, "--rows", "log-metric,small-batch", *short)
    assert {sample["row"] for sample in results.samples} == {"log-metric", "small-batch"}
    assert all(sample["requests"] and not sample["errors"] for sample in results.samples)
    assert "log a metric" in (tmp_path / "BENCHMARKS.md").read_text()


@pytest.mark.slow
def test_runs_written_past_the_server_are_found_by_its_searches(tmp_path: Path) -> None:
    results = bench(tmp_path, "--rows", "search", "--runs", "300", "--repetitions", "1")
    assert len(results.samples) == 2 * 5
    assert all(sample["value"] for sample in results.samples)
