"""Compare the speed of artifact uploads and downloads, and their memory use, with MLflow's own server.

    python -m benchmarks.artifacts                         # about five minutes
    python -m benchmarks.artifacts --huge 10 --only trackway

The results are printed. Each server runs with two workers on a new SQLite database, and stores artifacts in a
folder and in SeaweedFS (an S3 server; MLflow needs boto3 for it). One client sends plain HTTP, so that no
client library is measured. "memory" is the growth of the proportional set size (PSS) of all processes of the
server; "temporary" is the largest size of their TMPDIR. Times are the best of ``--runs`` measurements; the
huge file is measured once.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.services import HttpServer, MlflowServer, ObjectStore, TrackwayServer

from . import processes
from .bench import Bench
from .processes import MIB

SERVED = "/api/2.0/mlflow-artifacts/artifacts"
_BLOCK = os.urandom(MIB)
_SMALL = os.urandom(4096)

Figures = dict[str, float]


class Mlflow(MlflowServer):
    """MLflow's server with two workers, as Trackway has, and a given artifact destination."""

    def __init__(self, folder: Path, destination: str, environment: dict[str, str]) -> None:
        super().__init__(folder)
        self._destination = destination
        self._environment |= environment

    def command(self) -> list[str]:
        words = [word for word in super().command() if word != str(self.folder / "artifacts")]
        words[words.index("--workers") + 1] = "2"
        words.insert(words.index("--artifacts-destination") + 1, self._destination)
        return words


def measure_rows(bench: Bench, row: str) -> None:
    """Measure the rows of ``python -m benchmarks``: a large file and many small ones, over one connection."""
    blocks, files = bench.options.large_mib, bench.options.small_files
    for contender in bench.contenders:
        connection = http.client.HTTPConnection("127.0.0.1", contender.port, timeout=3600)
        acts: dict[str, Callable[[], None]] = {
            "artifact-large-up": partial(up_blocks, connection, "large", blocks),
            "artifact-large-down": partial(down, connection, "large"),
            "artifacts-small-up": partial(up_small, connection, files),
            "artifacts-small-down": partial(down_small, connection, files),
        }
        if contender.kind.name == "fasttrackml":
            for name in acts:
                bench.record(contender, name, None, "s", note="serves no artifacts")
            continue
        up(connection, "warm", _SMALL)
        for name, act in acts.items():
            connection.close()  # the server may have closed it while it was idle; a request reopens it
            bench.timed(contender, name, act)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="measurements, of which the best counts")
    parser.add_argument("--huge", type=float, default=1.0, metavar="GIB", help="size of the huge file")
    parser.add_argument("--only", choices=("trackway", "mlflow"), help="measure one server only")
    parser.add_argument("--stores", default="folder,s3", help="folder, s3 or both")
    options = parser.parse_args()
    names = [options.only] if options.only else ["trackway", "mlflow"]
    for store in options.stores.split(","):
        results = {}
        for name in names:
            if name == "mlflow" and store == "s3" and not importlib.util.find_spec("boto3"):
                print("mlflow with s3 is skipped: boto3 is not installed", file=sys.stderr)
                continue
            with tempfile.TemporaryDirectory(prefix="trackway-bench-") as folder, place(store) as found:
                results[name] = measure(name, Path(folder), *found, options)
        show(store, results, options.huge)


