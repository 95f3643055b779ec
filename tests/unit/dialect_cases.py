"""Attributes of spans in the twelve dialects, and what MLflow makes of them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

MESSAGES = json.dumps([{"role": "user", "content": "Why?"}])
ANSWERS = json.dumps([{"role": "assistant", "content": "Because."}])
PARTS = json.dumps([{"role": "model", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}])


class Case(NamedTuple):
    """`expected` has the values (not the texts) of the attributes that are added, costs aside."""

    name: str
    attributes: dict[str, Any]
    expected: dict[str, Any]
    events: tuple[tuple[str, dict[str, Any]], ...] = ()


def usage(tokens: int, generated: int, total: int | None = None, **more: int) -> dict[str, int]:
    total = tokens + generated if total is None else total
    return {"input_tokens": tokens, "output_tokens": generated, "total_tokens": total, **more}


TYPE, INPUTS, OUTPUTS = "mlflow.spanType", "mlflow.spanInputs", "mlflow.spanOutputs"
USAGE, MODEL, PROVIDER = "mlflow.chat.tokenUsage", "mlflow.llm.model", "mlflow.llm.provider"
FORMAT, TOOLS, COST = "mlflow.message.format", "mlflow.chat.tools", "mlflow.llm.cost"

CASES = [
    Case("no dialect", {"a": 1, "b": "text"}, {}),
    Case(
        "openinference",
        {
            "openinference.span.kind": "LLM",
            "input.value": MESSAGES,
            "output.value": "Because.",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 5,
            "llm.token_count.total": 16,
            "llm.token_count.prompt_details.cache_read": 3,
            "llm.token_count.prompt_details.cache_write": 2,
            "llm.model_name": "gpt-4o",
            "llm.response.model_name": "gpt-4o-mini",
            "llm.provider": "openai",
        },
        {
            TYPE: "LLM",
            INPUTS: json.loads(MESSAGES),
            OUTPUTS: "Because.",
            USAGE: usage(10, 5, 16, cache_read_input_tokens=3, cache_creation_input_tokens=2),
            MODEL: "gpt-4o-mini",
            PROVIDER: "openai",
        },
    ),
    Case(
        "openinference embedding",
        {"openinference.span.kind": "EMBEDDING", "embedding.model_name": "text-embedding-3-small"},
        {TYPE: "EMBEDDING", MODEL: "text-embedding-3-small"},
    ),
    Case(
        "gemini cli",
        {
            "gen_ai.agent.name": "gemini-cli",
            "gen_ai.operation.name": "llm_call",
            "gen_ai.input.messages": MESSAGES,
            "gen_ai.output.messages": PARTS,
            "gen_ai.request.model": "gemini-2.5-pro",
            "gen_ai.usage.input_tokens": 7,
            "gen_ai.usage.output_tokens": 8,
        },
        {
            TYPE: "LLM",
            INPUTS: {"contents": json.loads(MESSAGES)},
            OUTPUTS: {
                "candidates": [{"content": {"role": "model", "parts": [{"text": "a"}, {"text": "b"}]}}]
            },
            USAGE: usage(7, 8),
            MODEL: "gemini-2.5-pro",
            FORMAT: "gemini",
        },
    ),
    Case(
        "claude code request",
        {
            "span.type": "claude_code.llm_request",
            "new_context": "Hello",
            "response.model_output": "Hi",
            "input_tokens": 10,
            "output_tokens": "4",
            "cache_read_tokens": 100,
            "cache_creation_tokens": 20,
        },
        {
            TYPE: "LLM",
            INPUTS: "Hello",
            OUTPUTS: "Hi",
            USAGE: usage(130, 4, cache_read_input_tokens=100, cache_creation_input_tokens=20),
        },
    ),
    Case(
        "claude code, redacted",
        {"span.type": "interaction", "user_prompt": "<REDACTED>", "input_tokens": 10},
        {TYPE: "AGENT"},
    ),
    Case(
        "claude code tool",
        {"span.type": "tool", "full_command": "ls", "file_path": "<REDACTED>"},
        {TYPE: "TOOL", INPUTS: {"full_command": "ls"}, OUTPUTS: "a b"},
        events=(("tool.output", {"output": "a b"}),),
    ),
    Case(
        "claude code tool with details",
        {"span.type": "claude_code.tool", "skill_name": "s", "subagent_type": "a", "new_context": "C"},
        {TYPE: "TOOL", INPUTS: {"skill_name": "s", "subagent_type": "a"}, OUTPUTS: "C"},
    ),
    Case(
        "claude code tool with inputs",
        {"span.type": "tool", "tool_input": '{"x": 1}', "full_command": "ls"},
        {TYPE: "TOOL", INPUTS: {"x": 1}},
    ),
    Case(
        "claude code interaction",
        {"span.type": "interaction", "user_prompt": "<REDACTED>", "new_context": "C"},
        {TYPE: "AGENT", INPUTS: "C"},
    ),
    Case(
        "claude code tool, its output redacted as JSON",
        {"span.type": "tool", "full_command": "ls"},
        {TYPE: "TOOL", INPUTS: {"full_command": "ls"}, OUTPUTS: "+1"},
        events=(("tool.output", {"output": '"<REDACTED>"', "content": '""', "diff": "+1"}),),
    ),
    Case(
        "genai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": MESSAGES,
            "gen_ai.output.messages": ANSWERS,
            "gen_ai.usage.input_tokens": "12",
            "gen_ai.usage.output_tokens": 3,
            "gen_ai.usage.cache_read.input_tokens": 5,
            "gen_ai.usage.cache_creation.input_tokens": 1,
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.provider.name": "openai",
            "gen_ai.tool.definitions": '[{"name": "f"}]',
        },
        {
            TYPE: "CHAT_MODEL",
            INPUTS: json.loads(MESSAGES),
            OUTPUTS: json.loads(ANSWERS),
            USAGE: usage(12, 3, cache_read_input_tokens=5, cache_creation_input_tokens=1),
            MODEL: "gpt-4o",
            PROVIDER: "openai",
            TOOLS: [{"name": "f"}],
        },
    ),
    Case(
        "genai tool",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.input.messages": "[]",
            "gen_ai.tool.call.arguments": '{"x": 1}',
            "gen_ai.tool.call.result": "2",
        },
        {TYPE: "TOOL", INPUTS: {"x": 1}, OUTPUTS: "2"},
    ),
    Case(
        "empty values with white space",
        {
            "input.value": "[" + " " * 20 + "]",
            "llm.token_count.prompt": 1,
            "gen_ai.input.messages": " {" + "\n" * 20 + "} ",
            "gen_ai.tool.call.arguments": "[" + " " * 20 + "0]",
            "gen_ai.tool.definitions": "[" + " " * 20 + "]",
            "gen_ai.output.messages": 0.0,
        },
        {INPUTS: [0], USAGE: {"input_tokens": 1}},
    ),
    Case(
        "genai events",
        {"gen_ai.operation.name": "chat"},
        {
            TYPE: "CHAT_MODEL",
            INPUTS: [
                {"role": "system", "content": "Be brief."},
                {"role": "assistant", "content": {"thought": 1}},
                {"role": "user", "content": "Why?"},
            ],
            OUTPUTS: [{"role": "assistant", "content": "So."}, {"role": "tool", "content": "Done."}],
        },
        events=(
            ("gen_ai.system.message", {"content": "Be brief."}),
            ("gen_ai.assistant.message", {"content": '{"thought": 1}'}),
            ("gen_ai.user.message", {"content": "Why?"}),
            ("gen_ai.user.message", {"content": ""}),
            ("gen_ai.choice", {"content": "So."}),
            ("gen_ai.choice", {"content": "Done.", "role": "tool"}),
        ),
    ),
    Case(
        "spring ai",
        {"gen_ai.operation.name": "embeddings"},
        {TYPE: "EMBEDDING", INPUTS: [{"role": "user"}], OUTPUTS: {"a": 1}},
        events=(
            ("gen_ai.content.prompt", {"gen_ai.prompt": '[{"role": "user"}]'}),
            ("gen_ai.content.completion", {"gen_ai.completion": '{"a": 1}'}),
        ),
    ),
    Case(
        "traceloop",
        {
            "traceloop.span.kind": "workflow",
            "traceloop.entity.input": '{"q": 1}',
            "traceloop.entity.output": '{"a": 2}',
            "gen_ai.system": "OpenAI",
            "gen_ai.usage.prompt_tokens": 4,
            "gen_ai.usage.completion_tokens": 6,
            "llm.usage.total_tokens": 11,
        },
        {
            TYPE: "WORKFLOW",
            INPUTS: {"q": 1},
            OUTPUTS: {"a": 2},
            USAGE: usage(4, 6, 11),
            PROVIDER: "OpenAI",
        },
    ),
    Case(
        "traceloop, numbered",
        {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Q", "gen_ai.completion.0.content": "A"},
        {INPUTS: "Q", OUTPUTS: "A"},
    ),
    Case(
        "google adk",
        {"gcp.vertex.agent.llm_request": "{}", "gcp.vertex.agent.tool_call_args": '{"x": 1}'},
        {INPUTS: {"x": 1}},
    ),
    Case(
        "vercel ai",
        {"ai.operationId": "ai.generateText", "ai.prompt": '{"prompt": "Q"}', "ai.response.text": "A"},
        {TYPE: "LLM", INPUTS: {"prompt": "Q"}, OUTPUTS: "A"},
    ),
    Case(
        "vercel ai call",
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.prompt.messages": MESSAGES,
            "ai.prompt.tools": ['{"name": "f"}'],
            "ai.response.text": "A",
            "ai.response.finishReason": "stop",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.system": "openai",
        },
        {
            # The name of the model decides before the operation does: both say LLM.
            TYPE: "LLM",
            INPUTS: {"messages": json.loads(MESSAGES), "tools": [{"name": "f"}]},
            OUTPUTS: {"text": "A", "finishReason": "stop"},
            MODEL: "gpt-4o",
            PROVIDER: "openai",
            FORMAT: "vercel_ai",
        },
    ),
    Case(
        "voltagent",
        {
            "span.type": "llm",
            "entity.type": "agent",
            "voltagent.operation_id": "1",
            "llm.messages": MESSAGES,
            "output": "A",
            "usage.prompt_tokens": 1,
            "llm.usage.completion_tokens": 2,
        },
        {
            TYPE: "LLM",
            INPUTS: json.loads(MESSAGES),
            OUTPUTS: "A",
            USAGE: usage(1, 2),
            FORMAT: "voltagent",
        },
    ),
    Case(
        "voltagent, with a total that another dialect reads",
        {"llm.usage.prompt_tokens": 3, "usage.completion_tokens": 4, "llm.usage.total_tokens": 8},
        {USAGE: {"total_tokens": 8}},
    ),
    Case(
        "voltagent memory",
        {"span.type": "memory", "voltagent.conversation_id": "1"},
        {TYPE: "MEMORY", FORMAT: "voltagent"},
    ),
    Case("voltagent root", {"entity.type": "agent", "input": "Q"}, {TYPE: "AGENT", INPUTS: "Q"}),
    Case(
        "livekit tool",
        {"lk.function_tool.name": "f", "lk.response.text": "A"},
        {TYPE: "TOOL", OUTPUTS: "A", FORMAT: "livekit"},
    ),
    Case(
        "livekit agent",
        {"lk.agent_name": "x", "lk.user_input": "Q", "gen_ai.usage.input_tokens": 0},
        {TYPE: "AGENT", INPUTS: "Q", FORMAT: "livekit", USAGE: {"input_tokens": 0}},
    ),
    *(
        Case(f"livekit {key}", {key: "x"}, {TYPE: kind, FORMAT: "livekit"})
        for key, kind in {
            "lk.retry_count": "LLM",
            "lk.function_tools": "TOOL",
            "lk.instructions": "AGENT",
            "lk.generation_id": "AGENT",
            "lk.tts_metrics": "UNKNOWN",
            "lk.transcript_confidence": "UNKNOWN",
            "lk.transcription_delay": "UNKNOWN",
        }.items()
    ),
    Case(
        "livekit of several types",
        {"lk.tts_metrics": "x", "lk.agent_name": "x"},
        {TYPE: "UNKNOWN", FORMAT: "livekit"},
    ),
    Case("livekit operation", {"gen_ai.operation.name": "CHAT"}, {TYPE: "CHAT_MODEL"}),
    Case("a requested model", {"gen_ai.request.model": "x-1"}, {TYPE: "LLM", MODEL: "x-1"}),
    Case(
        "laminar",
        {"lmnr.span.type": "PIPELINE", "lmnr.span.input": '["Q"]', "lmnr.span.output": "A"},
        {TYPE: "CHAIN", INPUTS: ["Q"], OUTPUTS: "A", FORMAT: "openai"},
    ),
    Case(
        "langfuse",
        {
            "langfuse.observation.type": "retriever",
            "langfuse.observation.input": "Q",
            "langfuse.observation.output": '{"a": 1}',
        },
        {TYPE: "RETRIEVER", INPUTS: "Q", OUTPUTS: {"a": 1}},
    ),
    Case(
        "what the client has set stays",
        {TYPE: '"TOOL"', INPUTS: '"mine"', "openinference.span.kind": "LLM", "input.value": "other"},
        {},
    ),
    Case("unknown type", {TYPE: '"UNKNOWN"', "traceloop.span.kind": "task"}, {TYPE: "TASK"}),
    Case("model of the inputs", {INPUTS: '{"model": "gpt-4o"}'}, {MODEL: "gpt-4o"}),
    Case("model of the outputs", {INPUTS: "{}", OUTPUTS: '{"model": "gpt-4o"}'}, {MODEL: "gpt-4o"}),
]
