"""The results of a run: all samples, and the machine and versions they were measured with."""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from . import environments, load
from .bench import Bench, Sample
from .servers import KINDS
from .targets import LOADED


class Results:
    def __init__(self, about: dict[str, Any], samples: list[Sample]) -> None:
        self.about = about
        self.samples = samples

    @classmethod
    def of(cls, bench: Bench, took_s: float, is_full: bool) -> Results:
        return cls(
            {**_machine(), "took_s": round(took_s), "is_full": is_full, "troubles": bench.troubles},
            bench.samples,
        )

    @classmethod
    def read(cls, path: Path) -> Results:
        found = json.loads(path.read_text())
        return cls(found["about"], found["samples"])

    def added_to(self, earlier: Results) -> Results:
        """Return the union with earlier results, whose samples of the same stores and rows are dropped."""
        mine = {(sample["store"], sample["row"]) for sample in self.samples}
        kept = [sample for sample in earlier.samples if (sample["store"], sample["row"]) not in mine]
        about = {
            **self.about,
            "took_s": self.about["took_s"] + earlier.about["took_s"],
            "is_full": self.about["is_full"] or earlier.about["is_full"],
            "parts": earlier.about.get("parts", 1) + 1,
            "troubles": [*earlier.about["troubles"], *self.about["troubles"]],
        }
        return Results(about, [*kept, *self.samples])

    def write(self, path: Path) -> None:
        lines = ",\n".join(json.dumps(sample) for sample in self.samples)
        path.write_text(f'{{"about": {json.dumps(self.about, indent=1)},\n"samples": [\n{lines}\n]}}\n')

    @property
    def stores(self) -> list[str]:
        return list(dict.fromkeys(sample["store"] for sample in self.samples))

    @property
    def connections(self) -> list[int]:
        """The numbers of connections at which rates were measured."""
        return sorted({sample["connections"] for sample in self.samples if "connections" in sample})

    def servers(self, store: str) -> list[str]:
        found = {sample["server"] for sample in self.samples if sample["store"] == store}
        return [name for name in KINDS if name in found]

    def find(self, store: str, server: str, row: str, connections: int | None = None) -> list[Sample]:
        wanted = (store, server, row, connections)
        names = ("store", "server", "row", "connections")
        return [sample for sample in self.samples if tuple(map(sample.get, names)) == wanted]

    def median(
        self, store: str, server: str, row: str, connections: int | None = None, name: str = "value"
    ) -> float | None:
        samples = self.find(store, server, row, connections)
        figures = [sample[name] for sample in samples if sample.get(name) is not None]
        return statistics.median(figures) if figures else None

    def times_better(
        self, store: str, peer: str, row: str, connections: int | None = None, name: str = "value"
    ) -> float | None:
        """Return how many times better Trackway is than the other server, or None; below 1 it is worse."""
        ours = self.median(store, "trackway", row, connections, name)
        theirs = self.median(store, peer, row, connections, name)
        if ours is None or theirs is None or not ours or not theirs:
            return None
        return ours / theirs if row in LOADED and name == "value" else theirs / ours


def _machine() -> dict[str, Any]:
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            model = line.split(":")[1].strip()
            break
    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "cpu": model,
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version() + (", the system's own" if sys.base_prefix == "/usr" else ""),
        "load": load.GENERATOR,
        "versions": {
            "trackway": KINDS["trackway"].version,
            "mlflow": environments.MLFLOW,
            "fasttrackml": environments.FASTTRACKML,
        },
    }
