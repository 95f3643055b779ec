"""The server's settings: one table from which the command line, the environment and the docs come.

Names, variables and defaults are those of ``mlflow server`` 3.17, so that people can swap one word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trackway.client_compat import uris

DATA_FOLDER = "./trackway-data"
PROXIED_ARTIFACTS = "mlflow-artifacts:/"
# What MLflow falls back to when clients store artifacts themselves and nobody said where.
LOCAL_ARTIFACT_ROOT = "./mlruns"


class ConfigError(ValueError):
    """A setting that cannot be; the text is one sentence for the person who set it."""


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
    workers: int = option(2, "Number of worker processes.", topic="Network", env="MLFLOW_WORKERS", short="-w")
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
    dev: bool = option(
        False,
        "Reload the server's code when it changes, and log everything. Not for production.",
        topic="Watching",
    )

    def __post_init__(self) -> None:
        _check_stores(self)
        _check_network(self)
        self._set("x_frame_options", self.x_frame_options.upper())
        if self.x_frame_options not in {"SAMEORIGIN", "DENY", "NONE"}:
            raise ConfigError(f"--x-frame-options is SAMEORIGIN, DENY or NONE, not {self.x_frame_options!r}.")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"{_flag(name)} is one of {choices}, not {getattr(self, name)!r}.")
        if self.dev:
            self._set("log_level", "debug")

    @property
    def artifact_root(self) -> str:
        """Where artifacts of new experiments go, absolute."""
        default = PROXIED_ARTIFACTS if self.serve_artifacts else LOCAL_ARTIFACT_ROOT
        return uris.absolute(self.default_artifact_root or default)

    @property
    def artifact_roots(self) -> tuple[str, str]:
        """The URIs whose hosts the operator chose: where new artifacts go, and what the server serves."""
        return self.artifact_root, self.artifacts_destination

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


_CHOICES: dict[str, tuple[str, ...]] = {
    item.name: item.metadata["choices"] for item in dataclasses.fields(Config) if item.metadata["choices"]
}


def _check_stores(config: Config) -> None:
    if config.serve_artifacts and not config.artifacts_destination:
        # An unset shell variable; the path "" would be the working folder.
        raise ConfigError("--artifacts-destination is empty; name a folder or s3://bucket/prefix.")
    if config.registry_store_uri and config.registry_store_uri != config.backend_store_uri:
        raise ConfigError(
            "--registry-store-uri differs from --backend-store-uri: Trackway keeps the registry in the same "
            "database as the runs; leave the option out."
        )
    root = config.default_artifact_root
    if root.startswith("mlflow-artifacts:") and not (
        config.serve_artifacts or root.startswith("mlflow-artifacts://")
    ):
        raise ConfigError(
            f"--default-artifact-root {root} needs --serve-artifacts: drop --no-serve-artifacts, or name "
            "the store that clients write to themselves."
        )


def _check_network(config: Config) -> None:
    if not config.host:
        # An unset shell variable; gunicorn would listen on every address.
        raise ConfigError("--host is empty; 0.0.0.0 listens on every address.")
    prefix = config.static_prefix
    if prefix and not prefix.startswith("/"):
        raise ConfigError("--static-prefix must begin with a '/'.")
    if prefix.endswith("/"):
        raise ConfigError("--static-prefix should not end with a '/'.")
    if set(prefix) & set("{}<>"):
        raise ConfigError("--static-prefix must not contain '{', '}', '<' or '>'.")
    if not 0 <= config.port <= 65535:
        raise ConfigError(f"--port is a number from 0 to 65535, not {config.port}.")
    for name in ("workers", "threads", "max_request_size", "transfer_timeout"):
        if getattr(config, name) < 1:
            raise ConfigError(f"{_flag(name)} must be at least 1, not {getattr(config, name)}.")


@dataclass(frozen=True)
class Foreign:
    """An option of ``mlflow server`` that has no meaning here, and what to tell who gives it."""

    flags: str
    why: str
    env: str = ""
    is_flag: bool = False
    # A tuning knob of a part that is not there can be passed over; all else would change what is served.
    is_harmless: bool = False


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
        "--read-replica-backend-store-uri",
        "Trackway reads and writes one database; reads from a replica are not supported.",
        env="MLFLOW_READ_REPLICA_BACKEND_STORE_URI",
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


def click_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command every option of the table, under the names of ``Config``'s fields."""
    import click

    for foreign in reversed(FOREIGN):
        command = click.option(
            foreign.flags,
            _foreign_name(foreign),
            envvar=foreign.env or None,
            is_flag=foreign.is_flag or None,
            default=None,
            hidden=True,
        )(command)
    for item in reversed(dataclasses.fields(Config)):
        about = item.metadata
        flags = _flag(item.name) + (f"/{about['off']}" if about["off"] else "")
        is_flag = isinstance(item.default, bool)
        choices = about["choices"]
        command = click.option(
            *([about["short"]] if about["short"] else []),
            flags,
            item.name,
            envvar=about["env"] or None,
            default=item.default,
            is_flag=is_flag,
            type=click.Choice(choices, case_sensitive=False) if choices else type(item.default),
            metavar=about["metavar"] or None,
            help=about["help"],
            show_default=item.default not in ("", False),
            show_envvar=True,
        )(command)
    return command


def from_click(values: Mapping[str, Any]) -> tuple[Config, list[str]]:
    """The settings that a command line gives, and a warning for each option that is passed over.

    Raises ``ConfigError`` for options that have no meaning here and for values that cannot be.
    """
    warnings = []
    for foreign in FOREIGN:
        given = values.get(_foreign_name(foreign))
        if given is None or given is False:
            continue
        if not foreign.is_harmless:
            raise ConfigError(f"{foreign.flags.partition('/')[0]}: {foreign.why}")
        warnings.append(f"{foreign.flags} has no effect: {foreign.why}")
    names = {item.name for item in dataclasses.fields(Config)}
    config = Config(**{name: value for name, value in values.items() if name in names})
    if config.dev and config.gunicorn_opts:
        raise ConfigError("'--dev' and '--gunicorn-opts' cannot be specified together.")
    return config, warnings


def options_as_markdown() -> str:
    """The table of options for the README."""
    lines = ["| option | variable | default | what it does |", "| --- | --- | --- | --- |"]
    for item in dataclasses.fields(Config):
        about = item.metadata
        flag = _flag(item.name) + (f" / {about['off']}" if about["off"] else "")
        default = {True: "on", False: "off", "": ""}.get(item.default, f"`{item.default}`")
        env = f"`{about['env']}`" if about["env"] else ""
        lines.append(f"| `{flag}` | {env} | {default} | {about['help']} |")
    return "\n".join(lines) + "\n"


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _foreign_name(foreign: Foreign) -> str:
    return "foreign_" + foreign.flags.partition("/")[0].removeprefix("--").replace("-", "_")
