"""The WSGI application: what every request passes on its way in and out, whatever answers it.

A request gets its id, its path is tidied, the security checks are made, the caller is named, the router
finds the responder, and the log and the metrics are written. What a responder raises becomes an answer
here, and nowhere else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from werkzeug.wsgi import ClosingIterator

from trackway.client_compat import errors

from ..auth.identity import identify
from ..config import Config
from ..request_body import Environ
from ..responses import TEXT_TYPE, Answer, Stream, error_answer, status_line, unexpected_answer
from . import observability
from .router import Request, Responder, Router
from .security import Security

StartResponse = Callable[..., Any]

STARTED = "trackway.started"
# The rule that answered, for the metrics; a path would make as many series as there are runs.
ROUTE = "trackway.route"
_UNMATCHED = "unmatched"
_DOUBLED_SLASHES = re.compile("/{2,}")
# In an artifact's path slashes are part of the name.
_ARTIFACT_PATHS = ("/api/2.0/mlflow-artifacts/", "/ajax-api/2.0/mlflow-artifacts/")
# Reached without --static-prefix as well, as in MLflow.
_UNPREFIXED = (*_ARTIFACT_PATHS, "/metrics")


class WsgiApp:
    """Answers requests by the responders that are mounted, all others by ``pages``."""

    def __init__(self, config: Config, pages: Responder) -> None:
        self._pages = pages
        self._prefix = config.static_prefix
        self._security = Security(config)
        self._router = Router()
        # Verbs and paths, as they come, of those that ``respond`` answers whole.
        self._fixed: set[tuple[str, str]] = set()
        self.metrics = observability.Metrics(config.expose_prometheus) if config.expose_prometheus else None
        is_text = observability.is_text(config)
        self._access_log = observability.AccessLog(is_text) if config.access_log else None

    def mount(self, verb: str, rule: str, responder: Responder) -> None:
        """Have a responder answer to a verb on a rule; the first one stays."""
        self._router.mount(verb, rule, responder)
        if "<" not in rule and not responder.streams:
            self._fixed.add((verb, self._prefix + rule))

    def is_fixed(self, verb: str, path: str) -> bool:
        """Whether a path, as it came, has no variables and a responder whose answer is a whole one."""
        return (verb, path) in self._fixed

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self.respond(environ)
        start_response(status_line(answer.status), answer.headers)
        if isinstance(answer, Stream):
            return answer.body
        return [answer.body] if environ["REQUEST_METHOD"] != "HEAD" else []

    def respond(self, environ: Environ) -> Answer | Stream:
        """Answer a request. Never raises: whatever goes wrong is an answer, too."""
        environ[STARTED] = time.perf_counter()
        request_id = observability.request_id(environ)
        if self.metrics:
            self.metrics.begin()
        try:
            answer = self._respond(environ, request_id)
        except errors.ApiError as error:
            answer = error_answer(error, request_id)
        except Exception:
            answer = unexpected_answer(environ, request_id)
        extra = [*self._security.headers(environ), ("X-Request-Id", request_id)]
        if isinstance(answer, Stream):
            status, headers, pieces = answer
            size = int(next((value for name, value in headers if name == "Content-Length"), 0))
            # It ends later, when the last byte is sent or the client is gone.
            finish = partial(self._finish, environ, request_id, status, size)
            return Stream(status, headers + extra, ClosingIterator(pieces, finish))
        status, headers, body = answer
        if status != 204:
            headers.append(("Content-Length", str(len(body))))
        self._finish(environ, request_id, status, len(body))
        return Answer(status, headers + extra, body)

    def _respond(self, environ: Environ, request_id: str) -> Answer | Stream:
        if not self._tidy_path(environ):
            raise unknown_path(environ)
        refusal = self._security.refusal(environ) or self._security.preflight(environ)
        if refusal:
            return Answer(refusal[0], [TEXT_TYPE], refusal[1].encode())
        request = Request(environ, request_id, identify(environ))
        found = self._router.find(environ["PATH_INFO"])
        if found is None:
            return self._pages.answer(request)
        environ[ROUTE] = found.rule
        method = environ["REQUEST_METHOD"]
        responder = found.by_verb.get(method)
        if responder is not None:
            return responder.answer(request._replace(path_values=found.values) if found.values else request)
        allowed = {*found.by_verb, "OPTIONS"}
        if method == "OPTIONS":
            return Answer(204, [("Allow", ", ".join(sorted(allowed)))], b"")
        raise wrong_verb(environ, allowed)

    def _finish(self, environ: Environ, request_id: str, status: int, size: int) -> None:
        seconds = time.perf_counter() - environ[STARTED]
        if self._access_log:
            self._access_log.write(environ, request_id, status, size, seconds)
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


def wrong_verb(environ: Environ, allowed: Iterable[str]) -> errors.MethodNotAllowed:
    allow = ", ".join(sorted(allowed))
    return errors.MethodNotAllowed(
        f"{environ['REQUEST_METHOD']} is not allowed on {environ['PATH_INFO']}; allowed are {allow}.",
        headers={"Allow": allow},
    )


def unknown_path(environ: Environ) -> errors.EndpointNotFound:
    return errors.EndpointNotFound(f"There is no endpoint {environ['PATH_INFO']} on this server.")
