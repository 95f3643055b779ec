"""``Config``: the options of ``trackway serve``. The command line and its help are made from this table.

Options, environment variables and defaults that ``mlflow server`` 3.17 has as well have the same names here,
so that ``trackway serve`` can replace it in a command line.
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

from .checks import ConfigError, Network, check, is_loopback, networks
from .sign_on import SignOn
from .unsupported import UnsupportedOption, check_unsupported
from .variables import Variables

log = logging.getLogger("trackway.server")

DATA_FOLDER = "./trackway-data"
PROXIED_ARTIFACTS = "mlflow-artifacts:/"
# MLflow's default if clients store artifacts directly and no location is configured.
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
    """Return a field of ``Config`` with its default. Its metadata has its help and external names."""
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
    """Settings of one server. Values are checked and completed on creation, and do not change afterwards.

    Raise ``ConfigError`` for an invalid value.
    """

    backend_store_uri: str = option(
        f"sqlite:///{DATA_FOLDER}/trackway.db",
        "Database for experiments, runs and models: sqlite:///path/to/file.db or "
        "postgresql://user:password@host/name.",
        topic="Storage",
        env="MLFLOW_BACKEND_STORE_URI",
        metavar="URI",
    )
    read_replica_backend_store_uri: str = option(
        "",
        "PostgreSQL read replica of --backend-store-uri. Searches read from it, or from the primary while "
        "it does not answer. Their results may not contain the most recent writes. Default: none.",
        topic="Storage",
        env="MLFLOW_READ_REPLICA_BACKEND_STORE_URI",
        metavar="URI",
    )
    registry_store_uri: str = option(
        "",
        "Accepted only if it equals --backend-store-uri, because Trackway keeps the model registry in the "
        "same database. Default: none.",
        topic="Storage",
        env="MLFLOW_REGISTRY_STORE_URI",
        metavar="URI",
    )
    default_artifact_root: str = option(
        "",
        "Artifact location of new experiments; existing experiments keep theirs. Default: "
        f"mlflow-artifacts:/ (through this server) with --serve-artifacts, else {LOCAL_ARTIFACT_ROOT}.",
        topic="Storage",
        env="MLFLOW_DEFAULT_ARTIFACT_ROOT",
        metavar="URI",
    )
    serve_artifacts: bool = option(
        True,
        "Let clients upload and download artifacts through this server.",
        topic="Storage",
        env="MLFLOW_SERVE_ARTIFACTS",
        off="--no-serve-artifacts",
    )
    artifacts_destination: str = option(
        f"{DATA_FOLDER}/artifacts",
        "Folder or s3://bucket/prefix in which the server stores artifacts that clients upload through it.",
        topic="Storage",
        env="MLFLOW_ARTIFACTS_DESTINATION",
        metavar="URI",
    )
    artifacts_public_endpoint: str = option(
        "",
        "URL at which clients reach the S3 store of --artifacts-destination. If it is set, clients of "
        "MLflow 3.17 transfer large files (500 MiB and more) directly, over signed links. On AWS they do "
        "so without this option. Default: none.",
        topic="Storage",
        env="TRACKWAY_ARTIFACTS_PUBLIC_ENDPOINT",
        metavar="URL",
    )
    sqlite_synchronous: str = option(
        "NORMAL",
        "SQLite's synchronous setting. With NORMAL, a crash of the server loses no committed write, but a "
        "power cut may lose the last ones. FULL also keeps these, but a write costs several times as "
        "much. EXTRA is SQLite's strictest setting.",
        topic="Storage",
        env="TRACKWAY_SQLITE_SYNCHRONOUS",
        choices=("NORMAL", "FULL", "EXTRA"),
    )
    host: str = option(
        "127.0.0.1",
        "Address to listen on. 0.0.0.0 accepts connections from other machines; see --allowed-hosts.",
        topic="Network",
        env="MLFLOW_HOST",
        short="-h",
    )
    auth: bool = option(
        None,
        "Let in only users, service accounts and API tokens. Default: off if --host is a loopback address, "
        "else on. With --no-auth everybody who reaches the server may do everything.",
        topic="Access",
        env="TRACKWAY_AUTH",
        off="--no-auth",
    )
    app_name: str = option(
        "",
        "MLflow's option: basic-auth is the same as --auth. Trackway has no other apps. Default: none.",
        topic="Access",
        metavar="NAME",
    )
    auth_config: str = option(
        "",
        "TOML file with the identity providers through which users log in (OpenID Connect). Default: none, "
        "users have passwords.",
        topic="Access",
        env="TRACKWAY_AUTH_CONFIG",
        metavar="FILE",
    )
    rate_limit: int = option(
        0,
        "Requests a second that a user or service account may make, and an address without valid "
        "credentials. After a pause those of two seconds may come at once; further ones get status 429, "
        "and MLflow's clients wait and repeat them. Each worker process allows its share. Default: 0, no "
        "limit.",
        topic="Access",
        env="TRACKWAY_RATE_LIMIT",
        metavar="NUMBER",
    )
    share_links: str = option(
        "read",
        "Who may make links that show runs to everybody who has the address, without a log-in, for at most "
        "30 days: who may read the runs (read), who manages their experiment (manage), or nobody (off). The "
        "last also closes the links that exist. Default: read.",
        topic="Access",
        env="TRACKWAY_SHARE_LINKS",
        choices=("read", "manage", "off"),
    )
    trusted_proxies: str = option(
        "",
        "Comma-separated networks or addresses of proxies, such as 10.1.0.0/16. From these, the client's "
        "address is taken from the header X-Forwarded-For, for limits, the audit and the access log. "
        "Default: none, the client is who has the connection.",
        topic="Network",
        env="TRACKWAY_TRUSTED_PROXIES",
        metavar="NETWORKS",
    )
    enable_workspaces: bool = option(
        False,
        "Have several workspaces: experiments and models of one are not seen in another. A client names its "
        "workspace with mlflow.set_workspace, or in its tracking URI: http://host:5000/t/<workspace>.",
        topic="Access",
        env="MLFLOW_ENABLE_WORKSPACES",
        off="--disable-workspaces",
    )
    port: int = option(
        5000,
        "Port to listen on.",
        topic="Network",
        env="MLFLOW_PORT",
        short="-p",
    )
    workers: int = option(
        None,
        "Number of worker processes. Default: 1 on SQLite, which has one writer at a time; 2 on PostgreSQL.",
        topic="Network",
        env="MLFLOW_WORKERS",
        short="-w",
    )
    cpu_affinity: bool = option(
        True,
        "Run the threads that answer a worker's requests on one processor (Linux only). Python runs one "
        "of them at a time, and passing its lock to another processor costs more than a request.",
        topic="Network",
        env="TRACKWAY_CPU_AFFINITY",
        off="--no-cpu-affinity",
    )
    threads: int = option(
        32,
        "Maximum number of requests that each worker process handles at the same time. Few of them "
        "compute at a time; the others wait for slow clients or the database.",
        topic="Network",
        env="TRACKWAY_THREADS",
    )
    max_message_size: int = option(
        1024 * 1024,
        "Maximum size of the body of an API request, in bytes; a larger one is answered 413. Requests that "
        "log batches, datasets or logged models may have more, see --max-request-size.",
        topic="Network",
        env="TRACKWAY_MAX_MESSAGE_SIZE",
    )
    max_request_size: int = option(
        64 * 1024 * 1024,
        "Maximum size of the body of any API request, in bytes. A process handles large bodies of up to "
        "twice this size at the same time. Artifact uploads are not limited.",
        topic="Network",
        env="TRACKWAY_MAX_REQUEST_SIZE",
    )
    statement_timeout: int = option(
        30,
        "Seconds after which the server stops a database statement of a request, which is then answered 400.",
        topic="Network",
        env="TRACKWAY_STATEMENT_TIMEOUT",
    )
    transfer_timeout: int = option(
        60,
        "Seconds after which the server ends a file transfer if the client sends or receives nothing.",
        topic="Network",
        env="TRACKWAY_TRANSFER_TIMEOUT",
    )
    static_prefix: str = option(
        "",
        "Prefix of every path, for example /tracking behind a reverse proxy. Default: none.",
        topic="Network",
        env="MLFLOW_STATIC_PREFIX",
        metavar="PREFIX",
    )
    gunicorn_opts: str = option(
        "",
        "Additional options for gunicorn in one string, for example '--timeout 120 --keep-alive 30'. "
        "Default: none.",
        topic="Network",
        env="MLFLOW_GUNICORN_OPTS",
        metavar="OPTIONS",
    )
    allowed_hosts: str = option(
        "",
        "Comma-separated Host headers that are accepted. * is a wildcard; '*' alone accepts all. Default: "
        "localhost and private addresses.",
        topic="Security",
        env="MLFLOW_SERVER_ALLOWED_HOSTS",
        metavar="HOSTS",
    )
    cors_allowed_origins: str = option(
        "",
        "Comma-separated origins of web pages that may call the API. * is a wildcard; '*' alone accepts "
        "all origins, but without credentials. Default: pages from localhost.",
        topic="Security",
        env="MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
        metavar="ORIGINS",
    )
    x_frame_options: str = option(
        "SAMEORIGIN",
        "Value of the X-Frame-Options response header: SAMEORIGIN or DENY. NONE sends no such header.",
        topic="Security",
        env="MLFLOW_SERVER_X_FRAME_OPTIONS",
    )
    disable_security_middleware: bool = option(
        False,
        "DANGEROUS: turn off the Host check, the cross-origin check and the security headers. Default: off.",
        topic="Security",
        env="MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE",
    )
    ui_folder: str = option(
        "",
        "Folder with the files of MLflow's web UI. Default: the folder of `trackway ui fetch` if it has "
        "them, else that of an installed mlflow package.",
        topic="UI",
        env="TRACKWAY_UI_FOLDER",
        metavar="FOLDER",
    )
    ui_allowed_sources: str = option(
        "",
        "Comma-separated URLs of other hosts from which pages of the web UI may load, for example "
        "https://cdn.plot.ly for charts made with Plotly. Default: none.",
        topic="UI",
        env="TRACKWAY_UI_ALLOWED_SOURCES",
        metavar="SOURCES",
    )
    expose_prometheus: str = option(
        "",
        "Serve /metrics for Prometheus, and keep the metric files of the workers in this folder. The "
        "server removes such files of an earlier start. Default: off.",
        topic="Monitoring",
        env="MLFLOW_EXPOSE_PROMETHEUS",
        metavar="FOLDER",
    )
    access_log: bool = option(
        True,
        "Log each request.",
        topic="Monitoring",
        env="TRACKWAY_ACCESS_LOG",
        off="--no-access-log",
    )
    log_level: str = option(
        "info",
        "Lowest level of messages that are logged.",
        topic="Monitoring",
        env="TRACKWAY_LOG_LEVEL",
        choices=("debug", "info", "warning", "error"),
    )
    log_format: str = option(
        "auto",
        "Format of the log. json: one object per line; text: for people; auto: text on a terminal, else "
        "json.",
        topic="Monitoring",
        env="TRACKWAY_LOG_FORMAT",
        choices=("auto", "text", "json"),
    )
    jobs: bool = option(
        True,
        "Run background jobs, such as webhook deliveries, in this server. With --no-jobs they wait in the "
        "database until another server runs them.",
        topic="Jobs",
        env="TRACKWAY_JOBS",
        off="--no-jobs",
    )
    dev: bool = option(
        False,
        "For development only: run one worker, reload the code when it changes, and log at level debug. "
        "Default: off.",
        topic="Monitoring",
    )

    # Settings that have no option.
    variables: Variables = field(default_factory=Variables.read)
    # The settings in the file of auth_config.
    sign_on: SignOn = field(default_factory=SignOn)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Config:
        """Return the settings for ``create_app()`` under a WSGI server other than ``trackway serve``.

        Raise ``ConfigError`` for an invalid value.
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
            # Writers of one process queue for a lock in memory. Writers of two processes wait for SQLite's
            # lock by sleeping, which takes a third more processor time and half as much memory again, for
            # the same rates.
            self._set("workers", 1 if self.is_on_sqlite else 2)
        if self.auth_config:
            self._set("sign_on", SignOn.read(self.auth_config))
        check(self)
        if self.dev:
            self._set("log_level", "debug")

    @property
    def requires_login(self) -> bool:
        """Whether the server authenticates its callers."""
        if self.auth is not None:
            return self.auth
        return bool(self.app_name) or not is_loopback(self.host)

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        return networks(self.trusted_proxies)

    @property
    def is_on_sqlite(self) -> bool:
        return self.backend_store_uri.startswith("sqlite")

    @property
    def artifact_root(self) -> str:
        """Return the artifact location of new experiments, as an absolute URI."""
        default = PROXIED_ARTIFACTS if self.serve_artifacts else LOCAL_ARTIFACT_ROOT
        return uris.absolute(self.default_artifact_root or default)

    @property
    def artifact_roots(self) -> tuple[str, str]:
        """Return the configured artifact locations: that of new experiments, and the server's own store."""
        return self.artifact_root, self.artifacts_destination

    @property
    def s3(self) -> S3Settings:
        return dataclasses.replace(self.variables.s3, public_endpoint=self.artifacts_public_endpoint)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def options() -> tuple[dataclasses.Field[Any], ...]:
    """Return the fields of ``Config`` that are options, in the order of the help."""
    return tuple(item for item in dataclasses.fields(Config) if item.metadata)


def is_switch(item: dataclasses.Field[Any]) -> bool:
    """Return whether an option is on or off, or neither if it was not given."""
    return isinstance(item.default, bool) or bool(item.metadata["off"])


_BOOLEANS = dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True) | dict.fromkeys(
    ("0", "false", "f", "no", "n", "off"), False
)


def _parse(item: dataclasses.Field[Any], text: str) -> Any:
    """Convert the text of an environment variable to the option's type. Raise ``ConfigError``."""
    try:
        if is_switch(item):
            return _BOOLEANS[text.strip().lower()]
        # An option with the default None is a number; its default depends on other settings.
        return int(text) if item.default is None or isinstance(item.default, int) else text
    except (KeyError, ValueError):
        kind = "true or false" if is_switch(item) else "a whole number"
        raise ConfigError(f"{item.metadata['env']} must be {kind}, not {text!r}.") from None
