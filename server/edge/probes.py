"""Responders for those who watch the server: load balancers, orchestrators, Prometheus."""

from __future__ import annotations

import json
from collections.abc import Callable

from trackway.client_compat.errors import ApiError

from ..backend import Backend
from ..responses import JSON_TYPE, TEXT_TYPE, Answer
from .observability import Metrics
from .router import Request


class Constant:
    """Answers every request with the same text or document."""

    streams = False

    def __init__(self, body: str, kind: tuple[str, str] = TEXT_TYPE) -> None:
        self._body = body.encode()
        self._kind = kind

    def answer(self, request: Request) -> Answer:
        return Answer(200, [self._kind], self._body)


class Ready:
    """Whether requests can be served now: 503 while the database or the artifact store is out of reach."""

    streams = False

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def answer(self, request: Request) -> Answer:
        backend = self._backend
        checks = {"database": _fault(backend.database.ping), "artifacts": _fault(backend.check_artifacts)}
        faults = {name: fault for name, fault in checks.items() if fault}
        body = {
            "status": "unavailable" if faults else "ready",
            "checks": {name: faults.get(name, "ok") for name in checks},
        }
        retry = [("Retry-After", "5")] if faults else []
        return Answer(503 if faults else 200, [JSON_TYPE, *retry], json.dumps(body).encode())


class MetricsPage:
    streams = False

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def answer(self, request: Request) -> Answer:
        text, content_type = self._metrics.page()
        return Answer(200, [("Content-Type", content_type)], text)


def _fault(check: Callable[[], None]) -> str:
    try:
        check()
    except ApiError as error:
        return error.message
    return ""
