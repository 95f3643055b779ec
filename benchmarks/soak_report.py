"""The verdict of a soak test, and its section of BENCHMARKS.md."""

from __future__ import annotations

import statistics
from typing import Any

from .soak_picture import STORES

# The limits of "flat". Memory: the slope, in MiB per hour, of the regression line through the samples of the
# second half. Latency: the median of the last third of the samples, divided by that of the first third.
_MOST_MIB_PER_HOUR = 12.0
_MOST_SLOWER = 1.25
# Threads and open files: the maximum of the last third minus the maximum before.
_MOST_MORE = 4
# In a shorter test buffers are still filling in its second half.
_LEAST_MINUTES = 20
_RULE = (
    f"in the second half the server's own memory grows by at most {_MOST_MIB_PER_HOUR:g} MiB an hour, the "
    f"median latency of the last third is at most {_MOST_SLOWER} times that of the first, threads and open "
    f"files grow by at most {_MOST_MORE}, and there are no errors"
)

Sample = dict[str, Any]


def judge(samples: list[Sample], minutes: float) -> dict[str, Any]:
    """Return the verdict, which is ``flat`` or a list of reasons, and its figures."""
    settled = samples[1:]
    half, third = settled[len(settled) // 2 :], max(1, len(settled) // 3)
    per_hour = 3600 * _slope([(s["t_s"], s["own_mib"]) for s in half])
    first, last = (
        statistics.median(s["p50_ms"] for s in some) for some in (settled[:third], settled[-third:])
    )
    ratio = last / first
    errors = sum(s["errors"] for s in samples)
    reasons = []
    if minutes < _LEAST_MINUTES:
        reasons.append(f"{minutes:g} minutes are too short to tell")
    if per_hour > _MOST_MIB_PER_HOUR:
        reasons.append(f"memory grows by {per_hour:.1f} MiB an hour")
    if ratio > _MOST_SLOWER:
        reasons.append(f"latency is {ratio:.2f} times that of the start")
    for kind in ("threads", "files"):
        more = max(s[kind] for s in settled[-third:]) - max(s[kind] for s in settled[:-third])
        if more > _MOST_MORE:
            reasons.append(f"{more} more {kind}")
    if errors:
        reasons.append(f"{errors} errors")
    return {
        "verdict": "; ".join(reasons) or "flat",
        "mib_per_hour": round(per_hour, 2),
        "latency_ratio": round(ratio, 3),
        "errors": errors,
        "requests": sum(s["requests"] for s in samples),
        "rule": _RULE,
    }


def section(found: dict[str, Any]) -> str:
    """Return the section: the load, the verdict, the chart, and up to seven of the samples."""
    samples = found["samples"]
    chosen = samples if len(samples) <= 7 else [samples[round(i * (len(samples) - 1) / 6)] for i in range(7)]
    rows = [
        f"| {s['t_s'] / 60:.1f} | {s['pss_mib']:.0f} | {s['own_mib']:.1f} | {s['p50_ms']:.1f} "
        f"| {s['p99_ms']:.0f} | {s['cpu_ms']:.2f} | {s['threads']} | {s['files']} | {s['errors']} |"
        for s in chosen
    ]
    workers = f"{found['workers']} worker{'s' * (found['workers'] > 1)}"
    verdict = found["verdict"][0].upper() + found["verdict"][1:]
    return f"""## {found["minutes"]:g} minutes of steady load

{found["rate"]:g} requests per second over {found["connections"]} connections on {STORES[found["store"]]},
with {workers}. The requests are those of `benchmarks/soak_calls.py`: runs, metrics, batches, tags, searches,
histories, artifacts, the registry and archives.

**{verdict}**: memory {found["mib_per_hour"]:+.1f} MiB an hour over the second half, the median latency
of the last third {found["latency_ratio"]:.2f} times that of the first, {found["errors"]} errors in
{found["requests"]:,} requests. The verdict is "flat" if {found["rule"]}.
The server's own memory is the part of the PSS that is not backed by files. The other part, such as libraries,
depends on which other processes on the machine use the same files.

![Memory and latency over time](docs/images/soak.svg)

| minute | memory, MiB (PSS) | its own | median ms | 99 % ms | processor ms each | threads | files | errors |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}

Measured on {found["date"]} with {found["processors"]} processors. `make soak` repeats the test.
"""


def _slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the regression line; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*points, strict=True)).slope
