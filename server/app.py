"""The application: which RPC and which page is mounted where."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.routing import PathConverter, Rule

from trackway.client_compat import (
    errors,
    extra,
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
from .dispatch import Answer, Rpc, error_answer, unexpected_answer
from .edge import transfers
from .edge.wsgi import REQUEST_ID, ROUTE, Constant, Front, unknown_path, wrong_verb
from .jobs import runner
from .ui import pages, stubs
from .version import MLFLOW_VERSION

_PREVIEWED = "/2.0/mlflow/"


def create_app(config: Config | None = None) -> Flask:
    """A WSGI application on a store that is ready: made if it is new, refused if it is too old.

    Opens nothing that a fork must not share: each process connects for itself at its first request.
    """
    config = config or Config()
    backend = Backend(config)
    prepare_store(backend)
    app = Flask("trackway.server", static_folder=None)
    app.extensions["trackway"] = backend
    app.extensions["trackway.jobs"] = runner.runner(backend)
    app.url_rule_class = MatchedRule
    app.url_map.merge_slashes = False
    app.url_map.converters["path"] = AnyPath
    front = Front(app.wsgi_app, backend)
    app.wsgi_app = front  # type: ignore[method-assign]
    stubs.mount(front, all_endpoints())
    for endpoint in all_endpoints():
        rpc = Rpc(endpoint)
        for path in paths_of(endpoint):
            if endpoint.loaded in transfers.HANDLERS:
                _mount_transfer(app, backend, path, endpoint)
            elif "<path:" in path:
                _mount_with_path(app, backend, path, rpc)
            else:
                front.mount(endpoint.verb, path, rpc)
    _mount_pages(app, backend, front)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    return app


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
        runner.look(database)
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


def _mount_with_path(app: Flask, backend: Backend, path: str, rpc: Rpc) -> None:
    def view(**values: str) -> Response:
        return _response(rpc.answer(backend, request.environ, request.environ[REQUEST_ID], values))

    verb = rpc.endpoint.verb
    app.add_url_rule(path, f"{verb} {path}", view, methods=[verb])


class AnyPath(PathConverter):
    """Takes a path that begins with a slash, too, so that it is refused as one, in its own words."""

    regex = ".+?"
    part_isolating = False


class MatchedRule(Rule):
    """A rule that no address is made from: werkzeug compiles code for that, 0.3 ms a rule."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def refuse(_rule: Rule, **_values: Any) -> tuple[str, str]:
            raise NotImplementedError("no address is made from a rule here")

        return refuse


def _mount_transfer(app: Flask, backend: Backend, path: str, endpoint: Endpoint) -> None:
    def view(**values: str) -> Response:
        environ = request.environ
        status, headers, body = transfers.answer(endpoint, backend, environ, environ[REQUEST_ID], values)
        return Response(body, status, headers, direct_passthrough=True)

    app.add_url_rule(path, f"{endpoint.verb} {path}", view, methods=[endpoint.verb])


def _mount_pages(app: Flask, backend: Backend, front: Front) -> None:
    front.mount("GET", "/health", Constant("OK"))
    front.mount("GET", "/version", Constant(MLFLOW_VERSION))

    @app.get("/ready")
    def ready() -> Response:
        checks = {"database": _fault(backend.database.ping), "artifacts": _fault(backend.check_artifacts)}
        faults = {name: fault for name, fault in checks.items() if fault}
        body = {
            "status": "unavailable" if faults else "ready",
            "checks": {name: faults.get(name, "ok") for name in checks},
        }
        response = Response(json.dumps(body), 503 if faults else 200, mimetype="application/json")
        if faults:
            response.headers["Retry-After"] = "5"
        return response

    pages.mount(app, backend.config)

    @app.route("/graphql", methods=["GET", "POST"])
    def graphql() -> Response:
        from .graphql.endpoint import answer

        return _response(answer(backend, request.environ, request.environ[REQUEST_ID]))

    if front.metrics:
        metrics = front.metrics

        @app.get("/metrics")
        def metrics_page() -> Response:
            text, content_type = metrics.page()
            return Response(text, content_type=content_type)

    @app.before_request
    def name_route() -> None:
        if request.url_rule is not None:
            request.environ[ROUTE] = request.url_rule.rule


def _fault(check: Callable[[], None]) -> str:
    try:
        check()
    except errors.ApiError as error:
        return error.message
    return ""


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)


def _http_error(error: Exception) -> Response:
    """Flask's own errors, which are HTML, in the protocol's shape."""
    environ = request.environ
    request_id = environ[REQUEST_ID]
    if isinstance(error, NoRoute):
        return _response(unknown_path(environ, request_id))
    if isinstance(error, MethodNotAllowed):
        return _response(wrong_verb(environ, request_id, ", ".join(sorted(error.valid_methods or []))))
    assert isinstance(error, HTTPException)
    text = error.description or error.name
    status = error.code or 500
    return _response(error_answer(errors.BadRequest(text, status=status), request_id))


def _unexpected(error: Exception) -> Response:
    return _response(unexpected_answer(request.environ, request.environ[REQUEST_ID]))
