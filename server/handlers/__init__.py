"""The handlers of all RPCs: importing this package registers every one of them."""

from . import (
    artifact_files,
    artifacts,
    experiments,
    history,
    inputs,
    logged_models,
    metrics,
    model_versions,
    registered_models,
    runs,
    server_info,
    webhooks,
)

__all__ = [
    "artifact_files",
    "artifacts",
    "experiments",
    "history",
    "inputs",
    "logged_models",
    "metrics",
    "model_versions",
    "registered_models",
    "runs",
    "server_info",
    "webhooks",
]
