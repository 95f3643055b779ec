"""Run scripts with MLflow's client against a server, so that tests can compare the results of two servers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from .conversation import sort_printed_sets

Script = Callable[[], Any]


def play(script: Script, url: str) -> Any:
    """Run the script. Return its result, with ids and times replaced so that it can be compared."""
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment(f"script {uuid.uuid4().hex}")
    return _comparable(script(), {})


def refused(call: Callable[[], Any]) -> str:
    """Return error code and message of the error that ``call`` raises."""
    with pytest.raises(MlflowException) as caught:
        call()
    return f"{caught.value.error_code}: {caught.value.message}"


def _comparable(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {_comparable(k, ids): _comparable(v, ids) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_comparable(item, ids) for item in value]
    if isinstance(value, str):
        value = re.sub(r"[0-9a-f]{32}", lambda found: ids.setdefault(found[0], f"<id {len(ids)}>"), value)
        value = re.sub(r"mlflow-artifacts:/\d+/", "mlflow-artifacts:/<experiment>/", value)
        value = sort_printed_sets(value)
        return re.sub(r"[a-z]+-[a-z]+-\d{1,4}", "<random name>", value)
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, int) and value > 1_750_000_000_000:
        return "<time>"
    return value
