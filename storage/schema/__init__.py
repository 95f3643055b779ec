"""The tables, one module per area, on one ``metadata``.

A new table or column goes here and into a numbered file in ``migrations/versions``;
a test compares the two.
"""

from . import audit, jobs, registry, tracking, webhooks
from .base import metadata

__all__ = ["audit", "jobs", "metadata", "registry", "tracking", "webhooks"]