@contextmanager
def place(store: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield an artifact destination and its environment variables; an empty one means the default folder."""
    if store == "folder":
        yield "", {}
        return
    objects = ObjectStore()
    try:
        yield f"s3://{objects.bucket()}/prefix", objects.environment
    finally:
        objects.close()


def measure(
    name: str, folder: Path, destination: str, environment: dict[str, str], options: argparse.Namespace
) -> Figures:
    temporary = folder / "temporary"
    temporary.mkdir()
    environment = {**environment, "TMPDIR": str(temporary)}
    server: HttpServer
    if name == "mlflow":
        server = Mlflow(folder, destination or str(folder / "artifacts"), environment)
    else:
        words = ["--artifacts-destination", destination] if destination else []
        server = TrackwayServer(folder, f"sqlite:///{folder}/trackway.db", words, environment)
    server.start()
    try:
        return figures_of(server, temporary, options)
    finally:
        server.stop()


def figures_of(server: HttpServer, temporary: Path, options: argparse.Namespace) -> Figures:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=3600)
    figures: Figures = {}

    def best(label: str, act: Callable[[], None], runs: int) -> None:
        took = []
        for _ in range(runs):
            began = time.perf_counter()
            act()
            took.append(time.perf_counter() - began)
        figures[label] = min(took)
        print(f"{server.name}: {label} {min(took):.2f} s", file=sys.stderr)

    up(connection, "warm", _SMALL)
    down(connection, "warm")
    best("100 MiB up", lambda: up_blocks(connection, "large", 100), options.runs)
    best("100 MiB down", lambda: down(connection, "large"), options.runs)
    best("1,000 x 4 KiB up", partial(up_small, connection, 1000), options.runs)
    best("1,000 x 4 KiB down", partial(down_small, connection, 1000), options.runs)
    best("list 1,000", lambda: listed(connection, "small"), options.runs)
    blocks = int(options.huge * 1024)
    for label, act in (
        ("up", lambda: up_blocks(connection, "huge", blocks)),
        ("down", lambda: down(connection, "huge")),
    ):
        with watched(server.pid, temporary) as most:
            best(f"huge {label}", act, 1)
        figures[f"huge {label}, memory"], figures[f"huge {label}, temporary"] = most
    return figures


def up(connection: http.client.HTTPConnection, path: str, data: object, length: int | None = None) -> None:
    headers = {"Content-Length": str(length)} if length else {}
    connection.request("PUT", f"{SERVED}/{path}", data, headers)  # type: ignore[arg-type]
    done(connection)


def up_blocks(connection: http.client.HTTPConnection, path: str, blocks: int) -> None:
    up(connection, path, (_BLOCK for _ in range(blocks)), blocks * MIB)


def down(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", f"{SERVED}/{path}")
    done(connection)


def up_small(connection: http.client.HTTPConnection, files: int) -> None:
    for number in range(files):
        up(connection, f"small/{number}", _SMALL)


def down_small(connection: http.client.HTTPConnection, files: int) -> None:
    for number in range(files):
        down(connection, f"small/{number}")


def listed(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", f"{SERVED}?path={path}")
    response = connection.getresponse()
    assert len(json.loads(response.read())["files"]) == 1000


def done(connection: http.client.HTTPConnection) -> None:
    response = connection.getresponse()
    buffer = memoryview(bytearray(MIB))
    first = b""
    while size := response.readinto(buffer):
        first = first or bytes(buffer[: min(size, 200)])
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {first!r}")


@contextmanager
def watched(pid: int, temporary: Path) -> Iterator[list[float]]:
    """Yield a list that gets the largest growth of memory and the largest size of ``temporary``, in MiB."""
    before = memory(pid)
    most = [0.0, 0.0]
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.2):
            most[0] = max(most[0], memory(pid) - before)
            most[1] = max(most[1], size_of(temporary))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        is_over.set()
        looking.join()


def memory(pid: int) -> float:
    return processes.pss(pid) / MIB


def size_of(folder: Path) -> float:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total / MIB


def show(store: str, results: dict[str, Figures], huge: float) -> None:
    head = "".join(f"{name:>14}" for name in results) + ("         ratio" if len(results) > 1 else "")
    print(f"\nartifacts in {store}; the huge file has {huge:g} GiB\n{'':26}{head}")
    for label in next(iter(results.values())):
        unit = "MiB" if label.endswith(("memory", "temporary")) else "s"
        line = f"{label:26}" + "".join(f"{figures[label]:10.2f} {unit:3}" for figures in results.values())
        if len(results) > 1 and results["trackway"][label] > 0:
            line += f"{results['mlflow'][label] / results['trackway'][label]:13.1f}x"
        print(line)


if __name__ == "__main__":
    main()
