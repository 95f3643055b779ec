"""The attributes that spans of other libraries get, and their costs, beside MLflow's own code."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from mlflow.tracing.otel import translation as mlflow_translation
from mlflow.tracing.utils import calculate_cost_by_model_and_token_usage

from tests.compat.span_pairs import ours, theirs, values
from tests.traces import request
from tests.unit.dialect_cases import CASES, COST, FORMAT, INPUTS, MESSAGES, MODEL, OUTPUTS, TYPE, USAGE, Case
from trackway.client_compat.traces import prices

TRANSLATORS = mlflow_translation._TRANSLATORS
# Contents of some dialects are read only with these.
GATES: tuple[dict[str, Any], ...] = (
    {},
    {"gen_ai.agent.name": "gemini-cli"},
    *({"span.type": f"claude_code.{kind}"} for kind in ("interaction", "llm_request", "tool")),
    {"ai.operationId": "ai.streamText.doStream"},
)
VERCEL = "ai.generateText.doGenerate"


@pytest.fixture(autouse=True)
def bundled_prices_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow asks the internet for newer prices first."""
    monkeypatch.setenv("MLFLOW_MODEL_CATALOG_URI", "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_translation_is_mlflows(case: Case) -> None:
    message = request({"attributes": case.attributes, "events": case.events})
    (mine,), (other,) = ours(message), theirs(message)
    assert values(mine) == values(other)


@pytest.mark.parametrize("translator", TRANSLATORS, ids=lambda translator: type(translator).__name__)
def test_every_key_that_mlflow_declares_is_read_as_mlflow_does(translator: Any) -> None:
    read = 0
    for declared in _declared(translator):
        for gate in GATES:
            mine, other = _pair({**declared, **gate})
            assert mine == other, (declared, gate)
            read += len(other) > len(declared) + len(gate) + 1
    assert read > 0


def _declared(translator: Any, part: str = "") -> Iterator[dict[str, Any]]:
    """Yield attributes with one key each, for all constants of a class of MLflow that name keys.

    `part` chooses constants by a part of their names.
    """
    for constant in dir(translator):
        if not constant.isupper() or not re.search(r"_KEYS?$", constant) or part not in constant:
            continue
        found = getattr(translator, constant)
        for key in [found] if isinstance(found, str | re.Pattern) else found or ():
            name = key if isinstance(key, str) else key.pattern.replace(r"\d+", "0").replace("\\", "")
            if "SPAN_KIND" in constant:
                yield from ({name: kind} for kind in (*translator.SPAN_KIND_TO_MLFLOW_TYPE, "no such"))
            elif "TOKEN" in constant:
                yield from ({name: count} for count in (0, 26, "26", "many"))
            elif "DETECTION" in constant:
                yield {name: "text"}
            elif "MODEL" in constant or "PROVIDER" in constant:
                yield from ({name: text} for text in ("gpt-4o", ""))
            else:
                yield from ({name: text} for text in ("text", MESSAGES, '{"model": "gpt-4o"}', "{ }", "null"))


@pytest.mark.parametrize("constant", ["INPUT_VALUE_KEYS", "OUTPUT_VALUE_KEYS", "KIND", "TOKEN_KEY", "MODEL"])
def test_of_two_dialects_the_same_one_counts_as_in_mlflow(constant: str) -> None:
    found = [
        attributes
        for translator in TRANSLATORS
        for attributes in _declared(translator, constant)
        if all(value not in ("", "null", "many", "no such", "{ }") for value in attributes.values())
    ]
    for first, second in itertools.combinations(found, 2):
        # Their values differ, so that it shows which one was taken.
        (key, value), (other_key, other_value) = *first.items(), *second.items()
        if value == other_value:
            other_value = f"{other_value}1" if isinstance(value, str) else other_value + 1
        mine, other = _pair({key: value, other_key: other_value})
        assert mine == other, (first, second)
    assert len(found) > 10


def test_random_attributes_of_all_dialects_are_translated_as_mlflow_does() -> None:
    dice = random.Random(22)
    pool = [
        (key, value)
        for case in CASES
        for key, value in case.attributes.items()
        if not key.startswith("mlflow.")
    ]
    contents = sorted(
        {key for key, value in pool if re.search(r"(?i)input|output|message|content|lk\.", key)}
    )
    odd = ["", "null", "[]", "[" + " " * 30 + "]", "{ }", "false", "text", MESSAGES, '{"model": "gpt-4o"}']
    events = [event for case in CASES for event in case.events]
    for _ in range(1000):
        attributes = dict(dice.sample(pool, dice.randint(1, 12)))
        attributes |= {key: dice.choice(odd) for key in dice.sample(contents, dice.randint(0, 3))}
        given = dice.sample(events, dice.choice([0, 0, 1, 3]))
        mine, other = _pair(attributes, given)
        assert mine == other, (attributes, given)


def _pair(attributes: dict[str, Any], events: Any = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of our attributes and MLflow's, without two differences that tests below hold."""
    message = request({"attributes": attributes, "events": events})
    (mine,), (other,) = ours(message), theirs(message)
    named, others = values(mine), values(other)
    if named.get(TYPE) == "AGENT":
        others.pop(COST, None)
    if "vercel_ai" in (named.get(FORMAT), others.get(FORMAT)):
        named.pop(FORMAT, None)
        others.pop(FORMAT, None)
    return named, others


class Difference(NamedTuple):
    """One attribute that Trackway makes otherwise than MLflow on purpose; None: it is absent."""

    name: str
    attributes: dict[str, Any]
    key: str
    ours: Any
    theirs: Any
    events: tuple[tuple[str, dict[str, Any]], ...] = ()


SYSTEM_PROMPT = {"gen_ai.agent.name": "gemini-cli", "gen_ai.operation.name": "system_prompt"}
DIFFERENCES = [
    Difference("a negative count", {"llm.token_count.prompt": -3}, USAGE, None, {"input_tokens": -3}),
    Difference("true as a count", {"llm.token_count.prompt": True}, USAGE, None, {"input_tokens": True}),
    Difference("a whole float", {"llm.token_count.prompt": 3.0}, USAGE, {"input_tokens": 3}, None),
    Difference("a model that is no text", {"llm.model_name": ["a", "b"]}, MODEL, None, ["a", "b"]),
    Difference("a type that is no text", {TYPE: 7, "openinference.span.kind": "LLM"}, TYPE, "LLM", 7),
    Difference(
        "a total in Traceloop's spelling",
        {"gen_ai.usage.input_tokens": 3, "gen_ai.usage.total_tokens": 3},
        USAGE,
        {"input_tokens": 3, "total_tokens": 3},
        {"input_tokens": 3},
    ),
    Difference("a call for embeddings", {"ai.operationId": "ai.embedMany.doEmbed"}, TYPE, "EMBEDDING", None),
    Difference(
        # MLflow means to do so, but compares with a text that has quotes.
        "the system prompt of Gemini CLI is the system's",
        {**SYSTEM_PROMPT, "gen_ai.input.messages": '[{"role": "user", "parts": []}]'},
        INPUTS,
        {"contents": [{"role": "system", "parts": []}]},
        {"contents": [{"role": "user", "parts": []}]},
    ),
    Difference(
        "the format is that of the contents",
        {"ai.operationId": VERCEL, "lk.user_input": "Q", "lk.response.text": "A"},
        FORMAT,
        "livekit",
        "vercel_ai",
    ),
    Difference("no format without contents", {"ai.operationId": VERCEL}, FORMAT, None, "vercel_ai"),
    Difference(
        "the format of the outputs alone",
        {"ai.operationId": VERCEL, "gen_ai.input.messages": MESSAGES, "ai.response.text": "A"},
        FORMAT,
        "vercel_ai",
        None,
    ),
    Difference(
        "tools that are no list",
        {"ai.operationId": VERCEL, "ai.prompt.tools": "ab"},
        INPUTS,
        {"tools": "ab"},
        {"tools": ["a", "b"]},
    ),
    Difference(
        "an empty value in an event",
        {},
        OUTPUTS,
        None,
        {},
        events=(("gen_ai.content.completion", {"gen_ai.completion": "{}"}),),
    ),
]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_a_translation_differs_from_mlflows(difference: Difference) -> None:
    message = request({"attributes": difference.attributes, "events": difference.events})
    (mine,), (other,) = ours(message), theirs(message)
    assert values(mine).get(difference.key) == difference.ours
    assert values(other).get(difference.key) == difference.theirs


@pytest.mark.parametrize("kind", [["LLM"], {"a": 1}], ids=str)
@pytest.mark.parametrize("key", ["openinference.span.kind", "langfuse.observation.type", "ai.operationId"])
def test_a_kind_that_is_no_text_is_none(key: str, kind: Any) -> None:
    message = request({"attributes": {key: kind, "output.value": "A"}})
    (mine,) = ours(message)
    assert (values(mine).get(TYPE), values(mine)[OUTPUTS]) == (None, "A")
    with pytest.raises(TypeError):
        theirs(message)


def test_an_agent_has_no_cost_as_in_mlflow_3_18() -> None:
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.request.model": "gpt-4o",
    }
    message = request({"attributes": attributes})
    (mine,), (other,) = ours(message), theirs(message)
    cost = other["attributes"].pop(COST)
    assert json.loads(cost)["input_cost"] > 0
    assert mine == other


def _models() -> Iterator[tuple[str, str | None]]:
    """Yield all models of the catalogue, by provider, without one, with one in the name, with a wrong one."""
    for provider, models in prices.catalogue().by_provider.items():
        for model in models:
            yield from ((model, provider), (model, None), (f"{provider}/{model}", None), (model, "NoSuch"))


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": 1000, "output_tokens": 77, "total_tokens": 1077},
        {
            "input_tokens": 1000,
            "output_tokens": 0,
            "cache_read_input_tokens": 300,
            "cache_creation_input_tokens": 200,
            "cache_creation_input_tokens_above_1hr": 50,
        },
        {"input_tokens": 0, "output_tokens": 0},
    ],
    ids=["plain", "cached", "none"],
)
def test_a_cost_is_mlflows(usage: dict[str, int]) -> None:
    compared = 0
    for model, provider in [*_models(), ("no-such-model", "openai"), ("gateway:/x", None)]:
        if model.startswith(("databricks-", "databricks/")) and provider not in (None, "databricks"):
            continue  # see the next test
        expected = calculate_cost_by_model_and_token_usage(model, usage, provider)
        mine = prices.cost_of(usage, model, provider)
        assert (mine is None) == (expected is None), (model, provider)
        if mine is not None and expected is not None:
            assert all(abs(mine[key] - cost) <= 1e-12 * cost for key, cost in expected.items()), (model, mine)
        compared += 1
    assert compared > 10_000


def test_models_of_databricks_have_its_prices_as_in_mlflow_3_18() -> None:
    (model, *_) = (
        name for name, price in prices.catalogue().by_provider["databricks"].items() if price.input
    )
    assert prices.find(model, "openai") == prices.find(model) == prices.find(model, "databricks")
