"""The names that instrumentations give to what a span is about: twelve dialects, as data.

The order is MLflow's: the first dialect that has a value gives it. What a row cannot say is a function of
`dialect_readers`. Sources: MLflow 3.17's translation of spans, and the conventions of each project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from . import dialect_readers as readers

Attributes = Mapping[str, str]
# Keys of counts of tokens: input, output, total, read from the cache, written to the cache.
TokenKeys = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]
NO_TOKENS: TokenKeys = ((), (), (), (), ())


class Dialect(NamedTuple):
    """One convention.

    `heads` are the first parts (up to a dot) of all its keys: a span without any of them does not use it.
    `type_keys` name the span's type in its words, which `types` translates. `inputs` and the following are
    keys, the first one with a value counts. A span with a key of `marks` has the message format `format`.
    The functions replace the keys; each of them returns None if it finds nothing.
    """

    heads: frozenset[str]
    type_keys: tuple[str, ...] = ()
    types: Mapping[str, str] = {}
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    tokens: TokenKeys = NO_TOKENS
    models: tuple[str, ...] = ()
    provider: str = ""
    tools: str = ""
    format: str = ""
    marks: tuple[str, ...] = ()
    read_type: Callable[[Attributes], str | None] | None = None
    read_inputs: Callable[[Attributes], str | None] | None = None
    read_outputs: Callable[[Attributes], str | None] | None = None
    read_tokens: Callable[[Attributes], tuple[int | None, ...] | None] | None = None
    read_format: Callable[[Attributes], bool] | None = None


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


OPEN_INFERENCE = Dialect(
    heads=_words("openinference llm embedding input output"),
    type_keys=("openinference.span.kind",),
    types={
        name: name
        for name in ("TOOL CHAIN LLM RETRIEVER EMBEDDING AGENT RERANKER UNKNOWN GUARDRAIL EVALUATOR".split())
    },
    inputs=("input.value",),
    outputs=("output.value",),
    tokens=(
        ("llm.token_count.prompt",),
        ("llm.token_count.completion",),
        ("llm.token_count.total",),
        ("llm.token_count.prompt_details.cache_read",),
        ("llm.token_count.prompt_details.cache_write",),
    ),
    models=("llm.response.model_name", "llm.model_name", "llm.request.model_name", "embedding.model_name"),
    provider="llm.provider",
)

# OpenTelemetry's conventions for generative AI. They define no total; Traceloop's instrumentations have one,
# the only one for embeddings, which have no output.
GENAI = Dialect(
    heads=_words("gen_ai"),
    type_keys=("gen_ai.operation.name",),
    types=readers.GENAI_TYPES,
    inputs=("gen_ai.input.messages", "gen_ai.tool.call.arguments"),
    outputs=("gen_ai.output.messages", "gen_ai.tool.call.result"),
    tokens=(
        ("gen_ai.usage.input_tokens",),
        ("gen_ai.usage.output_tokens",),
        ("gen_ai.usage.total_tokens",),
        ("gen_ai.usage.cache_read.input_tokens",),
        ("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ),
    models=("gen_ai.response.model", "gen_ai.request.model"),
    provider="gen_ai.provider.name",
    tools="gen_ai.tool.definitions",
)

# As GENAI, with operations of its own and messages in the shape of Gemini's API.
GEMINI_CLI = GENAI._replace(
    read_type=readers.gemini_type,
    read_inputs=readers.gemini_inputs,
    read_outputs=readers.gemini_outputs,
    format="gemini",
    read_format=readers.is_gemini,
)

CLAUDE_CODE = Dialect(
    heads=_words("span"),
    read_type=readers.claude_type,
    read_inputs=readers.claude_inputs,
    read_outputs=readers.claude_outputs,
    read_tokens=readers.claude_tokens,
)

# Spring AI writes what GENAI reads, and its messages into events: see `events`.

TRACELOOP = Dialect(
    heads=_words("traceloop gen_ai llm"),
    type_keys=("traceloop.span.kind",),
    types={name: name.upper() for name in "workflow task agent tool unknown".split()},
    read_inputs=readers.traceloop_inputs,
    read_outputs=readers.traceloop_outputs,
    tokens=(
        ("gen_ai.usage.prompt_tokens",),
        ("gen_ai.usage.completion_tokens",),
        ("llm.usage.total_tokens",),
        (),
        (),
    ),
    provider="gen_ai.system",
)

GOOGLE_ADK = Dialect(
    heads=_words("gcp"),
    inputs=("gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args"),
    outputs=("gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response"),
)

VERCEL_AI = Dialect(
    heads=_words("ai"),
    type_keys=("ai.operationId",),
    types={
        "ai.generateText": "LLM",
        "ai.generateText.doGenerate": "LLM",
        "ai.toolCall": "TOOL",
        "ai.streamText": "LLM",
        "ai.streamText.doStream": "LLM",
        "ai.generateObject": "LLM",
        "ai.generateObject.doGenerate": "LLM",
        "ai.streamObject": "LLM",
        "ai.streamObject.doStream": "LLM",
        "ai.embed": "EMBEDDING",
        "ai.embed.doEmbed": "EMBEDDING",
        "ai.embedMany": "EMBEDDING",
        "ai.embedMany.doEmbed": "EMBEDDING",
    },
    read_inputs=readers.vercel_inputs,
    read_outputs=readers.vercel_outputs,
    format="vercel_ai",
    read_format=readers.is_vercel_chat,
)

VOLT_AGENT = Dialect(
    heads=_words("span entity agent llm input output usage voltagent"),
    # A child has its parent's entity.type, so its own span.type comes first.
    type_keys=("span.type", "entity.type"),
    types={name: name.upper() for name in "agent llm tool memory".split()},
    inputs=("agent.messages", "llm.messages", "input"),
    outputs=("output",),
    tokens=(
        ("usage.prompt_tokens", "llm.usage.prompt_tokens"),
        ("usage.completion_tokens", "llm.usage.completion_tokens"),
        ("usage.total_tokens", "llm.usage.total_tokens"),
        (),
        (),
    ),
    format="voltagent",
    marks=("voltagent.operation_id", "voltagent.conversation_id"),
)

LIVE_KIT = Dialect(
    heads=_words("lk gen_ai"),
    read_type=readers.livekit_type,
    inputs=("lk.user_input", "lk.user_transcript", "lk.chat_ctx", "lk.input_text"),
    outputs=("lk.response.text", "lk.response.function_calls"),
    format="livekit",
    read_format=readers.is_livekit,
)

LAMINAR = Dialect(
    heads=_words("lmnr"),
    type_keys=("lmnr.span.type",),
    types={
        "LLM": "LLM",
        "TOOL": "TOOL",
        "DEFAULT": "CHAIN",
        "PIPELINE": "CHAIN",
        "EXECUTOR": "AGENT",
        "EVALUATOR": "EVALUATOR",
        "HUMAN_EVALUATOR": "EVALUATOR",
        "EVALUATION": "EVALUATOR",
        "CACHED": "LLM",
    },
    inputs=("lmnr.span.input",),
    outputs=("lmnr.span.output",),
    format="openai",
    marks=("lmnr.span.type",),
)

LANGFUSE = Dialect(
    heads=_words("langfuse"),
    type_keys=("langfuse.observation.type",),
    types={
        "generation": "LLM",
        "embedding": "EMBEDDING",
        "tool": "TOOL",
        "retriever": "RETRIEVER",
        "agent": "AGENT",
        "chain": "CHAIN",
        "evaluator": "EVALUATOR",
        "guardrail": "GUARDRAIL",
        "span": "UNKNOWN",
    },
    inputs=("langfuse.observation.input",),
    outputs=("langfuse.observation.output",),
)

DIALECTS = (
    OPEN_INFERENCE,
    GEMINI_CLI,
    CLAUDE_CODE,
    GENAI,
    TRACELOOP,
    GOOGLE_ADK,
    VERCEL_AI,
    VOLT_AGENT,
    LIVE_KIT,
    LAMINAR,
    LANGFUSE,
)
