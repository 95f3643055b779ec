"""A span of each dialect gets MLflow's attributes; compat/test_trace_translation.py compares with MLflow."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from tests.traces import request
from tests.unit.dialect_cases import CASES, COST, Case, usage
from trackway.client_compat.traces import _generate_prices, otlp, prices, spans, translation


def translated(case: Case) -> dict[str, Any]:
    message = request({"attributes": case.attributes, "events": case.events})
    (batch,) = otlp.decode(message.SerializeToString(), is_json=False)
    ((_, span),) = batch.spans
    translation.translate(span)
    return span


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_attributes_are_added(case: Case) -> None:
    span = translated(case)
    added = {
        key: json.loads(text)
        for key, text in span["attributes"].items()
        if key not in case.attributes or key in case.expected
    }
    added.pop("mlflow.traceRequestId")
    cost = added.pop(COST, None)
    assert added == case.expected
    assert (cost is not None) == (spans.cost(span) is not None)


def test_a_known_model_has_a_cost() -> None:
    span = translated(Case("", {"llm.model_name": "gpt-4o-mini", "llm.token_count.prompt": 1_000_000}, {}))
    assert spans.cost(span) == {"input_cost": 0.15, "output_cost": 0.0, "total_cost": 0.15}
    assert (spans.model(span), spans.usage(span)) == ("gpt-4o-mini", {"input_tokens": 1_000_000})


@pytest.mark.parametrize(
    ("count", "read"),
    [("26", 26), (26.0, 26), ('"26"', 26), ("x", None), (True, None), (-1, None), (2.5, None), (2**60, None)],
)
def test_counts_of_tokens(count: Any, read: int | None) -> None:
    assert spans.as_count(count) == read


def test_an_agent_has_no_cost() -> None:
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 1,
    }
    span = translated(Case("", attributes, {}))
    assert (spans.usage(span), spans.cost(span)) == (usage(5, 1), None)


def test_the_file_of_prices_is_that_of_the_installed_mlflow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _generate_prices.generate()
    assert _generate_prices.check(text, _generate_prices.PATH) == 0
    assert "Apache License 2.0" in json.loads(text)["notice"]
    changed = tmp_path / "prices.json.xz"
    changed.write_bytes(lzma.compress(text.replace("gpt-4o-mini", "gpt-5o-mini").encode()))
    assert _generate_prices.check(text, changed) == 1
    assert "differs" in capsys.readouterr().out


@pytest.mark.parametrize("model", ["gateway:/x", "endpoints:/gpt-4o", "no-such-model", ""])
def test_an_unknown_model_has_no_price(model: str) -> None:
    assert prices.cost_of(usage(5, 1), model) is None
