"""Fixtures for comparisons with MLflow."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def leave_no_trace() -> Iterator[None]:
    """After the test, reset the client's active run, active model, autologging and tracking URI."""
    yield
    import mlflow

    mlflow.clear_active_model()
    while mlflow.active_run():
        mlflow.end_run()
    if "sklearn" in sys.modules:
        mlflow.sklearn.autolog(disable=True)
    mlflow.disable_system_metrics_logging()
    mlflow.set_tracking_uri(None)
