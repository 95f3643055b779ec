"""The WSGI application: the steps that every request passes.

The steps are: choose the request id, normalize the path, check the Host and Origin headers, identify the
caller, find the responder, call it, write the access log and the metrics. This is the only place where the
exception of a responder becomes an error response.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from werkzeug.wsgi import ClosingIterator

from trackway.client_compat import errors

from ..auth import shared, workspaces
from ..auth.gate import Gate
from ..auth.identity import REQUEST_ID
from ..auth.rate_limits import HEADERS as RATE_LIMIT
from ..config import Config
from ..request_body import Environ
from ..responses import TEXT_TYPE, Answer, Stream, error_answer, status_line, unexpected_answer
from ..usage import WARNING
from . import observability
from .proxies import TrustedProxies
from .router import Request, Responder, Router
from .security import Security
from .unserved_calls import UnservedCalls

StartResponse = Callable[..., Any]

# Keys in the environ: when the request began, and the rule of its path. Metrics are counted by rule, because
# counted by path they would have a time series for each run.
STARTED = "trackway.started"
ROUTE = "trackway.route"
_UNMATCHED = "unmatched"
_DOUBLED_SLASHES = re.compile("/{2,}")
# Below these, doubled slashes are part of an artifact's path.
_ARTIFACT_PATHS = ("/api/2.0/mlflow-artifacts/", "/ajax-api/2.0/mlflow-artifacts/")
# Paths that are also available without --static-prefix, as in MLflow.
_UNPREFIXED = (*_ARTIFACT_PATHS, "/metrics")


class WsgiApp:
    """Passes each request to the responder mounted on its path; if there is none, to ``pages``."""

    def __init__(self, config: Config, gate: Gate, pages: Responder) -> None:
        self._gate = gate
        self._pages = pages
        self._prefix = config.static_prefix
        self._has_workspaces = config.enable_workspaces
        self._has_links = config.requires_login and config.share_links != "off"
        self._security = Security(config)
        self._proxies = TrustedProxies(config.proxy_networks)
        self._router = Router()
        # Verbs and paths, without prefixes, for which ``is_fixed`` is true.
        self._fixed: set[tuple[str, str]] = set()
        self.metrics = observability.Metrics(config.expose_prometheus) if config.expose_prometheus else None
        self._unserved_calls = UnservedCalls(self.metrics)
        is_text = observability.is_text(config)
        self._access_log = observability.AccessLog(is_text) if config.access_log else None

    def mount(self, verb: str, rule: str, responder: Responder) -> None:
        """Register a responder for a verb and a rule. If there is one already, it remains."""
        self._router.mount(verb, rule, responder)
        if "<" not in rule and not responder.streams:
            self._fixed.add((verb, rule))

    def is_fixed(self, verb: str, path: str) -> bool:
        """Return whether the path's rule has no variables and its responder does not stream.

        ``path`` is the path of the request, with the prefixes that ``_normalize_path`` removes.
        """
        if self._prefix:
            inner = path.removeprefix(self._prefix)
            if len(inner) == len(path):
                return False
            path = inner
        if self._has_workspaces:
            path = workspaces.without_prefix(path)
        return (verb, path) in self._fixed

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self.respond(environ)
        start_response(status_line(answer.status), answer.headers)
        if isinstance(answer, Stream):
            return answer.body
        return [answer.body] if environ["REQUEST_METHOD"] != "HEAD" else []

    def respond(self, environ: Environ) -> Answer | Stream:
        """Return the response to a request. Exceptions become error responses."""
        environ[STARTED] = time.perf_counter()
        request_id = environ[REQUEST_ID] = observability.request_id(environ)
        if self._proxies and (forwarded_for := environ.get("HTTP_X_FORWARDED_FOR")):
            environ["REMOTE_ADDR"] = self._proxies.client(environ.get("REMOTE_ADDR", ""), forwarded_for)
        if self.metrics:
            self.metrics.begin()
        try:
            answer = self._respond(environ, request_id)
        except errors.ApiError as error:
            if isinstance(error, errors.NotServed):
                self._unserved_calls.add(error, request_id)
            answer = error_answer(error, request_id, environ.get("HTTP_USER_AGENT", ""))
        except Exception:
            answer = unexpected_answer(environ, request_id)
        extra = [*self._security.headers(environ), ("X-Request-Id", request_id)]
        if shared.LINK in environ:
            extra += shared.HEADERS
        if RATE_LIMIT in environ:
            extra += environ[RATE_LIMIT]
        if WARNING in environ:
            extra.append(("X-Trackway-Warning", environ[WARNING].encode("ascii", "replace").decode()))
        if isinstance(answer, Stream):
            status, headers, chunks = answer
            size = int(next((value for name, value in headers if name == "Content-Length"), 0))
            # The request ends when the last byte has been sent or the client has gone.
            finish = partial(self._finish, environ, request_id, status, size)
            return Stream(status, headers + extra, ClosingIterator(chunks, finish))
        status, headers, body = answer
        if status != 204:
            headers.append(("Content-Length", str(len(body))))
        self._finish(environ, request_id, status, len(body))
        return Answer(status, headers + extra, body)

    def _respond(self, environ: Environ, request_id: str) -> Answer | Stream:
        if not self._normalize_path(environ):
            raise unknown_path(environ)
        refusal = self._security.refusal(environ) or self._security.preflight(environ)
        if refusal:
            return Answer(refusal[0], [TEXT_TYPE], refusal[1].encode())
        identity = self._gate.identify(environ)
        if isinstance(identity, Answer):
            return identity
        request = Request(environ, request_id, identity)
        match = self._router.find(environ["PATH_INFO"])
        if match is None:
            return self._pages.answer(request)
        environ[ROUTE] = match.rule
        method = environ["REQUEST_METHOD"]
        responder = match.by_verb.get(method)
        if responder is not None:
            return responder.answer(request._replace(path_values=match.values) if match.values else request)
        allowed = {*match.by_verb, "OPTIONS"}
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

    def _normalize_path(self, environ: Environ) -> bool:
        """Remove the static prefix, doubled slashes, ``/share/<link>`` and ``/t/<workspace>`` from the path.

        Return whether it has the static prefix.
        Also return True for paths that need no prefix. A client that is configured with a URL ending in a
        slash requests ``//api/2.0/...``.
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
        below_link = shared.take_prefix(environ, path) if self._has_links else None
        if below_link:
            path = below_link
        elif self._has_workspaces:
            path = workspaces.take_prefix(environ, path)
        environ["PATH_INFO"] = path
        return True


def wrong_verb(environ: Environ, allowed: Iterable[str]) -> errors.MethodNotAllowed:
    """Return the error for a path that has no responder for the request's verb."""
    allow = ", ".join(sorted(allowed))
    return errors.MethodNotAllowed(
        f"{environ['REQUEST_METHOD']} is not allowed on {environ['PATH_INFO']}; allowed are {allow}.",
        headers={"Allow": allow},
    )


def unknown_path(environ: Environ) -> errors.EndpointNotFound:
    """Return the error for a path without a responder."""
    return errors.EndpointNotFound(f"There is no endpoint {environ['PATH_INFO']} on this server.")
