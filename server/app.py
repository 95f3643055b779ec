"""``create_app`` makes the WSGI application and mounts every responder on its paths."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from trackway.client_compat import (
    extra,
    extra_permissions,
    extra_roles,
    extra_traces,
    extra_users,
    switches,
    trackway_access,
    trackway_api,
    trackway_artifacts,
    trackway_audit,
    trackway_governance,
    trackway_shares,
    trackway_traces,
    trackway_trust,
    trackway_webhooks,
    unserved,
)
from trackway.client_compat.endpoints import ENDPOINTS
from trackway.client_compat.errors import Unavailable, Unusable
from trackway.client_compat.wire import Endpoint
from trackway.storage.database import Database, translated
from trackway.storage.maintenance import access, migrate

from . import handlers as handlers  # the import registers every handler
from .auth import exchange, first_admin
from .auth.gate import ClosedGate, OpenGate, gate_of
from .backend import Backend, heal_artifacts, name_of_database, open_replica, prepare_artifacts
from .config import Config
from .dispatch import Rpc
from .edge import otlp, transfers
from .edge.flask_pages import FlaskPages
from .edge.probes import Constant, MetricsPage, Ready
from .edge.wsgi import WsgiApp
from .graphql import Graphql
from .jobs import runner
from .pages import access as access_pages
from .pages import audit as audit_pages
from .pages import models as model_pages
from .pages import share_links as share_link_pages
from .pages.frame import MODEL_LINKS, UI_LINKS, Frame
from .ui import pages, stubs
from .ui.page_script import USERS
from .version import MLFLOW_VERSION

log = logging.getLogger("trackway.server")

_PREVIEW_PREFIX = "/2.0/mlflow/"


def create_app(config: Config | None = None, *, start_jobs: bool = True) -> Flask:
    """Return a WSGI application with its store ready for use.

    A new database gets its tables; a database of another revision is refused (see ``prepare_store``).
    Any WSGI server can run the application: ``trackway.server.app:create_app()``. Without a ``config`` the
    settings are read from the environment. Each process opens its own database connections at its first
    request.

    With ``start_jobs``, background jobs run in threads of this process. A server that forks afterwards
    passes False and starts ``app.extensions["trackway.jobs"]`` in each worker process.
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
    gate = gate_of(backend)
    served = stubs.served_paths(all_endpoints()) - ({USERS} if isinstance(gate, OpenGate) else set())
    is_closed = isinstance(gate, ClosedGate)
    pages.mount(app, config, served, UI_LINKS if is_closed else MODEL_LINKS, has_log_in=is_closed)
    wsgi = WsgiApp(config, gate, FlaskPages(app))
    frame = Frame(app, backend)
    model_pages.mount(app, frame)
    if isinstance(gate, ClosedGate):
        backend.gate = gate
        access_pages.mount(app, frame, backend, gate)
        audit_pages.mount(app, frame)
        share_link_pages.mount(app, frame)
        wsgi.mount("POST", exchange.PATH, exchange.TokenExchange(backend, gate))
    mount(wsgi, backend)
    app.wsgi_app = wsgi  # type: ignore[method-assign]
    if start_jobs:
        backend.usage.start()
        backend.start_artifact_check()
    if background and start_jobs:
        background.start()
        atexit.register(background.stop)
    return app


def mount(wsgi: WsgiApp, backend: Backend) -> None:
    """Mount every responder except the pages, which ``pages.mount`` adds to Flask."""
    stubs.mount(wsgi, all_endpoints())
    wsgi.mount("POST", otlp.PATH, otlp.SpanExports(backend, wsgi.metrics))
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
    """Create the tables of a new database, or check the schema of an existing one.

    Raise an exception with a message for the operator if the database or its read replica cannot be used.

    Worker processes inherit two things that are prepared here, before the fork: SQLAlchemy's knowledge of
    the database, and the compiled statement that polls for jobs. This saves 2 MB in each worker.
    """
    prepare_artifacts(backend.config)
    try:
        database = backend.database
        try:
            prepare_database(database, backend.config)
        except Unavailable as error:
            if database.dialect == "sqlite":
                raise
            log.warning("The server answers 503 until the database can be reached: %s", error.for_operators())
            backend.prepare_later(partial(prepare_database, config=backend.config))
            return
        if replica := open_replica(backend.config, database):
            try:
                replica.check(migrate.DATABASE_IDENTITY)
            finally:
                replica.dispose()
        runner.warm_up(database)
    finally:
        backend.close()


def prepare_database(database: Database, config: Config) -> None:
    """Create the tables of a new database, or check the schema of an existing one.

    Then complete the uploads and deletions that a killed server left unfinished. Raise ``Unavailable`` if it
    cannot be reached, ``Unusable`` if it refuses the server, and ``SchemaError`` if its schema is not the
    right one. One that is read-only is accepted with a warning.
    """
    try:
        with translated():
            database.ping()
            is_new = migrate.prepare(database, config.artifact_root)
        # A path that was mistyped makes a new database.
        kind = "a new database" if is_new else "an existing database"
        log.info("Data is stored in %s, %s", name_of_database(config), kind)
        if access.is_read_only(database):
            log.warning("The database is read-only: the server can read runs and models, but store nothing.")
    except Unusable as error:
        access.advise(database, error)
        raise
    if config.requires_login:
        first_admin.prepare(database, config)
    heal_artifacts(database, config)


def all_endpoints() -> tuple[Endpoint, ...]:
    """Return the endpoints of MLflow's protos, those of MLflow outside the protos, and Trackway's own."""
    return (
        *ENDPOINTS,
        *extra.ENDPOINTS,
        *extra_users.ENDPOINTS,
        *extra_roles.ENDPOINTS,
        *extra_permissions.ENDPOINTS,
        *extra_traces.ENDPOINTS,
        *unserved.ENDPOINTS,
        *trackway_access.ENDPOINTS,
        *trackway_api.ENDPOINTS,
        *trackway_artifacts.ENDPOINTS,
        *trackway_audit.ENDPOINTS,
        *trackway_shares.ENDPOINTS,
        *trackway_traces.ENDPOINTS,
        *trackway_governance.ENDPOINTS,
        *trackway_trust.ENDPOINTS,
        *trackway_webhooks.ENDPOINTS,
    )


def paths_of(endpoint: Endpoint) -> Iterator[str]:
    """Yield every path of an endpoint. Clients of MLflow 1.x use the paths with ``preview``."""
    for mount in endpoint.mounts:
        yield mount + endpoint.path
        if endpoint.path.startswith(_PREVIEW_PREFIX):
            yield f"{mount}/2.0/preview/mlflow/{endpoint.path.removeprefix(_PREVIEW_PREFIX)}"


class MatchedRule(Rule):
    """A rule that matches paths but cannot build URLs.

    Trackway never builds a URL from a rule, and werkzeug takes 0.3 ms a rule to compile the code for it.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def refuse(_rule: Rule, **_values: Any) -> tuple[str, str]:
            raise NotImplementedError("Rules of this application cannot build URLs.")

        return refuse
