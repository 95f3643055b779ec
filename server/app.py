"""The application: which responder is mounted where."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from trackway.client_compat import (
    extra,
    switches,
    trackway_api,
    trackway_artifacts,
    trackway_webhooks,
    unserved,
)
from trackway.client_compat.endpoints import ENDPOINTS
from trackway.client_compat.wire import Endpoint
from trackway.storage.maintenance import migrate

from . import handlers as handlers  # registers them
from .backend import Backend, open_replica, prepare_artifacts
from .config import Config
from .dispatch import Rpc
from .edge import transfers
from .edge.flask_pages import FlaskPages
from .edge.probes import Constant, MetricsPage, Ready
from .edge.wsgi import WsgiApp
from .graphql import Graphql
from .jobs import runner
from .ui import pages, stubs
from .version import MLFLOW_VERSION

_PREVIEWED = "/2.0/mlflow/"


def create_app(config: Config | None = None, *, start_jobs: bool = True) -> Flask:
    """A WSGI application on a store that is ready: made if it is new, refused if it is too old.

    Any WSGI server can run it: ``trackway.server.app:create_app()``. Without a ``config`` the settings are
    those of the environment. Each process connects to the database for itself at its first request.

    Background jobs begin in this process, in threads, with ``start_jobs``. A server that forks afterwards
    says False, and starts ``app.extensions["trackway.jobs"]`` in its processes.
    """
    config = config or Config.from_environment()
    switches.use(config.variables.switches)
    backend = Backend(config)
    prepare_store(backend)
    app = Flask("trackway.server", static_folder=None)
    app.extensions["trackway"] = backend
    app.extensions["trackway.jobs"] = background = runner.make_runner(backend) if config.jobs else None
    app.url_rule_class = MatchedRule
    app.url_map.merge_slashes = False
    pages.mount(app, config)
    wsgi = WsgiApp(config, FlaskPages(app))
    mount(wsgi, backend)
    app.wsgi_app = wsgi  # type: ignore[method-assign]
    if background and start_jobs:
        background.start()
        atexit.register(background.stop)
    return app


def mount(wsgi: WsgiApp, backend: Backend) -> None:
    """Mount everything but pages."""
    stubs.mount(wsgi, all_endpoints())
    for endpoint in all_endpoints():
        is_transfer = endpoint.loaded in transfers.HANDLERS
        responder = transfers.FileTransfer(backend, endpoint) if is_transfer else Rpc(backend, endpoint)
        for path in paths_of(endpoint):
            wsgi.mount(endpoint.verb, path, responder)
    wsgi.mount("GET", "/health", Constant("OK"))
    wsgi.mount("GET", "/version", Constant(MLFLOW_VERSION))
    wsgi.mount("GET", "/ready", Ready(backend))
    for verb in ("GET", "POST"):
        wsgi.mount(verb, "/graphql", Graphql(backend))
    if wsgi.metrics:
        wsgi.mount("GET", "/metrics", MetricsPage(wsgi.metrics))


def prepare_store(backend: Backend) -> None:
    """Make a new database, or check an old one. Raises with a sentence for the operator.

    What SQLAlchemy learns of the database, and the statement with which one of them looks for jobs, the
    workers find ready after the fork: 2 MB less in each than when each learned it.
    """
    prepare_artifacts(backend.config)
    try:
        database = backend.database
        database.ping()
        migrate.prepare(database, backend.config.artifact_root)
        if replica := open_replica(backend.config, database):
            try:
                replica.check(migrate.DATABASE_IDENTITY)
            finally:
                replica.dispose()
        runner.warm_up(database)
    finally:
        backend.close()


def all_endpoints() -> tuple[Endpoint, ...]:
    return (
        *ENDPOINTS,
        *extra.ENDPOINTS,
        *unserved.ENDPOINTS,
        *trackway_api.ENDPOINTS,
        *trackway_artifacts.ENDPOINTS,
        *trackway_webhooks.ENDPOINTS,
    )


def paths_of(endpoint: Endpoint) -> Iterator[str]:
    """Every path that an endpoint is reached by; those with ``preview`` are for clients of 1.x."""
    for mount in endpoint.mounts:
        yield mount + endpoint.path
        if endpoint.path.startswith(_PREVIEWED):
            yield f"{mount}/2.0/preview/mlflow/{endpoint.path.removeprefix(_PREVIEWED)}"


class MatchedRule(Rule):
    """A rule that no address is made from: werkzeug compiles code for that, 0.3 ms a rule."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def refuse(_rule: Rule, **_values: Any) -> tuple[str, str]:
            raise NotImplementedError("no address is made from a rule here")

        return refuse
