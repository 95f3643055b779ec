"""Responders for monitoring, by load balancers, orchestrators and Prometheus."""

from __future__ import annotations

import json
from collections.abc import Callable

from trackway.client_compat.errors import ApiError

from ..backend import Backend
from ..responses import JSON_TYPE, TEXT_TYPE, Answer
from .observability import Metrics
from .router import Request


class Constant:
    """Answers each request with the same body and content type."""

    streams = False

    def __init__(self, body: str, content_type: tuple[str, str] = TEXT_TYPE) -> None:
        self._body = body.encode()
        self._content_type = content_type

    def answer(self, request: Request) -> Answer:
        return Answer(200, [self._content_type], self._body)


class Ready:
    """``/ready``: 200 if requests can be served, 503 if the database or the artifact store is unavailable.

    The body names the state of each: "ok" or the error.
    """

    streams = False

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def answer(self, request: Request) -> Answer:
        backend = self._backend
        checks = {"database": _error(backend.database.ping), "artifacts": _error(backend.check_artifacts)}
        failed = any(checks.values())
        body = {
            "status": "unavailable" if failed else "ready",
            "checks": {name: error or "ok" for name, error in checks.items()},
        }
        retry = [("Retry-After", "5")] if failed else []
        return Answer(503 if failed else 200, [JSON_TYPE, *retry], json.dumps(body).encode())


class MetricsPage:
    """``/metrics``, in the text format of Prometheus."""

    streams = False

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def answer(self, request: Request) -> Answer:
        text, content_type = self._metrics.page()
        return Answer(200, [("Content-Type", content_type)], text)


def _error(check: Callable[[], None]) -> str:
    """Return the message of the ``ApiError`` that the check raises, or an empty string."""
    try:
        check()
    except ApiError as error:
        return error.message
    return ""
