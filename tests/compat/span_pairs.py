"""The spans of one request, as Trackway and as MLflow's own code make them."""

from __future__ import annotations

import json
from typing import Any

from mlflow.entities.span import Span as MlflowSpan
from mlflow.tracing.otel import translation as mlflow_translation

from tests.traces import as_json
from trackway.client_compat.traces import otlp, translation


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


def values(span: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a span's attributes. MLflow leaves a few of the texts without making them JSON."""
    return {key: _value(text) for key, text in span["attributes"].items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
