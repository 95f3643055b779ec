"""Limits of an API token to named experiments and models. They cut the rights of its owner."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from trackway.client_compat.access_rules import ALL

# Types of resources that a limited token has only by name. It has nothing of a store beside its experiments.
_LIMITED = ("experiment", "registered_model", "prompt", "workspace")


class Limits(NamedTuple):
    """Ids of experiments, and names of registered models and prompts."""

    experiments: frozenset[str]
    models: frozenset[str]

    def exclude(self, resource_type: str, resource_id: str) -> bool:
        """Return whether a resource, or all of a type, is outside of the limits."""
        return resource_type in _LIMITED and resource_id not in self.ids(resource_type)

    def ids(self, resource_type: str) -> frozenset[str]:
        """Return the ids of a type that are within the limits."""
        if resource_type == "experiment":
            return self.experiments
        return self.models - {ALL} if resource_type in ("registered_model", "prompt") else frozenset()


def to_text(experiments: Sequence[str], models: Sequence[str]) -> str | None:
    """Return limits as they are stored, None for no limits."""
    if not experiments and not models:
        return None
    return json.dumps({"experiments": sorted(set(experiments)), "models": sorted(set(models))})


def to_lists(text: str | None) -> tuple[list[str], list[str]]:
    """Return the experiments and models of stored limits."""
    found = json.loads(text) if text else {}
    return found.get("experiments", []), found.get("models", [])


def parse(text: str | None) -> Limits | None:
    """Return stored limits, None for no limits."""
    return Limits(*map(frozenset, to_lists(text))) if text else None
