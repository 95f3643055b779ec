"""Requests that no client would send are refused in words, and leave the server as it was."""

from __future__ import annotations

import time

from tests.hold import probes
from tests.hold.hostile import Attacker, attack
from tests.hold.load import Load
from tests.services import MlflowServer

MIB = 2**20


def known(server):
    """Ids that exist, by the names of the fields that hold them."""
    run = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    server.post("registered-models/create", name="model")
    server.post("model-versions/create", name="model", source="s3://bucket/a", run_id=run)
    model = server.post("logged-models", experiment_id="0", name="logged")["model"]["info"]["model_id"]
    return {
        "run_id": run,
        "run_uuid": run,
        "run_ids": [run],
        "experiment_id": "0",
        "experiment_ids": ["0"],
        "name": "model",
        "version": "1",
        "model_id": model,
        "artifact_path": "folder/file",
        "path": "file",
    }


def test_hostile_requests_get_an_answer_without_a_stack_trace(serve, figures, is_full, dialect, tmp_path):
    """Over the table of endpoints: a request that makes sense, with one thing in it or several replaced.
    Any answer of 5xx but 501 (not implemented) is wrong, and any stack trace, in an answer or in the
    server's log.
    """
    server = serve("--workers", "1")
    ids = known(server)
    attack(server.port, Attacker(0, ids), 300)  # modules are loaded
    before = probes.memory(server.pid)
    tally = attack(server.port, Attacker(1, ids), 20_000 if is_full else 1_500)
    time.sleep(1)
    after = probes.memory(server.pid)
    for kind, count in sorted(tally.counts.items()):
        figures(kind, server, count=count, wrong=len(tally.wrong.get(kind, ())))
    health = probes.health(server.port, 0.5)
    memory = {"memory_before": before, "memory_after": after}
    figures("all of them", server, count=tally.counts.total(), health_s=health.slowest, **memory)
    assert not tally.wrong, next(iter(tally.wrong.values()))[:10]
    assert "Traceback" not in server.log
    assert health.failed == 0
    assert after < before + 64 * MIB
    # One of the requests may have deleted the experiment that the writers use.
    server.send("POST", "/api/2.0/mlflow/experiments/restore", b'{"experiment_id": "0"}')
    with Load([server.url], each=1) as load:
        load.wait_for_each()
    outcome = load.outcome(server.url)
    assert (outcome.lost, outcome.wrong) == (0, 0), outcome.complaints[:10]
    if is_full and dialect == "sqlite":
        mlflow = MlflowServer(tmp_path / "mlflow")
        mlflow.start()
        try:
            tally = attack(mlflow.port, Attacker(1, known(mlflow)), 2_000)
            wrong = sum(map(len, tally.wrong.values()))
            figures("all of them", mlflow, count=tally.counts.total(), wrong=wrong)
        finally:
            mlflow.kill()
