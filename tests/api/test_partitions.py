"""``trackway db partition-points`` as its user sees it, also while servers write."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence

import pytest

from tests.services import BIN, TrackwayServer

from .test_durability import Client, new_run


def partition(uri: str, *options: str) -> tuple[int, str]:
    """Exit code and everything that the command printed."""
    command: Sequence[str] = [
        *(str(BIN / "trackway"), "db", "partition-points", "--backend-store-uri", uri),
        *options,
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    return done.returncode, done.stdout


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_sqlite_is_refused(store_uri: str) -> None:
    code, said = partition(store_uri)
    assert code == 1
    assert said.startswith("Error: SQLite has no partitions; the points can be divided only in a PostgreSQL")


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_it_says_what_it_does_and_does_it_once(store_uri: str) -> None:
    code, said = partition(store_uri, "--partitions", "4")
    assert code == 0, said
    assert said.startswith("Making 4 partitions of about ")
    assert "Copying points: 100%\nBuilding indexes: 0%\n" in said
    assert said.endswith("The points are in 4 partitions.\n")
    code, said = partition(store_uri, "--partitions", "4")
    assert code == 0
    assert said.endswith("The points are in 4 partitions already; nothing was changed.\n")
    code, said = partition(store_uri, "--partitions", "1")
    assert said.endswith("The points are in one ordinary table.\n")
    code, said = partition(store_uri, "--partitions", "5000")
    assert code == 1
    assert said == "Error: The number of partitions must be from 1 (one ordinary table) to 1024, not 5000.\n"


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_servers_that_write_meanwhile_lose_nothing(server: TrackwayServer) -> None:
    """Their statements have long been prepared when the table changes under them."""
    is_over = threading.Event()
    written: dict[str, int] = {}
    failed: list[BaseException] = []

    def write() -> None:
        try:
            client = Client(server.url)
            run = new_run(client)
            while not is_over.is_set():
                number = written.get(run, 0)
                metric = {"key": "loss", "value": number, "timestamp": number, "step": number}
                client.post("/runs/log-metric", {"run_id": run, **metric})
                client.post("/runs/log-batch", {"run_id": run, "metrics": [{**metric, "key": "other"}]})
                client.get(f"/metrics/get-history?run_id={run}&metric_key=loss&max_results=5")
                written[run] = number + 1
        except BaseException as error:
            failed.append(error)

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    for count in ("4", "3", "1", "16"):
        reached = sum(written.values())
        while sum(written.values()) < reached + 120:
            assert not failed
        code, said = partition(server.store_uri, "--partitions", count)
        assert code == 0, said
    is_over.set()
    for writer in writers:
        writer.join()
    assert not failed
    client = Client(server.url)
    for run, number in written.items():
        for key in ("loss", "other"):
            history = client.get(f"/metrics/get-history?run_id={run}&metric_key={key}")["metrics"]
            assert [metric["step"] for metric in history] == list(range(number))
