"""What the comparisons with MLflow share."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def leave_no_trace() -> Iterator[None]:
    """Afterwards the client has no run, model, autologging or server of this test's any more."""
    yield
    import mlflow

    mlflow.clear_active_model()
    while mlflow.active_run():
        mlflow.end_run()
    if "sklearn" in sys.modules:
        mlflow.sklearn.autolog(disable=True)
    mlflow.disable_system_metrics_logging()
    mlflow.set_tracking_uri(None)
