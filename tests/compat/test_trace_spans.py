"""Spans as MLflow's own code makes them of the same requests: decoded, read back, shown, summed up."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from mlflow.entities import Trace, TraceData, TraceInfo, TraceLocation, TraceState
from mlflow.entities.span import Span as MlflowSpan
from mlflow.tracing.utils import (
    SpanAggregationNode,
    aggregate_cost_from_span_nodes,
    aggregate_usage_from_span_nodes,
    truncation,
)
from mlflow.utils.proto_json_utils import message_to_json

from tests.compat.span_pairs import ours, theirs
from tests.traces import CHILD, START, TRACE, request
from trackway.client_compat.traces import json_form, previews, spans
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
