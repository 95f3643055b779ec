"""The handlers of all RPCs. The import of this package registers them.

- ``tracking``: experiments, runs, metrics, datasets, logged models
- ``registry``: registered models, their versions and history
- ``artifacts``: listings, deletion, uploads, downloads, presigned URLs
- ``access``: users, service accounts, API tokens
- ``webhooks``: webhooks and their deliveries
- ``server_info``: the features of the server
"""

from . import access, artifacts, registry, server_info, tracking, webhooks

__all__ = ["access", "artifacts", "registry", "server_info", "tracking", "webhooks"]
