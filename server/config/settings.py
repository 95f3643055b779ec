"""The table of options, from which the command line, their variables and the docs come.

Names, variables and defaults are those of ``mlflow server`` 3.17, so that people can swap one word.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trackway.client_compat import uris
from trackway.storage.artifacts.s3_settings import S3Settings

from .checks import ConfigError, check
from .unsupported import UnsupportedOption, check_unsupported
from .variables import Variables

log = logging.getLogger("trackway.server")

DATA_FOLDER = "./trackway-data"
PROXIED_ARTIFACTS = "mlflow-artifacts:/"
# What MLflow falls back to when clients store artifacts themselves and nobody said where.
LOCAL_ARTIFACT_ROOT = "./mlruns"


def option(
    default: Any,
    help: str,
    *,
    topic: str,
    env: str = "",
    short: str = "",
    off: str = "",
    metavar: str = "",
    choices: tuple[str, ...] = (),
) -> Any:
    """A setting: its default, and in its metadata how it is named outside."""
    about = {
        "help": help,
        "topic": topic,
        "env": env,
        "short": short,
        "off": off,
        "metavar": metavar,
        "choices": choices,
    }
    return field(default=default, metadata=about)


@dataclass(frozen=True, kw_only=True)
class Config:
    """How one server runs. Immutable; checked and completed when made, so every value can be used as is."""

    backend_store_uri: str = option(
        f"sqlite:///{DATA_FOLDER}/trackway.db",
        "Database that keeps experiments, runs and models: sqlite:///path/to/file.db or "
        "postgresql://user:password@host/name.",
        topic="Storage",
        env="MLFLOW_BACKEND_STORE_URI",
        metavar="URI",
    )
    read_replica_backend_store_uri: str = option(
        "",
        "A PostgreSQL that follows the one of --backend-store-uri: searches go there, or to the primary "
        "while it does not answer. Lists may miss what was written in the moments before.",
        topic="Storage",
        env="MLFLOW_READ_REPLICA_BACKEND_STORE_URI",
        metavar="URI",
    )
    registry_store_uri: str = option(
        "",
        "Accepted when it equals --backend-store-uri: Trackway keeps the registry in the same database.",
        topic="Storage",
        env="MLFLOW_REGISTRY_STORE_URI",
        metavar="URI",
    )
    default_artifact_root: str = option(
        "",
        "Where artifacts of new experiments go. Default: mlflow-artifacts:/ (through this server) with "
        f"--serve-artifacts, else {LOCAL_ARTIFACT_ROOT}. Existing experiments keep theirs.",
        topic="Storage",
        env="MLFLOW_DEFAULT_ARTIFACT_ROOT",
        metavar="URI",
    )
    serve_artifacts: bool = option(
        True,
        "Whether clients store and load artifacts through this server.",
        topic="Storage",
        env="MLFLOW_SERVE_ARTIFACTS",
        off="--no-serve-artifacts",
    )
    artifacts_destination: str = option(
        f"{DATA_FOLDER}/artifacts",
        "Where the server keeps the artifacts that it serves: a folder or s3://bucket/prefix.",
        topic="Storage",
        env="MLFLOW_ARTIFACTS_DESTINATION",
        metavar="URI",
    )
    artifacts_public_endpoint: str = option(
        "",
        "Address at which clients reach the S3 server of --artifacts-destination. With it (and on AWS "
        "without) clients of MLflow 3.17 send and fetch large files there by themselves, over signed links.",
        topic="Storage",
        env="TRACKWAY_ARTIFACTS_PUBLIC_ENDPOINT",
        metavar="URL",
    )
    sqlite_synchronous: str = option(
        "NORMAL",
        "SQLite's synchronous setting. NORMAL survives every crash of the server; FULL also keeps the "
        "last writes through a power cut, at several times the cost of a write.",
        topic="Storage",
        env="TRACKWAY_SQLITE_SYNCHRONOUS",
        choices=("NORMAL", "FULL", "EXTRA"),
    )
    host: str = option(
        "127.0.0.1",
        "Address to listen on; 0.0.0.0 takes connections from other machines (see --allowed-hosts).",
        topic="Network",
        env="MLFLOW_HOST",
        short="-h",
    )
    port: int = option(5000, "Port to listen on.", topic="Network", env="MLFLOW_PORT", short="-p")
    workers: int = option(
        None,
        "Number of worker processes. Default: 1 on SQLite, which has one writer at a time; 2 on PostgreSQL.",
        topic="Network",
        env="MLFLOW_WORKERS",
        short="-w",
    )
    cpu_affinity: bool = option(
        True,
        "Whether the threads that answer a worker's requests share one processor (Linux). Python runs one of "
        "them at a time, and to pass its lock on to another processor costs more than a request.",
        topic="Network",
        env="TRACKWAY_CPU_AFFINITY",
        off="--no-cpu-affinity",
    )
    threads: int = option(
        32,
        "Most requests that each worker has in hand at once. Few of them compute at a time; the others "
        "wait for slow clients or the database.",
        topic="Network",
        env="TRACKWAY_THREADS",
    )
    max_request_size: int = option(
        64 * 1024 * 1024,
        "Largest body of an API request in bytes; a larger one is answered 413. Artifacts are not limited.",
        topic="Network",
        env="TRACKWAY_MAX_REQUEST_SIZE",
    )
    transfer_timeout: int = option(
        60,
        "Seconds for which a client may send or take nothing in the middle of a file.",
        topic="Network",
        env="TRACKWAY_TRANSFER_TIMEOUT",
    )
    static_prefix: str = option(
        "",
        "Prefix of every path, for example /tracking behind a reverse proxy.",
        topic="Network",
        env="MLFLOW_STATIC_PREFIX",
        metavar="PREFIX",
    )
    gunicorn_opts: str = option(
        "",
        "Further options for gunicorn, as one string, for example '--timeout 120 --keep-alive 30'.",
        topic="Network",
        env="MLFLOW_GUNICORN_OPTS",
        metavar="OPTIONS",
    )
    allowed_hosts: str = option(
        "",
        "Comma-separated Host headers to accept, with * as wildcard; '*' alone accepts all. "
        "Default: localhost and private addresses.",
        topic="Security",
        env="MLFLOW_SERVER_ALLOWED_HOSTS",
        metavar="HOSTS",
    )
    cors_allowed_origins: str = option(
        "",
        "Comma-separated origins of web pages that may call the API, with * as wildcard; '*' alone "
        "accepts all, without credentials. Default: pages served from localhost.",
        topic="Security",
        env="MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
        metavar="ORIGINS",
    )
    x_frame_options: str = option(
        "SAMEORIGIN",
        "X-Frame-Options header: SAMEORIGIN, DENY, or NONE for no header.",
        topic="Security",
        env="MLFLOW_SERVER_X_FRAME_OPTIONS",
    )
    disable_security_middleware: bool = option(
        False,
        "DANGEROUS: no Host check, no cross-origin check, no security headers.",
        topic="Security",
        env="MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE",
    )
    ui_folder: str = option(
        "",
        "Folder with the pages of MLflow's UI. Default: where `trackway ui fetch` puts them, else those of "
        "an installed mlflow.",
        topic="UI",
        env="TRACKWAY_UI_FOLDER",
        metavar="FOLDER",
    )
    ui_allowed_sources: str = option(
        "",
        "Comma-separated addresses beyond this server that the UI's pages may load from, for example "
        "https://cdn.plot.ly for figures that Plotly wrote. Default: none.",
        topic="UI",
        env="TRACKWAY_UI_ALLOWED_SOURCES",
        metavar="SOURCES",
    )
    expose_prometheus: str = option(
        "",
        "Folder for the workers' metric files; turns /metrics on. Emptied at start.",
        topic="Watching",
        env="MLFLOW_EXPOSE_PROMETHEUS",
        metavar="FOLDER",
    )
    access_log: bool = option(
        True,
        "Whether each request is logged.",
        topic="Watching",
        env="TRACKWAY_ACCESS_LOG",
        off="--no-access-log",
    )
    log_level: str = option(
        "info",
        "Least level that is logged.",
        topic="Watching",
        env="TRACKWAY_LOG_LEVEL",
        choices=("debug", "info", "warning", "error"),
    )
    log_format: str = option(
        "auto",
        "json: one object per line; text: for people; auto: text on a terminal, else json.",
        topic="Watching",
        env="TRACKWAY_LOG_FORMAT",
        choices=("auto", "text", "json"),
    )
    jobs: bool = option(
        True,
        "Whether this server works off background jobs, such as webhooks' deliveries. Where none does, they "
        "wait in the database.",
        topic="Jobs",
        env="TRACKWAY_JOBS",
        off="--no-jobs",
    )
    dev: bool = option(
        False,
        "Reload the server's code when it changes, and log everything. Not for production.",
        topic="Watching",
    )

    # What no option says.
    variables: Variables = field(default_factory=Variables.read)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Config:
        """The settings for a server that is not started by ``trackway serve``.

        Raises ``ConfigError`` for values that cannot be.
        """

        def value_of(option: UnsupportedOption) -> object:
            text = environment.get(option.env) or None
            return _BOOLEANS.get(text.strip().lower(), text) if text and option.is_flag else text

        for warning in check_unsupported(value_of):
            log.warning(warning)
        given = {item: environment.get(item.metadata["env"]) for item in options()}
        values = {item.name: _parse(item, text) for item, text in given.items() if text}
        return cls(**values, variables=Variables.read(environment))

    def __post_init__(self) -> None:
        self._set("x_frame_options", self.x_frame_options.upper())
        if self.workers is None:
            # Writers of one process wait for each other in line; those of two sleep on SQLite's lock, which
            # costs a third more CPU for the same rates, and half as much memory again.
            self._set("workers", 1 if self.is_on_sqlite else 2)
        check(self)
        if self.dev:
            self._set("log_level", "debug")

    @property
    def is_on_sqlite(self) -> bool:
        return self.backend_store_uri.startswith("sqlite")

    @property
    def artifact_root(self) -> str:
        """Where artifacts of new experiments go, absolute."""
        default = PROXIED_ARTIFACTS if self.serve_artifacts else LOCAL_ARTIFACT_ROOT
        return uris.absolute(self.default_artifact_root or default)

    @property
    def artifact_roots(self) -> tuple[str, str]:
        """The URIs whose hosts the operator chose: where new artifacts go, and what the server serves."""
        return self.artifact_root, self.artifacts_destination

    @property
    def s3(self) -> S3Settings:
        return dataclasses.replace(self.variables.s3, public_endpoint=self.artifacts_public_endpoint)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def options() -> tuple[dataclasses.Field[Any], ...]:
    """The fields that are options, in their order."""
    return tuple(item for item in dataclasses.fields(Config) if item.metadata)


_BOOLEANS = dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True) | dict.fromkeys(
    ("0", "false", "f", "no", "n", "off"), False
)


def _parse(item: dataclasses.Field[Any], text: str) -> Any:
    """A variable's text as its option's value."""
    try:
        if isinstance(item.default, bool):
            return _BOOLEANS[text.strip().lower()]
        # A number's default may hang on other settings.
        return int(text) if item.default is None or isinstance(item.default, int) else text
    except (KeyError, ValueError):
        kind = "true or false" if isinstance(item.default, bool) else "a whole number"
        raise ConfigError(f"{item.metadata['env']} is {kind}, not {text!r}.") from None
