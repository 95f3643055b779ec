"""What a row of `dialects` cannot say: values that are put together, or that depend on other keys.

Each function takes the attributes of a span (JSON texts) and returns None if it finds nothing. None of them
raises: attributes may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from . import attributes as names
from . import spans

Attributes = Mapping[str, str]

# Values of gen_ai.operation.name.
GENAI_TYPES = {
    "chat": "CHAT_MODEL",
    "create_agent": "AGENT",
    "embeddings": "EMBEDDING",
    "execute_tool": "TOOL",
    "generate_content": "LLM",
    "invoke_agent": "AGENT",
    "text_completion": "LLM",
    "response": "LLM",
}

# Read by its beginning, because contents may be megabytes.
_NOTHING = re.compile(r'\s*(?:""|null|false|-?0(?:\.0+)?|\[\s*\]|\{\s*\})\s*')


def present(attributes: Attributes, *keys: str) -> str | None:
    """Return the text of the first key with a value. Empty texts, objects, lists, null, 0, false are none."""
    for key in keys:
        text = attributes.get(key)
        if text and not _NOTHING.fullmatch(text):
            return text
    return None


def word(attributes: Attributes, key: str) -> str:
    """Return the value of a key if it is a text; else an empty text."""
    text = attributes.get(key)
    found = None if text is None else names.decode(text)
    return found if isinstance(found, str) else ""


# Gemini CLI: messages are wrapped as in Gemini's API, so that the chat view reads them.

_GEMINI_TYPES = {"llm_call": "LLM", "tool_call": "TOOL", "agent_call": "AGENT"}


def is_gemini(attributes: Attributes) -> bool:
    return word(attributes, "gen_ai.agent.name") == "gemini-cli"


def gemini_type(attributes: Attributes) -> str | None:
    if not is_gemini(attributes):
        return None
    return _GEMINI_TYPES.get(word(attributes, "gen_ai.operation.name"))


def gemini_inputs(attributes: Attributes) -> str | None:
    if not is_gemini(attributes):
        return None
    text = present(attributes, "gen_ai.input.messages", "gen_ai.tool.call.arguments")
    found = names.decode(text) if text else None
    if word(attributes, "gen_ai.operation.name") == "system_prompt" and isinstance(found, list):
        # Gemini CLI says "user", but the prompt is the system's.
        found = [_as_system(item) for item in found]
    return names.dump({"contents": found}) if isinstance(found, list | str) else text


def _as_system(message: Any) -> Any:
    if isinstance(message, dict) and message.get("role") == "user":
        return {**message, "role": "system"}
    return message


def gemini_outputs(attributes: Attributes) -> str | None:
    if not is_gemini(attributes):
        return None
    text = present(attributes, "gen_ai.output.messages", "gen_ai.tool.call.result")
    found = names.decode(text) if text else None
    if isinstance(found, list):
        # One message for each chunk of the stream; they are one answer.
        lists = (item.get("parts") for item in found if isinstance(item, dict))
        parts = [part for some in lists if isinstance(some, list) for part in some]
        if parts:
            return names.dump({"candidates": [{"content": {"role": "model", "parts": parts}}]})
    return text


# Claude Code: https://code.claude.com/docs/en/monitoring-usage. Contents are <REDACTED> unless the user asks
# for them. Some versions write `span.type` without the prefix.

_CLAUDE_TYPES = {"interaction": "AGENT", "llm_request": "LLM", "tool": "TOOL"}
REDACTED = "<REDACTED>"


def claude_kind(attributes: Attributes) -> str | None:
    kind = word(attributes, "span.type").removeprefix("claude_code.")
    return kind if kind in _CLAUDE_TYPES else None


def claude_type(attributes: Attributes) -> str | None:
    kind = claude_kind(attributes)
    return _CLAUDE_TYPES[kind] if kind else None


def claude_inputs(attributes: Attributes) -> str | None:
    kind = claude_kind(attributes)
    if kind == "interaction":
        return _unredacted(attributes, "user_prompt", "new_context")
    if kind == "llm_request":
        return _unredacted(attributes, "new_context")
    if kind == "tool":
        details = {
            key: names.decode(text)
            for key in ("full_command", "file_path", "skill_name", "subagent_type")
            if (text := _unredacted(attributes, key))
        }
        return _unredacted(attributes, "tool_input") or (names.dump(details) if details else None)
    return None


def claude_outputs(attributes: Attributes) -> str | None:
    kind = claude_kind(attributes)
    if kind == "llm_request":
        return _unredacted(attributes, "response.model_output")
    return _unredacted(attributes, "new_context") if kind == "tool" else None


def claude_tokens(attributes: Attributes) -> tuple[int | None, ...] | None:
    """Return the counts; Claude's input_tokens do not contain those of the cache, MLflow's do."""
    if claude_kind(attributes) != "llm_request":
        return None
    keys = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")
    given, output, read, written = (spans.as_count(attributes.get(key)) for key in keys)
    total_input = None if given is None else given + (read or 0) + (written or 0)
    return total_input, output, None, read, written


def _unredacted(attributes: Attributes, *keys: str) -> str | None:
    for key in keys:
        text = present(attributes, key)
        if text is not None and names.decode(text) != REDACTED:
            return text
    return None


# Traceloop: prompts and completions are numbered; the first one that has a value counts.

_PROMPT = re.compile(r"gen_ai\.prompt\.\d+\.content")
_CALL = re.compile(r"gen_ai\.completion\.\d+\.tool_calls\.\d+\.arguments")
_COMPLETION = re.compile(r"gen_ai\.completion\.\d+\.content")


def traceloop_inputs(attributes: Attributes) -> str | None:
    found = present(attributes, "traceloop.entity.input")
    return found or _numbered(attributes, _PROMPT) or _numbered(attributes, _CALL)


def traceloop_outputs(attributes: Attributes) -> str | None:
    return present(attributes, "traceloop.entity.output") or _numbered(attributes, _COMPLETION)


def _numbered(attributes: Attributes, pattern: re.Pattern[str]) -> str | None:
    return present(attributes, *filter(pattern.match, attributes))


# Vercel AI: a span that calls the model has its request and its response in many attributes.

_CHATS = frozenset({"ai.generateText.doGenerate", "ai.streamText.doStream"})


def is_vercel_chat(attributes: Attributes) -> bool:
    return word(attributes, "ai.operationId") in _CHATS


def vercel_inputs(attributes: Attributes) -> str | None:
    if not is_vercel_chat(attributes):
        return present(attributes, "ai.prompt", "ai.toolCall.args", "ai.value", "ai.values")
    inputs = _below(attributes, "ai.prompt.")
    tools = inputs.get("tools")
    if isinstance(tools, list):
        inputs["tools"] = [_unpacked(tool) for tool in tools]
    return names.dump(inputs) if inputs else None


def vercel_outputs(attributes: Attributes) -> str | None:
    if not is_vercel_chat(attributes):
        keys = "ai.response.text ai.toolCall.result ai.response.object ai.embedding ai.embeddings"
        return present(attributes, *keys.split())
    outputs = _below(attributes, "ai.response.")
    return names.dump(outputs) if outputs else None


def _below(attributes: Attributes, prefix: str) -> dict[str, Any]:
    found = ((key, text) for key, text in attributes.items() if key.startswith(prefix))
    return {key[len(prefix) :]: _unpacked(text) for key, text in found}


def _unpacked(value: Any) -> Any:
    """Return a value that is JSON inside JSON, up to three times."""
    for _ in range(3):
        if not isinstance(value, str):
            break
        value = names.decode(value)
    return value


# LiveKit has no key for the type: other keys tell it, the first one that does.

_LIVEKIT_TYPES = {
    "lk.retry_count": "LLM",
    "lk.agent_name": "AGENT",
    "lk.instructions": "AGENT",
    "lk.generation_id": "AGENT",
    "lk.input_text": "UNKNOWN",
    "lk.user_transcript": "UNKNOWN",
    "lk.transcript_confidence": "UNKNOWN",
    "lk.transcription_delay": "UNKNOWN",
}


def is_livekit(attributes: Attributes) -> bool:
    return any(key.startswith("lk.") for key in attributes)


def livekit_type(attributes: Attributes) -> str | None:
    """Return the type. A span of any dialect that names the requested model is a call of it."""
    if "gen_ai.request.model" in attributes:
        return "LLM"
    operation = word(attributes, "gen_ai.operation.name").lower()
    return GENAI_TYPES.get(operation) or _livekit_type(attributes)


def _livekit_type(keys: Iterable[str]) -> str | None:
    for key in keys:
        if key.startswith("lk.function_tool"):
            return "TOOL"
        if key.startswith("lk.tts"):
            return "UNKNOWN"
        if key in _LIVEKIT_TYPES:
            return _LIVEKIT_TYPES[key]
    return None
