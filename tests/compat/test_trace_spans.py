"""Spans as MLflow's own code makes them of the same requests: decoded, translated, priced, read back."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from mlflow.entities import Trace, TraceData, TraceInfo, TraceLocation, TraceState
from mlflow.entities.span import Span as MlflowSpan
from mlflow.tracing.otel import translation as mlflow_translation
from mlflow.tracing.utils import (
    SpanAggregationNode,
    aggregate_cost_from_span_nodes,
    aggregate_usage_from_span_nodes,
    calculate_cost_by_model_and_token_usage,
    truncation,
)
from mlflow.utils.proto_json_utils import message_to_json

from tests.traces import CHILD, START, TRACE, as_json, request
from tests.unit.dialect_cases import CASES, Case
from trackway.client_compat.traces import json_form, otlp, previews, prices, spans, translation
from trackway.storage.traces import rows, sums

VALUES = {
    "text": "a",
    "number text": "1",
    "object text": '{"a": [1, null]}',
    "text of a text": '"quoted"',
    "broken": '{"a',
    "emoji": "\U0001f600 é",
    "escapes": '"\\ud83d\\ude00"',
    "int": 2**63 - 1,
    "negative": -5,
    "float": 1e300,
    "whole float": 3.0,
    "true": True,
    "list": ["a", 1, 0.5, False],
    "empty list": [],
    "dict": {"a": {"b": [1]}},
    "empty dict": {},
    "null": None,
    "empty": "",
    "nan": float("nan"),
}


@pytest.fixture(autouse=True)
def bundled_prices_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow asks the internet for newer prices first."""
    monkeypatch.setenv("MLFLOW_MODEL_CATALOG_URI", "")


def ours(message: Any, *, is_json: bool = False, translated: bool = True) -> list[dict[str, Any]]:
    body = as_json(message) if is_json else message.SerializeToString()
    (batch,) = otlp.decode(body, is_json=is_json)
    assert batch.rejected == []
    spans = [span for _, span in batch.spans]
    for span in spans if translated else ():
        translation.translate(span)
    return spans


def theirs(message: Any, *, translated: bool = True) -> list[dict[str, Any]]:
    found = message.resource_spans[0]
    spans = [MlflowSpan.from_otel_proto(span) for span in found.scope_spans[0].spans]
    if translated:
        return [mlflow_translation.translate_span_when_storing(span) for span in spans]
    dicts = [span.to_dict() for span in spans]
    for span in dicts:
        span["attributes"] = mlflow_translation.sanitize_attributes(span["attributes"])
    return dicts


def rich() -> Any:
    return request(
        {"attributes": VALUES, "status": (1, "dropped"), "name": "é"},
        {
            "parent": bytes([1] * 8),
            "status": (2, "it broke"),
            "events": [("exception", {"exception.message": "m", "n": 1, "list": [1, "a"]})],
            "links": [(TRACE, CHILD, {"k": "v"}), (TRACE, CHILD, {})],
        },
    )


@pytest.mark.parametrize("is_json", [False, True])
def test_a_decoded_span_is_mlflows(is_json: bool) -> None:
    message = rich()
    for mine, other in zip(
        ours(message, is_json=is_json, translated=False), theirs(message, translated=False), strict=True
    ):
        assert mine == other


def test_what_mlflow_drops_is_kept_beside() -> None:
    message = request({"kind": 3, "trace_state": "a=b", "flags": 257, "end": 0})
    message.resource_spans[0].scope_spans[0].scope.name = "lib"
    (mine,), (other,) = ours(message), theirs(message)
    more = {"kind": "SPAN_KIND_CLIENT", "trace_state": "a=b", "flags": 257, "scope": {"name": "lib"}}
    # An open span has no end; MLflow says 0.
    assert mine == {**other, "end_time_unix_nano": None, **more}


