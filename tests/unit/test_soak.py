"""The verdict of a soak can fail, for each of its reasons."""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmarks import soak_picture, soak_report

Sample = dict[str, Any]


def samples(**of_number: Any) -> list[Sample]:
    """Half an hour of samples that differ from flat ones in what is given as a function of their number."""
    flat = {
        "pss_mib": 120.0,
        "own_mib": 100.0,
        "p50_ms": 5.0,
        "p99_ms": 20.0,
        "cpu_ms": 2.0,
        "threads": 12,
        "files": 50,
        "errors": 0,
    }
    return [
        {"t_s": 30 * number, "requests": 1500, **flat, **{k: f(number) for k, f in of_number.items()}}
        for number in range(1, 61)
    ]


def test_what_does_not_grow_is_flat() -> None:
    noisy = samples(own_mib=lambda n: 120 + n % 3, p50_ms=lambda n: 5 + n % 2, threads=lambda n: 12 + n % 2)
    found = soak_report.judge(noisy, 30)
    assert found["verdict"] == "flat"
    assert found["requests"] == 90_000


def test_libraries_that_others_use_no_more_are_no_growth() -> None:
    assert soak_report.judge(samples(pss_mib=lambda n: 100 + n / 4), 30)["verdict"] == "flat"


def test_memory_that_fills_in_the_first_half_is_flat() -> None:
    assert soak_report.judge(samples(own_mib=lambda n: min(130, 100 + 2 * n)), 30)["verdict"] == "flat"


@pytest.mark.parametrize(
    ("growing", "reason"),
    [
        ({"own_mib": lambda n: 100 + n / 4}, "memory grows by 30.0 MiB an hour"),
        ({"p50_ms": lambda n: 5 + n / 20}, r"latency is 1\.\d+ times that of the start"),
        ({"threads": lambda n: 10 + n}, "more threads"),
        ({"files": lambda n: 50 + n}, "more files"),
        ({"errors": lambda n: int(n == 7)}, "1 errors"),
    ],
)
def test_what_grows_is_named(growing: dict[str, Any], reason: str) -> None:
    found = soak_report.judge(samples(**growing), 30)
    assert found["verdict"] != "flat"
    assert re.search(reason, found["verdict"]), found["verdict"]


def test_a_few_minutes_prove_nothing() -> None:
    assert soak_report.judge(samples()[:6], 3)["verdict"] == "3 minutes are too short to tell"


def test_the_section_says_what_was_found_and_by_which_rule() -> None:
    grown = samples(own_mib=lambda n: 100 + n / 4)
    found = {"minutes": 30, "rate": 50, "store": "postgresql", "workers": 2, "connections": 6}
    found |= {"date": "2026-01-31", "processors": 2, "samples": grown, **soak_report.judge(grown, 30)}
    text = soak_report.section(found)
    assert text.startswith("## 30 minutes of steady load\n")
    assert "**Memory grows by 30.0 MiB an hour**" in text
    assert "at most 12 MiB an hour" in text
    assert text.count("\n| ") == 9


def test_the_picture_shows_every_sample() -> None:
    found = {"minutes": 30, "rate": 50, "store": "sqlite", "samples": samples(), "verdict": "flat"}
    drawn = soak_picture.draw(found)
    assert drawn.count("<polyline") == 3
    assert "30 minutes at 50 requests a second on SQLite: flat" in drawn
