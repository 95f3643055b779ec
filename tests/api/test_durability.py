"""Many writers lose nothing. What is kept when a server is killed under load is in `tests/hold/`."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.services import TrackwayServer

API = "/api/2.0/mlflow"
KEYS = [f"m{number}" for number in range(10)]


class Refused(Exception):
    """The server understood and said no."""


class Client:
    """One kept connection; an answer that is neither 200 nor 400 fails the test."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._ask("POST", path, json.dumps(body))

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def _ask(self, verb: str, path: str, body: str | None) -> Any:
        self._connection.request(verb, API + path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status == 400:
            raise Refused(text)
        assert answer.status == 200, text
        return json.loads(text)


def new_run(client: Client) -> str:
    return str(client.post("/runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"])


def batch(run: str, number: int) -> dict[str, Any]:
    """Ten metrics, a param and a tag that all carry the batch's number."""
    return {
        "run_id": run,
        "metrics": [{"key": key, "value": number, "timestamp": number, "step": number} for key in KEYS],
        "params": [{"key": f"p{number}", "value": "1"}],
        "tags": [{"key": f"t{number}", "value": "1"}],
    }


def test_64_writers_on_one_run_all_succeed(server: TrackwayServer) -> None:
    run = new_run(Client(server.url))

    def write(writer: int) -> None:
        client = Client(server.url)
        for number in range(writer * 4, writer * 4 + 4):
            client.post("/runs/log-batch", batch(run, number))

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(write, range(64)))
    client = Client(server.url)
    data = client.get(f"/runs/get?run_id={run}")["run"]["data"]
    assert len(data["params"]) == 256
    assert {metric["key"]: metric["value"] for metric in data["metrics"]} == dict.fromkeys(KEYS, 255.0)
    history = client.get(f"/metrics/get-history?run_id={run}&metric_key=m3")["metrics"]
    assert [point["step"] for point in history] == list(range(256))


def create_runs(url: str) -> list[str]:
    client = Client(url)
    return [new_run(client) for _ in range(25)]


def test_8_processes_create_runs_in_one_experiment(server: TrackwayServer) -> None:
    with ProcessPoolExecutor(8) as pool:
        made = [run for runs in pool.map(create_runs, [server.url] * 8) for run in runs]
    found = Client(server.url).post("/runs/search", {"experiment_ids": ["0"], "max_results": 1000})["runs"]
    assert len(set(made)) == 200
    assert {run["info"]["run_id"] for run in found} == set(made)


def test_one_tag_written_by_many_holds_one_of_their_values(server: TrackwayServer) -> None:
    run = new_run(Client(server.url))

    def write(value: int) -> None:
        Client(server.url).post("/runs/set-tag", {"run_id": run, "key": "k", "value": str(value)})

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(64)))
    tags = Client(server.url).get(f"/runs/get?run_id={run}")["run"]["data"]["tags"]
    assert {tag["key"]: tag["value"] for tag in tags}["k"] in {str(value) for value in range(64)}


def test_of_two_different_values_of_one_param_one_is_kept_and_the_other_refused(
    server: TrackwayServer,
) -> None:
    run = new_run(Client(server.url))
    outcomes: list[str] = []

    def write(value: int) -> None:
        param = {"run_id": run, "key": "k", "value": str(value)}
        with suppress(Refused):
            Client(server.url).post("/runs/log-parameter", param)
            outcomes.append(str(value))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    params = Client(server.url).get(f"/runs/get?run_id={run}")["run"]["data"]["params"]
    assert [param["value"] for param in params] == outcomes


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_server_that_was_stopped_leaves_one_file_that_has_everything(server: TrackwayServer) -> None:
    run = new_run(Client(server.url))
    server.stop()
    database = Path(server.store_uri.removeprefix("sqlite:///"))
    assert [path.name for path in database.parent.glob(f"{database.name}*")] == [database.name]
    server.start()
    assert Client(server.url).get(f"/runs/get?run_id={run}")
