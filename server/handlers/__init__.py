"""The handlers of all RPCs: importing this package registers every one of them."""

from . import experiments, inputs, logged_models, metrics, runs, server_info, webhooks

__all__ = ["experiments", "inputs", "logged_models", "metrics", "runs", "server_info", "webhooks"]
