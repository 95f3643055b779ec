"""MLflow's switches of what its server takes, which its operators know as environment variables.

They hold for a whole process. The server sets them once, from its settings.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Switches:
    # MLFLOW_TRUNCATE_LONG_VALUES: else long values of params and tags are errors.
    cuts_long_values: bool = True
    # MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH
    max_artifact_location: int = 2048
    # MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES: those that may name any host.
    host_schemes: frozenset[str] = frozenset()
    # MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX: what sources must hold somewhere.
    source_pattern: str = ""


_current = Switches()


def current() -> Switches:
    return _current


def use(switches: Switches) -> None:
    global _current
    _current = switches
