"""The handlers of all RPCs: importing this package registers every one of them."""

from . import (
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
