"""One run of the comparison: the options, the servers, the samples so far, and output on the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .load import Load
from .servers import Contender

Sample = dict[str, Any]
# If there are fewer responses, the measurement is repeated with a longer duration.
_ENOUGH = 10
_LONGER = 3


@dataclass(frozen=True)
class Options:
    """Durations, repetitions and sizes of the measurements."""

    connections: tuple[int, ...] = (1, 8, 32)
    seconds: float = 1
    repetitions: int = 3
    runs: tuple[int, ...] = (10_000, 100_000)
    models: int = 1_000
    points: int = 1_000_000
    starts: int = 2
    large_mib: int = 100
    small_files: int = 1_000
    clients: tuple[int, ...] = (1, 8)


class Failed(Exception):
    """A write was lost, or a response was wrong, so the results are invalid."""


@dataclass
class Bench:
    """The state of a run. ``store`` and ``contenders`` are those that are measured now."""

    options: Options
    store: str = ""
    contenders: list[Contender] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    is_incomplete: bool = False  # a row could not be measured
    steps: int = 1
    step_now: int = 0
    _began: float = field(default_factory=time.perf_counter)

    def record(self, contender: Contender, row: str, value: float | None, unit: str, **more: Any) -> None:
        """Add a sample of one server. ``value`` is None, with a note, if the server cannot do it."""
        sample = {
            "store": self.store,
            "server": contender.kind.name,
            "row": row,
            "value": value,
            "unit": unit,
        }
        sample |= {name: round(x, 5) if isinstance(x, float) else x for name, x in more.items()}
        if value is not None:
            sample["value"] = float(f"{value:.6g}")
        self.samples.append(sample)
        self.say(_line(sample))

    def fail(self, contender: Contender, row: str, message: str) -> None:
        """Report a lost write or a wrong response. End the run for our server; else note it for the page."""
        text = f"{contender.kind.title} on {self.store}, {row}: {message}"
        if contender.kind.is_ours:
            raise Failed(text)
        self.troubles.append(text)
        self.say(text)

    def in_turn(self, repetitions: int | None = None) -> Iterator[Contender]:
        """Yield each contender once per repetition.

        They take turns so that other work on the machine affects all of them. Variants have one turn,
        because no target refers to them.
        """
        for repetition in range(repetitions or self.options.repetitions):
            for contender in self.contenders:
                if not (repetition and contender.kind.is_variant):
                    yield contender

    def loaded(self, row: str, run: Callable[[Contender, int, float], Load]) -> dict[str, Load]:
        """Measure ``run`` at each number of connections. Return the totals by the name of the server.

        ``run`` is called with the contender, the number of connections and the seconds.
        """
        totals: dict[str, Load] = {}
        for contender in self.contenders:
            contender.settle()
        for connections in self.options.connections:
            for contender in self.in_turn():
                total = totals.setdefault(contender.kind.name, Load(0, 0, 0, 0, 0, 0))
                before = contender.cpu_s()
                load = run(contender, connections, self.options.seconds)
                if load.ok + load.refused < _ENOUGH:
                    total.ok += load.ok
                    contender.settle()
                    before = contender.cpu_s()
                    load = run(contender, connections, self.options.seconds * _LONGER)
                # The server also completes the requests that were in progress at the end, one a connection.
                contender.settle()
                after = contender.cpu_s()
                done = load.ok + load.refused + connections
                self.record(
                    contender,
                    row,
                    load.rate,
                    "/s",
                    connections=connections,
                    median_ms=load.median_ms,
                    p99_ms=load.p99_ms,
                    cpu_ms=(after[0] - before[0]) * 1000 / done,
                    database_cpu_ms=(after[1] - before[1]) * 1000 / done,
                    requests=load.ok,
                    errors=load.refused + load.broken,
                )
                total.ok += load.ok
                total.refused += load.refused + load.broken
        return totals

    def timed(self, contender: Contender, row: str, act: Callable[[], object], **more: Any) -> None:
        """Record the seconds that ``act`` takes, and the processor time of the server meanwhile."""
        contender.settle()
        before = contender.cpu_s()
        began = time.perf_counter()
        act()
        took = time.perf_counter() - began
        after = contender.cpu_s()
        more["cpu_ms"] = (after[0] - before[0]) * 1000
        more["database_cpu_ms"] = (after[1] - before[1]) * 1000
        self.record(contender, row, took, "s", **more)

    def step(self, row: str) -> None:
        """Begin the next of ``steps``: ``row`` on the current store."""
        self.step_now += 1
        self.say(f"{self.store:<10} {row}: row {self.step_now} of {self.steps}")

    def say(self, text: str) -> None:
        """Print a line to stderr; on a terminal, above a progress bar."""
        if not sys.stderr.isatty():
            print(text, file=sys.stderr, flush=True)
            return
        share = max(0, self.step_now - 1) / self.steps
        bar = "█" * round(share * 30)
        minutes, seconds = divmod(int(time.perf_counter() - self._began), 60)
        sys.stderr.write(f"\r\x1b[K{text}\n[{bar:░<30}] {share:4.0%}  {minutes}:{seconds:02d}")
        sys.stderr.flush()


def _line(sample: Sample) -> str:
    value = "-" if sample["value"] is None else f"{sample['value']:.4g} {sample['unit']}"
    where = f"{sample['store']:<10} {sample['row']:<22} {sample['server']:<15}"
    words = [f"{value:>16}"]
    if "connections" in sample:
        where += f" {sample['connections']:>2} connections"
    for name in ("median_ms", "p99_ms", "cpu_ms", "database_cpu_ms"):
        if sample.get(name):
            words.append(f"{name.removesuffix('_ms').replace('_', ' ')} {sample[name]:.2f} ms")
    if sample.get("errors"):
        words.append(f"{sample['errors']} ERRORS")
    if sample.get("note"):
        words.append(str(sample["note"]))
    return f"{where} " + ", ".join(words)
