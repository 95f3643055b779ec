"""What other libraries than MLflow's call a span's type, inputs, outputs, tokens and model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .spans import Span


def translate(span: Span, resource: Mapping[str, Any]) -> None:
    """Add MLflow's attributes to a span, where it lacks them, from those of other libraries."""
