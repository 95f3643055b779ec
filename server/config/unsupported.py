"""Options of ``mlflow server`` that Trackway does not have, and what the operator is told about each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .checks import ConfigError


@dataclass(frozen=True)
class UnsupportedOption:
    flags: str
    reason: str
    env: str = ""
    is_flag: bool = False
    # True for a tuning option of a feature that Trackway lacks: it is ignored with a warning. Any other
    # option would change what is served, so it is an error.
    is_harmless: bool = False

    @property
    def name(self) -> str:
        """The name of its parameter on a command line."""
        return "unsupported_" + self.flags.partition("/")[0].removeprefix("--").replace("-", "_")


UNSUPPORTED = (
    UnsupportedOption(
        "--uvicorn-opts",
        "Trackway runs on gunicorn, not uvicorn; use --gunicorn-opts instead.",
        env="MLFLOW_UVICORN_OPTS",
    ),
    UnsupportedOption(
        "--waitress-opts", "Trackway runs on gunicorn, not waitress; use --gunicorn-opts instead."
    ),
    UnsupportedOption(
        "--artifacts-only",
        "Trackway has no mode in which it serves artifacts alone; run a full server and configure clients "
        "to use it.",
        env="MLFLOW_ARTIFACTS_ONLY",
        is_flag=True,
    ),
    UnsupportedOption(
        "--trace-archival-config",
        "Experiments and workspaces say themselves which traces are archived, see docs/traces.md.",
        env="MLFLOW_TRACE_ARCHIVAL_CONFIG",
    ),
    UnsupportedOption(
        "--workspace-store-uri",
        "workspaces are stored in the database of --backend-store-uri.",
        env="MLFLOW_WORKSPACE_STORE_URI",
    ),
    UnsupportedOption("--secrets-cache-ttl", "Trackway stores no gateway secrets.", is_harmless=True),
    UnsupportedOption("--secrets-cache-max-size", "Trackway stores no gateway secrets.", is_harmless=True),
)


def check_unsupported(value_of: Callable[[UnsupportedOption], object]) -> list[str]:
    """Return a warning for each unsupported option that was given and is ignored.

    ``value_of`` returns the value of an option, None or False if it was not given. Raise ``ConfigError``
    for an option that would change what is served.
    """
    warnings = []
    for option in UNSUPPORTED:
        if value_of(option) in (None, False):
            continue
        if not option.is_harmless:
            raise ConfigError(f"{option.flags.partition('/')[0]}: {option.reason}")
        warnings.append(f"{option.flags} has no effect: {option.reason}")
    return warnings
