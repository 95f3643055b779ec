"""Rows for MLflow's Python client: a run with 1,000 metrics and 50 params, in 1 process and in 8."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from . import environments
from .bench import Bench, Failed
from .servers import Contender
from .wire import for_run

METRICS = 1000
PARAMS = 50
_CLIENTS_OWN = "KeyError: '_MLFLOW_TELEMETRY_SESSION_ID'"
_ATTEMPTS = 5
_SCRIPT = Path(__file__).with_name("client_run.py")
# The only environment variables of the clients. For each request Python's HTTP clients read all variables of
# the environment four times: with 35 variables this took 57 us of 1.6 ms.
_ENVIRONMENT = ("PATH", "HOME", "LANG")


def measure(bench: Bench, row: str) -> None:
    for processes in bench.options.clients:
        name = f"client-{processes}"
        for contender in bench.in_turn():
            if processes > 1 and contender.kind.is_variant:
                continue
            try:
                before, (took, runs, client_cpu_s) = _run_whole(bench, contender, processes)
            except Failed as error:
                bench.fail(contender, name, str(error))
                bench.record(contender, name, None, "s", note="the client fails")
                continue
            after = contender.cpu_s()
            for run in runs:
                _check(bench, contender, name, run)
            bench.record(
                contender,
                name,
                took,
                "s",
                cpu_ms=(after[0] - before[0]) * 1000,
                database_cpu_ms=(after[1] - before[1]) * 1000,
                client_cpu_s=client_cpu_s,
            )


def _run_whole(
    bench: Bench, contender: Contender, processes: int
) -> tuple[tuple[float, float], tuple[float, list[str], float]]:
    """Return the processor time before a measurement and its result. Repeat it if the client itself fails.

    MLflow's client fails now and then: a telemetry thread sets an environment variable while another thread
    reads all variables. This is independent of the server.
    """
    for _ in range(_ATTEMPTS):
        contender.settle()
        before = contender.cpu_s()
        try:
            return before, _run(contender, processes)
        except Failed as error:
            told = [log.read_text(errors="replace") for log in _logs(contender, processes)]
            faults = [text for text in told if "Traceback" in text]
            if not faults or not all(_CLIENTS_OWN in text for text in faults):
                raise
            bench.say(f"repeated, because MLflow's client failed: {error}")
    raise Failed(f"the client failed {_ATTEMPTS} times, independently of the server")


def _run(contender: Contender, processes: int) -> tuple[float, list[str], float]:
    """Return the seconds until the last client ended, their run ids, and their processor time in seconds."""
    python = environments.programs("client") / "python"
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{contender.port}"
    clients = []
    for log in _logs(contender, processes):
        with open(log, "w") as told:
            clients.append(
                subprocess.Popen(
                    [str(python), str(_SCRIPT), str(METRICS), str(PARAMS)],
                    cwd=contender.folder,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=told,
                    text=True,
                )
            )
    try:
        # Imports take seconds and are not measured: all clients wait until each of them is ready.
        for client in clients:
            _line_of(client, "ready")
        began = time.perf_counter()
        for client in clients:
            assert client.stdin
            client.stdin.write("go\n")
            client.stdin.flush()
        done = [_line_of(client, "done").split() for client in clients]
        took = time.perf_counter() - began
    finally:
        for client in clients:
            client.kill()
            client.communicate()
    return took, [words[1] for words in done], sum(float(words[2]) for words in done)


def _logs(contender: Contender, processes: int) -> list[Path]:
    """Return the log files of the clients."""
    return [contender.folder / f"client-{number}.log" for number in range(processes)]


def _line_of(client: subprocess.Popen[str], word: str) -> str:
    assert client.stdout
    for line in client.stdout:
        if line.startswith(word):
            return line
    raise Failed(f"the client ended with {client.wait()} before it was {word}")


def _check(bench: Bench, contender: Contender, name: str, run: str) -> None:
    points = sum(len(page) for page in contender.connection.history(run, "loss"))
    found = contender.connection.get("runs/get", **for_run(run))["run"]
    params = len(found["data"]["params"])
    if (points, params, found["info"]["status"]) != (METRICS, PARAMS, "FINISHED"):
        bench.fail(contender, name, f"the client's run has {points} points, {params} params, {found['info']}")
