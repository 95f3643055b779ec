"""Rows for searches: pages of 100, of 10,000 and 100,000 runs, and of 1,000 models with 3 versions each."""

from __future__ import annotations

import base64
import json
import statistics
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from . import wire
from .bench import Bench
from .fill import Run, fill, make
from .servers import Contender
from .writes import at_once

PAGE = 100
_BUDGET_S = 2.0
_AT_LEAST = 3
_AT_MOST = 50

# Fields that the client sends besides experiment and page size; a function that returns the expected runs.
Query = tuple[dict[str, Any], Callable[[list[Run]], list[Run]]]
QUERIES: dict[str, Query] = {
    "newest": ({}, lambda runs: runs[::-1]),
    "filter-order": (
        {"filter": "metrics.m0 > 0.5 and params.p1 = '3'", "order_by": ["metrics.m1 DESC"]},
        lambda runs: sorted(
            (run for run in runs if run.metrics[0] > 0.5 and run.params[1] == "3"),
            key=lambda run: -run.metrics[1],
        ),
    ),
    "last-page": ({}, lambda runs: runs[PAGE - 1 :: -1]),
    "tag": (
        {"filter": "tags.t1 = 'c'"},
        lambda runs: [run for run in reversed(runs) if run.tags[1] == "c"],
    ),
    "like": (
        {"filter": "attributes.run_name LIKE '%77%'"},
        lambda runs: [run for run in reversed(runs) if "77" in run.name],
    ),
}


def measure_runs(bench: Bench, row: str) -> None:
    for number in bench.options.runs:
        runs = make(number)
        places: dict[Contender, str] = {}
        for contender in bench.contenders:
            made = contender.connection.post("experiments/create", {"name": f"{number} runs"})
            places[contender] = made["experiment_id"]
            began = time.perf_counter()
            fill(contender, places[contender], runs)
            bench.say(f"{bench.store:<10} {contender}: {number} runs, {time.perf_counter() - began:.0f} s")
        for name, (fields, expected) in QUERIES.items():
            names = [run.name for run in expected(runs)[:PAGE]]
            bodies = {}
            for contender in bench.contenders:
                body = {
                    "experiment_ids": [places[contender]],
                    "run_view_type": "ACTIVE_ONLY",
                    "max_results": PAGE,
                    **fields,
                }
                if name == "last-page":
                    body["page_token"] = _last_token(contender, body, number)
                bodies[contender] = wire.post("runs/search", body, contender.port)
            _measure(bench, f"search-{name}-{number}", bodies, _names_of("runs"), names)


def measure_registry(bench: Bench, row: str) -> None:
    models = [f"model-{index:04d}" for index in range(bench.options.models)]
    for contender in bench.contenders:
        if contender.kind.name == "fasttrackml":
            continue
        began = time.perf_counter()
        at_once(contender, _make_model, models)
        bench.say(f"{bench.store:<10} {contender}: {len(models)} models, {time.perf_counter() - began:.0f} s")
    not_prompts = "tag.`mlflow.prompt.is_prompt` != 'true'"
    asked: dict[str, tuple[str, str, str, list[str]]] = {
        "registry-first": ("registered-models/search", "registered_models", not_prompts, models[:PAGE]),
        "registry-like": (
            "registered-models/search",
            "registered_models",
            f"name LIKE '%7%' AND {not_prompts}",
            [name for name in models if "7" in name][:PAGE],
        ),
        "registry-versions": (
            "model-versions/search",
            "model_versions",
            f"name = '{models[77]}'",
            [models[77]] * 3,
        ),
    }
    for name, (path, kind, words, names) in asked.items():
        requests = {}
        for contender in bench.contenders:
            if contender.kind.name == "fasttrackml":
                bench.record(contender, name, None, "ms", note="has no registry")
                continue
            query = urlencode({"filter": words, "max_results": PAGE})
            requests[contender] = wire.request("GET", f"{wire.API}{path}?{query}", port=contender.port)
        _measure(bench, name, requests, _names_of(kind), names)


def _measure(
    bench: Bench,
    row: str,
    requests: dict[Contender, bytes],
    names_of: Callable[[bytes], list[str]],
    names: list[str],
) -> None:
    """Measure the median milliseconds of sequential requests. Check the first response of each server."""
    for contender, request in list(requests.items()):
        try:
            found = names_of(contender.connection.send(request))
        except (wire.Refused, OSError) as error:
            bench.record(contender, row, None, "ms", note=f"fails: {error}"[:200])
            contender.connection.close()
            del requests[contender]
            continue
        if found != names:
            where = next(
                (i for i, pair in enumerate(zip(found, names, strict=False)) if len(set(pair)) > 1), -1
            )
            bench.fail(contender, row, f"{len(found)} results of {len(names)}, wrong from number {where}")
            bench.record(contender, row, None, "ms", note="wrong results")
            del requests[contender]
    for contender in bench.in_turn():
        if contender not in requests:
            continue
        contender.settle()
        times: list[float] = []
        before = contender.cpu_s()
        began = time.perf_counter()
        while len(times) < _AT_LEAST or (
            len(times) < _AT_MOST and time.perf_counter() - began < _BUDGET_S / bench.options.repetitions
        ):
            start = time.perf_counter()
            contender.connection.send(requests[contender])
            times.append((time.perf_counter() - start) * 1000)
            if times[-1] > _BUDGET_S * 1000:
                break
        after = contender.cpu_s()
        bench.record(
            contender,
            row,
            statistics.median(times),
            "ms",
            p99_ms=max(times),
            cpu_ms=(after[0] - before[0]) * 1000 / len(times),
            database_cpu_ms=(after[1] - before[1]) * 1000 / len(times),
            requests=len(times),
        )


def _last_token(contender: Contender, body: dict[str, Any], number: int) -> str:
    """Return the page token of the last page. Compute it if tokens hold an offset, else read all pages."""
    first: str = contender.connection.post("runs/search", body)["next_page_token"]
    try:
        token = json.loads(base64.b64decode(first))
    except ValueError:
        token = None
    if isinstance(token, dict) and token.get("offset") == PAGE:
        return base64.b64encode(json.dumps({**token, "offset": number - PAGE}).encode()).decode()
    body = {**body, "max_results": number // 10 - PAGE // 10}  # ten pages, and the last 100 are left
    for _ in range(10):
        body["page_token"] = contender.connection.post("runs/search", body)["next_page_token"]
    return str(body["page_token"])


def _names_of(kind: str) -> Callable[[bytes], list[str]]:
    def names(body: bytes) -> list[str]:
        found = json.loads(body).get(kind, [])
        return [item["info"]["run_name"] if kind == "runs" else item["name"] for item in found]

    return names


def _make_model(connection: wire.Connection, name: str) -> None:
    connection.post("registered-models/create", {"name": name})
    for _ in range(3):
        body = {"name": name, "source": f"s3://models/{name}"}
        connection.post("model-versions/create", body)
