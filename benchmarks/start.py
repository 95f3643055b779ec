"""Prints how long the server takes to its first answer, and what it holds in memory when idle.

    make bench-start            or: python benchmarks/start.py --store postgresql://... --runs 9

Times are from the start of the process to the first 200 on /health; memory is the proportional
set size (PSS: shared pages count once) of all of the server's processes.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

SETTLED_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="starts to take the median of")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--store", help="a database of your own; without it, SQLite in a new folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trackway-bench-") as folder:
        store = options.store or f"sqlite:///{folder}/trackway.db"
        first, _ = start(folder, store, options.workers)
        print(f"first start, new database:   {first * 1000:6.0f} ms")
        times, memory = [], []
        for number in range(options.runs):
            took, held = start(folder, store, options.workers)
            times.append(took)
            memory.append(held)
            print(f"start {number + 1} of {options.runs}: {took * 1000:.0f} ms", file=sys.stderr)
    print(f"later starts, median of {len(times)}:  {statistics.median(times) * 1000:6.0f} ms")
    print(f"idle memory, {options.workers} workers:      {statistics.median(memory) / 2**20:6.0f} MiB (PSS)")


def start(folder: str, store: str, workers: int) -> tuple[float, int]:
    """Seconds to the first answer, and bytes held once the server has settled."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "trackway.server", "serve", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", store, "--artifacts-destination", f"{folder}/artifacts"),
        *("--workers", str(workers)),
    ]
    began = time.perf_counter()
    with open(f"{folder}/log", "ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        while not answers(port):
            if server.poll() is not None or time.perf_counter() - began > 60:
                raise SystemExit(f"The server did not start:\n{Path(folder, 'log').read_text()}")
            time.sleep(0.002)
        took = time.perf_counter() - began
        time.sleep(SETTLED_S)
        return took, sum(pss(pid) for pid in group(server.pid))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def group(leader: int) -> list[int]:
    """The processes that the leader started, and itself."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return [pid for pid in pids if _session(pid) == leader]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


if __name__ == "__main__":
    main()
