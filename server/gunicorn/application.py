"""gunicorn's configuration for Trackway: application class, settings, hooks, logger.

It also reads gunicorn's own command-line options, from ``--gunicorn-opts`` and ``GUNICORN_CMD_ARGS``.
"""

from __future__ import annotations

import gc
import logging
import os
import resource
import shlex
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.http import message as http_message

from trackway.client_compat.errors import ApiError
from trackway.storage.database import file_of

from ..backend import name_of_artifact_store, open_database
from ..config import Config, ConfigError
from ..edge import observability
from . import addresses
from .worker import Worker, install_patches

log = logging.getLogger("trackway.server")

# A worker has up to 1,000 connections and opens files as well; the usual limit is 1,024 open files.
_MAX_OPEN_FILES = 65_536
# Load balancers close a connection that has been idle for 60 s. The server waits longer, so that the load
# balancer closes the connection and never sends a request on one that the server is closing.
_KEEP_ALIVE_S = 75
# Models and versions can be searched with GET only, and a filter with 1,000 run ids is 41 KB long. uvicorn,
# which MLflow runs on, accepts as much for a whole head.
_MAX_REQUEST_LINE_BYTES = 64 * 1024
# gunicorn reduces a higher limit to this maximum. The limit 0 is no alternative: gunicorn would then read a
# request line of any length. Headers have a separate limit, 800 KB in total.
http_message.MAX_REQUEST_LINE = _MAX_REQUEST_LINE_BYTES


class Server(BaseApplication):  # type: ignore[misc]
    """A gunicorn application that gets its WSGI application from the function ``make_app``.

    gunicorn's own class for WSGI applications puts the working folder on ``sys.path``. A user's file such as
    ``storage.py`` would then hide a library's module of the same name.
    """

    def __init__(self, config: Config, make_app: Callable[[], Any]) -> None:
        self.config = config
        self._make_app = make_app
        install_patches()
        super().__init__(prog="trackway serve")

    def do_load_config(self) -> None:
        # The base class prints errors and exits. Here a ConfigError goes to the command line.
        self.load_default_config()
        self.load_config()

    def load_config(self) -> None:
        hooks = {
            "on_starting": self._on_starting,
            "when_ready": self._when_ready,
            "child_exit": self._on_worker_exit,
            "on_exit": self._on_exit,
        }
        for name, value in (_settings(self.config) | hooks).items():
            self.cfg.set(name, value)
        try:
            arguments = [*self.cfg.get_cmd_args_from_env(), *shlex.split(self.config.gunicorn_opts)]
        except ValueError as error:
            raise ConfigError(f"--gunicorn-opts: {error}.") from None
        for name, value in _parse_options(self.cfg, arguments).items():
            try:
                self.cfg.set(name, value)
            except Exception as error:  # gunicorn's checks raise errors of many classes
                reason = str(error) if isinstance(error, TypeError | ValueError) else "it does not exist"
                raise ConfigError(f"--gunicorn-opts: {name} cannot be {value!r}: {reason}") from None
        _check_certificates(self.cfg)

    def load(self) -> Any:
        try:
            return self._make_app()
        except SystemExit:
            # With --dev the worker loads the application. Only this exit status stops the server; after any
            # other one gunicorn starts the worker again.
            sys.exit(Arbiter.WORKER_BOOT_ERROR if self.config.dev else 1)

    def check_addresses(self) -> None:
        """Raise ``AddressError`` if the server cannot listen on its addresses."""
        addresses.check(self.cfg)

    def _on_starting(self, _arbiter: Any) -> None:
        _raise_open_files_limit()
        if self.config.expose_prometheus:
            observability.empty_metrics_folder(self.config.expose_prometheus)

    def _when_ready(self, arbiter: Any) -> None:
        # `trackway serve` has disabled the garbage collector for the start. Objects that exist now live until
        # the end. Freezing them keeps the collector from writing to the memory pages that the workers share,
        # which would copy the pages. No collection is run before: it takes 40 ms and frees only 900 objects.
        gc.freeze()
        gc.enable()
        config = self.config
        for listener in arbiter.LISTENERS:
            log.info("Trackway listens on %s%s", listener, config.static_prefix)
        if config.serve_artifacts:
            log.info("Artifacts are stored in %s", name_of_artifact_store(config))
        else:
            log.info("Clients store artifacts themselves, by default in %s", config.artifact_root)

    def _on_worker_exit(self, _arbiter: Any, worker: Any) -> None:
        if self.config.expose_prometheus:
            observability.remove_worker(worker.pid)

    def _on_exit(self, _arbiter: Any) -> None:
        """Merge SQLite's write-ahead log into the database file, which can then be copied on its own.

        SQLite does this when the last connection closes. The workers have closed theirs at this point.
        """
        file = file_of(self.config.backend_store_uri)
        if file and file.exists():
            with suppress(ApiError, ValueError):
                database = open_database(self.config)
                database.ping()
                database.dispose()
        log.info("Trackway has stopped.")


