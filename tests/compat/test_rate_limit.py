"""A limit of the rate of requests: MLflow's client, unchanged, waits and repeats what was refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from mlflow import MlflowClient


@pytest.fixture(scope="module")
def dialect():
    return "sqlite"


def test_clients_over_the_limit_lose_nothing(serve):
    server = serve("--rate-limit", "10", "--workers", "1")
    client = MlflowClient(server.url)
    run_id = client.create_run("0").info.run_id

    def log(number):
        client.log_metric(run_id, f"m{number}", number, timestamp=1)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(log, range(40)))
    assert client.get_run(run_id).data.metrics == {f"m{number}": number for number in range(40)}
    assert '"status": 429' in server.log
