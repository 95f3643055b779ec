"""Instrumentations of other libraries, unchanged: their spans have what MLflow's pages show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import pytest

from tests.compat import fake_openai
from tests.services import TrackwayServer

from .instrumented import FORECAST, QUESTION

_PROGRAM = Path(__file__).with_name("instrumented.py")


class Library(NamedTuple):
    """An instrumentation of OpenAI's client, and the names and types of the spans that it makes."""

    module: str
    chat: str
    chat_type: str
    embedding: str


LIBRARIES = {
    "OpenInference": Library(
        "openinference.instrumentation.openai", "ChatCompletion", "LLM", "CreateEmbeddings"
    ),
    "Traceloop": Library(
        "opentelemetry.instrumentation.openai", "openai.chat", "CHAT_MODEL", "openai.embeddings"
    ),
}


def run(server: TrackwayServer, library: Library) -> mlflow.entities.Trace:
    """Run the program with the variables that ``docs/traces.md`` names, and read the trace."""
    environment = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{server.url}/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-mlflow-experiment-id=0",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "gzip",
    }
    with fake_openai.running() as base_url:
        done = subprocess.run(
            [sys.executable, str(_PROGRAM), library.module, base_url],
            env=environment,
            text=True,
            capture_output=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    mlflow.set_tracking_uri(server.url)
    return mlflow.get_trace(done.stdout.strip())


def attribute(span: Any, name: str) -> Any:
    return span.get_attribute(f"mlflow.{name}")


@pytest.mark.parametrize("dialect", ["sqlite"], scope="module")
@pytest.mark.parametrize("library", LIBRARIES.values(), ids=list(LIBRARIES))
@pytest.mark.usefixtures("leave_no_trace")
def test_calls_of_openai_have_types_contents_tokens_and_costs(
    shared_server: TrackwayServer, library: Library
) -> None:
    trace = run(shared_server, library)
    root, chat, stream, embedding = trace.data.spans
    assert (root.name, trace.info.state) == ("answer", "OK")
    for span in (chat, stream):
        assert (span.name, span.span_type) == (library.chat, library.chat_type)
        assert QUESTION in json.dumps(span.inputs)
        assert fake_openai.ANSWER in json.dumps(span.outputs)
        usage = {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}
        assert attribute(span, "chat.tokenUsage") == usage
        assert attribute(span, "llm.model") == "gpt-4o-mini"
        assert attribute(span, "llm.cost")["total_cost"] == pytest.approx(4.65e-6)
    assert "forecast" in json.dumps(attribute(chat, "chat.tools") or chat.inputs["tools"])
    assert FORECAST["function"]["name"] not in json.dumps(stream.inputs)
    assert (embedding.name, embedding.span_type) == (library.embedding, "EMBEDDING")
    assert "a text" in json.dumps(embedding.inputs)
    usage = attribute(embedding, "chat.tokenUsage")
    assert (usage["input_tokens"], usage["total_tokens"]) == (3, 3)
    # What the list of traces shows.
    assert trace.info.tags["mlflow.traceName"] == "answer"
    assert trace.info.request_preview == QUESTION
    assert trace.info.response_preview == fake_openai.ANSWER
    sums = {"input_tokens": 25, "output_tokens": 10, "total_tokens": 35}
    assert trace.info.token_usage.items() >= sums.items()
    # 25 tokens in, 3 of them embedded at 0.02 dollars a million, and 10 out.
    cost = json.loads(trace.info.trace_metadata["mlflow.trace.cost"])
    assert cost["total_cost"] == pytest.approx(2 * 4.65e-6 + 3 * 0.02e-6)