def _raise_open_files_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < limit:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except ValueError:  # macOS has another, smaller limit that getrlimit does not report
            log.warning("cannot raise the limit of %d open files, which also limits connections", soft)


def _settings(config: Config) -> dict[str, Any]:
    host = f"[{config.host}]" if ":" in config.host else config.host
    return {
        "bind": f"{host}:{config.port}",
        "workers": 1 if config.dev else config.workers,
        "threads": config.threads,
        "worker_class": Worker,
        # Forked workers share the memory of the modules that the parent process has imported.
        "preload_app": not config.dev,
        "reload": config.dev,
        "keepalive": _KEEP_ALIVE_S,
        "limit_request_line": _MAX_REQUEST_LINE_BYTES,
        # The control socket has a fixed path in the home folder, so a second server could not create its own.
        "control_socket_disable": True,
        "proc_name": "trackway",
        "logger_class": Logger,
        "loglevel": "info" if config.dev else "warning",
    }


def _parse_options(settings: Any, arguments: list[str]) -> dict[str, Any]:
    """Return gunicorn's command-line options as settings.

    Raise ``ConfigError`` for an unknown option, a missing certificate file, and for what Trackway does not
    allow: an application, a worker class, a configuration file.
    """
    if not arguments:
        return {}

    def refuse(message: str) -> None:
        raise ConfigError(f"--gunicorn-opts: {message}.")

    parser = settings.parser()
    parser.error = refuse
    parsed = vars(parser.parse_args(arguments))
    if parsed.pop("args", None):
        raise ConfigError("--gunicorn-opts: remove the application name; the application is Trackway.")
    if parsed.pop("worker_class", None):
        raise ConfigError("--gunicorn-opts: remove the worker class; Trackway has its own.")
    for name in ("certfile", "keyfile", "ca_certs"):
        if (path := parsed.get(name)) and not os.path.isfile(path):
            raise ConfigError(f"--gunicorn-opts: there is no file {path} for --{name.replace('_', '-')}.")
    if (folder := parsed.get("worker_tmp_dir")) and not os.path.isdir(folder):
        raise ConfigError(f"--gunicorn-opts: there is no folder {folder} for --worker-tmp-dir.")
    if parsed.pop("config", None):
        raise ConfigError("--gunicorn-opts: replace the configuration file by options.")
    return {name: value for name, value in parsed.items() if value is not None}


def _check_certificates(settings: Any) -> None:
    """Raise ``ConfigError`` if the TLS certificate or key cannot be used.

    gunicorn would read them at each connection, and start although no client can connect.
    """
    if not settings.certfile and not settings.keyfile:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.certfile, settings.keyfile)
        if settings.ca_certs:
            context.load_verify_locations(settings.ca_certs)
    except (OSError, TypeError) as error:  # includes ssl.SSLError; TypeError without a certificate
        raise ConfigError(
            f"--gunicorn-opts: TLS cannot use --certfile {settings.certfile}, --keyfile {settings.keyfile} "
            f"and --ca-certs {settings.ca_certs}: {error}."
        ) from None


class Logger(GunicornLogger):  # type: ignore[misc]
    """Writes gunicorn's log in Trackway's format, unless gunicorn's options send the log to a file."""

    def setup(self, cfg: Any) -> None:
        handlers = [handler for handler in self.error_log.handlers if not hasattr(handler, "_gunicorn")]
        super().setup(cfg)
        if cfg.errorlog == "-" and handlers:
            self.error_log.handlers = handlers

    def close_on_exec(self) -> None:
        """Do nothing: files that Python opens are not inherited by child programs (PEP 446).

        gunicorn's method walks through all loggers in each worker.
        """
