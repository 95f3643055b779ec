"""Options of ``mlflow server`` that have no meaning here, and what to tell who gives one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .checks import ConfigError


@dataclass(frozen=True)
class Foreign:
    flags: str
    why: str
    env: str = ""
    is_flag: bool = False
    # A tuning knob of a part that is not there can be passed over; all else would change what is served.
    is_harmless: bool = False

    @property
    def name(self) -> str:
        """The name of its parameter on a command line."""
        return "foreign_" + self.flags.partition("/")[0].removeprefix("--").replace("-", "_")


FOREIGN = (
    Foreign(
        "--uvicorn-opts",
        "Trackway runs on gunicorn, not uvicorn; give --gunicorn-opts instead.",
        env="MLFLOW_UVICORN_OPTS",
    ),
    Foreign("--waitress-opts", "Trackway runs on gunicorn, not waitress; give --gunicorn-opts instead."),
    Foreign("--app-name", "Trackway has no plug-in apps; nothing can stand in for its own."),
    Foreign(
        "--artifacts-only",
        "a Trackway that serves nothing but artifacts is not supported; run a full server and point "
        "clients at it.",
        env="MLFLOW_ARTIFACTS_ONLY",
        is_flag=True,
    ),
    Foreign(
        "--trace-archival-config",
        "Trackway has no trace archive.",
        env="MLFLOW_TRACE_ARCHIVAL_CONFIG",
    ),
    Foreign(
        "--enable-workspaces/--disable-workspaces",
        "workspaces are not supported yet.",
        env="MLFLOW_ENABLE_WORKSPACES",
        is_flag=True,
    ),
    Foreign(
        "--workspace-store-uri",
        "workspaces are not supported yet.",
        env="MLFLOW_WORKSPACE_STORE_URI",
    ),
    Foreign("--secrets-cache-ttl", "Trackway keeps no gateway secrets.", is_harmless=True),
    Foreign("--secrets-cache-max-size", "Trackway keeps no gateway secrets.", is_harmless=True),
)


def refuse(given: Callable[[Foreign], object]) -> list[str]:
    """A warning for each foreign option that is passed over.

    ``given`` tells an option's value, None or False where it was not given. Raises ``ConfigError``
    for one that would change what is served.
    """
    warnings = []
    for foreign in FOREIGN:
        if given(foreign) in (None, False):
            continue
        if not foreign.is_harmless:
            raise ConfigError(f"{foreign.flags.partition('/')[0]}: {foreign.why}")
        warnings.append(f"{foreign.flags} has no effect: {foreign.why}")
    return warnings
