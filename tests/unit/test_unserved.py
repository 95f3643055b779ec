"""Calls that are not served: each belongs to an area, which docs/unserved.md describes; they are counted."""

from __future__ import annotations

import logging
from pathlib import Path

from trackway.client_compat.errors import NotServed
from trackway.client_compat.unserved import AREAS, area_of
from trackway.server.app import all_endpoints
from trackway.server.dispatch import handler_of
from trackway.server.edge import transfers
from trackway.server.edge.unserved_calls import UnservedCalls

PAGE = Path(__file__).parents[2] / "docs" / "unserved.md"


def test_every_call_that_is_not_served_has_an_area() -> None:
    without = [
        endpoint.path
        for endpoint in all_endpoints()
        if not handler_of(endpoint)
        and endpoint.loaded not in transfers.HANDLERS
        and area_of(endpoint.path) not in AREAS
    ]
    assert without == []


def test_the_page_has_a_section_for_every_area() -> None:
    titles = {line[3:] for line in PAGE.read_text().splitlines() if line.startswith("## ")}
    assert titles == {*AREAS, "Command line"}


class Lines(logging.Handler):
    """Keeps the messages of a logger, whether or not it propagates them."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def test_a_kind_of_call_is_logged_once_a_minute_with_its_number() -> None:
    logger, lines = logging.getLogger("trackway.server"), Lines()
    logger.addHandler(lines)
    now = 1000.0
    calls = UnservedCalls(None, lambda: now)
    try:
        for _ in range(3):
            calls.add(NotServed("CreateDataset", "evaluation"), "r1")
        calls.add(NotServed("ListScorers", "evaluation"), "r2")
        now += 59.9
        calls.add(NotServed("CreateDataset", "evaluation"), "r3")
        now += 0.1
        calls.add(NotServed("CreateDataset", "evaluation"), "r4")
    finally:
        logger.removeHandler(lines)
    end = "which was answered 501: Trackway has no {} yet, see docs/unserved.md."
    assert lines.messages == [
        "A client called CreateDataset for the first time, " + end.format("evaluation"),
        "A client called ListScorers for the first time, " + end.format("evaluation"),
        "A client called CreateDataset 4 times since the last such line, " + end.format("evaluation"),
    ]
