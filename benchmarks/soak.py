"""Run a server under moderate, steady load for a long time, and check that memory and latency do not grow.

    make soak                                              # 30 minutes, SQLite
    python -m benchmarks.soak --minutes 5 --store postgresql

It writes benchmarks/results/soak.json, benchmarks/soak.md and docs/images/soak.svg. The exit code is 1 if
something grows.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import trackway
from tests.services import PostgreSQL, TrackwayServer
from trackway.server.config import Config

from . import processes, soak_picture, soak_report
from .servers import STORES
from .soak_calls import Caller, State
from .wire import Refused

RESULTS = Path(__file__).parent / "results" / "soak.json"
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "soak.svg"
# A section that BENCHMARKS.md includes.
SECTION = Path(__file__).parent / "soak.md"
Sample = dict[str, Any]


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="trackway-soak-") as folder:
        postgres = PostgreSQL(("-c", "max_connections=100")) if options.store == "postgresql" else None
        uri = postgres.url() if postgres else f"sqlite:///{folder}/store.db"
        options.workers = options.workers or Config(backend_store_uri=uri).workers
        server = TrackwayServer(Path(folder), uri, ["--workers", str(options.workers)])
        try:
            server.start()
            samples = soak(server, options)
        finally:
            server.kill()
            if postgres:
                postgres.close()
    verdict = soak_report.judge(samples, options.minutes)
    found = {
        "minutes": options.minutes,
        "rate": options.rate,
        "store": options.store,
        "workers": options.workers,
        "connections": options.connections,
        "version": trackway.__version__,
        "date": time.strftime("%Y-%m-%d"),
        "processors": os.cpu_count(),
        "samples": samples,
        **verdict,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(soak_picture.draw(found))
    SECTION.write_text(soak_report.section(found))
    print(json.dumps(verdict, indent=1))
    if verdict["verdict"] != "flat":
        raise SystemExit(1)


def soak(server: TrackwayServer, options: argparse.Namespace) -> list[Sample]:
    """Load the server at a steady rate. Return a sample for each interval of ``--every`` seconds."""
    load = _Load(server.port, options.rate, options.connections)
    samples: list[Sample] = []
    began = time.monotonic()
    try:
        while (passed := time.monotonic() - began) < options.minutes * 60 - 0.1:
            cpu = processes.cpu_s(server.pid)
            time.sleep(min(options.every, options.minutes * 60 - passed))
            times, errors = load.taken()
            times.sort()
            count = max(1, len(times))
            sample = {
                "t_s": round(time.monotonic() - began),
                "pss_mib": round(processes.pss(server.pid) / processes.MIB, 1),
                "own_mib": round(processes.own(server.pid) / processes.MIB, 1),
                "p50_ms": round(statistics.median(times or [0]) * 1000, 2),
                "p99_ms": round(times[int(len(times) * 0.99)] * 1000, 2) if times else 0,
                "cpu_ms": round((processes.cpu_s(server.pid) - cpu) * 1000 / count, 3),
                "requests": len(times),
                "errors": len(errors),
                **_held(server.pid),
                "disk_mib": round(_disk(server.folder) / processes.MIB, 1),
            }
            samples.append(sample)
            _show(sample, options, errors)
    finally:
        load.stop()
    return samples


class _Load:
    """Threads that send calls, each at its scheduled time."""

    def __init__(self, port: int, rate: float, connections: int) -> None:
        self._state = State(port)
        self._due = itertools.count()
        self._began = time.monotonic()
        self._gap = 1 / rate
        self._is_over = threading.Event()
        self._times: list[float] = []
        self._errors: list[str] = []
        self._threads = [
            threading.Thread(target=self._drive, args=(Caller(port, self._state, random.Random(number)),))
            for number in range(connections)
        ]
        for thread in self._threads:
            thread.start()

    def taken(self) -> tuple[list[float], list[str]]:
        """Return the latencies in seconds and the errors since the last call."""
        times, self._times = self._times, []
        errors, self._errors = self._errors, []
        return times, errors

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _drive(self, caller: Caller) -> None:
        while not self._is_over.is_set():
            # Latency counts from the scheduled time, so it includes the wait for a free connection.
            due = self._began + next(self._due) * self._gap
            if (early := due - time.monotonic()) > 0 and self._is_over.wait(early):
                return
            try:
                caller.call()
            except (Refused, OSError) as error:
                self._errors.append(f"{type(error).__name__}: {error}")
            self._times.append(time.monotonic() - due)


def _held(pid: int) -> dict[str, int]:
    held = {"threads": 0, "files": 0}
    for process in processes.tree(pid):
        with contextlib.suppress(Exception):
            held["threads"] += process.num_threads()
            held["files"] += process.num_fds()
    return held


def _disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _show(sample: Sample, options: argparse.Namespace, errors: list[str]) -> None:
    share = min(1.0, sample["t_s"] / (options.minutes * 60))
    bar = "#" * round(share * 20)
    figures = "  ".join(
        f"{name} {sample[name]}" for name in ("pss_mib", "own_mib", "p50_ms", "p99_ms", "threads", "files")
    )
    words = f"[{bar:20}] {share:4.0%}  {figures}  {sample['requests']} requests, {sample['errors']} errors"
    print(words, errors[0] if errors else "", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30, help="duration; 20 at least for a verdict")
    parser.add_argument("--rate", type=float, default=50, help="requests per second")
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--workers", type=int, help="worker processes (default: the server's default)")
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--every", type=float, default=30, help="seconds between samples")
    return parser.parse_args()


if __name__ == "__main__":
    main()
