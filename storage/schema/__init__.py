"""The tables, one module per area, on one ``metadata``.

A new table or column goes here and into a numbered file in ``migrations/versions``;
a test compares the two.
"""

from . import logged_models, operations, registry, tracking, webhooks
from .base import metadata

__all__ = ["logged_models", "metadata", "operations", "registry", "tracking", "webhooks"]
