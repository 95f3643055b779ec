"""Handlers of access. The import of this package registers them.

- ``callers``: who calls, and what the caller may administrate
- ``users``: MLflow's calls for users, and who the caller is
- ``roles``: roles, their permissions and who has them
- ``user_permissions``: permissions of single users
- ``resource_permissions``: the same, in the calls of MLflow 2.5 to 3.12
- ``workspace_permissions``: levels of users in whole workspaces, in the calls of MLflow 3.10 to 3.12
- ``tokens``: API tokens
- ``share_links``: links that show runs without a log-in
- ``service_accounts``: accounts for programs
- ``trust``: issuers of tokens that are accepted, and trust rules
- ``audit``: who did what
- ``workspaces``: workspaces
"""

from . import (
    audit,
    resource_permissions,
    roles,
    service_accounts,
    share_links,
    tokens,
    trust,
    user_permissions,
    users,
    workspace_permissions,
    workspaces,
)

__all__ = [
    "audit",
    "resource_permissions",
    "roles",
    "service_accounts",
    "share_links",
    "tokens",
    "trust",
    "user_permissions",
    "users",
    "workspace_permissions",
    "workspaces",
]
