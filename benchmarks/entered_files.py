"""Count the source files of Trackway that a request runs through, which a reader of the code has to know.

    python -m benchmarks.entered_files [CHECKOUT] [--list]

It starts ``trackway serve`` of a checkout (by default this one) on SQLite and on PostgreSQL with a profile
function in each thread, and records the files of all functions that the thread of the request calls. Each
request is sent three times before the measurement, to fill caches and complete lazy imports.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.services import PostgreSQL, TrackwayServer

from .environments import ROOT
from .wire import Connection

_PARTS = ("server", "storage", "client_compat")
_START, _STOP = signal.SIGRTMIN, signal.SIGRTMIN + 1
# The program that runs instead of the trackway command. It sets the profile function before the worker is
# forked and its threads start, so that all of them have it.
_PROGRAM = """
import json, os, signal, sys, threading

folder, checkout = sys.argv[1:3]
del sys.argv[1:3]
entered = None

def profile(frame, event, argument):
    if event == "call" and entered is not None:
        entered.setdefault(threading.get_ident(), set()).add(frame.f_code.co_filename)

def start(*_):
    global entered
    entered = {}

def stop(*_):
    global entered
    found, entered = entered, None
    with open(os.path.join(folder, "entered.part"), "w") as file:
        json.dump([sorted(files) for files in (found or {}).values()], file)
    os.rename(os.path.join(folder, "entered.part"), os.path.join(folder, "entered.json"))

signal.signal(signal.SIGRTMIN, start)
signal.signal(signal.SIGRTMIN + 1, stop)
threading.setprofile(profile)
sys.setprofile(profile)
from trackway.server.cli import main
main()
"""


class ProfiledServer(TrackwayServer):
    def __init__(self, folder: Path, uri: str, checkout: Path) -> None:
        super().__init__(folder, uri, ["--workers", "1"], {"PYTHONPATH": str(checkout)})
        self._checkout = checkout

    def command(self) -> list[str]:
        program = [sys.executable, "-c", _PROGRAM, str(self.folder), str(self._checkout)]
        return [*program, *super().command()[1:]]

    def entered(self, send: Callable[[], Any]) -> list[str]:
        """Return the files that run while ``send`` sends a request, relative to the checkout, sorted."""
        (worker,) = psutil.Process(self.pid).children()
        result = self.folder / "entered.json"
        worker.send_signal(_START)
        time.sleep(0.3)
        send()
        time.sleep(0.1)
        worker.send_signal(_STOP)
        while not result.exists():
            time.sleep(0.02)
        threads = json.loads(result.read_text())
        result.unlink()
        (found,) = [files for files in threads if any("/server/handlers/" in path for path in files)]
        # The folders are imported through symbolic links.
        paths = [os.path.realpath(path) for path in found if path.startswith("/")]
        inside = [os.path.relpath(path, self._checkout) for path in paths]
        return sorted({path for path in inside if path.split("/")[0] in _PARTS})


def requests(connection: Connection) -> dict[str, Callable[[], Any]]:
    """Return functions that send a request, by name. Each can be called repeatedly."""
    experiment = connection.post("experiments/create", {"name": "entered"})["experiment_id"]
    run = connection.post("runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
    connection.post("registered-models/create", {"name": "iris"})
    steps = iter(range(1000))

    def log_batch() -> None:
        step = next(steps)
        metrics = [{"key": f"m{i}", "value": 0.5, "timestamp": 1, "step": step} for i in range(10)]
        params = [{"key": f"p{step}-{i}", "value": "v"} for i in range(5)]
        tags = [{"key": f"t{i}", "value": "v"} for i in range(2)]
        connection.post("runs/log-batch", {"run_id": run, "metrics": metrics, "params": params, "tags": tags})

    def search() -> None:
        connection.post("runs/search", {"experiment_ids": [experiment], "filter": "metrics.m1 > 0.1"})

    def new_version() -> None:
        source = f"mlflow-artifacts:/{experiment}/{run}/artifacts/model"
        connection.post("model-versions/create", {"name": "iris", "source": source, "run_id": run})

    return {"log-batch": log_batch, "search of runs": search, "new model version": new_version}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", nargs="?", default=ROOT, type=Path)
    parser.add_argument("--list", action="store_true", help="also print the names of the files")
    arguments = parser.parse_args()
    checkout = arguments.checkout.resolve()
    database = PostgreSQL()
    try:
        for store in ("sqlite", "postgresql"):
            with tempfile.TemporaryDirectory(prefix="trackway-entered-") as folder:
                uri = f"sqlite:///{folder}/store.db" if store == "sqlite" else database.url()
                server = ProfiledServer(Path(folder), uri, checkout)
                server.start()
                try:
                    _show(server, store, arguments.list)
                finally:
                    server.kill()
    finally:
        database.close()


def _show(server: ProfiledServer, store: str, is_list: bool) -> None:
    for name, send in requests(Connection(server.port)).items():
        for _ in range(3):
            send()
        files = server.entered(send)
        counts = {part: sum(path.startswith(part + "/") for path in files) for part in _PARTS}
        shown = ", ".join(f"{part} {count}" for part, count in counts.items())
        print(f"{store:10} {name:18} {len(files):3} files ({shown})")
        if is_list:
            print(*(f"    {path}" for path in files), sep="\n")


if __name__ == "__main__":
    main()