def test_bytes_are_base64_and_not_pythons_notation() -> None:
    message = request({"attributes": {"b": b"\xff\x00"}})
    assert ours(message)[0]["attributes"]["b"] == '"/wA="'
    assert theirs(message)[0]["attributes"]["b"] == "\"b'\\\\xff\\\\x00'\""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_translation_is_mlflows(case: Case) -> None:
    message = request({"attributes": case.attributes, "events": case.events})
    (mine,), (other,) = ours(message), theirs(message)
    texts, others = mine["attributes"], other["attributes"]
    # MLflow writes this one format, and contents of Spring AI's events, without making them JSON.
    assert {key: _value(text) for key, text in texts.items()} == {
        key: _value(text) for key, text in others.items()
    }


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_an_agent_has_no_cost_as_in_mlflow_3_18() -> None:
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.request.model": "gpt-4o",
    }
    message = request({"attributes": attributes})
    (mine,), (other,) = ours(message), theirs(message)
    cost = other["attributes"].pop("mlflow.llm.cost")
    assert json.loads(cost)["input_cost"] > 0
    assert mine == other


def test_random_attributes_of_all_dialects_are_translated_as_mlflow_does() -> None:
    dice = random.Random(22)
    pool = [
        (key, value)
        for case in CASES
        for key, value in case.attributes.items()
        if not key.startswith("mlflow.")
    ]
    for _ in range(400):
        attributes = dict(dice.sample(pool, dice.randint(1, 12)))
        message = request({"attributes": attributes})
        (mine,), (other,) = ours(message), theirs(message)
        named, others = mine["attributes"], other["attributes"]
        if named["mlflow.spanType"] == '"AGENT"' if "mlflow.spanType" in named else False:
            others.pop("mlflow.llm.cost", None)
        # MLflow gives a call of Vercel AI its format even if another dialect gave the contents' other half.
        for attribute in (named, others):
            attribute.pop("mlflow.message.format", None)
        assert {key: _value(text) for key, text in named.items()} == {
            key: _value(text) for key, text in others.items()
        }, attributes


def _models() -> list[tuple[str, str | None]]:
    dice = random.Random(3)
    known = [
        (model, provider)
        for provider, models in prices.catalogue().by_provider.items()
        for model in models
        if "databricks" not in model or provider == "databricks"
    ]
    chosen = dice.sample(sorted(known), 200)
    # Without a provider, with a wrong one, and with one in the name.
    forms = [(f"x/{model}" if "/" not in model else model, provider) for model, provider in chosen[:20]]
    return [*chosen, *forms, *((m, None) for m, _ in chosen[:60]), *((m, "NoSuch") for m, _ in chosen[:20])]


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
)
def test_a_cost_is_mlflows(usage: dict[str, int]) -> None:
    for model, provider in [*_models(), ("no-such-model", "openai"), ("gateway:/x", None)]:
        expected = calculate_cost_by_model_and_token_usage(model, usage, provider)
        mine = prices.cost_of(usage, model, provider)
        assert (mine is None) == (expected is None), (model, provider)
        if mine is not None:
            assert mine == pytest.approx(expected, rel=1e-12), (model, provider)


def test_models_of_databricks_have_its_prices_as_in_mlflow_3_18() -> None:
    (model, *_) = (
        name for name, price in prices.catalogue().by_provider["databricks"].items() if price.input
    )
    assert prices.find(model, "openai") == prices.find(model) == prices.find(model, "databricks")


def test_our_spans_are_read_by_mlflows_client() -> None:
    message = rich()
    for span, proto in zip(ours(message), message.resource_spans[0].scope_spans[0].spans, strict=True):
        read = MlflowSpan.from_dict(span)
        other = MlflowSpan.from_otel_proto(proto)
        assert (read.trace_id, read.span_id, read.parent_id) == (
            other.trace_id,
            other.span_id,
            other.parent_id,
        )
        assert (read.name, read.status, read.links) == (other.name, other.status, other.links)


