"""Run the calls with one client release against a server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.closed import PASSWORD, ClosedTrackwayServer
from tests.receiver import ALLOW_LOOPBACK, receiver
from tests.services import TrackwayServer

from .clients import ENVIRONMENTS, Client

WORKED = "worked"
ABSENT = "absent"
USER = "board"


class Row(NamedTuple):
    """A row of the board: a method, with a note if it has several rows."""

    area: str
    method: str
    note: str


class Played(NamedTuple):
    """The results of one client. ``outcomes`` are WORKED, ABSENT, or the reason of a failure.

    ``remarks`` explain why the client lacks some rows.
    """

    client: Client
    outcomes: dict[Row, str]
    remarks: dict[Row, str]
    not_called: list[str]

    @property
    def failures(self) -> dict[Row, str]:
        return {row: what for row, what in self.outcomes.items() if what not in (WORKED, ABSENT)}

    def count(self, outcome: str) -> int:
        return list(self.outcomes.values()).count(outcome)


class Stage(NamedTuple):
    """What the calls use: the URL of a server, and of a receiver of its webhooks; and a closed server.

    The closed server has the user USER, whose API token is ``token``.
    """

    url: str
    webhook_url: str
    closed_url: str
    password: str
    token: str


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Start ``trackway serve`` with SQLite and an artifact folder, once open and once closed."""
    server = TrackwayServer(folder, f"sqlite:///{folder}/trackway.db", environment=ALLOW_LOOPBACK)
    closed = ClosedTrackwayServer(folder / "closed", f"sqlite:///{folder}/closed.db")
    with receiver() as webhooks:
        try:
            server.start()
            closed.start()
            closed.create_users(USER)
            yield Stage(server.url, webhooks.url, closed.url, PASSWORD, closed.create_token(USER))
        finally:
            server.kill()
            closed.kill()


def play(client: Client, stage: Stage) -> Played:
    done = subprocess.run(
        [str(client.python), "-m", "calls", *stage],
        cwd=Path(__file__).parent,
        env=client_environment(),
        text=True,
        capture_output=True,
    )
    (ENVIRONMENTS / f"{client.version}.log").write_text(done.stderr)
    if done.returncode:
        raise RuntimeError(f"The calls with {client.version} did not complete:\n{done.stderr[-4000:]}")
    answer = json.loads(done.stdout)
    assert answer["client"] == client.version
    rows = {Row(line["area"], line["method"], line["note"]): line for line in answer["outcomes"]}
    titles = {(row.method, row.note) for row in rows}
    assert len(titles) == len(answer["outcomes"]), "two calls have the same method and note"
    return Played(
        client,
        {row: line["outcome"] for row, line in rows.items()},
        {row: line["remark"] for row, line in rows.items() if line["remark"]},
        answer["not_called"],
    )


def client_environment() -> dict[str, str]:
    """Return the environment without the developer's own variables for MLflow and Python."""
    ours = ("MLFLOW_", "TRACKWAY_", "PYTHON", "VIRTUAL_ENV", "PYTEST_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Report an error of the server at once, not after minutes of retries.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MPLCONFIGDIR": str(ENVIRONMENTS),
        "PYTHONWARNINGS": "ignore",
    }
