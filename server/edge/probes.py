"""Responders for monitoring, by load balancers, orchestrators and Prometheus."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from trackway.client_compat.errors import ApiError

from ..backend import Backend
from ..responses import JSON_TYPE, TEXT_TYPE, Answer
from .observability import Metrics
from .router import Request

_CHECK_TIMEOUT_S = 3.0
_MAX_CHECKS = 4


class Constant:
    """Answers each request with the same body and content type."""

    streams = False

    def __init__(self, body: str, content_type: tuple[str, str] = TEXT_TYPE) -> None:
        self._body = body.encode()
        self._content_type = content_type

    def answer(self, request: Request) -> Answer:
        return Answer(200, [self._content_type], self._body)


class Ready:
    """``/ready``: 200 if requests can be served, else 503.

    It checks the database, the artifact store, and the free space on their disks. The body names the state of
    each: "ok" or the error. A check that takes longer than ``_CHECK_TIMEOUT_S`` has failed.
    """

    streams = False

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        # Threads of their own: one that hangs takes no place in the pool. They start with the first check.
        self._threads = ThreadPoolExecutor(_MAX_CHECKS, thread_name_prefix="trackway-ready")

    def answer(self, request: Request) -> Answer:
        backend = self._backend
        checks = {"database": backend.check_database, "artifacts": backend.check_artifacts}
        running = {name: self._threads.submit(_error, check) for name, check in checks.items()}
        deadline = time.monotonic() + _CHECK_TIMEOUT_S
        errors = {name: _result(future, deadline) for name, future in running.items()}
        failed = any(errors.values())
        body = {
            "status": "unavailable" if failed else "ready",
            "checks": {name: error or "ok" for name, error in errors.items()},
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


def _result(running: Future[str], deadline: float) -> str:
    try:
        return running.result(timeout=max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        running.cancel()
        return f"No answer within {_CHECK_TIMEOUT_S:.0f} seconds"
