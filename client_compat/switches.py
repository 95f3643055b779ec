"""Settings of MLflow's server that change its rules. Operators set them as environment variables.

They apply to the whole process; the server sets them once, from its configuration.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Switches:
    """The settings. Each field names its environment variable."""

    # MLFLOW_TRUNCATE_LONG_VALUES: truncate long values of params and tags instead of refusing them.
    cuts_long_values: bool = True
    # MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH
    max_artifact_location: int = 2048
    # MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES: schemes that may name any host.
    host_schemes: frozenset[str] = frozenset()
    # MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX: a pattern that sources must contain.
    source_pattern: str = ""


_current = Switches()


def current() -> Switches:
    """Return the settings of this process."""
    return _current


def use(switches: Switches) -> None:
    """Set the settings of this process."""
    global _current
    _current = switches
