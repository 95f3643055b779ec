"""The front door: what every request passes on its way in and out, whatever answers it.

A WSGI application around Flask's. It gives the request its id, tidies the path, applies the
security checks, answers RPCs itself, and writes the log and the metrics.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wsgi import ClosingIterator

from trackway.client_compat import errors

from ..auth.identity import check_workspace
from ..backend import Backend
from ..dispatch import (
    NO_PATH_VALUES,
    Answer,
    Environ,
    Headers,
    PathValues,
    error_answer,
    status_line,
    unexpected_answer,
)
from . import observability
from .router import Paths, Responder
from .security import Security

StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

REQUEST_ID = "trackway.request_id"
STARTED = "trackway.started"
# The rule that answered, for the metrics; a path would make as many series as there are runs.
ROUTE = "trackway.route"
_UNMATCHED = "unmatched"
TEXT_TYPE = ("Content-Type", "text/plain; charset=utf-8")
_DOUBLED_SLASHES = re.compile("/{2,}")
# In an artifact's path slashes are part of the name.
_ARTIFACT_PATHS = ("/api/2.0/mlflow-artifacts/", "/ajax-api/2.0/mlflow-artifacts/")
# Reached without --static-prefix as well, as in MLflow.
_UNPREFIXED = (*_ARTIFACT_PATHS, "/metrics")


class Constant:
    """Answers every request with the same text or document."""

    def __init__(self, body: str, kind: tuple[str, str] = TEXT_TYPE) -> None:
        self._body = body.encode()
        self._kind = kind

    def answer(
        self, backend: Backend, environ: Environ, request_id: str, path_values: PathValues = NO_PATH_VALUES
    ) -> Answer:
        return Answer(200, [self._kind], self._body)


class Front:
    def __init__(self, inner: WsgiApp, backend: Backend) -> None:
        config = backend.config
        self._inner = inner
        self._backend = backend
        self._prefix = config.static_prefix
        self._security = Security(config)
        self._paths = Paths()
        # Verbs and paths without variables, as they come, with the static prefix.
        self._fixed: set[tuple[str, str]] = set()
        self.metrics = observability.Metrics(config.expose_prometheus) if config.expose_prometheus else None
        is_text = observability.is_text(config)
        self._access_log = observability.AccessLog(is_text) if config.access_log else None

    def mount(self, verb: str, path: str, rpc: Responder) -> None:
        """Answer an RPC on a path, whose variables are one step each.

        A dictionary look-up in place of Flask's routing and contexts, which take 59 µs a request.
        """
        self._paths.mount(verb, path, rpc)
        if "<" not in path:
            self._fixed.add((verb, self._prefix + path))

    def is_fixed(self, verb: str, path: str) -> bool:
        """Whether an RPC is on a path without variables. It is as it came, with the static prefix."""
        return (verb, path) in self._fixed

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self.respond(environ)
        if answer is None:
            return self._pass_on(environ, start_response)
        start_response(status_line(answer.status), answer.headers)
        return [answer.body] if environ["REQUEST_METHOD"] != "HEAD" else []

    def respond(self, environ: Environ) -> Answer | None:
        """The whole answer to a request that needs no Flask; None for the others."""
        environ[STARTED] = time.perf_counter()
        request_id = environ[REQUEST_ID] = observability.request_id(environ)
        if self.metrics:
            self.metrics.begin()
        try:
            is_served = self._tidy_path(environ)
            answer = self._answer(environ, request_id) if is_served else unknown_path(environ, request_id)
            if answer is None:
                return None
        except Exception:
            answer = unexpected_answer(environ, request_id)
        status, headers, body = answer
        if status != 204:
            headers.append(("Content-Length", str(len(body))))
        self._finish(environ, status, len(body))
        return Answer(status, headers + self._extra(environ), body)

    def _extra(self, environ: Environ) -> Headers:
        return [*self._security.headers(environ), ("X-Request-Id", environ[REQUEST_ID])]

    def _answer(self, environ: Environ, request_id: str) -> Answer | None:
        """The answer to a request that needs no Flask; None for the others."""
        refusal = self._security.refusal(environ) or self._security.preflight(environ)
        if refusal:
            return Answer(refusal[0], [TEXT_TYPE], refusal[1].encode())
        try:
            check_workspace(environ)
        except errors.ApiError as error:
            return error_answer(error, request_id)
        found = self._paths.find(environ["PATH_INFO"])
        if found is None:
            return None
        environ[ROUTE] = found.rule
        method = environ["REQUEST_METHOD"]
        rpc = found.by_verb.get(method)
        if rpc is not None:
            return rpc.answer(self._backend, environ, request_id, found.values)
        allow = ", ".join(sorted({*found.by_verb, "OPTIONS"}))
        if method == "OPTIONS":
            return Answer(204, [("Allow", allow)], b"")
        return wrong_verb(environ, request_id, allow)

    def _pass_on(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        sent = [500, 0]
        extra = self._extra(environ)

        def start(line: str, headers: Headers, exc_info: Any = None) -> Any:
            sent[0] = int(line[:3])
            sent[1] = int(next((value for name, value in headers if name == "Content-Length"), 0))
            return (
                start_response(line, headers + extra, exc_info)
                if exc_info
                else start_response(line, headers + extra)
            )

        body = self._inner(environ, start)
        # A stream ends later, when the last byte is sent or the client is gone.
        return ClosingIterator(body, lambda: self._finish(environ, sent[0], sent[1]))

    def _finish(self, environ: Environ, status: int, size: int) -> None:
        seconds = time.perf_counter() - environ[STARTED]
        if self._access_log:
            self._access_log.write(environ, environ[REQUEST_ID], status, size, seconds)
        if self.metrics:
            route = environ.get(ROUTE, _UNMATCHED)
            self.metrics.end(environ["REQUEST_METHOD"], route, status, seconds)

    def _tidy_path(self, environ: Environ) -> bool:
        """Take off the static prefix and doubled slashes; whether the path is one of ours.

        Clients that were given an address with a slash at its end ask for ``//api/2.0/...``.
        """
        path: str = environ["PATH_INFO"] or "/"
        if "//" in path:
            path = "/" + path.lstrip("/")
            if self._prefix and path.startswith(self._prefix + "//"):
                path = self._prefix + "/" + path[len(self._prefix) :].lstrip("/")
            if "mlflow-artifacts/" not in path:
                path = _DOUBLED_SLASHES.sub("/", path)
        if self._prefix:
            inner = path.removeprefix(self._prefix)
            if len(inner) != len(path) and inner[:1] in ("", "/"):
                environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._prefix
                path = inner or "/"
            elif not path.startswith(_UNPREFIXED):
                return False
        environ["PATH_INFO"] = path
        return True


def wrong_verb(environ: Environ, request_id: str, allow: str) -> Answer:
    error = errors.MethodNotAllowed(
        f"{environ['REQUEST_METHOD']} is not allowed on {environ['PATH_INFO']}; allowed are {allow}.",
        headers={"Allow": allow},
    )
    return error_answer(error, request_id)


def unknown_path(environ: Environ, request_id: str) -> Answer:
    text = f"There is no endpoint {environ['PATH_INFO']} on this server."
    return error_answer(errors.EndpointNotFound(text), request_id)


__all__ = ["REQUEST_ID", "ROUTE", "Constant", "Front", "unknown_path", "wrong_verb"]
