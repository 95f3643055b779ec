"""The titles of the rows, and the targets for Trackway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Rows with a rate, in requests per second, for each number of connections.
LOADED = {
    "create-run": "create a run",
    "log-metric": "log a metric",
    "set-tag": "set a tag",
    "small-batch": "batch: 10 metrics, 5 params, 2 tags",
    "batch-1000-keys": "batch: 1,000 metrics, 1,000 keys",
    "batch-5-keys": "batch: 1,000 metrics, 5 keys",
    "get-run": "get a run: 20 metrics, 20 params, 10 tags",
}
# Rows with a single figure; less is better.
SINGLE = {
    "history": "history of 100,000 points",
    "search-newest-10000": "10,000 runs: newest 100",
    "search-filter-order-10000": "10,000 runs: filter on metric and param, order by metric",
    "search-last-page-10000": "10,000 runs: last page of 100",
    "search-tag-10000": "10,000 runs: filter on a tag",
    "search-like-10000": "10,000 runs: name `LIKE '%77%'`",
    "search-newest-100000": "100,000 runs: newest 100",
    "search-filter-order-100000": "100,000 runs: filter on metric and param, order by metric",
    "search-last-page-100000": "100,000 runs: last page of 100",
    "search-tag-100000": "100,000 runs: filter on a tag",
    "search-like-100000": "100,000 runs: name `LIKE '%77%'`",
    "registry-first": "1,000 models: first 100",
    "registry-like": "1,000 models: name `LIKE '%7%'`",
    "registry-versions": "3,000 versions: those of one model",
    "artifact-large-up": "artifact of 100 MiB, up",
    "artifact-large-down": "artifact of 100 MiB, down",
    "artifacts-small-up": "1,000 artifacts of 4 KiB, up",
    "artifacts-small-down": "1,000 artifacts of 4 KiB, down",
    "client-1": "client: 1,000 log_metric, 50 params",
    "client-8": "client: the same as 8 processes",
    "start": "start to first 200",
    "memory-idle": "memory, idle",
    "memory-loaded": "memory, after the load",
    "bytes-per-point": "disk for a metric point",
}
TITLES = {**LOADED, **SINGLE}


# The rows that are also measured with authentication, and the least share of the rate without it.
AUTH_ROWS = ("create-run", "log-metric", "set-tag", "get-run")
AUTH_SHARE = 0.95


@dataclass(frozen=True)
class Target:
    """How many times better than MLflow and FastTrackML Trackway must be on each of ``rows``, by store."""

    title: str
    rows: tuple[str, ...]
    mlflow: Mapping[str, float]
    fasttrackml: Mapping[str, float]
    connections: tuple[int, ...] = field(default=())


def _both(times: float) -> Mapping[str, float]:
    return {"sqlite": times, "postgresql": times}


def _starting(prefix: str, suffix: str = "") -> tuple[str, ...]:
    return tuple(row for row in SINGLE if row.startswith(prefix) and row.endswith(suffix))


TARGETS = (
    Target("single writes", ("create-run", "log-metric", "set-tag"), _both(10), _both(1.2), (1, 8)),
    Target("small batch", ("small-batch",), _both(10), _both(2), (1, 8)),
    Target("batches of 1,000 metrics", ("batch-1000-keys", "batch-5-keys"), _both(8), _both(3), (1, 8)),
    Target("get a run", ("get-run",), _both(10), _both(1.2), (1, 8)),
    Target("history of 100,000 points", ("history",), _both(5), _both(1.5)),
    Target("searches, 10,000 runs", _starting("search-", "-10000"), _both(10), _both(5)),
    Target("searches, 100,000 runs", _starting("search-", "-100000"), _both(20), _both(10)),
    Target("client, 1,000 log_metric", _starting("client-"), _both(5), _both(1.2)),
    Target("start to first 200", ("start",), _both(10), {}),
    Target("memory, idle", ("memory-idle",), _both(10), _both(0.45)),
    Target("memory, loaded", ("memory-loaded",), _both(10), _both(0.5)),
    Target(
        "disk for a metric point",
        ("bytes-per-point",),
        {"sqlite": 5, "postgresql": 2},
        {"sqlite": 5, "postgresql": 2},
    ),
)
