"""Limits of an API token or a share link to named resources. They cut the rights of its owner.

The models are those of the workspace in which the token was created. Ids of experiments are unique, so these
remain within the limits in whichever workspace they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from trackway.client_compat.access_rules import ALL
from trackway.storage.database import DEFAULT_WORKSPACE

# Types of resources that a limited token has only by name. It has nothing of a store beside its experiments.
_LIMITED = ("experiment", "registered_model", "prompt", "workspace")


class Limits(NamedTuple):
    """Ids of experiments, and names of registered models and prompts in a workspace, which has an id.

    Those of a share link may also have ids of runs; None: all runs of the experiments.
    """

    experiments: frozenset[str]
    models: frozenset[str]
    workspace: int = DEFAULT_WORKSPACE
    is_link: bool = False
    runs: frozenset[str] | None = None

    def within(self, workspace: int) -> Limits:
        """Return the limits as they hold in a workspace: those of another one have none of its models."""
        return self if workspace == self.workspace else self._replace(models=frozenset())

    def exclude(self, resource_type: str, resource_id: str) -> bool:
        """Return whether a resource, or all of a type, is outside of the limits. Runs have no traces."""
        if resource_type == "trace":
            return self.runs is not None
        return resource_type in _LIMITED and resource_id not in self.ids(resource_type)

    def ids(self, resource_type: str) -> frozenset[str]:
        """Return the ids of a type that are within the limits."""
        if resource_type == "experiment":
            return self.experiments
        return self.models - {ALL} if resource_type in ("registered_model", "prompt") else frozenset()


def to_text(
    experiments: Sequence[str], models: Sequence[str], workspace: int = DEFAULT_WORKSPACE
) -> str | None:
    """Return limits as they are stored, None for no limits. ``workspace`` is that of the models."""
    if not experiments and not models:
        return None
    return json.dumps(
        {"experiments": sorted(set(experiments)), "models": sorted(set(models)), "workspace": workspace}
    )


def link_to_text(experiments: Sequence[str], runs: Sequence[str], workspace: int) -> str:
    """Return the limits of a share link as they are stored: to runs, or without any to the experiments."""
    stored = {"experiments": sorted(set(experiments)), "models": [], "workspace": workspace}
    return json.dumps(stored | {"runs": sorted(set(runs)) or None})


def parse_link(text: str) -> Limits:
    """Return the stored limits of a share link."""
    found = json.loads(text)
    runs = None if found["runs"] is None else frozenset(found["runs"])
    return Limits(frozenset(found["experiments"]), frozenset(), found["workspace"], True, runs)


def to_lists(text: str | None) -> tuple[list[str], list[str]]:
    """Return the experiments and models of stored limits."""
    found = json.loads(text) if text else {}
    return found.get("experiments", []), found.get("models", [])


def parse(text: str | None) -> Limits | None:
    """Return stored limits, None for no limits."""
    if not text:
        return None
    experiments, models = to_lists(text)
    return Limits(frozenset(experiments), frozenset(models), json.loads(text)["workspace"])
