"""The previews of a trace: what was asked and what was answered, in at most 1,000 characters.

Of a chat it is the last message of the user or of the assistant, else the JSON text. The shapes of chats are
those that MLflow knows, OpenAI's chat completions and responses, and those of OpenTelemetry's conventions for
generative AI: lists of messages with ``parts``.
"""

from __future__ import annotations

from typing import Any, TypeGuard

from . import attributes as names

MAX_LENGTH = 1000
# What clients send for no value, encoded once or twice.
_NOTHING = ("null", '"null"', '""')


def request(text: str | None) -> str | None:
    """Return the preview of a span's inputs (JSON text)."""
    return _preview(text, "user")


def response(text: str | None) -> str | None:
    """Return the preview of a span's outputs (JSON text)."""
    return _preview(text, "assistant")


def _preview(text: str | None, role: str) -> str | None:
    if text is None or text in _NOTHING:
        return None
    messages = _messages(names.decode(text)) if '"' in text else None
    found = names.clean(_content(messages, role) if messages else "") or text
    return found if len(found) <= MAX_LENGTH else found[: MAX_LENGTH - 3] + "..."


def _messages(chat: Any, depth: int = 10) -> list[dict[str, Any]] | None:
    if isinstance(chat, list):
        return _only_messages(chat) if any(map(_has_parts, chat)) else None
    if not isinstance(chat, dict) or depth <= 0:
        return None
    if isinstance(found := chat.get("messages"), list) and found:
        return _only_messages(found)
    choices = chat.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message")
        if _is_message(message):
            return [message]
    for key in ("input", "output"):
        if isinstance(found := chat.get(key), list) and found:
            return _only_messages(found)
    return _messages(chat.get("request"), depth - 1)


def _only_messages(items: list[Any]) -> list[dict[str, Any]]:
    return [item for item in items if _is_message(item)]


def _is_message(item: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(item, dict) and "role" in item and ("content" in item or "parts" in item)


def _has_parts(item: Any) -> bool:
    return _is_message(item) and "content" not in item


def _content(messages: list[dict[str, Any]], role: str) -> str:
    """Return the text of the role's last message, else of the last message."""
    said = [message for message in messages if message["role"] == role] or messages
    content = said[-1].get("content", said[-1].get("parts"))
    if isinstance(content, str):
        return content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            return part
        if isinstance(part, dict) and part.get("type") in ("text", "output_text"):
            text = part.get("text", part.get("content"))
            return text if isinstance(text, str) else ""
    return ""
