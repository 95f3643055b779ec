"""A program whose calls of OpenAI's client a library instruments; OpenTelemetry's variables say the rest.

Arguments: the module of the instrumentation, the base URL of OpenAI's interface. It prints the trace's id.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import openai
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}}
FORECAST: Any = {"type": "function", "function": {"name": "forecast", "parameters": CITY}}
QUESTION = "How is the weather?"


def main(instrumentation: str, base_url: str) -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    importlib.import_module(instrumentation).OpenAIInstrumentor().instrument()
    client = openai.OpenAI(api_key="none", base_url=base_url)
    model: Any = {"model": "gpt-4o-mini"}
    with trace.get_tracer("app").start_as_current_span("answer") as root:
        messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]
        client.chat.completions.create(**model, messages=messages, tools=[FORECAST])
        options: Any = {"stream": True, "stream_options": {"include_usage": True}}
        for _ in client.chat.completions.create(**model, messages=messages[1:], **options):
            pass
        client.embeddings.create(model="text-embedding-3-small", input="a text", encoding_format="float")
    provider.shutdown()
    print(f"tr-{root.get_span_context().trace_id:032x}")


if __name__ == "__main__":
    main(*sys.argv[1:])
