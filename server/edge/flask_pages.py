"""The Flask application, which serves the UI's pages, as a responder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from trackway.client_compat import errors

from ..responses import Headers, Stream
from .router import Request
from .wsgi import ROUTE, unknown_path, wrong_verb

# Key of the ``Request`` in the environ that Flask gets.
REQUEST = "trackway.request"


class FlaskPages:
    """A responder that calls a Flask application. HTTP errors of Flask are raised as ``ApiError``."""

    streams = True

    def __init__(self, app: Flask) -> None:
        self._wsgi: Callable[..., Iterable[bytes]] = app.wsgi_app
        app.config["PROPAGATE_EXCEPTIONS"] = True
        app.register_error_handler(HTTPException, _raise_api_error)
        app.before_request(_set_route)

    def answer(self, request: Request) -> Stream:
        status, headers = 500, Headers()

        def start_response(line: str, response_headers: Headers, exc_info: Any = None) -> None:
            nonlocal status, headers
            status, headers = int(line[:3]), response_headers

        request.environ[REQUEST] = request
        body = self._wsgi(request.environ, start_response)
        return Stream(status, headers, body)


def _set_route() -> None:
    """Store the rule in the environ, for the metrics."""
    if request.url_rule is not None:
        request.environ[ROUTE] = request.url_rule.rule


def _raise_api_error(error: Exception) -> Any:
    environ = request.environ
    if isinstance(error, NotFound):
        raise unknown_path(environ)
    if isinstance(error, MethodNotAllowed):
        raise wrong_verb(environ, error.valid_methods or ())
    assert isinstance(error, HTTPException)
    raise errors.BadRequest(error.description or error.name, status=error.code or 500)
