"""The handlers of all RPCs. The import of this package registers them.

- ``tracking``: experiments, runs, metrics, datasets, logged models
- ``governance``: policies on the registry, their verdicts, approvals
- ``registry``: registered models, their versions and history
- ``artifacts``: listings, deletion, uploads, downloads, presigned URLs
- ``traces``: traces, their spans, tags, links and assessments
- ``access``: users, service accounts, API tokens
- ``webhooks``: webhooks and their deliveries
- ``server_info``: the features of the server
"""

from . import access, artifacts, governance, registry, server_info, traces, tracking, webhooks

__all__ = ["access", "artifacts", "governance", "registry", "server_info", "traces", "tracking", "webhooks"]