def test_the_json_form_is_mlflows() -> None:
    message = rich()
    spans = ours(message)
    info = TraceInfo(
        trace_id=f"tr-{TRACE.hex()}",
        trace_location=TraceLocation.from_experiment_id("0"),
        request_time=0,
        state=TraceState.OK,
    )
    trace = Trace(info, TraceData([MlflowSpan.from_dict(span) for span in spans]))
    theirs = json.loads(message_to_json(trace.to_proto()))["spans"]
    assert json.loads(json.dumps([json_form.of_span(span) for span in spans])) == theirs


def test_the_json_form_is_read_by_protobuf() -> None:
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

    message = request(
        {
            "kind": 3,
            "trace_state": "a=b",
            "flags": 257,
            "attributes": {"deep": _nested(80), "big": str(10**30)},
        }
    )
    (span,) = ours(message)
    span["attributes"]["big"] = str(10**30)
    form = json_form.of_span(span)
    read = ParseDict(form, ProtoSpan())
    assert MessageToDict(read)["kind"] == "SPAN_KIND_CLIENT"
    assert (read.flags, read.trace_state, read.trace_id) == (257, "a=b", TRACE)
    assert read.start_time_unix_nano == START


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


CHATS = [
    {"messages": [{"role": "user", "content": "first"}, {"role": "user", "content": "last"}]},
    {"messages": [{"role": "system", "content": "s"}, {"role": "assistant", "content": "a"}]},
    {"choices": [{"message": {"role": "assistant", "content": "A"}}]},
    {
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "no"}, {"type": "text", "text": "T"}]}
        ]
    },
    {"output": [{"role": "assistant", "content": [{"type": "output_text", "text": "T"}]}]},
    {"request": {"input": [{"role": "user", "content": "inner"}]}},
    {"messages": [{"role": "user", "content": ""}]},
    {"messages": "none"},
    {"q": "x" * 2000},
    ["a"],
    "text",
]


@pytest.mark.parametrize("chat", CHATS, ids=lambda chat: json.dumps(chat)[:40])
def test_previews_are_mlflows(chat: Any) -> None:
    text = json.dumps(chat)
    assert previews.request(text) == truncation._get_truncated_preview(text, "user")
    assert previews.response(text) == truncation._get_truncated_preview(text, "assistant")


def test_sums_of_random_trees_are_mlflows() -> None:
    dice = random.Random(5)
    for _ in range(300):
        nodes, usages, costs = [], [], []
        for number in range(1, dice.randint(2, 13)):
            parent = dice.randint(1, number - 1) if number > 1 and dice.random() < 0.8 else None
            parent = 99 if dice.random() < 0.1 else parent
            usage = cost = None
            if dice.random() < 0.5:
                usage = {name: dice.randint(0, 9) for name in spans.TOKENS}
                if dice.random() < 0.3:
                    usage["cache_read_input_tokens"] = 1
            if dice.random() < 0.5:
                cost = {"input_cost": 1.0, "output_cost": 2.0, "total_cost": 3.0}
            nodes.append(sums.Node(number, parent, _values(usage, rows.TOKENS), _values(cost, rows.COSTS)))
            usages.append(SpanAggregationNode(str(number), parent and str(parent), usage))
            costs.append(SpanAggregationNode(str(number), parent and str(parent), cost))
        dice.shuffle(nodes)
        usage, cost = sums.of_tree(nodes)
        assert _named(usage, rows.TOKENS) == aggregate_usage_from_span_nodes(usages)
        assert _named(cost, rows.COSTS) == aggregate_cost_from_span_nodes(costs)


def _values(given: dict[str, Any] | None, names: tuple[str, ...]) -> list[Any] | None:
    return None if given is None else [given.get(name) for name in names]


def _named(values: list[Any] | None, names: tuple[str, ...]) -> dict[str, Any] | None:
    if values is None:
        return None
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
