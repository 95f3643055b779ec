"""The tables, one module for each area, all in one ``metadata``.

``base``      column types, names of constraints, tables of keys and values
``tracking``  experiments, runs, metrics, datasets, logged models
``registry``  registered models and their versions
``webhooks``  webhooks and their deliveries
``jobs``      work for later
``audit``     one row for each write
``access``    principals, their tokens and sessions
``usage``     what workspaces use, quotas
``traces``    traces, their spans and assessments
``governance``  policies, verdicts, approvals

Root tables have a ``workspace_id``; children are reached through their parent and deleted with it. A new
table or column is described here and made by a new file in ``migrations/versions``; a test compares the two.
"""

from . import access, audit, governance, jobs, registry, traces, tracking, usage, webhooks
from .base import metadata

__all__ = [
    "access",
    "audit",
    "governance",
    "jobs",
    "metadata",
    "registry",
    "traces",
    "tracking",
    "usage",
    "webhooks",
]
