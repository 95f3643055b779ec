"""Settings that only environment variables say: MLflow's own, the S3 store's, and those of jobs."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trackway.client_compat.switches import Switches
from trackway.storage.artifacts.s3_settings import S3Settings

from .checks import number
from .webhooks import WebhookSettings

Environment = Mapping[str, str]

_YES = {"true", "1"}


@dataclass(frozen=True)
class JobSettings:
    """How background jobs are worked off in each process."""

    threads: int = 10
    # How long a job is nobody else's after its worker was last heard of.
    lease_s: float = 30.0
    # How often idle processes look for jobs that others have left.
    poll_s: float = 5.0


@dataclass(frozen=True)
class GraphqlLimits:
    """How much one query may ask for."""

    root_fields: int = 10
    aliases: int = 10


@dataclass(frozen=True, kw_only=True)
class Variables:
    switches: Switches
    s3: S3Settings
    webhooks: WebhookSettings
    jobs: JobSettings
    graphql: GraphqlLimits
    presigned_download_s: int
    # gunicorn's own: requests lie below it.
    script_name: str

    @classmethod
    def read(cls, environment: Environment = os.environ) -> Variables:
        """The settings as they are now. Raises ``ConfigError`` with a sentence for the operator."""
        return cls(
            switches=_switches(environment),
            s3=S3Settings.read(environment),
            webhooks=WebhookSettings.read(environment),
            jobs=_jobs(environment),
            graphql=GraphqlLimits(
                root_fields=_whole(environment, "MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS", 10, least=0),
                aliases=_whole(environment, "MLFLOW_SERVER_GRAPHQL_MAX_ALIASES", 10, least=0),
            ),
            presigned_download_s=_whole(
                environment, "MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS", 300, least=1
            ),
            script_name=environment.get("SCRIPT_NAME", ""),
        )


def client_credentials(environment: Environment = os.environ) -> dict[str, str]:
    """The header by which a command names its user to a server, from the variables of MLflow's clients."""
    if token := environment.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if user := environment.get("MLFLOW_TRACKING_USERNAME"):
        pair = f"{user}:{environment.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return {}


def data_home(environment: Environment = os.environ) -> Path:
    """The user's folder for what programs keep (XDG Base Directory Specification)."""
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _whole(environment: Environment, name: str, usual: int, *, least: int) -> int:
    return int(number(environment, name, usual, least=least))


def _switches(environment: Environment) -> Switches:
    schemes = environment.get("MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES", "").split(",")
    return Switches(
        cuts_long_values=environment.get("MLFLOW_TRUNCATE_LONG_VALUES", "true").lower() in _YES,
        max_artifact_location=_whole(environment, "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH", 2048, least=1),
        host_schemes=frozenset(scheme.strip().lower() for scheme in schemes) - {""},
        source_pattern=environment.get("MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX", ""),
    )


def _jobs(environment: Environment) -> JobSettings:
    usual = JobSettings()
    # MLflow's variable for the only kind of job that it has.
    threads = _whole(environment, "MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS", usual.threads, least=1)
    return JobSettings(
        threads=_whole(environment, "TRACKWAY_JOB_THREADS", threads, least=1),
        lease_s=number(environment, "TRACKWAY_JOB_LEASE_SECONDS", usual.lease_s, least=0.1),
        poll_s=number(environment, "TRACKWAY_JOB_POLL_SECONDS", usual.poll_s, least=0.1),
    )
