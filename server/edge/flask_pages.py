"""The pages that Flask serves, as a responder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from trackway.client_compat import errors

from ..responses import Headers, Stream
from .router import Request
from .wsgi import ROUTE, unknown_path, wrong_verb


class FlaskPages:
    """Answers by a Flask application, all of whose errors are raised as the protocol's."""

    streams = True

    def __init__(self, app: Flask) -> None:
        self._wsgi: Callable[..., Iterable[bytes]] = app.wsgi_app
        app.config["PROPAGATE_EXCEPTIONS"] = True
        app.register_error_handler(HTTPException, _raise)
        app.before_request(_name_route)

    def answer(self, request: Request) -> Stream:
        status, headers = 500, Headers()

        def start_response(line: str, given: Headers, exc_info: Any = None) -> None:
            nonlocal status, headers
            status, headers = int(line[:3]), given

        body = self._wsgi(request.environ, start_response)
        return Stream(status, headers, body)


def _name_route() -> None:
    if request.url_rule is not None:
        request.environ[ROUTE] = request.url_rule.rule


def _raise(error: Exception) -> Any:
    environ = request.environ
    if isinstance(error, NotFound):
        raise unknown_path(environ)
    if isinstance(error, MethodNotAllowed):
        raise wrong_verb(environ, error.valid_methods or ())
    assert isinstance(error, HTTPException)
    raise errors.BadRequest(error.description or error.name, status=error.code or 500)
