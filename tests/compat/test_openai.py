"""``mlflow.openai.autolog``: the calls of OpenAI's unchanged client are traced."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import mlflow
import openai
import pytest

from tests.compat import fake_openai
from tests.services import TrackwayServer

QUESTION = {"role": "user", "content": "How is the weather?"}
CHAT = {"model": "gpt-4o-mini", "messages": [QUESTION]}


@pytest.fixture
def base_url(shared_server: TrackwayServer) -> Iterator[str]:
    mlflow.set_tracking_uri(shared_server.url)
    mlflow.set_experiment(uuid.uuid4().hex)
    mlflow.openai.autolog()
    with fake_openai.running() as url:
        yield url
    mlflow.openai.autolog(disable=True)


def newest() -> mlflow.entities.Trace:
    mlflow.flush_trace_async_logging()
    [trace] = mlflow.search_traces(return_type="list")
    return trace


def check_chat(trace: mlflow.entities.Trace) -> None:
    [span] = trace.data.spans
    assert (span.span_type, span.status.status_code.name) == ("CHAT_MODEL", "OK")
    assert span.inputs["messages"] == [QUESTION]
    assert trace.info.token_usage == {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}
    # The server computes the cost: 11 tokens at 0.15 and 5 at 0.60 dollars a million.
    cost = json.loads(trace.info.trace_metadata["mlflow.trace.cost"])
    assert cost["total_cost"] == pytest.approx(4.65e-6)
    assert trace.info.request_preview == "How is the weather?"


def test_a_chat(base_url: str) -> None:
    client = openai.OpenAI(api_key="none", base_url=base_url)
    assert client.chat.completions.create(**CHAT).choices[0].message.content == fake_openai.ANSWER
    trace = newest()
    check_chat(trace)
    assert trace.info.response_preview == fake_openai.ANSWER


def test_a_chat_that_is_streamed(base_url: str) -> None:
    client = openai.OpenAI(api_key="none", base_url=base_url)
    stream = client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True})
    texts = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(texts) == fake_openai.ANSWER
    check_chat(newest())


def test_an_asynchronous_chat(base_url: str) -> None:
    async def ask() -> str | None:
        client = openai.AsyncOpenAI(api_key="none", base_url=base_url)
        return (await client.chat.completions.create(**CHAT)).choices[0].message.content

    # In a thread of its own: Playwright, which the tests of the UI keep open, has an event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, ask()).result() == fake_openai.ANSWER
    check_chat(newest())


def test_embeddings(base_url: str) -> None:
    client = openai.OpenAI(api_key="none", base_url=base_url)
    client.embeddings.create(model="text-embedding-3-small", input="a text", encoding_format="float")
    [span] = newest().data.spans
    assert span.span_type == "EMBEDDING"
    assert span.inputs["input"] == "a text"
