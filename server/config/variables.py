"""Settings that have an environment variable, but no option: some of MLflow's, the S3 store's, the jobs'."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trackway.client_compat.switches import Switches
from trackway.storage.artifacts.s3_settings import S3Settings

from .access import AccessSettings
from .checks import number
from .webhooks import WebhookSettings

Environment = Mapping[str, str]

_TRUE = {"true", "1"}


@dataclass(frozen=True)
class JobSettings:
    """Settings of the background jobs in each process."""

    threads: int = 10
    # A lease ends this long after the process that runs the job last renewed it. Then another process may
    # take the job.
    lease_s: float = 30.0
    # How often an idle process polls for jobs that other processes left.
    poll_s: float = 5.0


@dataclass(frozen=True)
class GraphqlLimits:
    """Limits of one GraphQL query."""

    root_fields: int = 10
    aliases: int = 10


@dataclass(frozen=True, kw_only=True)
class Variables:
    """The settings that have no option."""

    switches: Switches
    s3: S3Settings
    access: AccessSettings
    webhooks: WebhookSettings
    jobs: JobSettings
    graphql: GraphqlLimits
    presigned_download_s: int
    # Whether a new workspace gets its first roles.
    seeds_roles: bool
    # A variable of gunicorn's: the prefix that gunicorn removes from the paths of requests.
    script_name: str

    @classmethod
    def read(cls, environment: Environment = os.environ) -> Variables:
        """Return the settings. Raise ``ConfigError`` with a sentence for the operator."""
        return cls(
            switches=_switches(environment),
            s3=S3Settings.read(environment),
            access=AccessSettings.read(environment),
            webhooks=WebhookSettings.read(environment),
            jobs=_jobs(environment),
            graphql=GraphqlLimits(
                root_fields=_integer(environment, "MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS", 10, minimum=0),
                aliases=_integer(environment, "MLFLOW_SERVER_GRAPHQL_MAX_ALIASES", 10, minimum=0),
            ),
            presigned_download_s=_integer(
                environment, "MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS", 300, minimum=1
            ),
            seeds_roles=environment.get("MLFLOW_RBAC_SEED_DEFAULT_ROLES", "true").strip().lower() in _TRUE,
            script_name=environment.get("SCRIPT_NAME", ""),
        )


def inherits_sockets(environment: Environment = os.environ) -> bool:
    """Return whether the process has inherited listening sockets, from systemd or from another gunicorn."""
    return "GUNICORN_PID" in environment or environment.get("LISTEN_PID") == str(os.getpid())


def client_credentials(environment: Environment = os.environ) -> dict[str, str]:
    """Return the Authorization header for a command's requests, or no header if no credentials are set.

    The environment variables are those of MLflow's clients.
    """
    if token := environment.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if user := environment.get("MLFLOW_TRACKING_USERNAME"):
        pair = f"{user}:{environment.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return {}


def data_home(environment: Environment = os.environ) -> Path:
    """Return the user's folder for data of programs (XDG Base Directory Specification)."""
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _integer(environment: Environment, name: str, default: int, *, minimum: int) -> int:
    return int(number(environment, name, default, minimum=minimum))


def _switches(environment: Environment) -> Switches:
    schemes = environment.get("MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES", "").split(",")
    return Switches(
        cuts_long_values=environment.get("MLFLOW_TRUNCATE_LONG_VALUES", "true").lower() in _TRUE,
        max_artifact_location=_integer(environment, "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH", 2048, minimum=1),
        host_schemes=frozenset(scheme.strip().lower() for scheme in schemes) - {""},
        source_pattern=environment.get("MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX", ""),
    )


def _jobs(environment: Environment) -> JobSettings:
    defaults = JobSettings()
    # Webhook deliveries are the only background jobs for which MLflow has a variable.
    threads = _integer(environment, "MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS", defaults.threads, minimum=1)
    return JobSettings(
        threads=_integer(environment, "TRACKWAY_JOB_THREADS", threads, minimum=1),
        lease_s=number(environment, "TRACKWAY_JOB_LEASE_SECONDS", defaults.lease_s, minimum=0.1),
        poll_s=number(environment, "TRACKWAY_JOB_POLL_SECONDS", defaults.poll_s, minimum=0.1),
    )
