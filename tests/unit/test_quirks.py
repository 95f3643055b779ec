"""What the protos do not say, in MLflow's words (each text as its server answered it)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trackway.client_compat import codec, extra, quirks, trackway_api, trackway_webhooks
from trackway.client_compat import genai_messages as g
from trackway.client_compat import messages as m
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.wire import Message

SEE_DOCS = " See the API docs for more information about request parameters."


def message(name: str) -> type[Message]:
    modules = (m, g, extra, trackway_api, trackway_webhooks)
    found: type[Message] = next(getattr(module, name) for module in modules if hasattr(module, name))
    return found


def defaults_of(cls: type[Message]) -> dict[str, Any]:
    return cls.__init__.__kwdefaults__ or {}


def complaint(cls: type[Message], data: object) -> str:
    with pytest.raises(InvalidParameter) as caught:
        codec.decode(cls, data)
    return caught.value.message


@pytest.mark.parametrize("name", quirks.REQUIRED)
@pytest.mark.parametrize("nothing", [{}, None, ""])
def test_required_fields_are_asked_for_in_order(name: str, nothing: object) -> None:
    cls = message(name)
    required = [field for field in cls._fields if field not in defaults_of(cls)]
    assert set(quirks.REQUIRED[name]) <= set(required)
    data = {} if nothing == {} else dict.fromkeys(required, nothing)
    assert complaint(cls, data) == f"Missing value for required parameter '{required[0]}'.{SEE_DOCS}"


@pytest.mark.parametrize("field", ["key", "value", "timestamp"])
def test_required_fields_of_list_items_are_named_with_their_place(field: str) -> None:
    good = {"key": "k", "value": 1, "timestamp": 1}
    bad = {name: value for name, value in good.items() if name != field}
    assert complaint(m.LogBatch, {"run_id": "r", "metrics": [good, bad]}) == (
        f"Missing value for required parameter 'metrics[1].{field}'.{SEE_DOCS}"
    )


@pytest.mark.parametrize("items", ["params", "tags"])
def test_params_and_tags_need_a_key_but_no_value(items: str) -> None:
    found = codec.decode(m.LogBatch, {"run_id": "r", items: [{"key": "k"}]})
    assert getattr(found, items)[0].value == ""
    assert complaint(m.LogBatch, {"run_id": "r", items: [{"value": "v"}]}) == (
        f"Missing value for required parameter '{items}[0].key'.{SEE_DOCS}"
    )


def test_an_empty_list_is_not_missing() -> None:
    assert codec.decode(m.LogOutputs, {"run_id": "r", "models": []}).models == []
    assert (
        complaint(m.LogOutputs, {"run_id": "r"})
        == f"Missing value for required parameter 'models'.{SEE_DOCS}"
    )


@pytest.mark.parametrize("name", quirks.DEFAULTS)
def test_defaults_are_those_of_the_message(name: str) -> None:
    assert quirks.DEFAULTS[name].items() <= defaults_of(message(name)).items()


INVALID = "Invalid value {value} for parameter 'max_results' supplied"
TYPED = f"{INVALID}:  Hint: Value was of type '{{kind}}'.{SEE_DOCS}"
POSITIVE = f"{INVALID}. It must be a positive integer"


@pytest.mark.parametrize(
    ("cls", "value", "text"),
    [
        (m.SearchRuns, 50001, TYPED),
        (m.SearchRuns, "50001", TYPED),
        (m.SearchRuns, 0, POSITIVE),
        (m.SearchRuns, -1, POSITIVE),
        (m.SearchExperiments, 50001, f"{INVALID}. It must be at most 50000"),
        (m.SearchRegisteredModels, "1001", TYPED),
        (m.SearchModelVersions, 200_001, TYPED),
        (
            m.SearchModelVersions,
            0,
            "Invalid value for max_results. It must be a positive integer, but got {value}",
        ),
        (m.SearchLoggedModels, -1, f"{INVALID}. It must be a positive integer"),
        (m.ListWebhooks, 1001, "max_results must be between 1 and 1000."),
        (trackway_webhooks.ListWebhookDeliveries, 0, "max_results must be between 1 and 1000."),
        (trackway_api.GetRegisteredModelHistory, 1001, f"{INVALID}. It must be at most 1000"),
        (extra.ListRegisteredModels, 0, POSITIVE),
    ],
)
def test_pages_have_bounds(cls: type[Message], value: object, text: str) -> None:
    expected = text.format(value=json.dumps(value), kind=type(value).__name__)
    required = {name: ["x"] for name in cls._fields if name not in defaults_of(cls)}
    asked = {name: value if cls._fields[name].endswith("[]") else "x" for name, value in required.items()}
    assert complaint(cls, {**asked, "max_results": value}) == expected


def test_bounds_of_a_metrics_history() -> None:
    asked = {"run_ids": ["r"], "metric_key": "k", "max_results": 2501}
    assert (
        complaint(m.GetMetricHistoryBulkInterval, asked)
        == f"max_results must be between 1 and 2500.{SEE_DOCS}"
    )
    assert complaint(m.GetMetricHistory, {"run_id": "r", "metric_key": "k", "max_results": 0}) == (
        "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer."
    )
    assert codec.decode(m.GetMetricHistory, {"run_id": "r", "metric_key": "k", "max_results": 10**6})


@pytest.mark.parametrize("name", quirks.BOUNDS)
def test_the_bounds_themselves_are_within(name: str) -> None:
    cls = message(name)
    others = dict.fromkeys((f for f in cls._fields if cls._fields[f].startswith("string")), "x")
    lists: dict[str, object] = {f: [] for f in cls._fields if cls._fields[f].endswith("[]")}
    if name == "QueryTraceMetrics":
        others["view_type"] = "TRACES"
    for field, bound in quirks.BOUNDS[name].items():
        for value in {bound.low, bound.high} - {None}:
            found = codec.decode(cls, {**others, **lists, field: value})
            assert getattr(found, field) == value


@pytest.mark.parametrize(
    ("value", "read"), [("NOPE", 0), ("", 0), ("CODE", 3), (2, 2), ("AI_JUDGE", 2), ("llm_judge", 2)]
)
def test_an_unknown_type_of_source_is_unspecified(value: object, read: int) -> None:
    found = codec.decode(g.AssessmentSource, {"source_type": value}).source_type or ""
    assert g.AssessmentSource.SourceType._numbers[found] == read
