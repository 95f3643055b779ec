"""Previews: the beginning of a trace's request and response, as lists of traces show them.

Of a chat the preview is the last message of its user, or of the assistant, as in MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import spans

MAX_LENGTH = 1000
USER, ASSISTANT = "user", "assistant"
# Where the formats of OpenAI's and similar interfaces have their messages.
_LISTS = ("messages", "input", "output")


def preview(text: str | None, role: str) -> str | None:
    """Return the preview of inputs or outputs, given as JSON text. None for none."""
    if text is None:
        return None
    value = spans.loads(text)
    if value is None or value == "":
        return None
    shown = _message(value, role) or (value if isinstance(value, str) else text)
    shown = spans.storable(shown)
    return shown if len(shown) <= MAX_LENGTH else shown[: MAX_LENGTH - 3] + "..."


def _message(value: Any, role: str) -> str:
    """Return the text of the last message with the role, else of the last message; empty without messages."""
    messages = _messages(value)
    if not messages:
        return ""
    chosen = next((found for found in reversed(messages) if found.get("role") == role), messages[-1])
    content = chosen["content"]
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        for part in content:
            if isinstance(part, str):
                return part
            if isinstance(part, Mapping) and part.get("type") in ("text", "output_text"):
                return str(part.get("text") or "")
    return ""


def _messages(value: Any) -> list[Mapping[str, Any]]:
    for _ in range(spans.MAX_DEPTH):
        if not isinstance(value, Mapping):
            return []
        if isinstance(found := value.get("choices"), list) and found and isinstance(found[0], Mapping):
            message = found[0].get("message")
            return [message] if isinstance(message, Mapping) and _is_message(message) else []
        for name in _LISTS:
            if isinstance(found := value.get(name), list) and found:
                return [item for item in found if _is_message(item)]
        value = value.get("request")
    return []


def _is_message(item: Any) -> bool:
    return isinstance(item, Mapping) and "role" in item and "content" in item
