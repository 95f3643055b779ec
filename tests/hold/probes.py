"""How a server answers ordinary clients while something else goes on, and what it has in memory."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]


class Latency(NamedTuple):
    """Seconds that requests took; those that failed count as many seconds as they were waited for."""

    count: int
    failed: int
    median: float
    p99: float
    slowest: float


def health(port: int, seconds: float, *, interval: float = 0.02, patience: float = 20) -> Latency:
    """Ask for ``/health`` again and again, each time on a new connection."""
    took, failed = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            client = HTTPConnection("127.0.0.1", port, timeout=patience)
            client.request("GET", "/health")
            failed += client.getresponse().status != 200
            client.close()
        except (OSError, HTTPException):
            failed += 1
        took.append(time.monotonic() - began)
        time.sleep(interval)
    took.sort()
    return Latency(len(took), failed, took[len(took) // 2], took[int(len(took) * 0.99)], took[-1])


def rate(port: int, path: str, seconds: float, *, connections: int = 4) -> float:
    """Requests in a second that ``connections`` clients get answered with 200, on kept connections."""
    counts = [0] * connections
    end = time.monotonic() + seconds

    def ask(number: int) -> None:
        client = HTTPConnection("127.0.0.1", port, timeout=20)
        while time.monotonic() < end:
            try:
                client.request("GET", path)
                answer = client.getresponse()
                answer.read()
                counts[number] += answer.status == 200
            except (OSError, HTTPException):
                client.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def processes(pid: int) -> list[int]:
    """Return the ids of a process and of all of its descendants."""
    found, parents = [], [pid]
    while parents:
        parent = parents.pop()
        found.append(parent)
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                parents += map(int, (task / "children").read_text().split())
        except OSError:  # it has ended
            continue
    return found


def memory(pid: int) -> int:
    """Bytes that a process and all of its descendants have in memory, each page that they share once."""
    total = 0
    for process in processes(pid):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024
    return total


@contextmanager
def slow_clients(kind: str, port: int, count: int, **options: object) -> Iterator[dict[str, Any]]:
    """While so many slow clients are connected. The result is filled in at the end of the block."""
    command = [sys.executable, "-m", "tests.hold.slow_clients", kind, str(port), str(count)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    assert process.stdin
    result: dict[str, Any] = {}
    try:
        assert process.stdout.readline() == "ready\n"
        yield result
        process.stdin.close()
        result.update(json.loads(process.stdout.readline()))
        process.wait(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


@contextmanager
def writers(port: int, count: int) -> Iterator[None]:
    """While so many clients wait for the answer to a write."""
    body = b'{"experiment_id":"0"}'
    head = (
        "POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(head.encode() + body)
        yield
