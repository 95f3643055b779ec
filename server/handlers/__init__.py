"""The handlers of all RPCs. The import of this package registers them.

- ``tracking``: experiments, runs, metrics, datasets, logged models
- ``registry``: registered models, their versions and history
- ``artifacts``: listings, deletion, uploads, downloads, presigned URLs
- ``webhooks``: webhooks and their deliveries
- ``server_info``: the features of the server
"""

from . import artifacts, registry, server_info, tracking, webhooks

__all__ = ["artifacts", "registry", "server_info", "tracking", "webhooks"]
