"""The handlers of all RPCs: importing this package registers every one of them."""

from . import artifacts, registry, server_info, tracking, webhooks

__all__ = ["artifacts", "registry", "server_info", "tracking", "webhooks"]
