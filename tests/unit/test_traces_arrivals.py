"""What the spans of a trace say about it, and its sums, whatever the order in which they come."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.traces import CHILD, ROOT, SECOND, START, TRACE_ID, request
from trackway.client_compat.traces import ingest_rules, otlp
from trackway.storage.traces import arrivals, sums
from trackway.storage.traces.arrivals import NewTrace


def arrived(*given: dict[str, Any], seed: int | None = None, tags: dict[str, str] | None = None) -> NewTrace:
    (batch,) = otlp.decode(request(*given, resource=tags).SerializeToString(), is_json=False)
    found = [span for _, span in batch.spans]
    if seed is not None:
        random.Random(seed).shuffle(found)
    return arrivals.new_trace(TRACE_ID, found, batch.tags)


def llm(number: int, said: str, **more: Any) -> dict[str, Any]:
    attributes = {
        "openinference.span.kind": "LLM",
        "input.value": json.dumps({"messages": [{"role": "user", "content": f"ask {said}"}]}),
        "output.value": f"answer {said}",
        "llm.token_count.prompt": 10,
        "llm.token_count.completion": 1,
        "llm.model_name": "gpt-4o-mini",
        "llm.provider": "openai",
    }
    return {
        "span_id": bytes(8 * [number]),
        "parent": ROOT,
        "start": START + number,
        "attributes": attributes,
        **more,
    }


ROOT_SPAN = {
    "name": "agent",
    "end": START + 3 * SECOND,
    "attributes": {
        "session.id": "s",
        "user.id": 7,
        "mlflow.traceTag.env": "prod",
        "mlflow.traceTag.mlflow.traceName": "named",
    },
}


def test_a_trace_of_an_agent() -> None:
    found = arrived(ROOT_SPAN, llm(2, "a"), llm(3, "b"), tags={"env": "dev", "host": "h"})
    # The root says nothing, so the first question and the last answer count.
    assert found.root == arrivals.Root("agent", "OK", "ask a", '"answer b"')
    assert found.tags == {"env": "prod", "host": "h", "mlflow.traceName": "named"}
    assert found.metadata == {"mlflow.trace.session": "s", "mlflow.trace.user": "7"}
    call = found.spans[1]
    assert (call.kind.type, call.kind.model, call.kind.provider) == ("LLM", "gpt-4o-mini", "openai")
    assert call.usage == (10, 1, 11, None, None)
    assert call.cost == pytest.approx((10 * 0.15e-6, 0.6e-6, 10 * 0.15e-6 + 0.6e-6))


def test_messages_of_the_conventions_for_generative_ai_are_previews() -> None:
    asked = [{"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
             {"role": "user", "parts": [{"type": "uri"}, {"type": "text", "content": "How?"}]}]  # fmt: skip
    answered = [{"role": "assistant", "parts": [{"type": "text", "content": "So."}]}]
    attributes = {
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps({"messages": answered}),
    }
    found = arrived({"attributes": attributes}).root
    assert found is not None
    assert (found.request_preview, found.response_preview) == ("How?", "So.")


def test_the_order_does_not_matter() -> None:
    given = (ROOT_SPAN, llm(2, "a"), llm(3, "b"), llm(4, "c", parent=CHILD, status=(2, "x")))
    expected = arrived(*given)
    for seed in range(10):
        shuffled = arrived(*given, seed=seed)
        assert sorted(shuffled.spans) == sorted(expected.spans)
        assert shuffled[2:] == expected[2:]


@pytest.mark.parametrize(
    ("root", "state"),
    [
        ({"status": (0, "")}, "OK"),
        ({"status": (1, "")}, "OK"),
        ({"status": (2, "")}, "ERROR"),
        ({"status": (2, ""), "end": 0}, "ERROR"),
        ({"end": 0}, "IN_PROGRESS"),
    ],
)
def test_the_state_is_that_of_the_root(root: dict[str, Any], state: str) -> None:
    found = arrived(root, {"status": (2, "")}).root
    assert found is not None
    assert found.state == state


def test_a_trace_without_root_has_no_name_and_no_state() -> None:
    assert arrived({"parent": CHILD}).root is None


@pytest.mark.parametrize("empty", ["null", '"null"', '""'])
def test_a_root_that_returns_nothing_shows_the_answer_of_its_calls(empty: str) -> None:
    root = {**ROOT_SPAN, "attributes": {"mlflow.spanOutputs": empty}}
    found = arrived(root, llm(2, "a")).root
    assert found is not None
    assert found.response_preview == '"answer a"'


@pytest.mark.parametrize("attribute", ["input.value", "mlflow.spanInputs", "*"])
def test_what_is_made_of_an_attribute_shows_nothing_that_is_masked(attribute: str) -> None:
    mask = {"attribute": attribute, "pattern": "ask .", "replacement": "[x]"}
    rules = ingest_rules.parse(json.dumps({"mask": [mask]}))
    found = arrivals.masked(arrived(ROOT_SPAN, llm(2, "a")), rules)
    attributes = json.loads(found.spans[1].line)["attributes"]
    assert "[x]" in attributes["mlflow.spanInputs"]
    assert "ask a" not in attributes["mlflow.spanInputs"]
    assert ("ask a" in attributes["input.value"]) == (attribute == "mlflow.spanInputs")
    assert found.root is not None
    assert found.root.request_preview == "[x]"
    assert found.spans[1].cost is not None


def test_tokens_below_a_span_with_tokens_are_not_counted_again() -> None:
    def usage(*given: tuple[int, int | None, int | None]) -> list[Any] | None:
        nodes = [
            sums.Node(own, parent, None if tokens is None else (tokens,), None)
            for own, parent, tokens in given
        ]
        return sums.of_tree(nodes)[0]

    assert usage((1, None, None), (2, 1, 5), (3, 2, None), (4, 3, 5), (5, 99, 1)) == [6]
    # In bad data a span may be its own parent, or parents may form a circle.
    assert usage((1, 1, 3)) == [3]
    assert usage((1, 2, None), (2, 1, None)) is None
    chain = [(number, number - 1 or None, 1) for number in range(1, 20_000)]
    assert usage(*chain[::-1]) == [1]


def test_a_sum_fits_into_the_database() -> None:
    nodes = [sums.Node(number, None, (2**53 - 1,), (1e308,)) for number in range(3000)]
    usage, cost = sums.of_tree(nodes)
    assert usage == [2**62]
    assert cost == [2.0**62]
