"""Spans over HTTP, to Trackway and to MLflow's own server: rate, processor time, bytes on disk, searches.

    python -m benchmarks.trace_ingest [--traces 1000] [--exporters 1 8] [--servers trackway mlflow]

Each exporter sends requests of one trace with ten spans of about 1.1 KB, one after the other, to a server
with one worker on SQLite. The processor time is that of the server's processes; the bytes are those of its
database files when all traces are stored. Then each search asks for a page of 100 traces, five times; the
median counts. Compare figures of one run only.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.services import HttpServer, MlflowServer, TrackwayServer
from tests.spans import HEADERS, PATH, body_of, span_of

_SPANS = 10
_WORDS = [f"{first}{number:x}o" for first in ("re", "ca", "mo", "ti", "sul") for number in range(1000)]
SEARCHES = {
    "newest": "",
    "tag": "tag.`service.name` = 'shop 7'",
    "span attribute": "span.attributes.model LIKE '%model-3%'",
    "text": "trace.text LIKE '%needle 77 %'",
    "text, not found": "trace.text LIKE '%nothing says zzqx%'",
}


def body(number: int) -> bytes:
    """Return a request with one trace: a root, a call of a model, and tools."""
    chance = random.Random(number)
    root = span_of("agent", start_ns=time.time_ns(), attributes=_attributes(chance, "AGENT"))
    children = [
        span_of(
            "llm" if place == 1 else f"tool {place % 4}",
            parent=root,
            start_ns=root.start_time_unix_nano + place,
            attributes=_attributes(chance, "CHAT_MODEL" if place == 1 else "TOOL", f"needle {number} "),
        )
        for place in range(1, _SPANS)
    ]
    return body_of(root, *children, resource={"service.name": f"shop {number % 100}"})


def _attributes(chance: random.Random, kind: str, text: str = "") -> dict[str, str]:
    return {
        "mlflow.spanType": json.dumps(kind),
        "mlflow.spanInputs": json.dumps({"question": text + " ".join(chance.choices(_WORDS, k=70))}),
        "mlflow.spanOutputs": json.dumps(" ".join(chance.choices(_WORDS, k=70))),
        "model": f"model-{chance.randrange(10)}",
    }


def send(port: int, bodies: Sequence[bytes]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for data in bodies:
        connection.request("POST", PATH, data, HEADERS)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {text[:300]!r}")
    connection.close()


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process and of its descendants."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == pid or int(fields[1]) in _family(pid):
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def _family(pid: int) -> set[int]:
    """Return the ids of a process and of its descendants."""
    family = {pid}
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    while new := {child for child, parent in parents.items() if parent in family} - family:
        family |= new
    return family


def search_ms(port: int, text: str) -> float:
    request = {
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}],
        "max_results": 100,
        "filter": text,
    }
    times = []
    for _ in range(5):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        began = time.perf_counter()
        kind = {"Content-Type": "application/json"}
        connection.request("POST", "/api/3.0/mlflow/traces/search", json.dumps(request), kind)
        answer = connection.getresponse()
        data = answer.read()
        times.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {data[:300]!r}")
        connection.close()
    return statistics.median(times)


def measure(server: HttpServer, exporters: Sequence[int], count: int) -> dict[str, float]:
    """Return the figures of a server by their names."""
    found: dict[str, float] = {}
    pid = server.pid
    number = 0
    send(server.port, [body(-1)])
    for threads in exporters:
        bodies = [body(number + place) for place in range(count)]
        number += count
        cpu, began = processor_seconds(pid), time.perf_counter()
        workers = [
            threading.Thread(target=send, args=(server.port, bodies[first::threads]))
            for first in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        seconds = time.perf_counter() - began
        found[f"spans a second, {threads} exporters"] = count * _SPANS / seconds
        cpu_ms = (processor_seconds(pid) - cpu) * 1000
        found[f"ms of processor time a span, {threads} exporters"] = cpu_ms / (count * _SPANS)
    time.sleep(10)  # the index of texts is written some seconds later
    sizes = sum(path.stat().st_size for path in server.folder.rglob("*.db"))
    found["bytes on disk a span"] = sizes / (number * _SPANS)
    for name, text in SEARCHES.items():
        found[f"ms for a page, {name}"] = search_ms(server.port, text)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--traces", type=int, default=1000, help="for each number of exporters")
    parser.add_argument("--exporters", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--servers", nargs="+", default=["trackway", "mlflow"])
    options = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    for name in options.servers:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            made = MlflowServer(path) if name == "mlflow" else _trackway(path)
            made.start()
            try:
                print(f"{name} ...", flush=True)
                figures[name] = measure(made, options.exporters, options.traces)
            finally:
                made.kill()
    print(f"{'':45}" + "".join(f"{name:>14}" for name in figures))
    for row in next(iter(figures.values())):
        print(f"{row:45}" + "".join(f"{found[row]:14.2f}" for found in figures.values()))


def _trackway(folder: Path) -> TrackwayServer:
    return TrackwayServer(folder, f"sqlite:///{folder}/trackway.db")


if __name__ == "__main__":
    main()
