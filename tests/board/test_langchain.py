"""``mlflow.langchain.autolog`` of the newest client, with LangChain's unchanged core."""

from __future__ import annotations

import json

import pytest

from tests.services import TrackwayServer

from .clients import install
from .test_traces import NEWEST, run

_PROGRAM = """
import json, sys, mlflow
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool

USAGE = {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}

class Model(GenericFakeChatModel):
    def _get_ls_params(self, stop=None, **kwargs):
        return LangSmithParams(ls_provider="openai", ls_model_name="gpt-4o-mini", ls_model_type="chat")

@tool
def forecast(city: str) -> str:
    "Look up the weather."
    return f"sunny in {city}"

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("langchain")
mlflow.langchain.autolog()
prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("user", "How is it in {city}?")])
answer = AIMessage("It is sunny.", usage_metadata=USAGE)
chain = prompt | Model(messages=iter([answer, answer])) | StrOutputParser()
ids = []
for call in (chain.invoke, lambda inputs: "".join(chain.stream(inputs)), forecast.invoke):
    call({"city": "Basel"})
    ids.append(mlflow.get_last_active_trace_id())
mlflow.flush_trace_async_logging()

def seen(trace_id):
    trace = mlflow.get_trace(trace_id)
    names = {span.span_id: span.name for span in trace.data.spans}
    return {
        "preview": trace.info.request_preview,
        "usage": trace.info.token_usage,
        "cost": trace.info.trace_metadata.get("mlflow.trace.cost"),
        "spans": [[span.name, span.span_type, names.get(span.parent_id)] for span in trace.data.spans],
        "outputs": trace.data.spans[0].outputs,
    }

found = mlflow.search_traces(filter_string="span.type = 'CHAT_MODEL'", return_type="list")
json.dump([ids, [trace.info.trace_id for trace in found], *map(seen, ids)], sys.stdout)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("dialect", ["sqlite"], scope="module")
def test_a_chain_a_stream_and_a_tool_are_traced(server: TrackwayServer) -> None:
    install(NEWEST, lambda words: None)
    ids, found, chain, stream, tool = run(NEWEST, _PROGRAM, server.url)
    assert sorted(found) == sorted(ids[:2])
    # A parser works on the pieces of a stream while the model makes them.
    for trace, parent in ((chain, "RunnableSequence"), (stream, "Model")):
        assert trace["spans"] == [
            ["RunnableSequence", "CHAIN", None],
            ["ChatPromptTemplate", "CHAIN", "RunnableSequence"],
            ["Model", "CHAT_MODEL", "RunnableSequence"],
            ["StrOutputParser", "CHAIN", parent],
        ]
        assert trace["outputs"] == "It is sunny."
        assert json.loads(trace["preview"]) == {"city": "Basel"}
    assert chain["usage"] == {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}
    assert json.loads(chain["cost"])["total_cost"] == pytest.approx(4.65e-6)
    assert (tool["spans"], tool["outputs"]) == ([["forecast", "TOOL", None]], "sunny in Basel")
