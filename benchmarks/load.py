"""Load generator: send a request with changing values over many keep-alive connections for some seconds.

It uses ``wrk`` if it is installed, else threads of this process. Threads use more processor time and reach
about 5,000 requests a second, which is enough to compare servers roughly.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import wire

WRK = shutil.which("wrk")
GENERATOR = "wrk with a Lua script" if WRK else "threads in Python (wrk is not installed)"
_FIRST = 1_000_000_000
_TIMEOUT_S = 60


@dataclass
class Load:
    """Counts and latencies. ``ok`` responses have status 200, ``refused`` ones another status.

    ``broken`` are requests that failed with a connection error or a time-out.
    """

    ok: int
    refused: int
    broken: int
    seconds: float
    median_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.ok / self.seconds


class Numbers:
    """The numbers that make the requests to one server different from each other."""

    def __init__(self) -> None:
        self.next = _FIRST

    def run(
        self, template: bytes, port: int, connections: int, seconds: float, ids: Sequence[str] = ()
    ) -> Load:
        """Send ``template`` repeatedly for ``seconds``. Its run marker becomes each of ``ids`` in turn."""
        first = self.next
        drive = _wrk if WRK else _threads
        load = drive(template, port, connections, seconds, ids, first)
        # Skip some numbers: requests in progress at the end may have been stored as well.
        self.next += load.ok + load.refused + load.broken + connections + 1000
        return load


def _wrk(
    template: bytes, port: int, connections: int, seconds: float, ids: Sequence[str], first: int
) -> Load:
    with tempfile.TemporaryDirectory(prefix="trackway-bench-") as folder:
        Path(folder, "template").write_bytes(template)
        Path(folder, "ids").write_text("\n".join(ids))
        command = [
            *(str(WRK), "--threads", "1", "--connections", str(connections), "--timeout", f"{_TIMEOUT_S}s"),
            *(
                "--duration",
                f"{max(1, round(seconds))}s",
                "--script",
                str(Path(__file__).with_name("load.lua")),
            ),
            *(f"http://127.0.0.1:{port}", "--", f"{folder}/template", f"{folder}/ids"),
            *(str(first), str(wire.KEYS)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            answered, refused, broken, took_us, median_us, p99_us = map(int, line.split()[1:])
            return Load(answered - refused, refused, broken, took_us / 1e6, median_us / 1000, p99_us / 1000)
    raise RuntimeError(f"wrk printed no result: {done.stdout}{done.stderr}")


def _threads(
    template: bytes, port: int, connections: int, seconds: float, ids: Sequence[str], first: int
) -> Load:
    text = template.decode()
    numbers = iter(range(first, first + 10**9))
    times: list[float] = []
    counts = {"ok": 0, "refused": 0, "broken": 0}
    began = time.perf_counter()
    end = began + seconds

    def drive() -> None:
        connection = wire.Connection(port, _TIMEOUT_S)
        while (start := time.perf_counter()) < end:
            request = fill(text, next(numbers), ids)
            try:
                connection.send(request)
                result = "ok"
            except wire.Refused:
                result = "refused"
            except OSError:
                result = "broken"
            if (now := time.perf_counter()) <= end:
                times.append(now - start)
                counts[result] += 1
        connection.close()

    threads = [threading.Thread(target=drive) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    return Load(**counts, seconds=seconds, median_ms=_at(times, 0.5), p99_ms=_at(times, 0.99))


def _at(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else 0.0


def fill(text: str, number: int, ids: Sequence[str]) -> bytes:
    """Return the request with its markers replaced, as ``load.lua`` does it."""
    turn = len(ids) or 1
    run = ids[number % turn] if ids else ""
    text = text.replace(wire.KEY, f"{number // turn % wire.KEYS:02d}")
    return text.replace(wire.NUMBER, str(number)).replace(wire.RUN, run).encode()
