"""Traces that one release of the client has written are read by another."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.services import TrackwayServer

from .clients import CLIENTS, Client, install
from .play import client_environment

NEWEST = CLIENTS[-1]
# They send spans as files in two forms. `make board` makes more calls, with all releases.
OLDER = [client for client in CLIENTS if client.version in ("2.14.3", "3.0.1")]

_LOG = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("shared")

@mlflow.trace(attributes={"factor": 2})
def double(number):
    return 2 * number

@mlflow.trace
def fail():
    raise ValueError("no answer")

@mlflow.trace(span_type="CHAIN")
def answer(question, number):
    try:
        fail()
    except ValueError:
        pass
    return {"text": question, "number": double(number)}

answer("how? \\u00e4\\U0001f600", 21)
if hasattr(mlflow, "flush_trace_async_logging"):
    mlflow.flush_trace_async_logging()
if hasattr(mlflow, "get_last_active_trace_id"):
    trace_id = mlflow.get_last_active_trace_id()
else:
    trace_id = mlflow.get_last_active_trace().info.request_id
json.dump(trace_id, sys.stdout)
"""
_READ = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
trace = mlflow.MlflowClient().get_trace(sys.argv[2])
names = {span.span_id: span.name for span in trace.data.spans}
json.dump({
    span.name: [names.get(span.parent_id), span.inputs, span.outputs, span.status.status_code.value,
                span.get_attribute("factor"), span.get_attribute("mlflow.spanType"),
                [event.attributes["exception.message"] for event in span.events],
                span.start_time_ns > 10**18, span.end_time_ns >= span.start_time_ns]
    for span in trace.data.spans
}, sys.stdout)
"""


def run(client: Client, script: str, *arguments: str) -> Any:
    done = subprocess.run(
        [str(client.python), "-c", script, *arguments],
        env=client_environment() | {"PYTHONIOENCODING": "utf-8"},
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("dialect", ["sqlite"], scope="module")
@pytest.mark.parametrize("client", OLDER, ids=lambda client: client.version)
def test_old_and_new_clients_read_each_others_traces(server: TrackwayServer, client: Client) -> None:
    for each in (client, NEWEST):
        install(each, lambda words: None)
    question = {"question": "how? ä😀", "number": 21}
    outputs = {"text": "how? ä😀", "number": 42}
    expected = {
        "answer": [None, question, outputs, "OK", None, "CHAIN", [], True, True],
        "fail": ["answer", {}, None, "ERROR", None, "UNKNOWN", ["no answer"], True, True],
        "double": ["answer", {"number": 21}, 42, "OK", 2, "UNKNOWN", [], True, True],
    }
    for writer, reader in ((client, NEWEST), (NEWEST, client), (client, client)):
        trace_id = run(writer, _LOG, server.url)
        assert run(reader, _READ, server.url, trace_id) == expected, (writer.version, reader.version)
