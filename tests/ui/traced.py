"""The traces on the server of the UI tests, created with MLflow's client and OpenTelemetry's protocol."""

from __future__ import annotations

import io
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import requests

from tests.spans import HEADERS, PATH, body_of, span_of

QUESTIONS = ("What is the capital of Norway?", "Who wrote Faust?", "How high is the Matterhorn?")
ANSWERS = ("The capital of Norway is Oslo.", "Goethe wrote it.", "4478 metres.")
TOOL_FAULT = "The index of the library is not reachable"


def fill(url: str) -> SimpleNamespace:
    """Create an experiment with nine traces.

    Three questions in each of two conversations, a failure, a picture, and a trace of OpenTelemetry.
    """
    import mlflow

    mlflow.set_tracking_uri(url)
    experiment_id = mlflow.set_experiment("support agent").experiment_id
    model_id = mlflow.create_external_model(name="agent-v1").model_id
    with mlflow.start_run(run_name="evening") as run:
        conversations = [_answer("anna", "talk-1", number, model_id) for number in range(3)]
    conversations += [_answer("boris", "talk-2", number) for number in range(3)]
    failed, pictured = _failed(), _pictured()
    mlflow.flush_trace_async_logging()
    for number, trace_id in enumerate(conversations):
        mlflow.log_feedback(trace_id=trace_id, name="helpful", value=number != 1, source=_human("carla"))
        mlflow.log_feedback(trace_id=trace_id, name="score", value=number / 2)
    mlflow.log_expectation(
        trace_id=conversations[0], name="expected_answer", value="Oslo", source=_human("carla")
    )
    mlflow.set_trace_tag(conversations[0], "team", "north")
    mlflow.set_trace_tag(conversations[1], "team", "south")
    mlflow.set_tracking_uri(None)
    return SimpleNamespace(
        experiment_id=experiment_id,
        run_id=run.info.run_id,
        model_id=model_id,
        conversations=conversations,
        failed=failed,
        pictured=pictured,
        exported=_export(url, experiment_id),
    )


def _answer(user: str, session: str, number: int, model_id: str | None = None) -> str:
    """Trace a program that searches with a tool and asks a model. Return the id."""
    import mlflow
    from mlflow.entities import SpanType

    question, answer = QUESTIONS[number], ANSWERS[number]

    @mlflow.trace(name="search_library", span_type=SpanType.TOOL)  # type: ignore[untyped-decorator]
    def search_library(query: str) -> list[str]:
        return [f"A page about: {query}"]

    @mlflow.trace(name="support_agent", span_type=SpanType.AGENT)  # type: ignore[untyped-decorator]
    def support_agent(question: str) -> str:
        metadata = {"mlflow.trace.session": session, "mlflow.trace.user": user}
        mlflow.update_current_trace(metadata=metadata, model_id=model_id)
        pages = search_library(question)
        with mlflow.start_span("ask_model", span_type=SpanType.CHAT_MODEL) as span:
            messages = [
                {"role": "system", "content": f"Answer from these pages: {pages}"},
                {"role": "user", "content": question},
            ]
            span.set_inputs({"messages": messages, "model": "gpt-4o-mini"})
            reply = {"role": "assistant", "content": answer}
            span.set_outputs({"choices": [{"index": 0, "message": reply, "finish_reason": "stop"}]})
            span.set_attribute("mlflow.message.format", "openai")
            span.set_attribute("mlflow.llm.model", "gpt-4o-mini")
            span.set_attribute("mlflow.llm.provider", "openai")
            usage = {"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200}
            span.set_attribute("mlflow.chat.tokenUsage", usage)
            cost = {"input_cost": 0.25, "output_cost": 0.75, "total_cost": 1.0}
            span.set_attribute("mlflow.llm.cost", cost)
        return answer

    support_agent(question)
    return str(mlflow.get_last_active_trace_id())


def _failed() -> str:
    import mlflow
    from mlflow.entities import SpanType

    @mlflow.trace(name="search_library", span_type=SpanType.TOOL)  # type: ignore[untyped-decorator]
    def search_library(query: str) -> list[str]:
        raise ConnectionError(TOOL_FAULT)

    @mlflow.trace(name="broken_agent", span_type=SpanType.AGENT)  # type: ignore[untyped-decorator]
    def broken_agent(question: str) -> str:
        return search_library(question)[0]

    with suppress(ConnectionError):
        broken_agent("Is anybody there?")
    return str(mlflow.get_last_active_trace_id())


def _pictured() -> str:
    import mlflow
    from mlflow.tracing.attachments import Attachment
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (80, 60), (200, 30, 30)).save(picture, "PNG")
    with mlflow.start_span("read_picture") as span:
        attachment = Attachment(content_type="image/png", content_bytes=picture.getvalue())
        span.set_inputs({"picture": attachment})
        span.set_outputs("A red field.")
    return str(span.trace_id)


def _export(url: str, experiment_id: str) -> str:
    """Send a trace as an exporter of OpenTelemetry does. Return the id."""
    start_ns = time.time_ns() - 2_000_000_000
    root = span_of("GET /ask", start_ns=start_ns, attributes={"session.id": "talk-3", "user.id": "dora"})
    messages = '[{"role":"user","parts":[{"type":"text","content":"Which river flows through Basel?"}]}]'
    answer = '[{"role":"assistant","parts":[{"type":"text","content":"The Rhine."}],"finish_reason":"stop"}]'
    call = span_of(
        "chat gpt-4o",
        parent=root,
        start_ns=start_ns + 100_000_000,
        duration_ns=500_000_000,
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 2000,
            "gen_ai.usage.output_tokens": 100,
            "gen_ai.input.messages": messages,
            "gen_ai.output.messages": answer,
        },
    )
    headers = {**HEADERS, "X-Mlflow-Experiment-Id": experiment_id}
    body = body_of(root, call, resource={"service.name": "web", "deployment.environment": "staging"})
    requests.post(url + PATH, body, headers=headers, timeout=60).raise_for_status()
    return f"tr-{root.trace_id.hex()}"


def _human(name: str) -> Any:
    from mlflow.entities import AssessmentSource

    return AssessmentSource(source_type="HUMAN", source_id=name)
