"""The oldest and the newest client on the board; `make board` plays those between, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import report
from .clients import CLIENTS, Client, install
from .play import play, stage

OLDEST, NEWEST = CLIENTS[0], CLIENTS[-1]


# An environment is made first, once; with pip and an empty cache that may take minutes.
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", [OLDEST, NEWEST], ids=lambda client: client.version)
def test_every_call_works_as_the_board_says(
    client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(words: str) -> None:
        with capsys.disabled():
            print(f"\n==> {words}", flush=True)

    install(client, say)
    with stage(tmp_path) as place:
        played = play(client, place)
    assert report.problems([played]) == []
    board = report.column(report.FILE.read_text(), client.version)
    assert report.signs(played) == board, "COMPATIBILITY.md is out of date: make board"
