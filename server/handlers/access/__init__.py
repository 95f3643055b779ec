"""Handlers of access. The import of this package registers them.

- ``users``: MLflow's calls for users, and who the caller is
- ``tokens``: API tokens
- ``service_accounts``: accounts for programs
"""

from . import service_accounts, tokens, users

__all__ = ["service_accounts", "tokens", "users"]
