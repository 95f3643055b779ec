"""Figures of the cases: printed, and with TRACKWAY_TEST_HOLD_RESULTS written to that file for the report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest

from .figures import Figures


@pytest.fixture
def figures(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., None]]:
    """Record what was done, and what came of it: ``figures("500 slow clients", count=500, health=...)``."""
    recorded: list[Figures] = []

    def record(case: str, **values: object) -> None:
        recorded.append(Figures(case, **values))  # type: ignore[arg-type]

    yield record
    with capsys.disabled():
        for found in recorded:
            print(f"\n{found}", end="")
    if path := os.environ.get("TRACKWAY_TEST_HOLD_RESULTS"):
        with open(path, "a") as file:
            for found in recorded:
                file.write(json.dumps(found._asdict()) + "\n")


@pytest.fixture
def is_full() -> bool:
    """Whether this is the long form, ``make hold``, which also tries MLflow's own server."""
    return "TRACKWAY_TEST_HOLD_RESULTS" in os.environ
