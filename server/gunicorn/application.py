"""gunicorn as Trackway runs it: its own application class, and settings that fit MLflow's clients."""

from __future__ import annotations

import gc
import logging
import os
import resource
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.http import message as http_message

from trackway.client_compat.errors import ApiError

from ..backend import open_database
from ..config import Config, ConfigError
from ..edge import observability
from .worker import Worker, install_patches

log = logging.getLogger("trackway.server")

# A worker has up to 1,000 connections, and files beside them; 1,024 open files are the usual limit.
_OPEN_FILES = 65_536
# Longer than the 60 s after which load balancers give up a connection, so that it is they who close it.
_KEEP_ALIVE_S = 75
# Models and versions are searched for with GET alone, and a filter that names 1,000 runs is 41 KB long. As
# much as MLflow's uvicorn takes of a head.
_LONGEST_REQUEST_LINE = 64 * 1024
# gunicorn takes any limit above this for this, and 0 for none: it would read on without an end. Headers have
# a bound of their own, 800 KB in all.
http_message.MAX_REQUEST_LINE = _LONGEST_REQUEST_LINE


class Server(BaseApplication):  # type: ignore[misc]
    """A gunicorn application around a function that makes the WSGI application.

    gunicorn's own class for WSGI puts the working folder on ``sys.path``, where a user's
    ``storage.py`` would stand in for a library's module.
    """

    def __init__(self, config: Config, make_app: Callable[[], Any]) -> None:
        self.config = config
        self._make_app = make_app
        install_patches()
        super().__init__(prog="trackway serve")

    def do_load_config(self) -> None:
        # The base class prints and exits; here a ConfigError goes to the command line.
        self.load_default_config()
        self.load_config()

    def load_config(self) -> None:
        hooks = {
            "on_starting": self._starting,
            "when_ready": self._ready,
            "child_exit": self._worker_ended,
            "on_exit": self._ended,
        }
        for name, value in (_settings(self.config) | hooks).items():
            self.cfg.set(name, value)
        try:
            given = [*self.cfg.get_cmd_args_from_env(), *shlex.split(self.config.gunicorn_opts)]
        except ValueError as error:
            raise ConfigError(f"--gunicorn-opts: {error}.") from None
        for name, value in _parse(self.cfg, given).items():
            try:
                self.cfg.set(name, value)
            except (TypeError, ValueError) as error:
                raise ConfigError(f"--gunicorn-opts: {name} cannot be {value!r}: {error}") from None

    def load(self) -> Any:
        try:
            return self._make_app()
        except SystemExit:
            # With --dev it is a worker that loads, and one that ends otherwise is started again.
            sys.exit(Arbiter.WORKER_BOOT_ERROR if self.config.dev else 1)

    def _starting(self, _arbiter: Any) -> None:
        _allow_open_files()
        if self.config.expose_prometheus:
            observability.empty_metrics_folder(self.config.expose_prometheus)

    def _ready(self, arbiter: Any) -> None:
        # What exists now lives on: keep the collector from touching, and so copying, the shared pages.
        # Not collected before: 40 ms, for 900 objects.
        gc.freeze()
        gc.enable()
        config = self.config
        for listener in arbiter.LISTENERS:
            log.info("Trackway listens on %s%s", listener, config.static_prefix)
        log.info("Data is kept in %s", hide_password(config.backend_store_uri))
        if config.serve_artifacts:
            log.info("Artifacts are kept in %s", hide_password(config.artifacts_destination))
        else:
            log.info("Artifacts are stored by clients themselves, by default in %s", config.artifact_root)

    def _worker_ended(self, _arbiter: Any, worker: Any) -> None:
        if self.config.expose_prometheus:
            observability.forget_worker(worker.pid)

    def _ended(self, _arbiter: Any) -> None:
        """Fold SQLite's log into its one file, which is then a whole copy: the last to close it does that."""
        database = open_database(self.config)
        if database.dialect == "sqlite":
            with suppress(ApiError):
                database.ping()
        database.dispose()


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except ValueError:  # macOS has a smaller limit besides, which it does not tell
            log.warning("up to %d files can be open at once; more connections than that cannot be kept", soft)


def _settings(config: Config) -> dict[str, Any]:
    host = f"[{config.host}]" if ":" in config.host else config.host
    return {
        "bind": f"{host}:{config.port}",
        "workers": 1 if config.dev else config.workers,
        "threads": config.threads,
        "worker_class": Worker,
        # Forked workers share the memory of what the parent has imported.
        "preload_app": not config.dev,
        "reload": config.dev,
        "keepalive": _KEEP_ALIVE_S,
        "limit_request_line": _LONGEST_REQUEST_LINE,
        # Its socket stands in the home folder, where a second server would find it taken.
        "control_socket_disable": True,
        "proc_name": "trackway",
        "logger_class": Logger,
        "loglevel": "info" if config.dev else "warning",
    }


def _parse(settings: Any, arguments: list[str]) -> dict[str, Any]:
    """gunicorn's command-line options as settings. Raises ``ConfigError`` for what it does not know."""
    if not arguments:
        return {}

    def refuse(message: str) -> None:
        raise ConfigError(f"--gunicorn-opts: {message}.")

    parser = settings.parser()
    parser.error = refuse
    parsed = vars(parser.parse_args(arguments))
    if parsed.pop("args", None):
        raise ConfigError("--gunicorn-opts names an application; Trackway is the application.")
    if parsed.pop("worker_class", None):
        raise ConfigError("--gunicorn-opts names a worker class; Trackway has one of its own.")
    for name in ("certfile", "keyfile", "ca_certs"):
        if (path := parsed.get(name)) and not os.path.isfile(path):
            raise ConfigError(f"--gunicorn-opts: there is no file {path} for --{name.replace('_', '-')}.")
    if parsed.pop("config", None):
        raise ConfigError("--gunicorn-opts names a configuration file; give its options themselves.")
    return {name: value for name, value in parsed.items() if value is not None}


def hide_password(uri: str) -> str:
    """A store's address as it may be shown."""
    scheme, found, rest = uri.partition("://")
    account, is_account, place = rest.rpartition("@")
    if not found or not is_account or ":" not in account:
        return uri
    return f"{scheme}://{account.partition(':')[0]}:***@{place}"


class Logger(GunicornLogger):  # type: ignore[misc]
    """gunicorn's words in our format, unless its own options send them to a file."""

    def setup(self, cfg: Any) -> None:
        ours = [handler for handler in self.error_log.handlers if not hasattr(handler, "_gunicorn")]
        super().setup(cfg)
        if cfg.errorlog == "-" and ours:
            self.error_log.handlers = ours

    def close_on_exec(self) -> None:
        """Nothing to do: Python opens no file that a program started later would inherit.

        gunicorn's walks through all loggers for it, in each worker.
        """
