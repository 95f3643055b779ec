"""Translates a span of any dialect: gives it the attributes that MLflow's pages and searches know.

Only absent attributes are added, and a type that is absent or UNKNOWN is replaced. It runs for every span
that comes in, so a span with attributes of MLflow alone costs little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import attributes as names
from . import dialect_readers as readers
from . import prices, spans
from .dialect_readers import present
from .dialects import DIALECTS, VERCEL_AI, Dialect
from .spans import Span

Attributes = dict[str, str]
Events = list[dict[str, Any]]


def translate(span: Span) -> list[str]:
    """Add type, inputs, outputs, tokens, model, provider, cost, message format and tools.

    Return the names of the attributes that were added.
    """
    attributes: Attributes = span["attributes"]
    before = len(attributes)
    dialects = _spoken(attributes)
    if dialects:
        _add_type(attributes, dialects)
    inputs_of = _add(attributes, names.INPUTS, dialects, _inputs)
    outputs_of = _add(attributes, names.OUTPUTS, dialects, _outputs)
    if events := span["events"]:
        _add_from_events(attributes, events)
    usage = provider = None
    if dialects:
        if names.USAGE not in attributes and (usage := _usage(attributes, dialects)):
            attributes[names.USAGE] = names.dump_numbers(usage)
        if names.FORMAT not in attributes and (found := _format(attributes, dialects, inputs_of, outputs_of)):
            attributes[names.FORMAT] = f'"{found}"'
        _add(attributes, names.TOOLS, dialects, _tools)
    model = None if names.MODEL in attributes else _model(attributes, dialects)
    if model:
        attributes[names.MODEL] = names.dump_text(model)
    if dialects and names.PROVIDER not in attributes and (provider := _provider(attributes, dialects)):
        attributes[names.PROVIDER] = names.dump_text(provider)
    if names.COST not in attributes and names.USAGE in attributes and names.MODEL in attributes:
        _add_cost(span, usage or spans.usage(span), model or spans.model(span), provider)
    # A dictionary has its newest keys at its end.
    return list(attributes)[before:]


def _spoken(attributes: Attributes) -> list[Dialect]:
    """Return the dialects of which the span has a key."""
    heads = {key.partition(".")[0] for key in attributes}
    return [dialect for dialect in DIALECTS if not dialect.heads.isdisjoint(heads)]


def _add(attributes: Attributes, name: str, dialects: Iterable[Dialect], read: Any) -> Dialect | None:
    """Add what the first dialect has, and return that dialect."""
    if name not in attributes:
        for dialect in dialects:
            if (found := read(dialect, attributes)) is not None:
                attributes[name] = found
                return dialect
    return None


def _add_type(attributes: Attributes, dialects: Iterable[Dialect]) -> None:
    if readers.word(attributes, names.TYPE) not in ("", "UNKNOWN"):
        return
    for dialect in dialects:
        if found := _type(dialect, attributes):
            attributes[names.TYPE] = f'"{found}"'
            return


def _type(dialect: Dialect, attributes: Attributes) -> str | None:
    if dialect.read_type:
        return dialect.read_type(attributes)
    for key in dialect.type_keys:
        if key in attributes and (found := dialect.types.get(readers.word(attributes, key))):
            return found
    return None


def _inputs(dialect: Dialect, attributes: Attributes) -> str | None:
    return dialect.read_inputs(attributes) if dialect.read_inputs else present(attributes, *dialect.inputs)


def _outputs(dialect: Dialect, attributes: Attributes) -> str | None:
    return dialect.read_outputs(attributes) if dialect.read_outputs else present(attributes, *dialect.outputs)


def _tools(dialect: Dialect, attributes: Attributes) -> str | None:
    return present(attributes, dialect.tools) if dialect.tools else None


def _format(
    attributes: Attributes, dialects: Iterable[Dialect], inputs_of: Dialect | None, outputs_of: Dialect | None
) -> str | None:
    for dialect in dialects:
        if dialect.marks and any(key in attributes for key in dialect.marks):
            return dialect.format
        if dialect.read_format and dialect.read_format(attributes):
            # Spans of Vercel AI may have contents of other dialects, which have no format or another one.
            if dialect is VERCEL_AI and VERCEL_AI not in (inputs_of, outputs_of):
                continue
            return dialect.format
    return None


def _usage(attributes: Attributes, dialects: Iterable[Dialect]) -> dict[str, int] | None:
    for dialect in dialects:
        if dialect.read_tokens:
            counts = dialect.read_tokens(attributes) or (None,) * 5
        else:
            counts = tuple([_count(attributes, keys) for keys in dialect.tokens])
        tokens, generated, total, read, written = counts
        if total is None and tokens is not None and generated is not None:
            total = tokens + generated
        if (tokens, generated, total) != (None, None, None):
            keys = (*spans.TOKENS, *spans.CACHE_TOKENS)
            found = zip(keys, (tokens, generated, total, read, written), strict=False)
            return {key: count for key, count in found if count is not None}
    return None


def _count(attributes: Attributes, keys: Iterable[str]) -> int | None:
    for key in keys:
        if key in attributes and (count := spans.as_count(attributes[key])) is not None:
            return count
    return None


def _model(attributes: Attributes, dialects: Iterable[Dialect]) -> str | None:
    """Return the model: that of the first dialect, else `model` of the inputs, else of the outputs."""
    for dialect in dialects:
        for key in dialect.models:
            if key in attributes and (found := readers.word(attributes, key)):
                return found
    for key in (names.INPUTS, names.OUTPUTS):
        text = attributes.get(key, "")
        # Most contents name no model; looking for the word is many times faster than reading the JSON.
        if '"model"' in text and text.lstrip().startswith("{"):
            content = names.decode(text)
            model = content.get("model") if isinstance(content, dict) else None
            if isinstance(model, str) and model:
                return model
    return None


def _provider(attributes: Attributes, dialects: Iterable[Dialect]) -> str | None:
    keys = (dialect.provider for dialect in dialects if dialect.provider)
    return next((found for key in keys if (found := readers.word(attributes, key))), None)


def _add_cost(span: Span, usage: dict[str, int] | None, model: str | None, provider: str | None) -> None:
    # An agent's tokens are those of its calls, which have costs of their own.
    if not usage or not model or readers.word(span["attributes"], names.TYPE) == "AGENT":
        return
    if cost := prices.cost_of(usage, model, provider or spans.provider(span)):
        span["attributes"][names.COST] = names.dump_numbers(cost)


# Contents in events: Spring AI, OpenTelemetry's conventions for generative AI (older form), Claude Code.

_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
}


def _add_from_events(attributes: Attributes, events: Events) -> None:
    if names.INPUTS not in attributes:
        found = _of_event(events, "gen_ai.content.prompt", "gen_ai.prompt")
        found = found or _messages(events, _ROLES)
        if found:
            attributes[names.INPUTS] = names.encode(found)
    if names.OUTPUTS not in attributes:
        found = _of_event(events, "gen_ai.content.completion", "gen_ai.completion")
        found = found or _messages(events, {"gen_ai.choice": ""})
        if not found and readers.claude_kind(attributes) == "tool":
            found = _of_event(events, "tool.output", "output", "content", "diff")
        if found:
            attributes[names.OUTPUTS] = names.encode(found)


def _of_event(events: Events, name: str, *keys: str) -> Any:
    for event in events:
        if event["name"] == name:
            for key in keys:
                value = event["attributes"].get(key)
                if (content := names.decode(value)) and content != readers.REDACTED:
                    return value
    return None


def _messages(events: Events, roles: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    for event in events:
        role, content = roles.get(event["name"]), event["attributes"].get("content")
        if role is not None and content:
            role = role or names.decode(event["attributes"].get("role", "assistant"))
            found.append({"role": role, "content": names.decode(content)})
    return found
